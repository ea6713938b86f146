"""The names that users and acceptance checks rely on, as far as they exist."""

from __future__ import annotations

import inspect
import subprocess
import sys

import numpy as np
import pytest

import latens
from latens import errors
from latens.analysis import fit_map
from latens.corruptions import CORRUPTIONS
from latens.data import DATASETS
from latens.losses import LOSSES
from latens.models import MODELS
from latens.report import map_page, write_report
from latens.sampling import FILTERS

TRAINING = (
    "max_epochs",
    "batch_size",
    "learning_rate",
    "random_state",
    "verbose",
    "device",
    "validation_fraction",
    "early_stopping",
)
METHODS = (
    "fit",
    "fit_transform",
    "continue_fit",
    "transform",
    "inverse_transform",
    "reconstruct",
    "reconstruction_error",
    "residuals",
    "score_samples",
    "save",
    "plot_map",
    "plot_pairs",
    "get_feature_names_out",
    "set_output",
)


def defaults(function) -> dict[str, object]:
    return {name: p.default for name, p in inspect.signature(function).parameters.items()}


@pytest.mark.parametrize("estimator", [latens.Autoencoder, latens.LinearAutoencoder])
class TestEstimators:
    def test_have_the_training_arguments(self, estimator):
        assert set(TRAINING) <= set(defaults(estimator))
        assert defaults(estimator)["validation_fraction"] == 0.1
        assert defaults(estimator)["early_stopping"] is False
        assert defaults(estimator)["random_state"] == 0

    @pytest.mark.parametrize("method", METHODS)
    def test_have_the_methods(self, estimator, method):
        assert callable(getattr(estimator, method))

    def test_leave_these_behind(self, estimator):
        fitted = estimator(max_epochs=1, verbose=0).fit(np.random.default_rng(0).normal(size=(30, 4)))
        for name in ("history_", "referee_", "schema_", "n_components_", "n_features_in_"):
            assert hasattr(fitted, name)
        assert list(fitted.history_.to_frame().columns)[:3] == ["epoch", "step", "seconds"]

    def test_fit_takes_pairs_and_ignores_y(self, estimator):
        assert list(inspect.signature(estimator.fit).parameters)[:3] == ["self", "X", "y"]
        assert inspect.signature(estimator.fit).parameters["target"].kind is inspect.Parameter.KEYWORD_ONLY


def test_autoencoder_arguments():
    expected = {
        "n_components": "auto",
        "hidden": "taper",
        "activation": "relu",
        "code_activation": None,
        "output": "auto",
        "dropout": 0.0,
        "corruption": None,
        "tied": False,
        "scaling": "auto",
        "max_epochs": 10,
        "batch_size": 128,
        "learning_rate": 1e-3,
        "device": "auto",
        "verbose": 1,
    }
    assert expected.items() <= defaults(latens.Autoencoder).items()


def test_convolutional_arguments():
    expected = {"n_components": "auto", "encoder": "convolutional", "decoder": "convolutional", "corruption": None}
    assert expected.items() <= defaults(latens.ConvAutoencoder).items()
    assert set(TRAINING) <= set(defaults(latens.ConvAutoencoder))
    assert all(callable(getattr(latens.ConvAutoencoder, method)) for method in METHODS)


def test_self_supervised_arguments():
    for estimator in (latens.Autoencoder, latens.ConvAutoencoder):
        assert defaults(estimator)["loss_region"] == "all"
    expected = {"n_components": "auto", "grid": 2, "gap": "auto", "scaling": "auto", "device": "auto"}
    assert expected.items() <= defaults(latens.JigsawEncoder).items()
    assert set(TRAINING) <= set(defaults(latens.JigsawEncoder))
    methods = ("fit", "continue_fit", "transform", "fit_transform", "score_samples", "score", "order_accuracy", "save")
    assert all(callable(getattr(latens.JigsawEncoder, method)) for method in methods)


def test_arguments_for_tables():
    expected = {"start": "auto", "new_categories": "error"}
    assert expected.items() <= defaults(latens.Autoencoder).items()
    assert {"types", "missing", "labels"} <= set(defaults(latens.open_source))
    assert list(defaults(latens.sweep))[:3] == ["estimator", "X", "sizes"]


def test_arguments_for_answers():
    assert list(defaults(latens.cluster))[:4] == ["model", "X", "method", "k"]
    assert {"on": "codes", "random_state": 0}.items() <= defaults(latens.cluster).items()
    assert list(defaults(latens.probe))[:3] == ["model", "X", "y"]
    assert {"budgets": (10, 50, 100, 1000), "n_draws": 10}.items() <= defaults(latens.probe).items()


