"""Typed tables go through an estimator and come back as they were."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import latens
from latens.errors import ConfigError, DataError

BERLIN = "Europe/Berlin"


def mixed(n: int = 400, seed: int = 0) -> pd.DataFrame:
    """A table of 21 columns of all kinds that three hidden numbers explain."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 3))
    numbers = z @ rng.normal(size=(3, 8)) + 0.2 * rng.normal(size=(n, 8))
    cut = np.digitize(z, [-0.6, 0.6])
    frame = pd.DataFrame(numbers * 10.0 ** np.arange(8), columns=[f"n{i}" for i in range(8)])
    frame["small"] = numbers[:, 0].astype(np.float32)
    frame["count"] = np.rint(20 + 5 * z[:, 0]).astype(np.int64)
    frame["steps"] = pd.array(np.rint(100 * z[:, 1]).astype(int), dtype="Int64")
    frame["yes"] = z[:, 0] > 0
    frame["maybe"] = pd.array(z[:, 1] > 0.5, dtype="boolean")
    frame["letter"] = np.array(["a", "b", "c"])[cut[:, 0]]
    frame["shade"] = pd.Categorical(np.array(["dark", "grey", "light"])[cut[:, 1]], ordered=True)
    frame["size"] = pd.Series(np.array(["S", "M", "L"])[cut[:, 2]], dtype="string")
    frame["both"] = np.array(["x", "y"])[((z[:, 0] + z[:, 1]) > 0).astype(int)]
    frame["day"] = pd.Timestamp("2024-03-01") + pd.to_timedelta(np.rint(60 * z[:, 2]).astype(int), unit="D")
    frame["zone"] = pd.Timestamp("2024-03-01", tz=BERLIN) + pd.to_timedelta(np.rint(3600 * z[:, 1]), unit="s")
    frame["span"] = pd.to_timedelta(np.rint(60 * z[:, 0]), unit="s")
    frame["same"] = "always"
    return frame


def with_holes(frame: pd.DataFrame, share: float, seed: int = 1) -> tuple[pd.DataFrame, np.ndarray]:
    """The frame with cells missing where its dtypes can say so, and which."""
    nullable = frame.astype({"count": "Int64", "yes": "boolean"})
    hidden = np.random.default_rng(seed).random(frame.shape) < share
    return nullable.mask(pd.DataFrame(hidden, columns=frame.columns)), hidden


def fit(frame: pd.DataFrame, **how) -> latens.Autoencoder:
    return latens.Autoencoder(**{"n_components": 6, "max_epochs": 3, "batch_size": 32, "verbose": 0, **how}).fit(frame)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return with_holes(mixed(), 0.1)[0]


@pytest.fixture(scope="module")
def ae(frame) -> latens.Autoencoder:
    return fit(frame)


class TestRoundTrip:
    def test_names_dtypes_and_order(self, ae, frame):
        again = ae.reconstruct(frame.iloc[5:50])
        assert list(again.columns) == list(frame.columns)
        assert again.dtypes.equals(frame.dtypes)
        assert again.index.equals(frame.index[5:50])
        assert not again.isna().any().any()

    def test_filling_the_holes_keeps_all_else(self, ae, frame):
        filled = frame.fillna(ae.reconstruct(frame))
        assert filled.dtypes.equals(frame.dtypes)
        assert not filled.isna().any().any()
        pd.testing.assert_frame_equal(filled.where(frame.notna()), frame)

    def test_residuals_are_missing_where_cells_are(self, ae, frame):
        residuals = ae.residuals(frame)
        assert residuals.isna().equals(frame.isna())
        assert residuals["day"].dtype.kind == "m"
        assert residuals["letter"].dropna().between(0, 1).all()

    def test_codes_of_rows_do_not_depend_on_their_neighbours(self, ae, frame):
        assert np.array_equal(ae.transform(frame)[7:8], ae.transform(frame.iloc[7:8]))
        assert np.array_equal(ae.reconstruction_error(frame)[7:8], ae.reconstruction_error(frame.iloc[7:8]))

    def test_a_new_process_gives_the_same_bits(self, ae, frame, tmp_path):
        ae.save(tmp_path / "m.latens")
        frame.to_parquet(tmp_path / "x.parquet")
        code = (
            "import sys, latens, numpy as np, pandas as pd; "
            "ae = latens.load('m.latens'); frame = pd.read_parquet('x.parquet'); "
            "np.save('z.npy', ae.transform(frame)); ae.reconstruct(frame).to_parquet('r.parquet')"
        )
        subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
        assert np.array_equal(np.load(tmp_path / "z.npy"), ae.transform(frame))
        again = pd.read_parquet(tmp_path / "r.parquet")
        pd.testing.assert_frame_equal(again, ae.reconstruct(frame), check_dtype=False, check_categorical=False)

    def test_from_a_file_as_from_memory(self, frame, tmp_path):
        frame.to_parquet(tmp_path / "x.parquet")
        file = fit(tmp_path / "x.parquet")
        np.testing.assert_array_equal(file.transform(tmp_path / "x.parquet"), fit(frame).transform(frame))

    def test_times_beyond_what_nanoseconds_hold(self):
        days = np.array(["0001-01-01", "9999-12-31"] * 10, dtype="datetime64[s]")
        spans = np.arange(20).astype("timedelta64[s]") * 10**9
        frame = pd.DataFrame({"day": days, "span": spans, "x": np.arange(20.0)})
        ae = fit(frame, n_components=1, max_epochs=1)
        assert ae.reconstruct(frame).dtypes.equals(frame.dtypes)
        assert [dtype.kind for dtype in ae.residuals(frame).dtypes] == ["m", "m", "f"]

    def test_inverse_transform_is_a_frame(self, ae, frame):
        back = ae.inverse_transform(ae.transform(frame))
        assert back.dtypes.equals(frame.dtypes)
        pd.testing.assert_frame_equal(back, ae.reconstruct(frame).reset_index(drop=True))


