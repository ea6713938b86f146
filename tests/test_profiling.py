"""The parts of a fit's time: counted when asked for, adding up to the whole, and of no consequence to the result."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch

import latens
from latens import profiling
from latens.callbacks import Profile

CPU = torch.device("cpu")


class TestStopwatch:
    def test_adds_up_what_has_the_same_name(self):
        watch = profiling.Stopwatch(CPU)
        with watch.running():
            for _ in range(3):
                with profiling.part("forward"):
                    time.sleep(0.01)
            with profiling.part("backward"):
                pass
        seconds = watch.taken()
        assert list(seconds) == ["forward", "backward"]
        assert seconds["forward"] >= 0.03 > seconds["backward"]
        assert watch.taken() == {}

    def test_the_making_of_each_item_counts_and_not_its_use(self):
        def made():
            for number in range(2):
                time.sleep(0.01)
                yield number

        watch = profiling.Stopwatch(CPU)
        with watch.running():
            for _ in profiling.each("data", made()):
                time.sleep(0.05)
        assert 0.02 <= watch.taken()["data"] < 0.1

    def test_nothing_is_counted_outside(self):
        watch = profiling.Stopwatch(CPU)
        with watch.running():
            pass
        with profiling.part("forward"):
            pass
        assert watch.taken() == {}

    def test_counts_a_part_that_failed(self):
        watch = profiling.Stopwatch(CPU)
        with pytest.raises(ValueError, match="in it"), watch.running(), profiling.part("forward"):
            raise ValueError("in it")
        assert list(watch.taken()) == ["forward"]
        assert profiling.part("forward") is profiling.part("backward")  # the one that does nothing


class Device:
    """What is asked of `torch.cuda`: a clock of its own, and how often it was waited for."""

    def __init__(self, monkeypatch):
        self.now, self.waits, self.capturing = 0.0, 0, False
        monkeypatch.setattr(torch.cuda, "synchronize", self.synchronize)
        monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: self.capturing)
        monkeypatch.setattr(torch.cuda, "Event", lambda enable_timing: Event(self))

    def synchronize(self):
        self.waits += 1


class Event:
    def __init__(self, device):
        self.device = device

    def record(self):
        self.at = self.device.now

    def elapsed_time(self, later):
        return 1000 * (later.at - self.at)


class TestOnAGPU:
    def test_events_are_read_at_the_end_and_waited_for_once(self, monkeypatch):
        device, watch = Device(monkeypatch), profiling.Stopwatch(torch.device("cuda"))
        with watch.running():
            for seconds in (0.5, 0.25):
                with profiling.part("forward"):
                    device.now += seconds
        assert device.waits == 0
        assert watch.taken() == {"forward": 0.75}
        assert device.waits == 1

    def test_what_is_recorded_into_a_graph_is_no_part(self, monkeypatch):
        device, watch = Device(monkeypatch), profiling.Stopwatch(torch.device("cuda"))
        device.capturing = True
        with watch.running(), profiling.part("forward"):
            pass
        assert watch.taken() == {}


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(600, 12))


def fitted(X, *callbacks, **settings):
    how = {"n_components": 2, "max_epochs": 3, "verbose": 0, "device": "cpu"} | settings
    return latens.Autoencoder(**how).fit(X, callbacks=callbacks)


class TestProfile:
    def test_parts_add_up_to_the_whole(self, X):
        begin = time.perf_counter()
        profile = Profile()
        fitted(X, profile)
        spent, wall = profile.spent, time.perf_counter() - begin
        assert len(spent.epochs) == 3
        assert sum(spent.parts.values()) == pytest.approx(wall, rel=0.02)
        assert all(min(epoch.values()) >= 0 for epoch in spent.epochs)
        assert {"data", "forward", "backward", "optimiser", "validation", "host"} <= spent.parts.keys()

    def test_rows_are_those_that_are_learned_from(self, X):
        profile = Profile()
        fitted(X, profile)
        spent = profile.spent
        training = spent.seconds - spent.before - spent.after
        assert spent.rows == 540
        assert spent.rows_per_second == pytest.approx(3 * 540 / training, rel=0.1)

    @pytest.mark.parametrize("settings", [{}, {"corruption": "gaussian:0.1"}, {"precision": "bf16-mixed"}])
    def test_changes_nothing(self, X, settings):
        with_it, without = fitted(X, Profile(), **settings), fitted(X, **settings)
        assert np.array_equal(with_it.transform(X), without.transform(X))

    def test_stops_when_the_fit_does(self, X):
        fitted(X, Profile())
        assert profiling.part("forward") is profiling.part("backward")

    def test_stops_when_the_fit_fails(self, X):
        with pytest.raises(latens.errors.DivergedError, match="not finite"):
            fitted(1e30 * X, Profile(), learning_rate=1e30, scaling="none", validation_fraction=0.0)
        assert profiling.part("forward") is profiling.part("backward")

    def test_a_sequence_model_has_the_same_parts(self):
        profile = Profile()
        text = "to be or not to be, that is the question. " * 20
        latens.TextAutoregressor(hidden_size=8, max_epochs=1, verbose=0, chunk=16).fit([text], callbacks=[profile])
        assert {"data", "forward", "backward", "optimiser", "host"} <= profile.spent.epochs[0].keys()


class TestSpent:
    spent = profiling.Spent(1.0, ({"data": 0.5, "forward": 1.0, "host": 0.5}, {"data": 0.5, "host": 0.5}), 1.0, 300)

    def test_for_reading(self):
        lines = str(self.spent).splitlines()
        assert [line.split() for line in lines[1:]] == [
            ["before", "training", "1.000", "20.0"],
            ["data", "1.000", "20.0", "0.5000"],
            ["forward", "1.000", "20.0", "0.5000"],
            ["host", "1.000", "20.0", "0.5000"],
            ["after", "training", "1.000", "20.0"],
            ["all", "5.000", "100.0", "2", "epochs,", "200", "rows", "a", "second"],
        ]

    def test_for_a_program(self):
        told = self.spent.to_json()
        assert told["seconds"] == sum(told["parts"].values()) == 5.0
        assert told["epochs"][1] == {
            "epoch": 2,
            "seconds": 1.0,
            "parts": {"data": 0.5, "host": 0.5},
            "rows_per_second": 300.0,
        }

    def test_before_the_first_epoch(self):
        assert profiling.Spent(0.0, (), 0.0, 0).rows_per_second == 0.0
