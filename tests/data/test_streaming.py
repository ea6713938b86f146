"""Data on disk is learned from as if it were in memory: the same batches, and the same weights to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from latens import Autoencoder, GaussianNoise, LinearAutoencoder, Swap
from latens.callbacks import Callback, Checkpoints
from latens.data import open_source
from latens.data.batches import ResidentRows, marks_of, resident
from latens.data.splits import split_rows
from latens.data.streaming import Streamed, StreamedRows
from latens.errors import DataError, Interrupted, ModelFileError
from latens.schema import Schema

N, D = 1003, 6


@pytest.fixture(autouse=True)
def small_windows(monkeypatch):
    """Windows of 224 rows and groups of 50: five windows, of which each has parts of groups."""
    monkeypatch.setattr("latens.data.orders._WINDOW", 224 * (4 * D + 32))
    monkeypatch.setattr("latens.data.orders._GROUP", 50 * 4 * D)
    monkeypatch.setattr("latens.data.stored._STEP", 37 * 4 * D)


@pytest.fixture
def X() -> np.ndarray:
    random = np.random.default_rng(0)
    return (random.normal(size=(N, 3)) @ random.normal(size=(3, D)) + 5 + random.normal(size=(N, D)) * 0.1).astype("f4")


@pytest.fixture
def path(X, tmp_path):
    np.save(tmp_path / "x.npy", X)
    return tmp_path / "x.npy"


def both(path, **how):
    """The file in memory and on disk."""
    sources = [open_source(path, stream=stream, **how) for stream in (False, True)]
    assert [source.streamed for source in sources] == [False, True]
    return sources


def rows_of(source, batch_size=32):
    """What a fit would visit."""
    learned, _ = split_rows(len(source), 0.1, seed=3)
    schema = Schema.learn(source, learned)
    if source.streamed:
        data = Streamed(source, source, schema, torch.device("cpu"), source.groups)
        return StreamedRows(data, learned, batch_size, 3)
    x = resident(source, schema, torch.device("cpu"))
    marks = lambda: marks_of(source, source, schema)  # noqa: E731
    return ResidentRows(x, x, torch.from_numpy(learned), batch_size, 3, source.groups, marks)


def same(a, b) -> bool:
    return torch.equal(a.x, b.x) and torch.equal(a.random.index, b.random.index)


class TestRows:
    @pytest.mark.parametrize("batch_size", [32, 7, 300, 901])
    @pytest.mark.parametrize("epoch", [0, 3])
    def test_batches_are_those_in_memory(self, path, batch_size, epoch):
        held, streamed = (rows_of(source, batch_size) for source in both(path))
        assert (len(held), held.steps) == (len(streamed), streamed.steps)
        pairs = list(zip(held.batches(epoch), streamed.batches(epoch), strict=True))
        assert all(same(a, b) for a, b in pairs)
        numbers = torch.cat([b.random.index for _, b in pairs])
        assert sorted(numbers.tolist()) == split_rows(N, 0.1, seed=3)[0].tolist()

    @pytest.mark.parametrize("start", [0, 1, 6, 7, 14, 28])
    def test_going_on_within_an_epoch_reads_no_window_before(self, path, start, monkeypatch):
        held, streamed = (rows_of(source) for source in both(path))
        read, window = [], StreamedRows._window
        monkeypatch.setattr(
            StreamedRows,
            "_window",
            lambda self, order, number, check: (read.append(number), window(self, order, number, check))[1],
        )
        assert all(same(a, b) for a, b in zip(held.batches(1, start), streamed.batches(1, start), strict=True))
        assert read == list(range(start * 32 // 224, 5))

    def test_evaluation_is_in_order(self, path):
        held, streamed = (rows_of(source) for source in both(path))
        assert all(same(a, b) for a, b in zip(held.in_order(), streamed.in_order(), strict=True))

    def test_rows_lend_each_other_the_same_values(self, path):
        held, streamed = (rows_of(source) for source in both(path))
        for a, b in zip(held.batches(2), streamed.batches(2), strict=True):
            assert torch.equal(a.random.others(a.x.shape), b.random.others(b.x.shape))

    def test_identity_is_that_in_memory(self, path, X, tmp_path):
        held, streamed = (rows_of(source).identity() for source in both(path))
        assert held == streamed
        X[17, 2] += 1e-3
        np.save(tmp_path / "other.npy", X)
        assert rows_of(open_source(tmp_path / "other.npy", stream=True)).identity()["data"] != held["data"]

    def test_leaving_early_leaves_no_thread(self, path):
        import threading

        batches = rows_of(both(path)[1]).batches(0)
        next(batches)
        batches.close()
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("latens-ahead")]


def weights(estimator) -> list[torch.Tensor]:
    return list(estimator.network_.network.state_dict().values())


FITS = {
    "deep": lambda: Autoencoder(2, max_epochs=2, verbose=0),
    "denoising": lambda: Autoencoder(2, corruption=GaussianNoise(0.5), max_epochs=2, verbose=0),
    "swap": lambda: Autoencoder(2, corruption=Swap(0.3), max_epochs=2, verbose=0),
    "pca": lambda: Autoencoder(2, start="pca", max_epochs=2, verbose=0),
    "all rows": lambda: Autoencoder(2, validation_fraction=0.0, max_epochs=2, verbose=0),
    "linear": lambda: LinearAutoencoder(2, max_epochs=2, verbose=0),
    "exact": lambda: LinearAutoencoder(2, solver="exact", verbose=0),
}


class TestFit:
    @pytest.mark.parametrize("name", FITS)
    def test_ends_with_the_same_bits(self, path, name):
        held, streamed = (FITS[name]().fit(source) for source in both(path))
        assert all(torch.equal(a, b) for a, b in zip(weights(held), weights(streamed), strict=True))
        losses = [{k: v for k, v in fit.history_.columns.items() if k != "seconds"} for fit in (held, streamed)]
        assert losses[0] == losses[1]
        assert held.referee_ == streamed.referee_

    def test_pairs(self, path, X, tmp_path):
        np.save(tmp_path / "clean.npy", X - 0.2)
        clean = both(tmp_path / "clean.npy")
        fits = [FITS["deep"]().fit(x, target=y) for x, y in zip(both(path), clean, strict=True)]
        mixed = FITS["deep"]().fit(both(path)[0], target=clean[1])
        for other in (fits[1], mixed):
            assert all(torch.equal(a, b) for a, b in zip(weights(fits[0]), weights(other), strict=True))

    def test_answers_are_those_in_memory(self, path):
        held, streamed = both(path)
        ae = FITS["deep"]().fit(held)
        for answer in (ae.transform, ae.reconstruct, ae.residuals, ae.reconstruction_error, ae.score_samples):
            np.testing.assert_array_equal(answer(held), answer(streamed))

    def test_nan_is_named_by_row_and_column(self, path, X, tmp_path):
        X[777, 4] = np.nan
        np.save(tmp_path / "x.npy", X)
        source = open_source(tmp_path / "x.npy", stream=True)
        with pytest.raises(DataError, match=r"x.npy: row 777, column 4 \(counted from 0\) is NaN; drop such rows"):
            FITS["deep"]().fit(source)

    def test_a_file_that_shrinks(self, path):
        source = open_source(path, stream=True)
        path.write_bytes(path.read_bytes()[:-100])
        with pytest.raises(DataError, match=r"x.npy: ends before row 1003 of 1003; write it again"):
            FITS["deep"]().fit(source)

    def test_bytes_and_wide_integers(self, tmp_path):
        for dtype in ("u1", "i8", ">f8"):
            np.save(tmp_path / "x.npy", np.random.default_rng(0).integers(0, 255, (300, D)).astype(dtype))
            held, streamed = (FITS["deep"]().fit(source) for source in both(tmp_path / "x.npy"))
            assert all(torch.equal(a, b) for a, b in zip(weights(held), weights(streamed), strict=True))

    def test_columns_first_cannot_be_streamed(self, X, tmp_path, monkeypatch):
        np.save(tmp_path / "x.npy", np.asfortranarray(X))
        with pytest.raises(DataError, match=r"x.npy: is stored column by column.*np.ascontiguousarray"):
            open_source(tmp_path / "x.npy", stream=True)
        monkeypatch.setattr("latens.data.stored._LARGE", 100)
        assert not open_source(tmp_path / "x.npy").streamed


class Interruption(Callback):
    """Ends a fit after a step, with a checkpoint of it."""

    def __init__(self, folder, step: int) -> None:
        self.checkpoints, self.step = Checkpoints(folder), step

    def step_end(self, state) -> None:
        if state.step == self.step:
            self.checkpoints.save(state)
            raise Interrupted("enough", signal=2)


class TestResume:
    @pytest.mark.parametrize("step", [3, 7, 28, 35])
    def test_goes_on_wherever_the_data_are(self, path, tmp_path, step):
        """A fit in memory is interrupted and goes on from disk, and the other way round."""
        whole = FITS["swap"]().set_params(batch_size=32).fit(both(path)[0])
        for number, (before, after) in enumerate([both(path), both(path)[::-1]]):
            folder = tmp_path / f"run-{number}"
            with pytest.raises(Interrupted, match="enough"):
                FITS["swap"]().set_params(batch_size=32).fit(before, callbacks=[Interruption(folder, step)])
            ended = FITS["swap"]().set_params(batch_size=32).fit(after, run_folder=folder, resume=True)
            assert ended.resumed_from_step_ == step
            assert all(torch.equal(a, b) for a, b in zip(weights(whole), weights(ended), strict=True))

    def test_not_with_other_data(self, path, X, tmp_path):
        with pytest.raises(Interrupted, match="enough"):
            FITS["deep"]().fit(both(path)[1], callbacks=[Interruption(tmp_path / "run", 3)])
        X[5, 5] += 1
        np.save(path, X)
        with pytest.raises(ModelFileError, match=r"the checkpoint is of another fit \(other "):
            FITS["deep"]().fit(both(path)[1], run_folder=tmp_path / "run", resume=True)
