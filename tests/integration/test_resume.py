"""A fit that was interrupted ends with the same bits as one that was not."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest

from latens import Autoencoder
from latens.callbacks import Callback, Checkpoints, SignalGuard
from latens.errors import DivergedError, Interrupted, ModelFileError
from latens.runs import newest


class StopAt(Callback):
    """An exception in the middle of a fit."""

    def __init__(self, step: int) -> None:
        self.step = step

    def step_end(self, state) -> None:
        if state.step == self.step:
            raise RuntimeError("stopped")


@pytest.fixture
def X() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(100, 6)).astype(np.float32)


def stopped_fit(X, folder, **settings) -> None:
    watching = [Checkpoints(folder, every_steps=2), StopAt(7)]
    with pytest.raises(RuntimeError, match="stopped"):
        Autoencoder(**{"batch_size": 16, "verbose": 0, **settings}).fit(X, callbacks=watching, run_folder=folder)


class TestResume:
    def test_says_the_step_it_went_on_from(self, X, tmp_path):
        stopped_fit(X, tmp_path)
        ae = Autoencoder(batch_size=16, verbose=0).fit(X, run_folder=tmp_path, resume=True)
        assert ae.resumed_from_step_ == 6
        assert np.array_equal(ae.transform(X), Autoencoder(batch_size=16, verbose=0).fit(X).transform(X))

    def test_starts_when_there_is_nothing(self, X, tmp_path):
        ae = Autoencoder(batch_size=16, verbose=0).fit(X, run_folder=tmp_path / "none", resume=True)
        assert ae.resumed_from_step_ is None

    def test_skips_a_damaged_checkpoint_for_an_older_one(self, X, tmp_path):
        stopped_fit(X, tmp_path)
        last = max(tmp_path.glob("step-*"))
        last.write_bytes(last.read_bytes()[:-5])
        with pytest.warns(RuntimeWarning, match="skipped a checkpoint: .*step-000000006.* damaged or truncated"):
            ae = Autoencoder(batch_size=16, verbose=0).fit(X, run_folder=tmp_path, resume=True)
        assert ae.resumed_from_step_ == 4

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"learning_rate": 0.1}, r"learning_rate=0\.001, now 0\.1"),
            ({"batch_size": 32}, "batch_size=16, now 32"),
            ({"random_state": 1}, "seed=0, now 1"),
            ({"n_components": 1}, "model="),
        ],
    )
    def test_refuses_a_checkpoint_of_other_settings(self, X, tmp_path, settings, message):
        stopped_fit(X, tmp_path)
        with pytest.raises(ModelFileError, match=message):
            Autoencoder(**{"batch_size": 16, "verbose": 0, **settings}).fit(X, run_folder=tmp_path, resume=True)

    def test_refuses_a_checkpoint_of_other_data(self, X, tmp_path):
        stopped_fit(X, tmp_path)
        X[3, 2] += 1
        with pytest.raises(ModelFileError, match=r"of another fit \(other data\); repeat its settings"):
            Autoencoder(batch_size=16, verbose=0).fit(X, run_folder=tmp_path, resume=True)


class SignalAt(Callback):
    """A signal to this process at an event."""

    def __init__(self, event: str, number: int, times: int = 1) -> None:
        self.number, self.times = number, times
        setattr(self, event, self.send)

    def send(self, state) -> None:
        if getattr(state, "epoch", 0) in (0, 2):
            for _ in range(self.times):
                os.kill(os.getpid(), self.number)


class TestSignals:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    @pytest.mark.parametrize("early_stopping", [False, True])
    @pytest.mark.parametrize("event", ["epoch_end", "fit_end"])
    def test_after_the_last_step(self, X, tmp_path, event, early_stopping, number):
        ae = Autoencoder(batch_size=16, max_epochs=2, early_stopping=early_stopping, verbose=0)
        checkpoints = Checkpoints(tmp_path)
        guard = SignalGuard(checkpoints)
        words = r"interrupted at step 12: saved .*step-000000012\.latens; continue with --resume"
        with pytest.raises(Interrupted, match=words) as caught, guard:
            ae.fit(X, callbacks=[SignalAt(event, number), checkpoints, guard], run_folder=tmp_path)
        assert caught.value.signal == number
        whole = Autoencoder(batch_size=16, max_epochs=2, early_stopping=early_stopping, verbose=0).fit(X)
        assert np.array_equal(ae.fit(X, run_folder=tmp_path, resume=True).transform(X), whole.transform(X))
        assert ae.resumed_from_step_ == 12

    @pytest.mark.parametrize(("number", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)])
    def test_the_second_one_does_not_wait(self, X, tmp_path, number, error):
        guard = SignalGuard(Checkpoints(tmp_path))
        with pytest.raises(error, match=r"143|^$"), guard:
            Autoencoder(verbose=0, max_epochs=2).fit(X, callbacks=[SignalAt("fit_start", number, 2), guard])
        assert not list(tmp_path.iterdir())

    def test_a_failure_of_the_fit_is_not_hidden(self, X):
        guard = SignalGuard(None)
        watching = [SignalAt("fit_start", signal.SIGTERM), StopAt(1), guard]
        with pytest.raises(RuntimeError, match="stopped"), guard:
            Autoencoder(verbose=0).fit(X, callbacks=watching)

    def test_without_a_step_nothing_was_saved(self, tmp_path):
        guard = SignalGuard(Checkpoints(tmp_path))
        with pytest.raises(Interrupted, match="interrupted at step 0: nothing was saved"), guard:
            os.kill(os.getpid(), signal.SIGTERM)


class TestCheckpoints:
    def test_keeps_the_newest_two(self, X, tmp_path):
        stopped_fit(X, tmp_path)
        assert [path.name for path in sorted(tmp_path.iterdir())] == ["step-000000004.latens", "step-000000006.latens"]

    def test_none_in_an_empty_folder(self, tmp_path):
        assert newest(tmp_path) is None


class TestDivergence:
    def test_names_the_step_the_rate_and_the_way_out(self, X):
        with pytest.raises(
            DivergedError, match=r"not finite (at|after) step \d+ \(learning_rate=1e\+30\); use a smaller"
        ):
            Autoencoder(learning_rate=1e30, batch_norm=False, verbose=0, hidden=[]).fit(X)

    def test_keeps_the_good_checkpoint(self, X, tmp_path):
        stopped_fit(X, tmp_path)

        class Poison(Callback):
            def step_end(self, state) -> None:
                if state.step == 9:
                    next(state.model.parameters()).data.fill_(float("nan"))

        before = {path: path.read_bytes() for path in tmp_path.iterdir()}
        watching = [Poison(), Checkpoints(tmp_path, every_steps=3)]
        with pytest.raises(DivergedError, match=r"a weight is not finite after step 9"):
            Autoencoder(batch_size=16, verbose=0).fit(X, callbacks=watching, run_folder=tmp_path, resume=True)
        assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
