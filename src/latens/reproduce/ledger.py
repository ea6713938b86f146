"""What has been measured so far, on disk after each measurement, so that hours of work survive an interruption."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from latens.errors import DataError, OutputError
from latens.persistence import atomic_path

__all__ = ["Ledger", "machine", "make_folder"]


class Ledger:
    """A JSON file of results by key, each kept with the circumstances under which it holds.

    Args:
        path: ``results.json``; read if it is there.

    Raises:
        DataError: The file there is not one of ours.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._entries: dict[str, dict[str, Any]] = _read(path) if path.exists() else {}

    def find(self, key: str, circumstances: Mapping[str, Any]) -> dict[str, Any] | None:
        """The result under a key if it was measured under the same circumstances."""
        entry = self._entries.get(key)
        same = entry is not None and entry.get("circumstances") == _as_json(circumstances)
        return dict(entry["result"]) if entry is not None and same else None

    def keep(self, key: str, circumstances: Mapping[str, Any], result: Mapping[str, Any]) -> None:
        """Write a result to disk, in place of an older one of its key."""
        self._entries[key] = {"circumstances": _as_json(circumstances), "result": dict(result)}
        with atomic_path(self.path) as temporary:
            text = json.dumps({"latens-results": 1, "results": self._entries}, indent=1, allow_nan=False)
            temporary.write_text(text, encoding="utf-8")


def make_folder(folder: Path) -> Path:
    """The folder, there after this.

    Raises:
        OutputError: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made ({error.strerror}); choose another folder") from error
    return folder


def machine() -> dict[str, Any]:
    """The machine in words: what makes a time comparable, and nothing that names its owner."""
    import torch

    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": gpu,
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def _processor() -> str:
    """The model's name; Linux says it in /proc alone."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return (names or [platform.processor() or platform.machine()])[0]


def _as_json(value: Mapping[str, Any]) -> Any:
    """What comes back from a file: a tuple is a list there."""
    return json.loads(json.dumps(value))


def _read(path: Path) -> dict[str, dict[str, Any]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["latens-results"] == 1 and all("result" in entry for entry in content["results"].values()):
            return dict(content["results"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    raise DataError(f"{path}: is not a file of results that latens wrote; move it away or choose another folder")
