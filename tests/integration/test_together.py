"""Two ranks compute what one computes: every row once, the same batch normalisation, gradients, metrics and losses."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent


def sibling(name: str) -> Any:
    """A module of this folder, which is no package."""
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def found() -> list[dict[str, Any]]:
    """What each of two ranks found."""
    ranks = sibling("ranks")
    outcomes = ranks.ended(ranks.started([HERE / "together.py"]))
    assert [code for code, _, _ in outcomes] == [0, 0], outcomes
    return [json.loads(out) for _, out, _ in outcomes]


def test_every_row_is_learned_from_once_an_epoch_and_judged_once(found):
    for epoch in range(3):
        assert sorted(row for rank in found for row in rank["indices"][0][epoch]) == list(range(21))
    assert sorted(row for rank in found for row in rank["indices"][1]) == list(range(21))
    assert all(rank["indices"][0][0] for rank in found)


def test_metrics_are_those_of_one_rank(found):
    for rank in found:
        together, alone = rank["metrics"]
        assert together == pytest.approx(alone, rel=1e-12)
    assert found[0]["metrics"] == found[1]["metrics"]


def test_batch_normalisation_sees_the_whole_batch(found):
    for rank in found:
        differences, same_names = rank["norms"]
        assert max(differences) < 1e-12
        assert same_names


@pytest.mark.parametrize("model", ["autoencoder", "hidden_region", "text", "carried"])
def test_a_fit_has_the_losses_and_weights_of_one_process(found, model):
    for rank in found:
        ours, theirs, difference = rank[model]
        for mine, other in zip(ours, theirs, strict=True):
            assert mine == pytest.approx(other, rel=1e-6)
        assert difference < 1e-5
    assert found[0][model] == found[1][model]


def test_what_ranks_say_to_each_other_arrives(found):
    for rank in found:
        said = rank["agreements"]
        assert said["same"] == {"of": 0, "π": [0.1, None]}
        assert said["tensors"]
        assert said["greatest"] == 7
        assert said["joined"] == [[0.0, 1.0, 1.0]] * 2
        assert said["refused"].startswith("rank 1 differs from rank 0 in 'data'; give all ranks the same data")
