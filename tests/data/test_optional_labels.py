"""Labels that are carried along where they are there: what a model was fitted with, on data that may lack it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from latens.data import Source, open_source
from latens.errors import ConfigError, DataError

FRAME = pd.DataFrame({"a": [1.0, 2.0], "kind": ["x", "y"], "b": [3.0, 4.0]})


@pytest.fixture(params=["frame", "csv", "parquet", "npz"])
def data(request, tmp_path):
    """The same labelled rows in each form, and the same without their label."""

    def form(frame: pd.DataFrame, name: str):
        path = tmp_path / f"{name}.{request.param}"
        if request.param == "csv":
            frame.to_csv(path, index=False)
        elif request.param == "parquet":
            frame.to_parquet(path)
        elif request.param == "npz":
            labels = {"kind": frame["kind"].to_numpy().astype(str)} if "kind" in frame else {}
            np.savez(path, X=frame[["a", "b"]].to_numpy(), **labels)
        else:
            return frame
        return path

    return form(FRAME, "labelled"), form(FRAME.drop(columns="kind"), "plain")


def test_are_carried_where_they_are(data):
    labelled, plain = (open_source(x, optional_labels=["kind"]) for x in data)
    assert labelled.label().tolist() == ["x", "y"]
    assert plain.labels == {}
    assert np.array_equal(labelled.values, plain.values)


def test_beside_labels_that_must_be_there(data):
    with pytest.raises(DataError, match="'other'"):
        open_source(data[0], labels="other", optional_labels=["kind"])


def test_of_a_source():
    source = Source(np.ones((2, 1)), labels={"kind": np.array(["x", "y"])})
    assert list(open_source(source, optional_labels=["kind", "none"]).labels) == ["kind"]


def test_go_with_names_only():
    with pytest.raises(ConfigError, match="goes with names in labels"):
        open_source([[1.0], [2.0]], labels=np.array([1, 2]), optional_labels=["kind"])
