from __future__ import annotations

import os

import pytest

from latens.data.paths import existing, files_below, open_plain, plain_file, readable, size_of
from latens.data.sources import open_source
from latens.errors import DataError


class TestExisting:
    def test_what_there_is(self, tmp_path):
        assert existing(str(tmp_path)) == existing(tmp_path) == tmp_path

    def test_the_nearest_name_takes_the_place_of_the_way_out(self, tmp_path):
        (tmp_path / "prices.csv").touch()
        with pytest.raises(
            DataError, match=r"price.csv': no such file or folder; did you mean 'prices.csv'\? \(more\)$"
        ):
            existing(tmp_path / "price.csv", more=" (more)")
        with pytest.raises(DataError, match=r"/zzz': is no file; give one$"):
            existing(tmp_path / "zzz", "is no file", "give one")

    def test_an_empty_name_is_not_the_current_folder(self):
        with pytest.raises(DataError, match=r"the name of the data is empty; give a file"):
            existing("")

    def test_a_very_long_name_is_cut(self):
        with pytest.raises(DataError, match=rf"^'{'x' * 200}…': no such file or folder; check the path$"):
            existing("x" * 5000)


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(DataError, match=r"is a folder; give a file"):
        plain_file(tmp_path)


def test_what_goes_wrong_in_reading_names_the_path(tmp_path):
    with (
        pytest.raises(DataError, match=r"a.txt: cannot be read \(Permission denied\); check"),
        readable(tmp_path / "a.txt"),
    ):
        raise PermissionError(13, "Permission denied")
    with pytest.raises(DataError, match=r"^as it is$"), readable(tmp_path):
        raise DataError("as it is")


def test_files_below_a_folder_in_natural_order(tmp_path):
    for name in ("b/10.txt", "b/2.TXT", "a.txt", "c.csv", ".git/d.txt", ".e.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [path.relative_to(tmp_path).as_posix() for path in files_below(tmp_path, (".txt",))]
    assert found == ["a.txt", "b/2.TXT", "b/10.txt"]


class TestOpenPlain:
    def test_a_file_through_a_link(self, tmp_path):
        (tmp_path / "a").write_bytes(b"abc")
        (tmp_path / "b").symlink_to("a")
        with open_plain(tmp_path / "b") as file:
            assert (size_of(file), file.read(2), file.read(), file.name) == (3, b"ab", b"c", str(tmp_path / "b"))

    def test_no_room_for_bytes_that_are_not_there(self, tmp_path):
        (tmp_path / "a").write_bytes(b"abc")
        with open_plain(tmp_path / "a") as file:
            assert file.read(2**62) == b"abc"

    def test_a_pipe_is_not_waited_for(self, tmp_path):
        os.mkfifo(tmp_path / "a")
        with pytest.raises(DataError, match=r"a: is neither a file nor a folder; give a file or a folder"):
            open_plain(tmp_path / "a")

    @pytest.mark.parametrize("name", ["a.csv", "a.npy", "a.txt", "a.parquet", "a.png"])
    def test_neither_is_a_device_or_a_pipe_as_a_source(self, tmp_path, name):
        os.mkfifo(tmp_path / name)
        (tmp_path / f"zero-{name}").symlink_to("/dev/zero")
        for there in (name, f"zero-{name}"):
            with pytest.raises(DataError, match=r"is neither a file nor a folder; give a file or a folder$"):
                open_source(tmp_path / there)


class TestFilesBelow:
    def test_what_leads_out_of_the_folder_is_passed_over(self, tmp_path):
        (tmp_path / "out.txt").write_text("out")
        folder = tmp_path / "folder"
        (folder / "sub").mkdir(parents=True)
        (folder / "in.txt").write_text("in")
        links = {"up.txt": "../out.txt", "same.txt": "in.txt", "self.txt": "self.txt", "dev.txt": "/dev/zero"}
        for name, target in links.items():
            (folder / name).symlink_to(target)
        (folder / "sub" / "all").symlink_to(tmp_path)
        os.mkfifo(folder / "pipe.txt")
        assert [path.name for path in files_below(folder, (".txt",))] == ["in.txt", "same.txt"]
        assert open_source(folder, kind="text").ids.tolist() == ["in.txt", "same.txt"]

    def test_folders_in_folders_have_an_end(self, tmp_path):
        (tmp_path / "/".join(["d"] * 120)).mkdir(parents=True)
        with pytest.raises(DataError, match=r"folders nested more than 100 deep; give a folder further down"):
            files_below(tmp_path, (".txt",))
