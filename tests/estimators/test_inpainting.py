"""Estimators that are asked for what is hidden, and for nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import latens
from latens.corruptions import Custom
from latens.errors import ConfigError

QUICK = {"max_epochs": 2, "verbose": 0, "device": "cpu"}


def images() -> np.ndarray:
    return np.random.default_rng(0).uniform(size=(40, 9, 7)).astype("f4")


def dense(**how) -> latens.Autoencoder:
    return latens.Autoencoder(**QUICK | {"n_components": 3, "hidden": [12], "loss_region": "hidden"} | how)


def convolutional(**how) -> latens.ConvAutoencoder:
    settings = {"hidden": [3], "batch_size": 8, "patch_size": 5, "loss_region": "hidden"}
    return latens.ConvAutoencoder(**QUICK | settings | how)


@pytest.mark.parametrize("make", [dense, convolutional])
@pytest.mark.parametrize("corruption", ["block:0.2", latens.Span(0.3, 4), "masking:0.4"])
def test_is_saved_and_goes_on_with_the_same_loss(make, corruption, tmp_path: Path):
    ae = make(corruption=corruption).fit(images())
    ae.save(tmp_path / "m.latens")
    again = latens.load(tmp_path / "m.latens")
    assert again.network_.network.task == ae.network_.network.task
    assert again.loss_region == "hidden"
    whole = make(corruption=corruption, loss_region="all").fit(images())
    assert whole.history_["validation_loss"] != ae.history_["validation_loss"]
    assert again.continue_fit(images()).history_["validation_loss"][-1] > 0


@pytest.mark.parametrize("make", [dense, convolutional])
def test_the_same_fit_twice_has_the_same_held_out_loss(make):
    first, second = (make(corruption="block:0.2").fit(images()) for _ in range(2))
    assert first.history_["validation_loss"] == second.history_["validation_loss"]


@pytest.mark.parametrize("make", [dense, convolutional])
def test_answers_are_given_to_what_is_there(make):
    ae = make(corruption="block:0.2").fit(images())
    task, ae.network_.network.task = ae.network_.network.task, None  # nobody looks at it
    seen = ae.reconstruct(images())
    ae.network_.network.task = task
    assert np.array_equal(ae.reconstruct(images()), seen)
    assert np.array_equal(ae.transform(images()[:3]), ae.transform(images())[:3])


def test_a_stripe_is_filled_in_by_who_learned_to():
    """Every image is one grey: its hidden part can be told from the rest."""
    grey = np.repeat(np.random.default_rng(0).uniform(0.2, 1.0, size=(600, 1)), 36, axis=1).reshape(-1, 6, 6)
    ae = dense(corruption="block:0.3", max_epochs=60, learning_rate=5e-3, batch_size=64).fit(grey.astype("f4"))
    given = grey[:50].astype("f4")
    given[:, 1:4, 1:4] = 0.0
    filled = ae.reconstruct(given)[:, 1:4, 1:4]
    assert np.square(filled - grey[:50, 1:4, 1:4]).mean() < 0.2 * grey.var()


def test_a_table_with_missing_cells_and_categories():
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"a": random.normal(size=60), "b": random.choice(["x", "y"], 60), "c": random.normal(size=60)})
    frame.loc[::7, "a"] = np.nan
    ae = dense(corruption="masking:0.3").fit(frame)
    assert np.isfinite(ae.history_["validation_loss"]).all()
    assert not ae.reconstruct(frame).isna().any().any()


def test_a_users_function_hides_nothing_that_anybody_knows_of():
    with pytest.raises(ConfigError, match=r'loss_region="hidden": corruption=Custom.* hides nothing; use corruption='):
        dense(corruption=lambda x: x * 0).fit(images())
    with pytest.raises(ConfigError, match=r"corruption=None hides nothing; .*--set corruption=block:0.25"):
        convolutional().fit(images())


class Left(Custom):
    """Hides the left column."""

    def hidden(self, x, random):
        return torch.arange(x.shape[-1]) < 1


def test_a_users_corruption_is_not_saved_and_neither_is_its_region(tmp_path: Path):
    dense(corruption=Left(lambda x: x * (torch.arange(x.shape[-1]) >= 1))).fit(images()).save(tmp_path / "m.latens")
    with pytest.warns(UserWarning, match=r"set corruption=\.\.\. before fitting again"):
        again = latens.load(tmp_path / "m.latens")
    assert again.transform(images()).shape == (40, 3)
    with pytest.raises(ConfigError, match="corruption=None hides nothing"):
        again.fit(images())
