"""A fit that was interrupted ends with the same bits as one that was not."""

from __future__ import annotations

import errno
import os
import re
import signal

import numpy as np
import pytest
import torch

from latens import Autoencoder, persistence
from latens.callbacks import Callback, Checkpoints, SignalGuard
from latens.errors import DivergedError, Interrupted, ModelFileError, OutOfMemory, OutputError
from latens.runs import newest
from latens.training import TrainState


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


def stopped_fit(X, folder, resume=False, stop=7) -> None:
    watching = [Checkpoints(folder, every_steps=2), StopAt(stop)]
    with pytest.raises(RuntimeError, match="stopped"):
        Autoencoder(batch_size=16, verbose=0).fit(X, callbacks=watching, run_folder=folder, resume=resume)


@pytest.fixture
def full_disk(monkeypatch) -> None:
    """No file reaches the disk."""

    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)


class TestOutOfMemory:
    @pytest.mark.parametrize(
        "error",
        [
            MemoryError("Unable to allocate 1. GiB"),
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.\nMore"),
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
        ],
    )
    def test_names_the_step_and_the_way_out(self, X, monkeypatch, error):
        def full(self, batch) -> None:
            raise error

        monkeypatch.setattr(TrainState, "learn", full)
        words = (
            r"out of memory on cpu after step 0, with about 15 rows a step \(.*allocate.*\); use a smaller batch_size"
        )
        with pytest.raises(OutOfMemory, match=words) as caught:
            Autoencoder(batch_size=16, device="cpu", verbose=0).fit(X)
        assert "\n" not in str(caught.value)


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

    @pytest.mark.parametrize(
        "change",
        [
            lambda header, tensors: header.pop("step"),
            lambda header, tensors: header.update(history=[]),
            lambda header, tensors: tensors.pop(max(name for name in tensors if name.startswith("model."))),
            lambda header, tensors: tensors.update(
                {max(tensors, key=lambda n: n.startswith("model.")): torch.zeros(9)}
            ),
        ],
    )
    def test_refuses_a_checkpoint_that_holds_no_state(self, X, tmp_path, change):
        stopped_fit(X, tmp_path)
        file = newest(tmp_path)
        header, tensors = {k: v for k, v in file.header.items() if k not in ("digest", "format")}, dict(file.tensors)
        change(header, tensors)
        persistence.write(tmp_path / "step-000000006.latens", header, tensors)
        with pytest.raises(ModelFileError, match=r"the checkpoint holds no state of a fit .*; start anew with --force"):
            Autoencoder(batch_size=16, verbose=0).fit(X, run_folder=tmp_path, resume=True)

    def test_refuses_a_checkpoint_of_other_data(self, X, tmp_path):
        stopped_fit(X, tmp_path)
        X[3, 2] += 1
        with pytest.raises(ModelFileError, match=r"of another fit \(other data\); repeat its settings"):
            Autoencoder(batch_size=16, verbose=0).fit(X, run_folder=tmp_path, resume=True)

    def test_refuses_a_checkpoint_of_another_precision(self, X, tmp_path):
        stopped_fit(X, tmp_path)
        with pytest.raises(ModelFileError, match=r"of another fit \(precision='32-true', now 'bf16-mixed'\)"):
            Autoencoder(batch_size=16, verbose=0, precision="bf16-mixed").fit(X, run_folder=tmp_path, resume=True)


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
            Autoencoder(verbose=0, max_epochs=2).fit(X, callbacks=[guard, SignalAt("fit_start", number, 2)])
        assert not list(tmp_path.iterdir())

    def test_a_failure_of_the_fit_is_not_hidden(self, X):
        guard = SignalGuard(None)
        watching = [SignalAt("step_end", signal.SIGTERM), StopAt(1), guard]
        with pytest.raises(RuntimeError, match="stopped"), guard:
            Autoencoder(verbose=0).fit(X, callbacks=watching)

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_while_held_out_rows_are_judged(self, X, tmp_path, number):
        ae = Autoencoder(batch_size=16, max_epochs=2, validation_fraction=0.4, verbose=0)
        checkpoints = Checkpoints(tmp_path)
        guard = SignalGuard(checkpoints)
        with pytest.raises(Interrupted, match=r"interrupted at step 4: saved .*; continue with --resume"), guard:
            ae.fit(X, callbacks=[SignalAt("validating", number), checkpoints, guard], run_folder=tmp_path)
        whole = Autoencoder(batch_size=16, max_epochs=2, validation_fraction=0.4, verbose=0).fit(X)
        assert np.array_equal(ae.fit(X, run_folder=tmp_path, resume=True).transform(X), whole.transform(X))

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_after_the_fit_it_does_not_wait(self, X, tmp_path, number):
        checkpoints = Checkpoints(tmp_path)
        guard, reached = SignalGuard(checkpoints), []

        def fit_and_more() -> None:
            Autoencoder(batch_size=16, max_epochs=1, verbose=0).fit(X, callbacks=[checkpoints, guard])
            reached.append("the end of the fit")
            os.kill(os.getpid(), number)
            reached.append("what comes after the signal")

        with pytest.raises(Interrupted, match=r"interrupted at step 6: saved .*step-000000006\.latens"), guard:
            fit_and_more()
        assert reached == ["the end of the fit"]

    def test_a_disk_that_takes_nothing_is_named(self, X, tmp_path, full_disk):
        checkpoints = Checkpoints(tmp_path / "run")
        guard = SignalGuard(checkpoints)
        words = r"interrupted at step 1: nothing was saved: .*No space left on device.*; there is none"
        with pytest.raises(Interrupted, match=words), guard:
            Autoencoder(batch_size=16, verbose=0).fit(X, callbacks=[SignalAt("step_end", signal.SIGINT), guard])

    def test_without_a_step_nothing_was_saved(self, tmp_path):
        guard = SignalGuard(Checkpoints(tmp_path))
        with pytest.raises(Interrupted, match="interrupted at step 0: nothing was saved"), guard:
            os.kill(os.getpid(), signal.SIGTERM)


