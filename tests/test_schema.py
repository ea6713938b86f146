"""What is learned about the data: from the training rows alone, and enough to take raw data back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from latens.data import Source, open_source
from latens.errors import ConfigError, DataError
from latens.schema import SCALINGS, Column, Schema, Table


def learn(values, rows=None, **how) -> Schema:
    source = open_source(values)
    return Schema.learn(source, np.arange(len(source)) if rows is None else np.asarray(rows), **how)


class TestAuto:
    @pytest.mark.parametrize(
        ("values", "scaling"),
        [
            (np.array([[0, 10], [255, 3]], dtype=np.uint8), "range"),
            (np.array([[0.0, 0.5], [1.0, 0.2]]), "unit"),
            (np.array([[0.0, 0.5], [1.5, 0.2]]), "standard"),
            (np.array([[[0.0, 9.0]], [[16.0, 2.0]]]), "range"),
            (np.array([[[0.0, 0.5]], [[1.0, 0.2]]]), "unit"),
        ],
    )
    def test_follows_the_data(self, values, scaling):
        assert learn(values).scaling.name == scaling

    def test_a_frame_in_the_unit_interval_is_standardised_all_the_same(self):
        source = Source(np.array([[0.0, 0.5], [1.0, 0.2]]), table=Table((Column("a", "number"), Column("b", "number"))))
        assert Schema.learn(source, np.arange(2)).scaling.name == "standard"

    def test_images_fill_the_unit_interval(self):
        images = np.random.default_rng(0).integers(3, 200, size=(5, 4, 3), dtype=np.uint8)
        scaled = learn(images).scale_values(images)
        assert (scaled.min(), scaled.max()) == (0.0, 1.0)
        assert learn(images).bounded


class TestStandard:
    def test_has_mean_zero_and_deviation_one(self):
        X = np.random.default_rng(0).normal(5, 3, size=(200, 4)) * [1, 1e3, 1e-3, 1e9]
        scaled = learn(X).scale_values(X)
        assert np.allclose(scaled.mean(axis=0), 0, atol=1e-12)
        assert np.allclose(scaled.std(axis=0), 1)

    def test_constant_columns_become_zero_and_stay_finite(self):
        X = np.array([[7.0, 0.1 + 0.2, 1.0, 0.0], [7.0, 0.3, 2.0, 0.0], [7.0, 0.3, 3.0, 0.0]])
        schema = learn(X)
        assert np.abs(schema.scale_values(X)[:, [0, 1, 3]]).max() < 1e-12
        assert schema.scaling.scale[[0, 1, 3]].tolist() == [1.0, 1.0, 1.0]

    def test_a_small_spread_far_from_zero_is_no_constant(self):
        X = 1e9 + np.random.default_rng(0).normal(size=(100, 1))
        assert learn(X).scale_values(X).std() == pytest.approx(1.0)


class TestLinear:
    def test_center_divides_by_one_number(self):
        X = np.random.default_rng(0).normal(5, 3, size=(200, 4)) * [1, 10, 100, 1000]
        schema = learn(X, scaling="center")
        assert schema.scaling.scale.shape == ()
        assert np.allclose(schema.scale_values(X).mean(axis=0), 0, atol=1e-9)
        assert np.sqrt((schema.scale_values(X) ** 2).mean()) == pytest.approx(1.0)

    def test_center_leaves_the_unit_interval_its_units(self):
        assert learn(np.array([[0.0, 0.5], [1.0, 0.2]]), scaling="center").scaling.scale == 1.0

    def test_magnitude_keeps_zero(self):
        assert not learn(np.array([[1.0, -5.0], [3.0, 2.0]]), scaling="magnitude").scaling.offset.any()


class TestHonesty:
    @pytest.mark.parametrize("scaling", SCALINGS)
    def test_held_out_rows_never_count(self, scaling):
        X = np.random.default_rng(0).uniform(size=(20, 3))
        poisoned = X.copy()
        poisoned[15:] = 1e9
        clean, other = (learn(x, rows=np.arange(15), scaling=scaling) for x in (X, poisoned))
        assert clean.to_json() == other.to_json()
        assert np.array_equal(clean.scaling.offset, other.scaling.offset)
        assert np.array_equal(clean.scaling.scale, other.scaling.scale)

    @given(
        x=arrays(np.float64, st.tuples(st.integers(2, 6), st.integers(1, 4)), elements=st.floats(-1e6, 1e6)),
        scaling=st.sampled_from([s for s in SCALINGS if s != "unit"]),
    )
    def test_scaling_is_undone(self, x, scaling):
        schema = learn(x, scaling=scaling)
        again = schema.unscale_values(schema.scale_values(x))
        assert np.allclose(again, x, rtol=1e-9, atol=1e-6)

    @pytest.mark.parametrize(("dtype", "kept"), [("uint8", "float32"), ("float32", "float32"), ("float64", "float64")])
    def test_float64_stays_and_all_else_is_float32(self, dtype, kept):
        x = np.array([[0, 1], [2, 5]], dtype=dtype)
        for scaling in ("range", "standard", "none"):
            assert learn(x, scaling=scaling).scale_values(x).dtype == kept

    def test_round_trips_through_json(self):
        schema = Schema.learn(Source(np.eye(3), columns=("a", "b", "ü"), labels={"y": np.arange(3)}), np.arange(3))
        again = Schema.from_json(schema.to_json(), **schema.arrays())
        assert again.to_json() == schema.to_json()


class TestRefusals:
    def test_another_shape(self):
        with pytest.raises(DataError, match=r"samples of shape \(3,\) where .* \(2,\); give it tables of 2 columns"):
            learn(np.eye(2)).check(open_source(np.eye(3)))

    def test_an_unknown_scaling(self):
        with pytest.raises(ConfigError, match="scaling='standrad' is not known; did you mean 'standard'"):
            learn(np.eye(2), scaling="standrad")

    def test_unit_for_what_is_not(self):
        with pytest.raises(ConfigError, match='scaling="unit", but array spans 0 to 5; use scaling="range"'):
            learn(np.eye(2) * 5, scaling="unit")


class TestCovering:
    def test_a_range_is_widened_to_what_is_to_be_predicted(self):
        noisy, clean = (open_source(np.array(images, np.uint8).reshape(-1, 1, 1)) for images in ([60, 180], [0, 255]))
        schema = Schema.learn(noisy, np.arange(2)).covering(clean, np.arange(2))
        assert schema.scale_values(clean.values).ravel().tolist() == [0.0, 1.0]
        assert Schema.learn(noisy, np.arange(2)).covering(clean, np.arange(1)).scaling.scale == 180

    def test_stays_where_it_reaches_already(self):
        X = open_source(np.random.default_rng(0).normal(size=(9, 2)))
        for scaling in ("range", "standard"):
            schema = Schema.learn(X, np.arange(9), scaling)
            assert schema.covering(X, np.arange(9)) is schema


class TestScaleValues:
    @pytest.mark.parametrize(("low", "high"), [(0, 255), (3, 200), (254, 255), (0, 1), (7, 7)])
    def test_bytes_in_float32_are_rounded_as_from_float64(self, low, high):
        values = np.arange(low, high + 1, dtype=np.uint8).reshape(-1, 1)
        schema = learn(values, scaling="range")
        wide = (values.astype(np.float64) - schema.scaling.offset) / schema.scaling.scale
        np.testing.assert_array_equal(schema.scale_values(values), wide.astype(np.float32))

    @pytest.mark.parametrize("scaling", SCALINGS)
    @pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
    def test_gives_the_same_in_memory_that_is_given(self, scaling, dtype):
        values = np.random.default_rng(0).integers(0, 2, size=(6, 3)).astype(dtype)
        schema = learn(values, scaling=scaling)
        alone = schema.scale_values(values)
        out = np.full(alone.shape, np.nan, alone.dtype)
        assert schema.scale_values(values, out) is out
        np.testing.assert_array_equal(out, alone)
