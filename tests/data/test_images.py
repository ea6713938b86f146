from __future__ import annotations

import struct
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from latens.data import open_source
from latens.errors import DataError


def write(path: Path, values: np.ndarray | None = None, mode: str = "L", size: tuple[int, int] = (4, 3), **how) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new(mode, size) if values is None else Image.fromarray(values)
    image.save(path, **how)
    return path


class TestOneFile:
    @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        suffix=st.sampled_from(["png", "tif", "TIFF", "bmp"]),
        channels=st.sampled_from([(), (3,)]),
        height=st.integers(1, 33),
        width=st.integers(1, 47),
    )
    def test_pixels_round_trip(self, tmp_path, suffix, channels, height, width):
        values = np.random.default_rng(0).integers(0, 256, (height, width, *channels), dtype=np.uint8)
        source = open_source(write(tmp_path / f"x.{suffix}", values))
        assert (source.kind, source.ids.tolist(), source.values.dtype) == ("images", [f"x.{suffix}"], np.uint8)
        np.testing.assert_array_equal(source.values, values[None])

    def test_jpeg(self, tmp_path):
        assert open_source(write(tmp_path / "x.jpg", mode="RGB")).values.shape == (1, 3, 4, 3)

    @pytest.mark.parametrize(
        ("mode", "suffix", "pixel", "dtype"),
        [
            ("1", "png", (), np.uint8),
            ("L", "png", (), np.uint8),
            ("LA", "png", (4,), np.uint8),
            ("P", "png", (3,), np.uint8),
            ("RGB", "png", (3,), np.uint8),
            ("RGBA", "png", (4,), np.uint8),
            ("I;16", "png", (), np.float32),
            ("F", "tif", (), np.float32),
            ("CMYK", "jpg", (3,), np.uint8),
        ],
    )
    def test_modes(self, tmp_path, mode, suffix, pixel, dtype):
        source = open_source(write(tmp_path / f"x.{suffix}", mode=mode))
        assert (source.shape, source.values.dtype) == ((3, 4, *pixel), dtype)

    def test_sixteen_bits_stay(self, tmp_path):
        values = np.array([[0, 1, 65535]], dtype=np.uint16)
        assert open_source(write(tmp_path / "x.png", values)).values.tolist() == [[[0.0, 1.0, 65535.0]]]

    def test_a_palette_with_transparency_has_alpha(self, tmp_path):
        assert open_source(write(tmp_path / "x.png", mode="P", transparency=0)).shape == (3, 4, 4)

    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("suffix", ["tif", "png"])
    def test_the_orientation_is_honoured(self, tmp_path, orientation, suffix):
        upright = np.arange(12, dtype=np.uint8).reshape(3, 4)
        undo = {2: "fliplr", 4: "flipud"}
        stored = {
            1: upright,
            3: np.rot90(upright, 2),
            5: upright.T,
            6: np.rot90(upright, 1),
            7: np.rot90(upright, 2).T,
            8: np.rot90(upright, -1),
        }.get(orientation)
        stored = getattr(np, undo[orientation])(upright) if stored is None else stored
        exif = Image.Exif()
        exif[0x0112] = orientation
        how = {"compression": "tiff_lzw"} if suffix == "tif" else {}
        write(tmp_path / f"x.{suffix}", np.ascontiguousarray(stored), exif=exif, **how)
        np.testing.assert_array_equal(open_source(tmp_path / f"x.{suffix}").values[0], upright)

    @pytest.mark.parametrize("orientation", [5, 6, 7, 8])
    def test_a_turned_uncompressed_tiff_is_not_scrambled(self, tmp_path, orientation):
        exif = Image.Exif()
        exif[0x0112] = orientation
        write(tmp_path / "x.tif", np.arange(12, dtype=np.uint8).reshape(3, 4), exif=exif)
        with pytest.raises(DataError, match=r"x.tif: an uncompressed TIFF that is stored turned .*; save it upright"):
            open_source(tmp_path / "x.tif")

    def test_the_name_does_not_matter(self, tmp_path):
        write(tmp_path / "x.png").rename(tmp_path / "x.csv")
        assert open_source(tmp_path / "x.csv").kind == "images"

    @pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "bmp"])
    @pytest.mark.parametrize("keep", [5, 0.3, 0.6])
    def test_truncated(self, tmp_path, suffix, keep):
        values = np.random.default_rng(0).integers(0, 256, (60, 60, 3), dtype=np.uint8)
        path = write(tmp_path / f"x.{suffix}", values)
        content = path.read_bytes()
        path.write_bytes(content[: keep if keep == 5 else int(keep * len(content))])
        with pytest.raises(
            DataError, match=rf"x\.{suffix}: cannot be read as an image \(.*\); replace it or take it out"
        ):
            open_source(path)

    def test_several_pages(self, tmp_path):
        pages = [Image.new("L", (4, 3)) for _ in range(3)]
        pages[0].save(tmp_path / "x.tif", save_all=True, append_images=pages[1:])
        with pytest.raises(DataError, match=r"x.tif: holds more than one page; save each as an image of its own"):
            open_source(tmp_path / "x.tif")

    def test_a_mode_that_is_not_read(self, tmp_path):
        write(tmp_path / "x.tif", mode="LAB")
        with pytest.raises(DataError, match="colour mode LAB is not supported; save it as greyscale"):
            open_source(tmp_path / "x.tif")

    def test_a_format_that_is_not_read(self, tmp_path):
        write(tmp_path / "x.gif", mode="L")
        with pytest.raises(DataError, match=r"x.gif: not a format that latens reads; give it NumPy"):
            open_source(tmp_path / "x.gif")
        (tmp_path / "x.gif").rename(tmp_path / "x.png")
        with pytest.raises(DataError, match=r"x.png: cannot be read as an image"):
            open_source(tmp_path / "x.png")

    @pytest.mark.parametrize("size", [(10_000, 9_000), (20_000, 9_500)])
    def test_a_bomb(self, tmp_path, size):
        Image.new("1", size).save(tmp_path / "x.png")
        with pytest.raises(DataError, match=r"x.png: .*; cut it into tiles of at most 80,000,000 pixels"):
            open_source(tmp_path / "x.png")

    def test_a_bomb_is_not_a_warning(self, tmp_path):
        Image.new("1", (10_000, 9_000)).save(tmp_path / "x.png")
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            with pytest.raises(DataError, match="10000 x 9000 pixels"):
                open_source(tmp_path / "x.png")
        assert not seen

    def test_more_than_its_file_can_mean(self, tmp_path, monkeypatch):
        monkeypatch.setattr("latens.data.values._SMALL", 100_000)
        Image.new("L", (1000, 1000)).save(tmp_path / "x.png")
        with pytest.raises(DataError, match=r"x.png: .* that unpack to 977 KiB or more look like a decompression bomb"):
            open_source(tmp_path / "x.png")

    def test_tiles_larger_than_the_image(self, tmp_path):
        tags = {256: 9, 257: 9, 258: 8, 259: 8, 262: 1, 277: 1, 322: 40_000, 323: 40_000, 324: 200, 325: 99}
        entries = b"".join(struct.pack("<2H2I", tag, 4, 1, value) for tag, value in tags.items())
        (tmp_path / "x.tif").write_bytes(b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(300))
        with pytest.raises(DataError, match=r"x.tif: tiles of 40000 x 40000 pixels in a smaller image; save it again"):
            open_source(tmp_path / "x.tif")

    def test_a_chunk_as_long_as_it_likes(self, tmp_path):
        noise = np.random.default_rng(0).integers(0, 256, (40, 40), dtype=np.uint8)
        content = (write(tmp_path / "x.png", noise)).read_bytes()
        at = content.index(b"IDAT") - 4
        (tmp_path / "x.png").write_bytes(content[:at] + b"\xff\xff\xff\xff" + content[at + 4 : -500])
        with pytest.raises(
            DataError, match=r"^x.png: cannot be read as an image \([^<>]*\); replace it or take it out$"
        ):
            open_source(tmp_path / "x.png")

    @pytest.mark.parametrize("kept", [100, 300])
    def test_libraries_say_nothing_by_themselves(self, tmp_path, capfd, caplog, kept):
        pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "x.tif", compression="tiff_lzw")
        content = (tmp_path / "x.tif").read_bytes()
        (tmp_path / "x.tif").write_bytes(content[:-kept] + bytes(kept))
        with pytest.raises(DataError, match=r"x.tif: "):
            open_source(tmp_path / "x.tif")
        assert capfd.readouterr() == ("", "")

    def test_nan_pixels(self, tmp_path):
        write(tmp_path / "x.tif", np.array([[0, np.nan]], dtype=np.float32))
        with pytest.raises(DataError, match=r"x.tif: row 0, pixel \(0, 1\) .* is NaN"):
            open_source(tmp_path / "x.tif")

    def test_is_no_table(self, tmp_path):
        with pytest.raises(DataError, match=r"holds images of shape \(3, 4\); leave kind='table' out"):
            open_source(write(tmp_path / "x.png"), kind="table")


