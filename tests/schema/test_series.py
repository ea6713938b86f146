from __future__ import annotations

import json

import numpy as np
import pytest

from latens.errors import ConfigError, DataError
from latens.schema import SeriesSchema

VALUES = np.array([[1.0, 5.0], [3.0, 5.0], [5.0, 5.0]])


def learned(**what) -> SeriesSchema:
    return SeriesSchema.learn(VALUES, columns=("a", "b"), step="h", time="date", **what)


class TestUnits:
    def test_there_and_back(self):
        schema = learned()
        assert schema.scale_values(VALUES)[:, 0].std() == pytest.approx(1.0)
        assert np.allclose(schema.unscale(schema.scale_values(VALUES)), VALUES)

    def test_a_constant_column_far_from_zero(self):
        values = np.full((100, 1), 1e9) + 1e-7 * np.random.default_rng(0).normal(size=(100, 1))
        assert SeriesSchema.learn(values).scale.tolist() == [1.0]

    def test_none_leaves_values_alone(self):
        assert learned(scaling="none").scale_values(VALUES).tolist() == VALUES.tolist()

    def test_refuses_what_overflows(self):
        with pytest.raises(DataError, match="too large to compute with; divide them"):
            SeriesSchema.learn(np.array([[1e308], [-1e308]]))


class TestFile:
    @pytest.mark.parametrize("image", [None, (8, 8)])
    def test_round_trip(self, image):
        schema = learned(image=image)
        again = SeriesSchema.from_json(json.loads(json.dumps(schema.to_json())), **schema.arrays())
        assert again.to_json() == schema.to_json()
        assert again.offset.tolist() == schema.offset.tolist()

    @pytest.mark.parametrize(
        ("field", "value", "message"),
        [
            ("kind", "text", "kind='text' is not known"),
            ("scaling", "magic", "scaling='magic' is not known"),
            ("scaling", [], r"scaling=\[\] is not known"),
            ("columns", "ab", "columns are no list"),
            ("columns", ["a"], "1 names for 2 columns"),
            ("columns", ["a", "a"], "or one twice"),
            ("columns", ["a", 7], "columns=b'' is no name"),
            ("columns", ["a", "b" * 2000], "is no name"),
            ("step", 7, "step=7 is no name"),
            ("time", ["x"], "time=.* is no name"),
            ("image", [8], "is no height and width"),
            ("image", [8, True], "is no height and width"),
            ("image", [8, 1 << 40], "is no height and width"),
        ],
    )
    def test_refuses_what_a_hostile_file_says(self, field, value, message):
        schema = learned()
        with pytest.raises(ConfigError, match=message):
            SeriesSchema.from_json(schema.to_json() | {field: value}, **schema.arrays())

    def test_refuses_other_fields(self):
        schema = learned()
        with pytest.raises(ConfigError, match="'more' is missing or not known"):
            SeriesSchema.from_json(schema.to_json() | {"more": 1}, **schema.arrays())

    @pytest.mark.parametrize("scale", [[1.0, 0.0], [1.0, -1.0], [1.0, np.nan]])
    def test_refuses_a_scale_that_cannot_be_divided_by(self, scale):
        with pytest.raises(ConfigError, match="scales above zero"):
            SeriesSchema.from_json(learned().to_json(), np.zeros(2), np.array(scale))


def test_describes_itself():
    assert learned().describe() == "series of 2 columns (a, b), one step is h"
    assert learned(image=(4, 6)).describe() == "images of 6 x 4 pixels (width x height) as series"
    assert SeriesSchema.learn(VALUES).names == ("value0", "value1")
