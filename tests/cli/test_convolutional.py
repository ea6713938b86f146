"""Pages of different sizes from the shell: fit on pairs of folders, clean a folder, one line for what cannot be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import latens

SIZES = {"2.png": (9, 14), "10.png": (12, 10), "more/a.png": (8, 30)}
PAGES = ("--model", "convolutional", "--set", "hidden=4", "--set", "patch_size=8")


def folder(path: Path, sizes: dict[str, tuple[int, int]] = SIZES, level: int = 0) -> Path:
    random = np.random.default_rng(level)
    for name, size in sizes.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, size, dtype=np.uint8)).save(path / name)
    return path


@pytest.fixture
def noisy(tmp_path: Path) -> Path:
    return folder(tmp_path / "noisy")


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    return folder(tmp_path / "clean", level=1)


class TestPairs:
    def test_folders_are_matched_and_cleaned_pages_keep_their_names_and_sizes(self, run, fit, noisy, clean, tmp_path):
        model = fit(noisy, "--target", clean, *PAGES)
        outcome = run("reconstruct", model, noisy, "-o", tmp_path / "cleaned", "--json")
        assert outcome.json["rows"] == 3
        sizes = {
            path.relative_to(tmp_path / "cleaned").as_posix(): np.asarray(Image.open(path)).shape
            for path in (tmp_path / "cleaned").rglob("*.png")
        }
        assert sizes == SIZES

    def test_the_target_is_learned_from(self, fit, noisy, clean):
        with_target = latens.load(fit(noisy, "--target", clean, *PAGES, name="a.latens"))
        alone = latens.load(fit(noisy, *PAGES, name="b.latens"))
        assert with_target.history_["train_loss"] != alone.history_["train_loss"]

    def test_a_file_without_a_partner(self, run, noisy, clean, tmp_path):
        (clean / "10.png").unlink()
        outcome = run("fit", noisy, "--target", clean, "-o", tmp_path / "m.latens", *PAGES)
        assert outcome.code == 1
        assert outcome.err == (
            "latens: error: noisy: 10.png has no partner of the same name in clean; add it there or take it out here\n"
        )

    def test_a_pair_of_different_sizes(self, run, noisy, clean, tmp_path):
        folder(clean, {"10.png": (5, 6)})
        outcome = run("fit", noisy, "--target", clean, "-o", tmp_path / "m.latens", *PAGES)
        assert outcome.code == 1
        assert "noisy: 10.png is 10 x 12 and its partner 10.png is 6 x 5 (width x height)" in outcome.err

    def test_other_models_take_pairs_of_one_size(self, run, fit, tmp_path):
        sizes = {f"{i}.png": (6, 5) for i in range(8)}
        model = fit(folder(tmp_path / "n", sizes), "--target", folder(tmp_path / "c", sizes, level=1))
        assert latens.load(model).schema_.shape == (6, 5)


class TestPages:
    def test_other_models_name_two_files(self, run, noisy, tmp_path):
        outcome = run("fit", noisy, "-o", tmp_path / "m.latens")
        assert outcome.code == 1
        assert "different sizes: 2.png is 14 x 9, 10.png is 10 x 12 (width x height); resize or crop" in outcome.err
        assert outcome.err.count("\n") == 1

    def test_a_fitted_one_too(self, run, digits, noisy, tmp_path):
        outcome = run("embed", digits, noisy, "-o", tmp_path / "codes.csv")
        assert (outcome.code, outcome.err.count("\n")) == (1, 1)
        assert "different sizes: 2.png is 14 x 9" in outcome.err

    def test_embed_info_and_map(self, run, fit, noisy, tmp_path):
        model = fit(noisy, *PAGES)
        assert run("embed", model, noisy, "-o", tmp_path / "codes.csv", "--json").json["n_components"] == 2
        assert "images of any size, 1 channel" in run("info", model).out
        assert run("map", model, noisy, "-o", tmp_path / "map.png").code == 0

    def test_a_table_holds_no_pages_of_different_sizes(self, run, fit, noisy, tmp_path):
        outcome = run("reconstruct", fit(noisy, *PAGES), noisy, "-o", tmp_path / "cleaned.npy")
        assert outcome.code == 1
        assert "write them into a folder: -o cleaned" in outcome.err

    def test_pages_of_one_size_go_anywhere(self, run, fit, noisy, tmp_path):
        model = fit(noisy, *PAGES)
        pages = folder(tmp_path / "same", {"a.png": (7, 9), "b.png": (7, 9)})
        assert run("reconstruct", model, pages, "-o", tmp_path / "cleaned.npy").code == 0
        assert np.load(tmp_path / "cleaned.npy", allow_pickle=False).shape == (2, 7, 9)
        assert run("reconstruct", model, pages, "-o", tmp_path / "cleaned.csv", "--errors").code == 0

    def test_asymmetric_needs_one_size(self, run, noisy, tmp_path):
        outcome = run("fit", noisy, "-o", tmp_path / "m.latens", "--model", "asymmetric")
        assert (outcome.code, outcome.err.count("\n")) == (1, 1)
        assert 'encoder="dense" needs one size' in outcome.err