def test_linear_arguments():
    expected = {"center": True, "orthogonality": 0.1, "solver": "gradient"}
    assert expected.items() <= defaults(latens.LinearAutoencoder).items()


def test_series_arguments():
    expected = {"likelihood": "gaussian", "patch": 1, "relative": "auto", "scaling": "standard", "impute": None}
    assert expected.items() <= defaults(latens.SeriesAutoregressor).items()
    assert set(TRAINING) <= set(defaults(latens.SeriesAutoregressor))
    assert {"time", "sequence", "columns", "impute"} <= set(defaults(latens.open_source))
    expected = {"n_paths": 100, "quantiles": (0.1, 0.5, 0.9), "random_state": 0}
    assert expected.items() <= defaults(latens.SeriesAutoregressor.forecast).items()
    methods = ("fit", "continue_fit", "transform", "score_samples", "surprisal", "save", "rollout", "rollout_errors")
    assert all(callable(getattr(latens.SeriesAutoregressor, method)) for method in (*methods, "generate"))


def test_maps():
    assert defaults(fit_map).items() >= {"method": "auto", "neighbours": 15, "random_state": 0}.items()
    place = fit_map(np.random.default_rng(0).normal(size=(30, 4)))
    assert (place.points.shape, place.distortion.shape, place.place(place.codes[:2]).shape) == ((30, 2), (30,), (2, 2))
    assert {"columns", "title", "lines", "colour", "codes"} <= set(defaults(map_page))


def test_search_and_export():
    created = defaults(latens.Index.create)
    assert list(created)[:3] == ["folder", "estimator", "X"]
    assert {"distance": "euclidean", "pooling": None, "exact_below": 100_000, "force": False}.items() <= created.items()
    assert list(defaults(latens.Index.search)) == ["self", "X", "k", "where"]
    assert all(callable(getattr(latens.Index, method)) for method in ("open", "add", "delete", "search_rows"))
    assert list(defaults(latens.export_onnx)) == ["estimator", "path", "part"]


def test_reports():
    assert list(defaults(write_report))[:3] == ["model", "X", "path"]
    assert defaults(write_report)["random_state"] == 0


def test_registries():
    assert {"linear", "deep", "wide", "convolutional", "asymmetric", "jigsaw"} <= set(MODELS)
    assert {"gaussian", "dropout", "masking", "salt-and-pepper", "speckle", "poisson"} <= set(CORRUPTIONS)
    assert {"block", "span", "blur", "stains", "rotation", "affine", "swap"} <= set(CORRUPTIONS)
    assert {"digits", "mnist", "fashion-mnist"} <= set(DATASETS)
    assert "mse" in LOSSES
    assert {"temperature", "top_k", "top_p", "min_p", "typical", "repetition_penalty"} <= set(FILTERS)


@pytest.mark.parametrize(
    ("name", "builtin"),
    [
        ("DataError", ValueError),
        ("ModelFileError", ValueError),
        ("ConfigError", ValueError),
        ("DivergedError", ArithmeticError),
        ("OutputError", OSError),
        ("MissingExtra", ImportError),
    ],
)
def test_errors(name, builtin):
    error = getattr(errors, name)
    assert issubclass(error, errors.LatensError)
    assert issubclass(error, builtin)


def test_every_public_name_resolves():
    for name in latens.__all__:
        assert getattr(latens, name) is not None
        assert name in dir(latens)


@pytest.mark.parametrize("room", ["analysis", "corruptions", "data", "plots", "report", "sampling"])
def test_a_room_is_there_without_an_import_of_its_own(room):
    code = f"import latens; latens.{room}.__all__"
    assert room in dir(latens)
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_images_become_sequences_and_come_back():
    assert list(defaults(latens.data.images_to_blocks).items()) == [
        ("images", inspect.Parameter.empty),
        ("block", (4, 2)),
        ("threshold", None),
    ]
    assert list(defaults(latens.data.blocks_to_images)) == ["sequences", "shape", "block", "incomplete"]


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError, match="module 'latens' has no attribute 'Autoencodr'"):
        latens.Autoencodr  # noqa: B018


def test_import_is_light():
    heavy = "('torch', 'sklearn', 'pandas', 'matplotlib')"
    code = f"import sys, latens; sys.exit(any(name in sys.modules for name in {heavy}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
