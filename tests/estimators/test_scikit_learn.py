"""The estimators have scikit-learn's manners."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator

from latens import Autoencoder, GaussianNoise, LinearAutoencoder

CONFIGURATIONS = {
    "linear": LinearAutoencoder(verbose=0),
    "linear-exact": LinearAutoencoder(solver="exact", center=False, verbose=0),
    "linear-early": LinearAutoencoder(early_stopping=True, schedule="one-cycle", validation_fraction=0.3, verbose=0),
    "deep": Autoencoder(max_epochs=3, verbose=0),
    "wide-denoising": Autoencoder(hidden="wide", corruption=GaussianNoise(0.5), max_epochs=2, verbose=0),
    "tied": Autoencoder(hidden=[16, 8], n_components=1, tied=True, dropout=0.1, validation_fraction=0.0, verbose=0),
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_check_estimator(name, monkeypatch):
    """Every check runs: no expected failure and no skip."""
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")  # without it scikit-learn skips the check that NumPy input still works
    results = check_estimator(clone(CONFIGURATIONS[name]), on_skip=None, on_fail="raise")
    assert len(results) > 40
    assert {result["status"] for result in results} == {"passed"}


@pytest.fixture
def X() -> np.ndarray:
    latent = np.random.default_rng(0).normal(size=(120, 2))
    return np.hstack([latent, latent @ [[1.0, 2.0], [0.5, -1.0]], latent**2])


@pytest.mark.parametrize("name", CONFIGURATIONS)
class TestWithOthers:
    def test_in_a_pipeline(self, name, X):
        y = X[:, 0] > 0
        pipeline = make_pipeline(clone(CONFIGURATIONS[name]), LogisticRegression()).fit(X, y)
        assert pipeline.predict(X).shape == (120,)

    def test_gives_pandas(self, name, X):
        frame = pd.DataFrame(X, columns=list("abcdef"), index=[f"row {i}" for i in range(120)])
        codes = clone(CONFIGURATIONS[name]).set_output(transform="pandas").fit_transform(frame)
        assert list(codes.columns) == [
            f"{type(CONFIGURATIONS[name]).__name__.lower()}{i}" for i in range(codes.shape[1])
        ]
        assert codes.index.equals(frame.index)


def test_in_a_grid_search(X):
    search = GridSearchCV(
        Autoencoder(max_epochs=2, verbose=0), {"n_components": [1, 3], "hidden": ["taper", "wide"]}, cv=2
    )
    search.fit(X)
    assert set(search.best_params_) == {"n_components", "hidden"}
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_constructors_only_store():
    noise = GaussianNoise(0.5)
    ae = Autoencoder(n_components=-5, hidden="nonsense", corruption=noise)
    assert ae.get_params()["corruption"] is noise
    assert ae.n_components == -5
