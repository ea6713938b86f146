"""One file, whole or not at all, and nothing in it believed unchecked."""

from __future__ import annotations

import json
import os
import struct

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from latens.errors import ConfigError, ModelFileError, OutputError
from latens.persistence import FORMAT, check_size, read, read_header, write


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "m.latens"
    tensors = {"w": torch.arange(6.0).reshape(2, 3), "n": torch.tensor(5), "h": torch.ones(2, dtype=torch.bfloat16)}
    write(path, {"kind": "model", "note": "ü"}, tensors)
    return path


def rewritten(path, change) -> None:
    """The same file with its JSON header changed and the digest left as it was."""
    tensors = load_file(path)
    header = read_header(path)
    change(header)
    save_file(tensors, path, metadata={"latens": json.dumps(header)})


class TestRoundTrip:
    def test_keeps_everything(self, saved):
        file = read(saved)
        assert file.header["note"] == "ü"
        assert file.header["format"] == 1
        assert torch.equal(file.tensors["w"], torch.arange(6.0).reshape(2, 3))
        assert file.tensors["h"].dtype == torch.bfloat16
        assert file.tensors["n"].shape == ()

    def test_is_a_plain_safetensors_file(self, saved):
        assert torch.equal(load_file(saved)["w"], torch.arange(6.0).reshape(2, 3))

    def test_takes_strided_and_shared_tensors(self, tmp_path):
        base = torch.arange(12.0).reshape(3, 4)
        write(tmp_path / "s.latens", {}, {"a": base.T, "b": base[:, 1], "c": base})
        assert torch.equal(read(tmp_path / "s.latens").tensors["a"], base.T)

    def test_a_long_header_stands_in_a_tensor(self, tmp_path):
        names = [f"item {i}" for i in range(100_000)]
        write(tmp_path / "m.latens", {"kind": "model", "names": names}, {"w": torch.ones(2)})
        file, header = read(tmp_path / "m.latens"), read_header(tmp_path / "m.latens")
        assert file.header["names"] == header["names"] == names
        assert file.header["format"] == FORMAT == 2
        assert set(file.tensors) == {"w"}
        assert struct.unpack("<Q", (tmp_path / "m.latens").read_bytes()[:8])[0] < 1000

    def test_an_altered_long_header_is_refused(self, tmp_path):
        write(tmp_path / "m.latens", {"names": ["x" * 200_000]}, {})
        content = (tmp_path / "m.latens").read_bytes()
        (tmp_path / "m.latens").write_bytes(content.replace(b"xx", b"xy", 1))
        with pytest.raises(ModelFileError, match="do not match its digest"):
            read(tmp_path / "m.latens")

    def test_same_content_gives_same_bytes(self, saved, tmp_path):
        file = read(saved)
        header = {key: value for key, value in file.header.items() if key != "digest"}
        write(tmp_path / "again.latens", header, file.tensors)
        assert (tmp_path / "again.latens").read_bytes() == saved.read_bytes()

    def test_expect_is_asked_before_a_tensor_is_read(self, saved):
        seen = {}
        read(saved, expect=lambda header, infos: seen.update(infos))
        assert seen["w"] == ("F32", (2, 3))


