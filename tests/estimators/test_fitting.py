"""What becomes of a fit that fails, that goes on, or that is one of many."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from latens import (
    Autoencoder,
    ConvAutoencoder,
    EventAutoregressor,
    LinearAutoencoder,
    SeriesAutoregressor,
    TextAutoregressor,
    load,
    sweep,
)
from latens.analysis import Size, Sweep, idle_units
from latens.errors import ConfigError, DataError, DivergedError
from latens.plots import plot_sweep


@pytest.fixture
def X() -> np.ndarray:
    random = np.random.default_rng(0)
    return (random.normal(size=(257, 3)) @ random.normal(size=(3, 8)) + random.normal(size=(257, 8)) * 0.1).astype("f4")


def fitted(X, **how) -> Autoencoder:
    return Autoencoder(**{"n_components": 3, "max_epochs": 3, "verbose": 0, **how}).fit(X)


class TestAfterAFailure:
    def test_a_failed_refit_leaves_nothing_that_answers(self, X):
        ae = fitted(X)
        with pytest.raises(ConfigError, match=r"learning_rate=-1\.0 would not learn"):
            ae.set_params(learning_rate=-1.0).fit(X * 1000)
        with pytest.raises(NotFittedError, match="is not fitted yet"):
            ae.transform(X)

    def test_names_of_an_earlier_fit_are_forgotten(self, X):
        ae = fitted(pd.DataFrame(X).add_prefix("x"))
        assert not hasattr(ae.fit(X), "feature_names_in_")

    def test_divergence_in_the_last_step_is_noticed(self, X):
        for fraction in (0.0, 0.2):
            with pytest.raises(DivergedError, match=r"not finite .* use a smaller learning_rate"):
                fitted(X, max_epochs=1, learning_rate=1e30, validation_fraction=fraction)


WAVE = np.sin(np.arange(60.0))
SWITCHES = [
    *((LinearAutoencoder(2), name) for name in ("early_stopping", "center")),
    *((Autoencoder(2), name) for name in ("early_stopping", "tied", "batch_norm")),
    *((ConvAutoencoder(), name) for name in ("early_stopping", "batch_norm")),
    *((TextAutoregressor(), name) for name in ("early_stopping", "carry_state", "lower")),
    *((EventAutoregressor(), name) for name in ("early_stopping", "carry_state")),
    *((SeriesAutoregressor(), name) for name in ("early_stopping", "carry_state")),
]


class TestSwitches:
    @pytest.mark.parametrize(("estimator", "name"), SWITCHES)
    @pytest.mark.parametrize("value", ["no", 1, None])
    def test_are_true_or_false(self, X, estimator, name, value):
        data = {"TextAutoregressor": ["some text"] * 9, "EventAutoregressor": [["a", "b"]] * 9}
        given = data.get(type(estimator).__name__, WAVE if isinstance(estimator, SeriesAutoregressor) else X)
        message = f"{name}={value!r} is neither true nor false; use {name}=True or {name}=False"
        with pytest.raises(ConfigError, match=message):
            clone(estimator).set_params(**{name: value}).fit(given)

    def test_may_be_of_numpy(self, X, tmp_path):
        no, yes = np.bool_(False), np.bool_(True)
        LinearAutoencoder(2, center=no, early_stopping=yes, max_epochs=1, verbose=0).fit(X).save(tmp_path / "l.latens")
        fitted(X, tied=yes, batch_norm=no, max_epochs=1).save(tmp_path / "d.latens")
        text = TextAutoregressor(hidden_size=4, max_epochs=1, carry_state=yes, lower=no, early_stopping=yes, verbose=0)
        text.fit(["Some text", "more of it"] * 9).save(tmp_path / "t.latens")
        assert load(tmp_path / "t.latens").lower is False


class TestPairs:
    def test_a_target_is_put_into_the_order_of_x(self, X):
        frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])])
        straight = Autoencoder(2, max_epochs=1, verbose=0).fit(frame, target=frame)
        crossed = Autoencoder(2, max_epochs=1, verbose=0).fit(frame, target=frame[frame.columns[::-1]])
        assert straight.history_["train_loss"] == crossed.history_["train_loss"]

    def test_a_target_with_other_columns_is_refused(self, X):
        frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])])
        with pytest.raises(DataError, match="column 'x0' is missing"):
            Autoencoder(2, max_epochs=1, verbose=0).fit(frame, target=frame.rename(columns={"x0": "z"}))


class TestNumbersOfNumpy:
    def test_settings_may_be_of_numpy(self, X, tmp_path):
        ae = fitted(X, learning_rate=np.float32(1e-3), dropout=np.float32(0.1), max_epochs=np.int64(2))
        ae.save(tmp_path / "m.latens")
        assert load(tmp_path / "m.latens").history_ == ae.history_


@pytest.mark.parametrize(
    ("how", "match"),
    [
        ({"rows": []}, r"rows=\[\] are not among the data's \d+ rows"),
        ({"rows": [10**20]}, r"are not among the data's \d+ rows"),
        ({"count": 0}, "count=0 is out of range"),
    ],
)
def test_pairs_of_no_rows(X, how, match):
    with pytest.raises(ConfigError, match=match):
        fitted(X).plot_pairs(X, **how)


def test_a_class_of_the_users_own_is_not_saved(X, tmp_path):
    class Mine(Autoencoder):
        pass

    with pytest.raises(ConfigError, match="Mine is a class of your own, which no file can rebuild; save its base"):
        Mine(2, max_epochs=1, verbose=0).fit(X).save(tmp_path / "m.latens")


def test_early_stopping_without_held_out_rows():
    with pytest.raises(ConfigError, match=r"early_stopping=True needs held-out rows, .* of 2 leaves none"):
        Autoencoder(1, early_stopping=True, verbose=0).fit(np.eye(2))


def test_a_network_that_no_machine_holds(X):
    with pytest.raises(ConfigError, match=r"a network of [\d,]+ parameters does not fit into memory"):
        fitted(X, hidden=[10**12])


def test_values_too_large_to_compute_with():
    X = np.random.default_rng(0).normal(size=(20, 3)) * 1e200
    with pytest.raises(DataError, match=r"values from .* are too large to compute with; divide them"):
        Autoencoder(1, verbose=0).fit(X)


class TestContinuing:
    def test_starts_at_the_weights_and_keeps_the_scaling(self, X):
        ae = fitted(X, batch_norm=False)
        before, offset = ae.transform(X), ae.schema_.scaling.offset
        ae.set_params(learning_rate=1e-12, weight_decay=0.0, max_epochs=1).continue_fit(X[:200] + 1)
        assert np.array_equal(ae.schema_.scaling.offset, offset)
        np.testing.assert_allclose(ae.transform(X), before, atol=1e-6)

    def test_learns_on(self, X):
        ae = fitted(X, max_epochs=10)
        last = ae.history_["train_loss"][-1]
        assert ae.continue_fit(X).history_["train_loss"][-1] < last

    def test_after_loading_is_the_same(self, X, tmp_path):
        ae = fitted(X)
        ae.save(tmp_path / "m.latens")
        again = load(tmp_path / "m.latens").continue_fit(X)
        assert np.array_equal(again.transform(X), ae.continue_fit(X).transform(X))

    def test_what_is_refused_leaves_the_model_as_it_was(self, X):
        ae = fitted(X)
        before = ae.transform(X)
        with pytest.raises(ValueError, match="X has 5 features, but Autoencoder is expecting 8 features as input"):
            ae.continue_fit(X[:, :5])
        with pytest.raises(ConfigError, match=r"encoder=\[8, 5, 3\] describes another network than .*; fit anew"):
            ae.set_params(hidden=[5]).continue_fit(X)
        assert np.array_equal(ae.transform(X), before)

    def test_an_unfitted_model_has_nothing_to_go_on_from(self, X):
        with pytest.raises(NotFittedError, match="is not fitted yet"):
            Autoencoder().continue_fit(X)
        with pytest.raises(ConfigError, match='solver="exact" has no weights to start from'):
            LinearAutoencoder(2, solver="exact").fit(X).continue_fit(X)

    def test_a_tables_new_category_is_refused(self):
        frame = pd.DataFrame({"a": np.arange(40.0), "b": ["x", "y"] * 20})
        ae = fitted(frame, n_components=1)
        with pytest.raises(DataError, match="category 'z' was not there"):
            ae.continue_fit(frame.assign(b=["x", "z"] * 20))


class TestSweep:
    def test_is_a_fit_of_each_size(self, X):
        told: list[str] = []
        found = sweep(Autoencoder(max_epochs=2, verbose=0), X, [4, 2, 4], report=told.append)
        assert [size.n_components for size in found.sizes] == [2, 4]
        alone = fitted(X, n_components=2, max_epochs=2).referee_
        assert (found.sizes[0].error, found.sizes[0].pca_error) == (alone.model_error, alone.pca_error)
        assert told[0].startswith("n = 2: error ")

    def test_needs_sizes_that_are_possible(self, X):
        with pytest.raises(ConfigError, match="leaves nothing to try; give some sizes"):
            sweep(Autoencoder(), X, [])
        with pytest.raises(ConfigError, match="n_components=9 exceeds the 8 input features"):
            sweep(Autoencoder(verbose=0), X, [9])

    def test_refuses_a_size_before_it_fits_another(self, X):
        told: list[str] = []
        with pytest.raises(ConfigError, match="n_components=9 exceeds the 8 input features"):
            sweep(Autoencoder(max_epochs=1, verbose=0), X, [2, 9], report=told.append)
        assert told == []

    def test_names_units_that_do_no_work(self):
        codes = np.random.default_rng(0).normal(size=(100, 4))
        codes[:, 1] = 0.5
        codes[:, 3] = 2 - 3 * codes[:, 0]
        assert idle_units(codes) == ((1,), (3,))
        assert idle_units(np.zeros((5, 2))) == ((0, 1), ())

    @pytest.mark.parametrize(
        ("errors", "verdict"),
        [
            ([1.0, 0.5, 0.49], "n = 4: the next larger code gains less than 10 % of its error"),
            ([1.0, 0.5, 0.2], "the error still falls at n = 8; try larger codes"),
        ],
    )
    def test_says_where_more_is_not_worth_it(self, errors, verdict):
        sizes = zip([2, 4, 8], errors, strict=True)
        assert Sweep(tuple(Size(n, error, 1.0, (), (), 0.1) for n, error in sizes)).verdict == verdict

    def test_is_drawn_beside_pca(self):
        found = Sweep((Size(2, 0.5, 0.6, (0,), (), 1.0), Size(8, 0.2, float("nan"), (), (), 1.0)))
        (axes,) = plot_sweep(found).axes
        assert [text.get_text() for text in axes.get_legend().get_texts()] == ["exact PCA", "this model"]
        assert [text.get_text() for text in axes.texts] == ["1 dead, 0 collapsed"]
