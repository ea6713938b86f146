"""Recording launches: only a GPU can, and what it refuses is done as before."""

from __future__ import annotations

import pytest
import torch

from latens.kernels.recordings import record

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


def test_a_replay_does_the_work_again() -> None:
    x = torch.zeros(3, device="cuda")

    def work() -> None:
        x.add_(1.0)

    replay = record(work)
    x.zero_()
    for _ in range(5):
        replay()
    assert x.tolist() == [5.0, 5.0, 5.0]


def test_what_makes_the_host_wait_is_done_as_before_and_said() -> None:
    x = torch.zeros(3, device="cuda")

    def work() -> None:
        x.add_(float(x.sum()) + 1.0)

    with pytest.warns(RuntimeWarning, match="cannot be recorded on the GPU and is slower"):
        replay = record(work)
    assert replay is work
