from __future__ import annotations

import pytest

from latens.data.paths import existing, files_below, plain_file, readable
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
