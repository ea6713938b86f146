"""What a fitted detector adds to its estimator's file, and back."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator

from latens.analysis.calibration import Calibration
from latens.analysis.evidence import Neighbourhood, Standard
from latens.estimators.witnesses import EVIDENCE, ReconstructionWitness, SurprisalWitness, Witness
from latens.persistence import TensorInfo

__all__ = ["DETECTOR", "check_detector", "detector_parts", "restore_detector"]

# Prefix of the tensors' names in a file.
DETECTOR = "detector."

_GIVEN: dict[str, Callable[[Any], Any]] = {"default": lambda _: None, "own": clone, "frozen": FrozenEstimator}
_FLOATS, _NUMBERS = ("calibration", "scale", "spread", "rows"), ("numbers", "trimmed", "held_out")


def detector_parts(detector: Any) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """The header's entry and the tensors."""
    given = "frozen" if isinstance(detector.estimator, FrozenEstimator) else "own"
    params = detector.get_params(deep=False)
    header = {
        "given": "default" if detector.estimator is None else given,
        "params": {name: value for name, value in params.items() if name not in ("estimator", "random_state")},
        "standards": {name: [s.middle, s.reach, s.weight] for name, s in detector.standards_.items()},
        "offset": float(detector.offset_),
        "strangest": detector.strangest_,
    }
    arrays = {"calibration": detector.calibration_.scores}
    arrays |= {"trimmed": detector.trimmed_, "held_out": detector.held_out_} | _known(detector.witness_)
    return header, {f"{DETECTOR}{name}": torch.from_numpy(np.array(array)) for name, array in arrays.items()}


def _known(witness: Any) -> dict[str, np.ndarray]:
    """What a witness knows beside its estimator."""
    if not isinstance(witness, ReconstructionWitness):
        return {}
    arrays = {"spread": witness.spread} | ({} if witness.scale is None else {"scale": witness.scale})
    if witness.neighbourhood is not None:
        arrays |= {"rows": witness.neighbourhood.rows, "numbers": witness.neighbourhood.numbers}
    return arrays


def check_detector(empty: Any, detector: Mapping[str, Any], tensors: TensorInfo) -> None:
    """Refuse what is no detector of ours, before a tensor is read.

    Args:
        empty: A detector with default settings.
        detector: The header's entry.
        tensors: Names, dtypes and shapes.

    Raises:
        ValueError, KeyError, TypeError: Something is missing, or of the wrong sort.
    """
    params = detector["params"]
    known = set(empty.get_params(deep=False)) - {"estimator", "random_state"}
    if set(params) != known or detector["given"] not in _GIVEN:
        raise ValueError("a detector's settings are not those of this latens")
    if not set(detector["standards"]) <= set(EVIDENCE) or not detector["standards"]:
        raise ValueError("a detector without evidence")
    numbers = [
        detector["offset"],
        detector["strangest"],
        *(value for standard in detector["standards"].values() for value in standard),
    ]
    if not all(type(value) in (int, float) and math.isfinite(value) for value in numbers):
        raise ValueError("a detector's standards are no finite numbers")
    if any(len(standard) != 3 or standard[1] <= 0 for standard in detector["standards"].values()):
        raise ValueError("a detector's standard is not three numbers")
    _check_tensors(tensors, neighbours="neighbours" in detector["standards"])


def _check_tensors(tensors: TensorInfo, *, neighbours: bool) -> None:
    found = {name.removeprefix(DETECTOR): info for name, info in tensors.items()}
    wanted = {"calibration", "trimmed", "held_out"} | ({"rows", "numbers", "spread"} if neighbours else set())
    if not wanted <= set(found) <= wanted | {"scale", "spread"}:
        raise ValueError("a detector's tensors are not those that it has")
    for name, (dtype, shape) in found.items():
        if dtype != ("I64" if name in _NUMBERS else "F64") or len(shape) != 1 + (name == "rows"):
            raise ValueError(f"a detector's {name} has shape {shape} and dtype {dtype}")
    if not found["calibration"][1][0]:
        raise ValueError("a detector without held-out rows")
    if neighbours and (found["rows"][1][0] != found["numbers"][1][0] or found["rows"][1][0] < 2):
        raise ValueError("a detector's rows and their numbers are not of one length")


def restore_detector(
    detector: Any, estimator: Any, header: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]
) -> Any:
    """Make a new detector what the file says, around its estimator."""
    arrays = {name.removeprefix(DETECTOR): t.numpy() for name, t in tensors.items() if name.startswith(DETECTOR)}
    given = _GIVEN[header["given"]](estimator)
    params = header["params"] | {"random_state": estimator.random_state, "device": estimator.device}
    detector.set_params(estimator=given, **params)
    standards = {name: Standard(*values) for name, values in header["standards"].items()}
    detector.witness_ = _witness(estimator, arrays)
    detector.standards_, detector.estimator_ = standards, estimator
    detector.calibration_ = Calibration.of(arrays["calibration"])
    detector.offset_, detector.strangest_ = float(header["offset"]), float(header["strangest"])
    detector.trimmed_, detector.held_out_ = arrays["trimmed"], arrays["held_out"]
    detector.remember_columns()
    return detector


def _witness(estimator: Any, arrays: Mapping[str, np.ndarray]) -> Witness:
    if hasattr(estimator, "surprisal"):
        return SurprisalWitness(estimator)
    neighbourhood = Neighbourhood(arrays["rows"], numbers=arrays["numbers"]) if "rows" in arrays else None
    return ReconstructionWitness(estimator, arrays.get("scale"), arrays["spread"], neighbourhood)
