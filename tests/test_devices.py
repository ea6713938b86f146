"""How many threads, and whose word counts."""

from __future__ import annotations

import os

import pytest
import torch

from latens import devices
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
