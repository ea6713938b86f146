"""A kept map: the same bits again, and nothing that is no map."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from latens import persistence
from latens.analysis import Map, fit_map
from latens.errors import ModelFileError
from latens.estimators.map_files import load_map, save_map

CODES = np.random.default_rng(0).normal(size=(30, 4))


@pytest.mark.parametrize("place", [fit_map(CODES, neighbours=5), Map(CODES, CODES[:, :2], "umap", ("a", "b"), 5)])
def test_a_map_comes_back_as_it_was(tmp_path, place):
    save_map(place, tmp_path / "some.map", model="abc")
    again = load_map(tmp_path / "some.map", model="abc")
    new = CODES + 0.1
    assert (again.method, again.axes, again.neighbours) == (place.method, place.axes, 5)
    assert np.array_equal(again.points, place.points)
    assert np.array_equal(again.place(new), place.place(new))


def test_another_models_codes(tmp_path):
    save_map(fit_map(CODES), tmp_path / "some.map", model="abc")
    with pytest.raises(ModelFileError, match="a map of another model's codes; use the model that it was made with"):
        load_map(tmp_path / "some.map", model="abd")


def test_another_kind_of_file(tmp_path):
    persistence.write(tmp_path / "m.latens", {"kind": "model"}, {})
    with pytest.raises(ModelFileError, match="no map; give it a file that latens map --save-map wrote"):
        load_map(tmp_path / "m.latens")


GOOD = {"kind": "map", "method": "umap", "axes": ["a", "b"], "neighbours": 15, "model": None}


@pytest.mark.parametrize(
    ("header", "shapes"),
    [
        ({}, {"codes": (3, 4), "points": (2, 2)}),
        ({}, {"codes": (0, 4), "points": (0, 2)}),
        ({}, {"codes": (3,), "points": (3, 2)}),
        ({}, {"points": (3, 2)}),
        ({"method": "pca"}, {"codes": (3, 4), "points": (3, 2)}),
        ({"method": "t-sne"}, {"codes": (3, 4), "points": (3, 2)}),
        ({"axes": "ab"}, {"codes": (3, 4), "points": (3, 2)}),
        ({"neighbours": 0}, {"codes": (3, 4), "points": (3, 2)}),
        ({"neighbours": True}, {"codes": (3, 4), "points": (3, 2)}),
        ({"model": 7}, {"codes": (3, 4), "points": (3, 2)}),
    ],
)
def test_a_hostile_file(tmp_path, header, shapes):
    tensors = {name: torch.zeros(shape, dtype=torch.float64) for name, shape in shapes.items()}
    persistence.write(tmp_path / "some.map", GOOD | header, tensors)
    with pytest.raises(ModelFileError, match="not the header and the arrays of a map; take another copy"):
        load_map(tmp_path / "some.map")
