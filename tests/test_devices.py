"""How many threads, and whose word counts."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch
from torch import nn

from latens import Autoencoder, devices
from latens.callbacks import Callback
from latens.errors import ConfigError


class TestThreads:
    def test_are_as_before_after_the_block(self):
        before = torch.get_num_threads()
        with devices.threads(before + 1):
            assert torch.get_num_threads() == before + 1
        assert torch.get_num_threads() == before

    def test_are_as_before_after_an_error(self):
        before = torch.get_num_threads()
        with pytest.raises(RuntimeError, match="inside"), devices.threads(before + 1):
            raise RuntimeError("inside")
        assert torch.get_num_threads() == before

    def test_refuses_none(self):
        with pytest.raises(ConfigError, match=r"count=0 is out of range; use a whole number >= 1"), devices.threads(0):
            pass


class TestChosen:
    @pytest.fixture
    def choose(self, monkeypatch):
        """Choose anew, with an environment that asks for nothing, on a machine of some cores; the threads after it."""

        def chosen(cores, begun, **environment):
            for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
                monkeypatch.delenv(name, raising=False)
            for name, value in environment.items():
                monkeypatch.setenv(name, value)
            monkeypatch.setattr(devices, "available_cores", lambda: cores)
            with devices.threads(begun):
                devices._choose_threads.__wrapped__()
                return torch.get_num_threads()

        return chosen

    def test_no_more_than_there_are_cores(self, choose):
        assert choose(cores=2, begun=8) == 2

    def test_fewer_stay(self, choose):
        assert choose(cores=4, begun=2) == 2

    @pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "MKL_NUM_THREADS"])
    def test_who_asks_is_obeyed(self, choose, name):
        assert choose(cores=2, begun=8, **{name: "8"}) == 8

    def test_who_sets_a_number_later_is_obeyed(self):
        devices.resolve_device("cpu")
        with devices.threads(devices.available_cores() + 3):
            devices.resolve_device("cpu")
            assert torch.get_num_threads() == devices.available_cores() + 3


class TestForWork:
    @pytest.mark.parametrize(
        ("network", "rows", "one"),
        [
            (nn.Linear(64, 32), 32, True),
            (nn.Linear(784, 392), 128, False),
            (nn.Linear(64, 32), 1 << 16, False),
            (nn.Conv2d(1, 2, 3), 8, False),
            (nn.Identity(), 8, True),
        ],
    )
    def test_small_products_get_one_thread(self, network, rows, one):
        with devices.threads(3), devices.threads_for(network, rows):
            assert torch.get_num_threads() == (1 if one else 3)

    def test_a_fit_of_a_small_table_runs_on_one_and_leaves_what_was(self):
        class Counting(Callback):
            def step_end(self, state):
                seen.add(torch.get_num_threads())

        seen = set()
        with devices.threads(3):
            X = np.random.default_rng(0).normal(size=(64, 6))
            Autoencoder(n_components=2, max_epochs=1, verbose=0, device="cpu").fit(X, callbacks=[Counting()])
            assert torch.get_num_threads() == 3
        assert seen == {1}


def granted(folder, membership, **files):
    """What a machine with such control groups grants."""
    (folder / "membership").write_text(membership)
    for name, text in files.items():
        path = folder / "groups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return list(devices._granted(folder / "membership", folder / "groups"))


class TestCores:
    def test_within_what_the_process_may_run_on(self):
        assert 1 <= devices.available_cores() <= (os.cpu_count() or 1)

    def test_version_2_looks_at_every_level(self, tmp_path):
        files = {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "250000 100000\n", "cpu.max": "400000 100000\n"}
        assert granted(tmp_path, "0::/a/b\n", **files) == [2.5, 4.0]

    def test_version_1(self, tmp_path):
        files = {"cpu,cpuacct/cpu.cfs_quota_us": "150000\n", "cpu,cpuacct/cpu.cfs_period_us": "100000\n"}
        assert granted(tmp_path, "4:cpu,cpuacct:/docker/1234\n3:memory:/x\n", **files) == [1.5]

    def test_version_1_without_a_limit(self, tmp_path):
        files = {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}
        assert granted(tmp_path, "4:cpu:/\n", **files) == []

    def test_nonsense_is_no_limit(self, tmp_path):
        assert granted(tmp_path, "0::/a\n", **{"a/cpu.max": "all of it"}) == []
        assert list(devices._granted(tmp_path / "nowhere", tmp_path)) == []

    def test_half_a_core_is_one_thread(self, monkeypatch):
        monkeypatch.setattr(devices, "_granted", lambda *where: iter([0.5]))
        assert devices.available_cores() == 1


class TestAmdWith:
    @pytest.mark.parametrize(
        ("about", "has"),
        [
            ("vendor_id\t: AuthenticAMD\nflags\t\t: fpu avx512f avx512_bf16\n\nprocessor\t: 1\n", True),
            ("vendor_id\t: AuthenticAMD\nflags\t\t: fpu avx512f\n", False),
            ("vendor_id\t: GenuineIntel\nflags\t\t: fpu avx512f avx512_bf16\n", False),
            ("model name\t: another kind\n", False),
        ],
    )
    def test_knows_what_linux_says(self, tmp_path, about, has):
        path = tmp_path / "cpuinfo"
        path.write_text(about)
        assert devices.amd_with("avx512_bf16", path) == has

    def test_nothing_is_known_where_linux_does_not_say(self, tmp_path):
        assert not devices.amd_with("avx512f", tmp_path / "absent")
