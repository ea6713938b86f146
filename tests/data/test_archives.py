from __future__ import annotations

import struct
import zipfile

import numpy as np
import pytest

from latens.data.archives import open_archive
from latens.data.sources import open_source
from latens.errors import DataError


def _packed(path, method):
    np.save(path.with_suffix(".npy"), np.ones((6, 2)))
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.write(path.with_suffix(".npy"), "X.npy")
    return path


class TestOpenArchive:
    def test_members_are_read(self, tmp_path):
        with open_archive(_packed(tmp_path / "x.npz", zipfile.ZIP_DEFLATED)) as archive:
            assert archive.namelist() == ["X.npy"]
            assert archive.read("X.npy").startswith(b"\x93NUMPY")

    def test_a_large_directory_is_not_read(self, tmp_path, monkeypatch):
        monkeypatch.setattr("latens.data.archives._MOST_DIRECTORY", 2000)
        with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
            for i in range(50):
                archive.writestr(f"{i}.npy", b"")
        with pytest.raises(DataError, match=r"x.npz: damaged .*its directory is larger than 2,000 bytes"):
            open_source(tmp_path / "x.npz")

    @pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    def test_a_method_without_bounds_is_refused(self, tmp_path, method):
        with pytest.raises(DataError, match=r"x.npz: X: is packed by another method than deflate; write it again"):
            open_source(_packed(tmp_path / "x.npz", method))

    def test_what_the_directory_says_was_packed_is_not_believed(self, tmp_path, monkeypatch):
        monkeypatch.setattr("latens.data.values._SMALL", 1000)
        np.savez_compressed(tmp_path / "x.npz", X=np.zeros((100_000, 2)))
        content = (tmp_path / "x.npz").read_bytes()
        at = content.rindex(b"PK\x01\x02") + 20
        (tmp_path / "x.npz").write_bytes(content[:at] + struct.pack("<I", 2**32 - 2) + content[at + 4 :])
        # Some Pythons refuse members that reach into one another before we look at them.
        with pytest.raises(DataError, match=r"x.npz: .*(look like a decompression bomb|possible zip bomb)"):
            open_source(tmp_path / "x.npz")

    def test_no_name_is_a_path(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
            np.save(tmp_path / "y.npy", np.ones((6, 2)))
            archive.write(tmp_path / "y.npy", "../../../etc/evil.npy")
        before = sorted(tmp_path.parent.rglob("*"))
        assert open_source(tmp_path / "x.npz").shape == (2,)
        assert sorted(tmp_path.parent.rglob("*")) == before