class TestLearning:
    def test_labels_and_what_is_left_out_do_not_matter(self, frame):
        other = frame.assign(note=[f"a text of its own {i}" for i in range(len(frame))])
        with pytest.warns(UserWarning, match=r"not learned from: 'note' \(free text\); --types NAME=KIND"):
            ae = fit(other)
        assert np.array_equal(ae.transform(other), fit(frame).transform(frame))
        assert list(ae.reconstruct(other).columns) == list(frame.columns)

    def test_heavy_tails_are_named(self):
        x = np.random.default_rng(0).normal(size=2000)
        x[3] = 500.0
        with pytest.warns(UserWarning, match=r"heavy tails.*: 'x' reaches 4\d standard deviations; take a logarithm"):
            fit(pd.DataFrame({"x": x, "y": np.arange(2000.0)}), n_components=1, validation_fraction=0.0)

    def test_whole_numbers_that_a_double_rounds_are_named(self):
        rng = np.random.default_rng(0)
        large = 10**18 + rng.integers(0, 1000, 200)
        frame = pd.DataFrame({"snowflake": large, "x": rng.normal(size=200), "y": rng.normal(size=200)})
        with pytest.warns(UserWarning, match=r"above 2\^53 are rounded .*: 'snowflake'; of identifiers use") as said:
            ae = fit(frame, n_components=1)
        assert not any("heavy tails" in str(warning.message) for warning in said)
        assert ae.referee_.pca_error < 1  # what rounding leaves of the column does not rule the others

    def test_starts_at_pca(self, frame):
        numbers = frame[[f"n{i}" for i in range(8)]].dropna()
        start = fit(numbers, n_components=3, max_epochs=1, learning_rate=1e-9)
        assert start.referee_.ratio == pytest.approx(1.0, abs=1e-3)
        assert fit(numbers, n_components=3, max_epochs=1, start="random").referee_.ratio > 1.2

    def test_held_out_rows_never_count(self):
        frame = mixed(100)
        poisoned = frame.copy()
        ae = fit(frame)
        _, held_out = latens.data.split(100, 0.1, 0)
        poisoned.loc[held_out, "n0"] = 1e9
        poisoned.loc[held_out, "letter"] = "a"
        again = fit(poisoned)
        assert again.schema_.to_json() == ae.schema_.to_json()
        for name, tensor in ae.network_.network.state_dict().items():
            assert tensor.equal(again.network_.network.state_dict()[name]), name

    def test_imputation_beats_mean_and_mode(self):
        whole = mixed(1500)
        frame, hidden = with_holes(whole, 0.1)
        ae = fit(frame, corruption="masking:0.2", max_epochs=60, learning_rate=3e-3, schedule="one-cycle", hidden=[64])
        filled = frame.fillna(ae.reconstruct(frame))
        varied = [(i, name) for i, name in enumerate(whole) if name != "same"]
        better = {name: _gain(whole[name], filled[name], frame[name], hidden[:, i]) for i, name in varied}
        assert min(better.values()) > 0, better
        assert np.median(list(better.values())) > 0.3, better