class TestRefusals:
    def test_a_missing_file(self, tmp_path):
        with pytest.raises(ModelFileError, match=r"none.latens: no such file; name a model file"):
            read(tmp_path / "none.latens")

    def test_a_folder(self, tmp_path):
        with pytest.raises(ModelFileError, match="cannot be read"):
            read(tmp_path)

    def test_every_truncation(self, saved):
        whole = saved.read_bytes()
        for length in range(len(whole)):
            saved.write_bytes(whole[:length])
            with pytest.raises(ModelFileError, match=r"truncated|damaged|not a model file|digest"):
                read(saved)

    @given(place=st.integers(0, 10_000), bit=st.integers(0, 7))
    def test_any_flipped_bit(self, tmp_path_factory, place, bit):
        path = tmp_path_factory.mktemp("flip") / "m.latens"
        write(path, {"kind": "model"}, {"w": torch.arange(6.0)})
        data = bytearray(path.read_bytes())
        data[place % len(data)] ^= 1 << bit
        path.write_bytes(data)
        with pytest.raises(ModelFileError, match=r"m\.latens: "):
            read(path)

    def test_an_altered_header(self, saved):
        rewritten(saved, lambda header: header.update(kind="other"))
        with pytest.raises(ModelFileError, match="do not match its digest"):
            read(saved)

    def test_a_newer_format(self, saved):
        rewritten(saved, lambda header: header.update(format=FORMAT + 1))
        with pytest.raises(ModelFileError, match=rf"format {FORMAT + 1} is newer .* upgrade latens"):
            read(saved)

    @pytest.mark.parametrize("number", [0, -1, True, 1.0, "1", None])
    def test_a_format_that_is_none(self, saved, number):
        rewritten(saved, lambda header: header.update(format=number))
        with pytest.raises(ModelFileError, match=r"its latens header names no format; take another copy"):
            read(saved)

    @pytest.mark.parametrize(
        "entry",
        [
            None,
            [],
            {"dtype": "F32"},
            {"dtype": ["F32"], "shape": [6]},
            {"dtype": {}, "shape": [6]},
            {"dtype": "F32", "shape": [float("inf")]},
            {"dtype": "F32", "shape": [6.0]},
            {"dtype": "F32", "shape": [True]},
            {"dtype": "F32", "shape": "6"},
            {"dtype": "F32", "shape": {"6": 6}},
        ],
    )
    def test_a_tensor_that_is_not_described(self, tmp_path, entry):
        text = json.dumps({"w": entry}).replace("Infinity", "1e999").encode()
        (tmp_path / "m.latens").write_bytes(struct.pack("<Q", len(text)) + text + bytes(24))
        with pytest.raises(ModelFileError, match=r"m\.latens: tensor 'w' is not described; take another copy"):
            read(tmp_path / "m.latens")

    def test_a_foreign_safetensors_file(self, tmp_path):
        save_file({"w": torch.ones(2)}, tmp_path / "foreign.safetensors")
        with pytest.raises(ModelFileError, match="not one of latens"):
            read(tmp_path / "foreign.safetensors")

    @pytest.mark.parametrize("content", [b"", b"hello", b"\x80\x04N.", b"\xff" * 100, struct.pack("<Q", 2) + b"[]"])
    def test_something_else(self, tmp_path, content):
        (tmp_path / "x").write_bytes(content)
        with pytest.raises(ModelFileError, match="not a model file"):
            read(tmp_path / "x")

    def test_a_header_longer_than_the_file(self, tmp_path):
        (tmp_path / "x").write_bytes(struct.pack("<Q", 2**62) + b"{}")
        with pytest.raises(ModelFileError, match="truncated"):
            read(tmp_path / "x")

    @pytest.mark.parametrize("unit", ["[],", "{},"])
    def test_a_header_that_would_fill_the_memory(self, tmp_path, unit):
        text = ('{"x":[' + unit * 300_000 + "1]}").encode()
        (tmp_path / "x").write_bytes(struct.pack("<Q", len(text)) + text)
        with pytest.raises(ModelFileError, match="its header holds more than 200,000 lists; not a latens file"):
            read_header(tmp_path / "x")

    def test_a_header_of_more_than_a_mebibyte(self, tmp_path):
        text = json.dumps({"__metadata__": {"latens": "x" * (1 << 20)}}).encode()
        (tmp_path / "x").write_bytes(struct.pack("<Q", len(text)) + text)
        with pytest.raises(ModelFileError, match=r"not a model file \(a header of 10\d+ bytes\)"):
            read_header(tmp_path / "x")

    @pytest.mark.parametrize(
        ("entries", "content", "words"),
        [
            ({"w": ("F32", [2], [0, 8]), "v": ("F32", [2], [4, 12])}, 12, "'v' is not where it is to be"),
            ({"w": ("F32", [2], [4, 12])}, 12, "'w' is not where it is to be"),
            ({"w": ("F32", [2], [0, 4])}, 4, "'w' is not where it is to be"),
            ({"w": ("F32", [2], [0, 8])}, 9, "8 bytes of tensors, not 9"),
            ({"w": ("F32", [1 << 40, 1 << 40], [0, 8])}, 8, "'w' is not where it is to be"),
            ({"w": ("F32", [1] * 9, [0, 4])}, 4, "'w' has dtype 'F32', shape"),
            ({"w": ("F8_E4M3", [4], [0, 4])}, 4, "'w' has dtype 'F8_E4M3'"),
            ({"w": ("F32", [1], [0, 4, 4])}, 4, "'w' is not described"),
            ({"w": ("F32", [1 << 70], [0, 4])}, 4, "'w' is not described"),
        ],
    )
    def test_tensors_that_do_not_fill_the_file(self, tmp_path, entries, content, words):
        text = json.dumps(
            {n: dict(zip(("dtype", "shape", "data_offsets"), e, strict=True)) for n, e in entries.items()}
        )
        (tmp_path / "x").write_bytes(struct.pack("<Q", len(text)) + text.encode() + bytes(content))
        with pytest.raises(ModelFileError, match=words):
            read(tmp_path / "x")

    def test_a_truth_value_that_is_none(self, tmp_path):
        write(tmp_path / "m.latens", {}, {"b": torch.ones(3, dtype=torch.bool)})
        content = (tmp_path / "m.latens").read_bytes()
        (tmp_path / "m.latens").write_bytes(content[:-1] + b"\2")
        with pytest.raises(ModelFileError, match="tensor 'b' holds what is neither true nor false"):
            read(tmp_path / "m.latens")

    def test_a_name_that_stands_twice(self, tmp_path):
        text = b'{"__metadata__":{},"__metadata__":{"latens":"{}"}}'
        (tmp_path / "x").write_bytes(struct.pack("<Q", len(text)) + text)
        with pytest.raises(ModelFileError, match="no safetensors header"):
            read(tmp_path / "x")

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-32-be"])
    def test_json_in_another_encoding(self, tmp_path, encoding):
        text = json.dumps({"__metadata__": {"latens": '{"format":1}'}}).encode(encoding)
        (tmp_path / "x").write_bytes(struct.pack("<Q", len(text)) + text)
        with pytest.raises(ModelFileError, match="no safetensors header"):
            read(tmp_path / "x")

    def test_a_pipe_is_not_waited_for(self, tmp_path):
        os.mkfifo(tmp_path / "x")
        with pytest.raises(ModelFileError, match="not a regular file"):
            read(tmp_path / "x")

    def test_what_could_not_be_read_again_is_not_written(self, tmp_path):
        with pytest.raises(ModelFileError, match="bytes of JSON exceed the 4194304 that a file may hold"):
            write(tmp_path / "m.latens", {"names": "x" * (5 << 20)}, {})
        with pytest.raises(ModelFileError, match="10001 tensors are more than the header of a file may describe"):
            write(tmp_path / "m.latens", {}, {str(i): torch.zeros(0) for i in range(10_001)})
        assert not list(tmp_path.iterdir())

    def test_a_description_that_is_too_large_is_refused_before_the_fit(self):
        with pytest.raises(ConfigError, match=r"schema: 3\.\d MiB of names exceed the 2 MiB .*; use fewer items"):
            check_size("schema", {"items": ["a category"] * 250_000})

    def test_numbers_that_json_does_not_have(self, saved):
        with pytest.raises(ModelFileError, match="strict JSON"):
            write(saved, {"loss": float("nan")}, {})


