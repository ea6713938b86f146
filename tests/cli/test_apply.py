from __future__ import annotations

import io
import shutil

import numpy as np
import pandas
import pyarrow.csv
import pyarrow.parquet
import pytest
from PIL import Image

import latens


class TestEmbed:
    def test_parquet_has_the_codes_and_the_labels(self, run, digits, tmp_path):
        outcome = run("embed", digits, "dataset:digits", "-o", tmp_path / "codes.parquet", "--json")
        assert outcome.json == {"output": str(tmp_path / "codes.parquet"), "rows": 1797, "n_components": 2}
        table = pyarrow.parquet.read_table(tmp_path / "codes.parquet")
        estimator = latens.load(digits)
        assert table.column_names == [*estimator.get_feature_names_out(), "label"]
        codes = np.column_stack([table[name].to_numpy() for name in estimator.get_feature_names_out()])
        assert np.array_equal(codes, estimator.transform("dataset:digits"))

    def test_csv_has_ids_and_named_labels(self, run, fit, flowers, tmp_path):
        model = fit(flowers, "--labels", "species")
        assert run("embed", model, flowers, "-o", tmp_path / "codes.csv").code == 0
        table = pyarrow.csv.read_csv(tmp_path / "codes.csv")
        assert table.column_names == ["id", "autoencoder0", "autoencoder1", "species"]
        assert table["id"].to_pylist()[:2] == ["f0", "f1"]
        assert table["species"].to_pylist()[:2] == ["virginica", "setosa"]

    def test_npy_has_the_codes_alone(self, run, digits, tmp_path):
        assert run("embed", digits, "dataset:digits/test", "-o", tmp_path / "codes.npy").code == 0
        assert np.load(tmp_path / "codes.npy", allow_pickle=False).shape == (297, 2)

    def test_a_file_without_the_labels_will_do(self, run, fit, flowers, tmp_path):
        model = fit(flowers, "--labels", "species")
        bare = tmp_path / "bare.csv"
        bare.write_text("d,c,b,a\n1,2,3,4\n4,3,2,1\n")
        assert run("embed", model, bare, "-o", tmp_path / "codes.csv").code == 0
        assert pyarrow.csv.read_csv(tmp_path / "codes.csv").column_names == ["autoencoder0", "autoencoder1"]

    def test_standard_input(self, run, fit, flowers, tmp_path, monkeypatch):
        model = fit(flowers, "--labels", "species")
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a,b,c,d\n1,2,3,4\n")))
        assert run("embed", model, "-", "-o", tmp_path / "codes.npy").code == 0

    def test_blocks_do_not_matter(self, run, digits, tmp_path, monkeypatch):
        run("embed", digits, "dataset:digits", "-o", tmp_path / "one.npy")
        monkeypatch.setattr("latens.cli.answers._BLOCK_NUMBERS", 64 * 7)
        run("embed", digits, "dataset:digits/test", "-o", tmp_path / "many.npy")
        assert np.array_equal(np.load(tmp_path / "one.npy")[1500:], np.load(tmp_path / "many.npy"))

    def test_a_label_may_be_called_id(self, run, fit, tmp_path):
        data = tmp_path / "data.csv"
        data.write_text(",a,b,id\n" + "".join(f"r{i},{i},{i * i % 7},{i % 2}\n" for i in range(20)))
        model = fit(data, "--labels", "id")
        assert run("embed", model, data, "-o", tmp_path / "codes.parquet").code == 0
        assert pyarrow.parquet.read_table(tmp_path / "codes.parquet").column_names[-1] == "id_"


