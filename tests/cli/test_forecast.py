from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import latens
from latens.analysis import forecast_of
from latens.errors import ConfigError
from latens.plots import plot_forecast

T = np.arange(120)


@pytest.fixture
def load(tmp_path: Path) -> Path:
    times = pd.date_range("2020-01-01", periods=120, freq="h")
    frame = pd.DataFrame({"date": times, "load": 5 + np.sin(T * np.pi / 12), "price": np.cos(T * np.pi / 12)})
    frame.to_csv(tmp_path / "load.csv", index=False)
    return tmp_path / "load.csv"


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    frame = pd.DataFrame({"load": 5 + np.sin(T * np.pi / 12), "price": np.cos(T * np.pi / 12)})
    frame.insert(0, "date", pd.date_range("2020-01-01", periods=120, freq="h"))
    path = tmp_path_factory.mktemp("models") / "load.latens"
    latens.SeriesAutoregressor(hidden_size=8, n_layers=1, max_epochs=1, verbose=0).fit(frame).save(path)
    return path


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_writes_a_row_for_each_step(run, load, saved, tmp_path, name):
    outcome = run("forecast", saved, load, "--horizon", 5, "--paths", 4, "-o", tmp_path / name, "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.json["columns"] == ["load", "price"]
    table = pd.read_csv(tmp_path / name) if name.endswith("csv") else pd.read_parquet(tmp_path / name)
    assert len(table) == 5
    assert list(table.columns)[:3] == ["date", "load", "load 0.1"]
    assert str(table["date"][0]) == "2020-01-06 00:00:00"


def test_one_column_and_a_picture(run, load, saved, tmp_path):
    words = ("--horizon", 5, "--target", "price", "--quantiles", "0.2,0.8", "--plot", tmp_path / "out.png")
    outcome = run("forecast", saved, load, "-o", tmp_path / "out.csv", *words)
    assert outcome.code == 0, outcome.err
    assert list(pd.read_csv(tmp_path / "out.csv").columns) == ["date", "price", "price 0.2", "price 0.8"]
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("offset", "written"), [("+02:00", "+02:00"), ("Z", "+00:00")])
def test_times_are_written_with_their_offset(run, load, saved, tmp_path, offset, written):
    load.write_text(load.read_text().replace(":00:00,", f":00:00{offset},"))
    plot = tmp_path / "out.png"
    outcome = run("forecast", saved, load, "-o", tmp_path / "out.csv", "--horizon", 2, "--paths", 2, "--plot", plot)
    assert outcome.code == 0, outcome.err
    assert pd.read_csv(tmp_path / "out.csv")["date"][0] == f"2020-01-06 00:00:00{written}"


@pytest.mark.parametrize("names", [[7, 3], [7]])
def test_series_and_times_are_called_as_in_the_source(run, tmp_path, names):
    days = pd.date_range("2020-01-01", periods=60, freq="D")
    frame = pd.concat([pd.DataFrame({"day": days, "shop": name, "sales": np.sin(T[:60])}) for name in names])
    frame.to_csv(tmp_path / "shops.csv", index=False)
    model = latens.SeriesAutoregressor(hidden_size=4, n_layers=1, max_epochs=1, verbose=0)
    source = latens.open_source(frame, kind="series", sequence="shop")
    model.fit(source).save(tmp_path / "m.latens")
    words = ("--horizon", 2, "--paths", 0, "-o", tmp_path / "out.csv")
    outcome = run("forecast", tmp_path / "m.latens", tmp_path / "shops.csv", *words)
    assert outcome.code == 0, outcome.err
    table = pd.read_csv(tmp_path / "out.csv")
    assert list(table.columns) == ["shop", "day", "sales"]
    assert table["shop"].tolist() == np.repeat(names, 2).tolist()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--horizon", 0), "horizon=0 is out of range"),
        (("--horizon", 3, "--target", "x"), "target='x' is no column of the model; use one of load, price"),
        (("--horizon", 3, "--paths", -1), "n_paths=-1 is out of range"),
        (("--horizon", 3, "--quantiles", "2"), "quantiles=2.0 is out of range"),
        (("--horizon", 3, "--quantiles", "0.1,0.1"), "quantiles: 0.1 is there twice; give each level once"),
    ],
)
def test_refuses(run, load, saved, tmp_path, words, message):
    outcome = run("forecast", saved, load, "-o", tmp_path / "out.csv", *words)
    assert outcome.code == 1
    assert message in outcome.err
    assert not (tmp_path / "out.csv").exists()


def test_a_single_quantile_is_a_list_of_one(run, load, saved, tmp_path):
    outcome = run("forecast", saved, load, "-o", tmp_path / "out.csv", "--horizon", 2, "--quantiles", "0.25")
    assert outcome.code == 0, outcome.err
    assert "load 0.25" in pd.read_csv(tmp_path / "out.csv").columns


def test_refuses_another_kind_of_model(run, load, digits, tmp_path):
    outcome = run("forecast", digits, load, "--horizon", 3, "-o", tmp_path / "out.csv")
    assert outcome.code == 1
    assert "makes no forecasts; use a model of kind series" in outcome.err


def test_a_picture_names_what_it_shows():
    forecast = forecast_of(np.random.default_rng(0).normal(size=(9, 5, 2)), (0.1, 0.5, 0.9), columns=("a", "b"))
    figure = plot_forecast(forecast, np.zeros((50, 2)))
    assert [axes.get_ylabel() for axes in figure.axes] == ["a", "b"]
    assert figure.axes[1].get_xlabel() == "steps from the last known one"
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["history", "10 to 90 %", "median"]
    with pytest.raises(ConfigError, match="history has 1 columns for a forecast of 2"):
        plot_forecast(forecast, np.zeros((50, 1)))


def test_what_fit_says_comes_next_works_as_it_stands(run, load, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fitted = run("fit", load, "--kind", "series", "-o", "m.latens", "--set", "max_epochs=1", "--set", "hidden_size=8")
    following = fitted.out.split("next: latens ")[1].split()
    assert run(*following).code == 0
    assert len(pd.read_csv("forecast.csv")) == 96


def test_another_verb_names_forecast_among_what_the_model_can_do(run, saved, load):
    outcome = run("score", saved, load)
    assert outcome.code == 1
    assert "use it with embed, map, forecast" in outcome.err