class TestWriting:
    def test_a_failed_write_leaves_the_old_file_and_nothing_else(self, saved, monkeypatch):
        before = saved.read_bytes()

        def full(*args: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OutputError, match=r"m\.latens: cannot be written \(No space left on device\)"):
            write(saved, {}, {"w": torch.zeros(3)})
        assert saved.read_bytes() == before
        assert [path.name for path in saved.parent.iterdir()] == ["m.latens"]

    def test_a_folder_that_is_not_there(self, tmp_path):
        with pytest.raises(OutputError, match=r"cannot be written .*; choose another path"):
            write(tmp_path / "no" / "m.latens", {}, {})

    def test_a_name_that_no_folder_takes(self, tmp_path):
        with pytest.raises(OutputError, match=r"cannot be written \(File name too long\); choose another path"):
            write(tmp_path / ("m" * 300), {}, {})

    def test_has_the_permissions_of_any_other_file(self, tmp_path):
        write(tmp_path / "m.latens", {}, {"w": torch.ones(2)})
        (tmp_path / "other").touch()
        assert (tmp_path / "m.latens").stat().st_mode == (tmp_path / "other").stat().st_mode

    def test_is_synced_before_and_after_the_rename(self, tmp_path, monkeypatch):
        events = []
        for name in ("fsync", "replace"):
            real = getattr(os, name)
            monkeypatch.setattr(os, name, lambda *a, real=real, name=name: (events.append(name), real(*a))[1])
        write(tmp_path / "m.latens", {}, {})
        assert events == ["fsync", "replace", "fsync"]