def _gain(truth: pd.Series, filled: pd.Series, seen: pd.Series, hidden: np.ndarray) -> float:
    """How much smaller the error on hidden cells is than that of the mean, or of the most frequent value."""
    if truth.dtype.kind in "fiumM" or isinstance(truth.dtype, pd.DatetimeTZDtype) or str(truth.dtype) == "Int64":
        numbers = [column.astype("int64" if column.dtype.kind in "mM" else "float64") for column in (truth, filled)]
        wanted, found = (np.asarray(column, dtype=np.float64) for column in numbers)
        mean = wanted[~hidden].mean()
        return 1 - float(np.abs(found - wanted)[hidden].mean() / np.abs(mean - wanted)[hidden].mean())
    wrong = float((filled.astype(str) != truth.astype(str))[hidden].mean())
    return 1 - wrong / float((truth.astype(str) != str(seen.mode()[0]))[hidden].mean())


class TestNewData:
    def test_a_new_category_is_an_error_by_default(self, ae, frame):
        with pytest.raises(
            DataError,
            match=r"column 'letter', row 3 .* category 'z' was not there .* fit with new_categories=\"other\"",
        ):
            ae.transform(frame.assign(letter=["a", "b", "c", "z"] * 100))

    def test_or_none_of_those_known(self, frame):
        ae = fit(frame, new_categories="other")
        new = frame.iloc[:1].assign(letter="z")
        assert np.isfinite(ae.transform(new)).all()
        assert ae.reconstruct(new)["letter"].iloc[0] in ("a", "b", "c")
        assert ae.reconstruction_error(new) > ae.reconstruction_error(frame.iloc[:1].assign(letter=None))

    @pytest.mark.parametrize(
        ("change", "match"),
        [
            ({"n0": "text"}, r"column 'n0', row 0 .*: 'text' is not a number"),
            ({"day": 1.5}, r"column 'day' holds number cells where the model was fitted on datetime; convert it"),
            ({"n1": pd.Timestamp("2020-01-01")}, r"column 'n1' holds datetime cells where .* fitted on number"),
            ({"zone": pd.Timestamp("2020-01-01")}, r"column 'zone' has no time zone and had one .* tz_localize"),
            ({"day": pd.Timestamp("2020-01-01", tz="UTC")}, r"column 'day' has a time zone and had none"),
        ],
    )
    def test_a_column_of_another_kind(self, ae, frame, change, match):
        with pytest.raises(DataError, match=match):
            ae.transform(frame.assign(**change))

    def test_a_file_without_a_column(self, ae, frame, tmp_path):
        frame.drop(columns="n3").to_parquet(tmp_path / "x.parquet")
        with pytest.raises(DataError, match=r"x.parquet: column 'n3' is missing; it has n0, n1"):
            ae.transform(tmp_path / "x.parquet")

    def test_columns_in_another_order_or_without_those_left_out(self, frame):
        ids = [f"id{i}" for i in range(len(frame))]
        with pytest.warns(UserWarning, match=r"not learned from: 'code' \(identifier\)"):
            ae = fit(frame.assign(code=ids), max_epochs=1)
        np.testing.assert_array_equal(ae.transform(frame[frame.columns[::-1]]), ae.transform(frame.assign(code=ids)))

    def test_names_that_are_no_text_come_back(self):
        rng = np.random.default_rng(0)
        frame = pd.DataFrame({10: rng.normal(size=30), 20: [f"id{i}" for i in range(30)], 30: rng.normal(size=30)})
        with pytest.warns(UserWarning, match=r"not learned from: '20'"):
            ae = fit(frame, n_components=1, max_epochs=1)
        assert list(ae.reconstruct(frame).columns) == list(ae.residuals(frame).columns) == [10, 30]
        assert list(ae.reconstruct(frame.drop(columns=20)).columns) == [10, 30]
        levels = pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")])
        frame = pd.DataFrame(rng.normal(size=(30, 2)), columns=levels)
        assert fit(frame, n_components=1, max_epochs=1).reconstruct(frame).columns.equals(levels)

    @pytest.mark.filterwarnings("ignore:X has feature names")
    def test_what_an_array_does_not_say(self):
        frame = pd.DataFrame(np.random.default_rng(0).normal(size=(30, 3)), columns=list("abc"))
        ae = fit(frame.to_numpy(), n_components=1, max_epochs=1)
        with pytest.raises(DataError, match=r"column 'b' holds category cells where the model was fitted on numbers"):
            ae.transform(frame.assign(b=["x", "y"] * 15))
        with pytest.raises(DataError, match=r"column 'c', row 0 .* is missing where the model was fitted on an array"):
            ae.transform(frame.assign(c=[np.nan, *range(29)]))
        with pytest.raises(
            DataError, match=r"X has 4 features, but Autoencoder is expecting 3 .*; give it tables of 3"
        ):
            ae.transform(np.zeros((2, 4)))

    def test_rare_categories_are_no_new_ones(self):
        """Of 5,000 levels 256 are kept; any part of the same table, whose own frequent levels differ, still fits."""
        frame = pd.DataFrame({"c": np.arange(1500) % 700, "x": np.arange(1500.0)}).astype({"c": str})
        with pytest.warns(UserWarning, match=r"rarer ones read as none of them: 444 of 'c'"):
            ae = fit(frame, max_epochs=1)
        codes = ae.transform(frame)
        np.testing.assert_array_equal(ae.transform(frame.iloc[1200:]), codes[1200:])
        assert set(ae.reconstruct(frame.iloc[:9])["c"]) <= set(ae.schema_.table.types[0].levels)

    def test_categories_in_another_order_or_dtype(self, ae, frame):
        other = frame.assign(shade=frame["shade"].astype(object), letter=frame["letter"].astype("category"))
        assert np.array_equal(ae.transform(other), ae.transform(frame))