class TestReconstruct:
    def test_npy_keeps_shape_and_units(self, run, digits, tmp_path):
        assert run("reconstruct", digits, "dataset:digits/test", "-o", tmp_path / "r.npy").code == 0
        reconstructed = np.load(tmp_path / "r.npy", allow_pickle=False)
        assert np.array_equal(reconstructed, latens.load(digits).reconstruct("dataset:digits/test"))
        assert reconstructed.shape == (297, 8, 8)

    def test_a_table_keeps_its_columns_and_gets_the_error(self, run, fit, flowers, tmp_path):
        model = fit(flowers, "--labels", "species")
        outcome = run("reconstruct", model, flowers, "-o", tmp_path / "r.parquet", "--errors", "--json")
        table = pyarrow.parquet.read_table(tmp_path / "r.parquet")
        assert table.column_names == ["id", "a", "b", "c", "d", "reconstruction_error", "species"]
        mean = table["reconstruction_error"].to_numpy().mean()
        assert outcome.json["mean_reconstruction_error"] == pytest.approx(mean)

    def test_the_data_keep_names_that_the_program_would_give(self, run, fit, tmp_path):
        data = tmp_path / "data.csv"
        lines = [f"r{i},{i},{i * i % 7},{i % 5},{i % 2}\n" for i in range(20)]
        data.write_text(",id,b,reconstruction_error,kind\n" + "".join(lines))
        model = fit(data, "--labels", "kind")
        assert run("reconstruct", model, data, "-o", tmp_path / "r.parquet", "--errors").code == 0
        table = pyarrow.parquet.read_table(tmp_path / "r.parquet")
        features = ["id", "b", "reconstruction_error"]
        assert table.column_names == ["id_", *features, "reconstruction_error_", "kind"]
        assert table["id_"].to_pylist()[:2] == ["r0", "r1"]
        own = np.column_stack([table[name].to_numpy() for name in features])
        estimator = latens.load(model)
        assert np.array_equal(own, estimator.reconstruct(str(data)))
        assert np.array_equal(table["reconstruction_error_"], estimator.reconstruction_error(str(data)))

    def test_a_folder_of_images_keeps_their_names(self, run, fit, photos, tmp_path):
        assert run("reconstruct", fit(photos), photos, "-o", tmp_path / "cleaned").code == 0
        names = {path.relative_to(tmp_path / "cleaned").as_posix() for path in (tmp_path / "cleaned").rglob("*.png")}
        assert names == {path.relative_to(photos).as_posix() for path in photos.rglob("*.png")}
        with Image.open(tmp_path / "cleaned" / "cats" / "1.png") as image:
            assert (image.size, image.mode) == ((5, 7), "RGB")

    def test_images_without_names_are_numbered(self, run, digits, tmp_path):
        assert run("reconstruct", digits, "dataset:digits/test", "-o", tmp_path / "out").code == 0
        assert (tmp_path / "out" / "000296.png").is_file()

    def test_sixteen_bits_stay_sixteen_bits(self, run, fit, tmp_path):
        random = np.random.default_rng(0)
        (tmp_path / "scans").mkdir()
        for row in range(6):
            Image.fromarray(random.integers(0, 60_000, (4, 5)).astype(np.uint16)).save(
                tmp_path / "scans" / f"{row}.tif"
            )
        model = fit(tmp_path / "scans")
        assert run("reconstruct", model, tmp_path / "scans", "-o", tmp_path / "out").code == 0
        with Image.open(tmp_path / "out" / "3.png") as image:
            written = np.asarray(image)
        expected = latens.load(model).reconstruct(tmp_path / "scans")[3]
        assert np.array_equal(written, np.rint(expected))
        assert written.max() > 255

    @pytest.mark.parametrize("shape", [(5, 6), (5, 6, 1), (5, 6, 3)])
    def test_pixels_from_0_to_1(self, run, fit, tmp_path, shape):
        np.save(tmp_path / "data.npy", np.random.default_rng(0).uniform(size=(8, *shape)).astype(np.float32))
        model = fit(tmp_path / "data.npy")
        assert run("reconstruct", model, tmp_path / "data.npy", "-o", tmp_path / "out").code == 0
        with Image.open(tmp_path / "out" / "000007.png") as image:
            written = np.asarray(image)
        expected = np.rint(255 * latens.load(model).reconstruct(tmp_path / "data.npy")[7])
        assert np.array_equal(written, expected.reshape(written.shape))

    def test_pixels_below_zero_make_no_pictures(self, run, fit, tmp_path):
        np.save(tmp_path / "data.npy", np.random.default_rng(0).normal(size=(8, 5, 6)))
        outcome = run("reconstruct", fit(tmp_path / "data.npy"), tmp_path / "data.npy", "-o", tmp_path / "out")
        assert outcome.code == 1
        assert "images outside [0, 1] fit into no PNG file; use -o out.npy" in outcome.err

    @pytest.mark.parametrize(
        ("ids", "names"),
        [
            (None, ["000000.png", "000001.png"]),
            (["a.jpg", "b/c.tif"], ["a.png", "b/c.png"]),
            (["a.jpg", "a.png"], ["a.jpg.png", "a.png.png"]),
            (["../a.png", "b.png"], ["000000.png", "000001.png"]),
            (["/a.png", "b.png"], ["000000.png", "000001.png"]),
        ],
    )
    def test_names_stay_inside_and_differ(self, ids, names):
        from latens.cli.writers import png_names

        assert png_names(2, None if ids is None else np.array(ids)) == names

    def test_a_full_folder_needs_force(self, run, fit, photos, tmp_path):
        model = fit(photos)
        (tmp_path / "cleaned").mkdir()
        (tmp_path / "cleaned" / "mine.txt").write_text("mine")
        outcome = run("reconstruct", model, photos, "-o", tmp_path / "cleaned")
        assert (outcome.code, outcome.out) == (1, "")
        assert "exists and is not empty; --force replaces files of the same names" in outcome.err
        assert run("reconstruct", model, photos, "-o", tmp_path / "cleaned", "--force").code == 0
        assert (tmp_path / "cleaned" / "mine.txt").read_text() == "mine"

    def test_never_over_its_own_input(self, run, fit, photos):
        outcome = run("reconstruct", fit(photos), photos, "-o", photos, "--force")
        assert outcome.code == 1
        assert "is what this reads; choose another folder" in outcome.err

    def test_never_over_the_image_that_it_reads(self, run, fit, photos):
        picture = photos / "cats" / "1.png"
        before = picture.read_bytes()
        outcome = run("reconstruct", fit(photos), picture, "-o", picture.parent, "--force")
        assert outcome.code == 1
        assert f"{picture}: is what this reads; choose another folder" in outcome.err
        assert picture.read_bytes() == before

    def test_never_over_an_image_of_the_folder_that_it_reads(self, run, fit, photos):
        model = fit(photos)
        shutil.copytree(photos / "cats", photos / "cats" / "cats")
        before = {path: path.read_bytes() for path in photos.rglob("*.png")}
        outcome = run("reconstruct", model, photos, "-o", photos / "cats", "--force")
        assert outcome.code == 1
        assert "is what this reads; choose another folder" in outcome.err
        assert {path: path.read_bytes() for path in photos.rglob("*.png")} == before

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("cats/7.png", "7.png: is a folder, which is never replaced; choose another output"),
            ("link", "3.png: is a link; give the path that it points to"),
            ("dogs", "is a file); choose another folder"),
        ],
    )
    def test_all_the_files_or_none(self, run, fit, photos, tmp_path, name, message):
        out = tmp_path / "out"
        (out / "cats").mkdir(parents=True)
        if name == "link":
            (out / "cats" / "3.png").symlink_to(tmp_path / "elsewhere")
        elif name == "dogs":
            (out / "dogs").write_text("")
        else:
            (out / name).mkdir()
        before = set(out.rglob("*"))
        outcome = run("reconstruct", fit(photos), photos, "-o", out, "--force")
        assert (outcome.code, outcome.out, outcome.err.count("\n")) == (1, "", 1)
        assert message in outcome.err
        assert set(out.rglob("*")) == before

    def test_a_table_goes_into_parts_and_images_where_that_is_asked(self, run, fit, flowers, digits, tmp_path):
        outcome = run("reconstruct", fit(flowers, "--labels", "species"), flowers, "-o", tmp_path / "out", "--errors")
        assert outcome.code == 0, outcome.err
        table = pyarrow.parquet.read_table(tmp_path / "out" / "part-00000.parquet")
        assert table.column_names == ["id", "a", "b", "c", "d", "reconstruction_error", "species"]
        outcome = run("reconstruct", digits, "dataset:digits/test", "-o", tmp_path / "d", "--part-rows", 200, "--json")
        assert (outcome.json["rows"], outcome.json["parts"]) == (297, 2)
        assert pyarrow.parquet.read_table(tmp_path / "d" / "part-00001.parquet").shape == (97, 65)


def test_exported_labels_are_harmless_and_are_read_again(run, fit, tmp_path):
    formulas, harmless = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "\t=1"], ["a=b", "", "'=1", "-5", "-.5", "Zoë"]
    cells = [*formulas, *harmless]
    random = np.random.default_rng(0)
    frame = pandas.DataFrame({"a": random.normal(size=len(cells)), "b": random.normal(size=len(cells)), "=who": cells})
    frame.to_parquet(tmp_path / "data.parquet")
    model = fit(tmp_path / "data.parquet", "--labels", "=who")
    for name in ("c.csv", "c.parquet"):
        assert run("embed", model, tmp_path / "data.parquet", "-o", tmp_path / name).code == 0
    written = pyarrow.csv.read_csv(tmp_path / "c.csv", parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True))
    quoted = [f"'{cell}" for cell in formulas] + harmless
    assert written.column("'=who").to_pylist() == quoted
    assert written.column("autoencoder0").type == pyarrow.float64()
    again = latens.open_source(tmp_path / "c.csv", labels="'=who")
    assert again.label().tolist() == quoted
    exact = latens.open_source(tmp_path / "c.parquet", labels="=who")
    assert exact.label().tolist() == cells