class TestFolder:
    @pytest.mark.parametrize("stream", [None, True, False])
    def test_more_than_its_files_can_mean(self, tmp_path, monkeypatch, stream):
        monkeypatch.setattr("latens.data.values._SMALL", 2_000_000)
        for i in range(3):
            Image.new("L", (1000, 1000)).save(tmp_path / f"{i}.png")
        with pytest.raises(DataError, match=r"that unpack to 2.86 MiB or more look like a decompression bomb"):
            open_source(tmp_path, stream=stream)

    def test_natural_order_and_ids(self, tmp_path):
        for i, name in enumerate(["10.png", "2.png", "b1.PNG", "01.png", "1.png"]):
            write(tmp_path / name, np.full((2, 2), i, dtype=np.uint8))
        source = open_source(tmp_path)
        assert source.ids.tolist() == ["01.png", "1.png", "2.png", "10.png", "b1.PNG"]
        assert source.values[:, 0, 0].tolist() == [3, 4, 1, 0, 2]
        assert (source.label(), source.name, source.typed) == (None, tmp_path.name, False)

    def test_sub_folders_are_labels(self, tmp_path):
        for name in ["cat/1.png", "dog/1.png", "dog/small/1.png", "flat.png"]:
            write(tmp_path / name)
        source = open_source(tmp_path)
        assert dict(zip(source.ids, source.label(), strict=True)) == {
            "cat/1.png": "cat",
            "dog/1.png": "dog",
            "dog/small/1.png": "dog/small",
            "flat.png": "",
        }
        assert open_source(tmp_path, labels=np.arange(4)).label().tolist() == [0, 1, 2, 3]
        with pytest.raises(DataError, match="labels='lable' is not carried by it; did you mean 'label'"):
            open_source(tmp_path, labels="lable")

    def test_other_files_hidden_files_and_links_out_are_passed_over(self, tmp_path):
        outside = write(tmp_path / "outside.png")
        folder = tmp_path / "in"
        inside = write(folder / "a.png")
        write(folder / ".hidden.png")
        write(folder / ".git" / "b.png")
        (folder / "notes.txt").write_text("no image")
        (folder / "out.png").symlink_to(outside)
        (folder / "gone.png").symlink_to(tmp_path / "gone")
        (folder / "same.png").symlink_to(inside)
        (folder / "loop").symlink_to(folder)
        assert open_source(folder).ids.tolist() == ["a.png", "same.png"]

    def test_colour_of_odd_size(self, tmp_path):
        for i in range(3):
            write(tmp_path / f"{i}.png", np.full((33, 47, 3), i, dtype=np.uint8))
        assert open_source(tmp_path).values.shape == (3, 33, 47, 3)

    def test_black_and_white_among_grey(self, tmp_path):
        write(tmp_path / "a.png", mode="1")
        write(tmp_path / "b.png", mode="L")
        assert open_source(tmp_path).shape == (3, 4)

    def test_none(self, tmp_path):
        (tmp_path / "x.csv").write_text("a\n1\n")
        with pytest.raises(DataError, match="no images in this folder; put PNG, JPEG, TIFF, BMP files into it"):
            open_source(tmp_path)

    def test_ragged_sizes(self, tmp_path):
        write(tmp_path / "a.png", size=(4, 3))
        write(tmp_path / "sub" / "b.png", size=(5, 6))
        with pytest.raises(DataError, match=r"different sizes: a.png is 4 x 3, sub/b.png is 5 x 6 .*; resize or crop"):
            open_source(tmp_path).one_size()

    def test_mixed_modes(self, tmp_path):
        write(tmp_path / "a.png", mode="L")
        write(tmp_path / "b.png", mode="RGB")
        with pytest.raises(DataError, match=r"mixed colour modes: a.png is greyscale, b.png is RGB; convert them"):
            open_source(tmp_path)

    def test_a_damaged_one_is_named(self, tmp_path):
        values = np.random.default_rng(0).integers(0, 256, (60, 60), dtype=np.uint8)
        write(tmp_path / "a.png", values)
        bad = write(tmp_path / "sub" / "b.png", values)
        bad.write_bytes(bad.read_bytes()[:2000])
        with pytest.raises(DataError, match=r"sub/b.png: cannot be read as an image"):
            open_source(tmp_path)

    def test_more_than_the_machine_has(self, tmp_path, monkeypatch):
        write(tmp_path / "a.png", size=(100, 100))
        monkeypatch.setattr("latens.data.values.physical_memory", lambda: 1000)
        with pytest.raises(DataError, match=r"needs 9.77 KiB where this machine has 1000 bytes"):
            open_source(tmp_path)