class TestRefusals:
    def test_names_of_several_types(self):
        with pytest.raises(DataError, match=r"column names of several types \(int, str\); use X.columns = "):
            fit(pd.DataFrame(np.eye(4), columns=["a", 1, 2, "b"]))

    def test_a_linear_model_takes_numbers_without_holes(self, frame):
        with pytest.raises(DataError, match=r"column 'yes' holds boolean cells, and a linear model takes only numbers"):
            latens.LinearAutoencoder(verbose=0).fit(frame.drop(columns=["count", "steps"]))
        with pytest.raises(DataError, match=r"column 'n[01]', row \d+ .* is missing, and a linear model has no place"):
            latens.LinearAutoencoder(verbose=0).fit(frame[["n0", "n1"]])

    def test_settings_that_do_not_suit(self, frame):
        with pytest.raises(ConfigError, match='scaling="range" has no meaning for categories and dates'):
            fit(frame, scaling="range")
        with pytest.raises(ConfigError, match='output="sigmoid" does not suit the columns of a table'):
            fit(frame, output="sigmoid")
        with pytest.raises(ConfigError, match="new_categories='ignore' is not known; use one of error, other"):
            fit(frame, new_categories="ignore")


# ---- any frame -------------------------------------------------------------------------------------------------------

CELLS = {
    "float64": st.floats(-1e6, 1e6),
    "float32": st.floats(-1e3, 1e3, width=32),
    "int64": st.integers(-(2**53), 2**53),
    "uint8": st.integers(0, 255),
    "Int64": st.none() | st.integers(-1000, 1000),
    "bool": st.booleans(),
    "boolean": st.none() | st.booleans(),
    "str": st.none() | st.sampled_from(["a", "b", "ü", ""]),
    "category": st.none() | st.sampled_from(["u", "v"]),
    "datetime64[ns]": st.datetimes(pd.Timestamp(1900, 1, 1), pd.Timestamp(2100, 1, 1)),
    "datetime64[us, UTC]": st.datetimes(pd.Timestamp(1900, 1, 1), pd.Timestamp(2100, 1, 1)),
    "timedelta64[ns]": st.timedeltas(pd.Timedelta(0), pd.Timedelta(days=1000)),
}


@st.composite
def frames(draw) -> pd.DataFrame:
    n = draw(st.integers(3, 12))
    names = draw(st.lists(st.text("abcé_ 1", min_size=1, max_size=6), min_size=1, max_size=5, unique=True))
    columns = {}
    for name in names:
        dtype = draw(st.sampled_from(sorted(CELLS)))
        cells = draw(st.lists(CELLS[dtype], min_size=n, max_size=n).filter(lambda c: any(v is not None for v in c)))
        columns[name] = pd.Series(cells).astype(dtype) if "UTC" not in dtype else pd.Series(cells).dt.tz_localize("UTC")
    order = draw(st.permutations(range(n)))
    return pd.DataFrame(columns).set_axis([f"row {i}" for i in order])


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(frame=frames())
def test_any_frame_survives(frame):
    ae = latens.Autoencoder(n_components=1, max_epochs=1, verbose=0, validation_fraction=0.0).fit(frame)
    again = ae.reconstruct(frame)
    assert list(again.columns) == list(frame.columns)
    assert again.index.equals(frame.index)
    assert again.dtypes.equals(frame.dtypes)
    assert not again.isna().any().any()
    assert np.isfinite(ae.transform(frame)).all()
    assert np.isfinite(ae.reconstruction_error(frame)).all()