class TestCheckpoints:
    def test_keeps_the_newest_two(self, X, tmp_path):
        stopped_fit(X, tmp_path)
        assert [path.name for path in sorted(tmp_path.iterdir())] == ["step-000000004.latens", "step-000000006.latens"]

    def test_one_that_cannot_be_written_does_not_end_the_fit(self, X, tmp_path, full_disk):
        checkpoints = Checkpoints(tmp_path, every_steps=2)
        with pytest.warns(RuntimeWarning) as caught:
            ae = Autoencoder(batch_size=16, max_epochs=1, verbose=0).fit(X, callbacks=[checkpoints])
        first, last = (str(warning.message) for warning in caught)
        assert re.search(r"step-000000002.*No space left.*goes on and will try again; there is none$", first)
        assert re.search(r"the last 3 checkpoint\(s\) could not be written; there is none$", last)
        assert np.array_equal(ae.transform(X), Autoencoder(batch_size=16, max_epochs=1, verbose=0).fit(X).transform(X))
        assert not list(tmp_path.iterdir())

    def test_two_fits_do_not_write_to_one_folder(self, X, tmp_path):
        class Another(Callback):
            def step_end(self, state) -> None:
                Autoencoder(batch_size=16, verbose=0).fit(X, run_folder=tmp_path / "run")

        words = r"run: another fit is writing there; wait for it or choose another output"
        with pytest.raises(OutputError, match=words):
            Autoencoder(batch_size=16, verbose=0).fit(X, callbacks=[Another()], run_folder=tmp_path / "run")
        Autoencoder(batch_size=16, max_epochs=1, verbose=0).fit(X, run_folder=tmp_path / "run")
        assert not list(tmp_path.iterdir())

    def test_those_of_later_steps_are_no_past(self, X, tmp_path):
        stopped_fit(X, tmp_path)
        for step in (900, 1000):
            (tmp_path / f"step-000000{step:03d}.latens").write_bytes(b"damaged")
        with pytest.warns(RuntimeWarning, match="skipped a checkpoint"):
            stopped_fit(X, tmp_path, resume=True, stop=9)
        assert [path.name for path in sorted(tmp_path.iterdir())] == ["step-000000006.latens", "step-000000008.latens"]

    def test_are_ordered_by_step_and_not_by_name(self, X, tmp_path):
        stopped_fit(X, tmp_path)
        (tmp_path / "step-1000000000.latens").write_bytes((tmp_path / "step-000000004.latens").read_bytes())
        assert newest(tmp_path).header["step"] == 4

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
