"""The promises about quality that take minutes to keep."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from latens.analysis import principal_components
from latens.reproduce import run

pytestmark = pytest.mark.slow

SCRIPTS = Path(__file__).parents[2] / "benchmarks" / "quality"


def benchmark(name: str):
    spec = importlib.util.spec_from_file_location(f"{name}_benchmark", SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pca(data_folder):
    return benchmark("pca")


@pytest.fixture(scope="module")
def documents(data_folder):
    return benchmark("documents")


@pytest.fixture(scope="module")
def etth1(data_folder):
    return benchmark("etth1")


@pytest.fixture(scope="module")
def tables(data_folder):
    return benchmark("tables")


@pytest.fixture(scope="module")
def mnist(pca):
    return pca.images("train"), pca.images("test")


@pytest.mark.parametrize(("n", "published"), [(2, 0.05567), (32, 0.01683)])
class TestLinearIsPCA:
    def test_by_gradient(self, pca, mnist, n, published):
        train, test = mnist
        exact = principal_components(train, n)
        assert exact.errors(test).mean() == pytest.approx(published, abs=1e-5)
        found = pca.compare(exact, train, test, "gradient", seed=0)
        assert found.error < 1.005 * published
        assert found.angle < 4

    def test_exactly(self, pca, mnist, n, published):
        train, test = mnist
        found = pca.compare(principal_components(train, n), train, test, "exact", seed=0)
        assert abs(found.excess) < 1e-6


@pytest.mark.parametrize("row", ["S2", "S3", "S4"])
def test_published_experiments_in_full(row, data_folder, tmp_path):
    """One seed; `latens reproduce` runs three."""
    for line in run([row], seeds=[0], folder=tmp_path):
        assert line["verdict"].endswith("met"), line


def test_every_row_in_its_quick_form(data_folder, tmp_path):
    lines = run(quick=True, seeds=[0], folder=tmp_path)
    assert {"S2", "S3", "S4", "S5", "S6", "S7", "S13", "S14", "S15", "S16", "S17", "S21"} <= {
        line["row"] for line in lines
    }
    assert (tmp_path / "index.html").stat().st_size > 100_000


def test_one_recipe_beats_pca_on_tables(data_folder, tables):
    """One seed; the script runs three."""
    won = [path.stem for path in tables.files() if tables.compare(path, seeds=(0,)).won]
    assert len(won) >= 12, won


def test_pages_are_cleaned_of_which_nothing_was_seen(documents):
    """A short fit; the script's own takes minutes and gets closer."""
    pages = documents.read()
    train, others = documents.by_page(pages)
    assert (len(train.noisy), len(others.noisy)) == (36, 18)
    assert not {page.tobytes() for page in train.clean.values} & {page.tobytes() for page in others.clean.values}
    before = documents.page_errors(list(others.noisy.values), others.clean)
    outcome = documents.measure("pairs", 0, pages, max_epochs=4)
    assert outcome.error < 0.035 < 0.5 * sum(before) / len(before)
    assert all(after < 0.5 * earlier for after, earlier in zip(outcome.errors, before, strict=True))


def test_search_finds_what_is_there(data_folder):
    found = benchmark("search").measure()
    exact, rough = found["exact index"], found["approximate index"]
    assert exact["recall"] == 1.0
    assert rough["recall"] >= 0.95
    assert exact["milliseconds"] < 20 > rough["milliseconds"]
    assert found["pixels in memory"]["milliseconds"] > found["codes in memory"]["milliseconds"]


@pytest.mark.parametrize("target", ["univariate", "multivariate"])
def test_forecasts_beat_the_plain_ones(etth1, target):
    """One seed; the script runs three."""
    series = etth1.columns(target)
    model = etth1.fit(series, seed=0)
    for horizon, (published, _) in zip(etth1.HORIZONS, etth1.PUBLISHED[target], strict=True):
        found = etth1.ours(model, series, "test", horizon).mse
        plain = etth1.plain(series, "test", horizon)
        assert found < min(plain["last value"].mse, plain["seasonal naive"].mse)
        assert found < 1.05 * published


@pytest.mark.parametrize("name", ["2_annthyroid", "MNIST"])
def test_false_alarms_are_those_that_were_asked_for(data_folder, name):
    """One seed, of MNIST a part; the script runs three on all."""
    alarms = benchmark("false_alarms")
    material = alarms.SETS[name](0)
    material = replace(material, learned=material.learned[:12_000], fresh=material.fresh[:3000])
    for count in alarms.counts(material, seed=0):
        assert count.kept, count
