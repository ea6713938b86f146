"""Where Triton cannot work its kernels are not there, as if it were not installed."""

from __future__ import annotations

import pytest
import torch

from latens.kernels import triton_trial


def test_a_gpu_that_launches_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def __getitem__(self, grid: tuple[int]) -> None:
            raise RuntimeError("Failed to find C compiler.\nPlease specify one.")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(triton_trial, "_write", Broken())
    with pytest.raises(ImportError, match=r"Triton launches nothing here: Failed to find C compiler\.$"):
        triton_trial.refuse_if_it_fails.__wrapped__()


def test_without_a_gpu_nothing_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(triton_trial, "_write", None)
    triton_trial.refuse_if_it_fails.__wrapped__()
