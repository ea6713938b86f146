"""What an index says of itself: the model whose codes it holds, and how they are searched."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from latens import __version__
from latens.data.paths import open_plain
from latens.errors import ConfigError, DataError
from latens.models import network_digest
from latens.persistence import atomic_path

__all__ = ["About", "Maker", "Recall", "read_about", "write_about"]

# Raised when an older latens could not read what this one writes.
_FORMAT = 1
_FILE = "latens.json"
# Bytes of it; it has a few hundred.
_MOST = 2**20


@dataclass(frozen=True)
class Recall:
    """How many of the true neighbours an approximate index finds.

    Args:
        share: Of the k nearest, from 0 to 1.
        k: How many neighbours were asked for.
        queries: Rows of the index that asked, drawn by its seed, themselves left out.
        probes: Parts of the index that are looked into.
        rows: The index had.
    """

    share: float
    k: int
    queries: int
    probes: int
    rows: int

    def __str__(self) -> str:
        return f"recall@{self.k} {self.share:.3f} on {self.queries:,} of its {self.rows:,} rows"


@dataclass(frozen=True)
class Maker:
    """The model whose codes an index holds.

    Args:
        name: What it is called: a file, or its class.
        digest: Of its weights and schema.
        kind: Of its data.
        n_components: Numbers in a code.
    """

    name: str
    digest: str
    kind: str
    n_components: int

    @classmethod
    def of(cls, estimator: Any, name: str | None) -> Maker:
        """What makes a model's codes: its weights, the settings of its network, its schema."""
        schema, network = estimator.schema_, estimator.network_.network
        arrays = schema.arrays() if hasattr(schema, "arrays") else {}  # a vocabulary has none
        # The corruption is of training alone, and a user's own is no JSON.
        config = {key: value for key, value in network.config.items() if key != "corruption"}
        facts = [estimator.network_name(), config, schema.to_json(), {key: arrays[key].tolist() for key in arrays}]
        text = json.dumps([*facts, network_digest(network)], sort_keys=True)
        digest = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
        return cls(name or type(estimator).__name__, digest, schema.kind, int(estimator.n_components_))

    def __str__(self) -> str:
        return f"{self.name} ({self.kind}, codes of {self.n_components})"


@dataclass(frozen=True)
class About:
    """An index's own description.

    Args:
        maker: The model.
        distance: ``"euclidean"`` or ``"cosine"``.
        pooling: Of sequences; None is the model's own.
        exact_below: Rows from which on the search is approximate.
        seed: Of the sample that recall is measured on.
        recall: Measured; None while the search is exact.
        latens: The version that built it.
    """

    maker: Maker
    distance: str
    pooling: str | None
    exact_below: int
    seed: int
    recall: Recall | None = None
    latens: str = __version__

    def check(self, maker: Maker, folder: Path) -> None:
        """Refuse another model than the one whose codes these are.

        Raises:
            ConfigError: It names both.
        """
        if maker.digest != self.maker.digest:
            raise ConfigError(f"{folder}: built by {self.maker}, not by {maker}; use that model, or build it again")


def write_about(folder: Path, about: About) -> None:
    """Write it into the index's folder."""
    fields = {"format": _FORMAT, "kind": "index", "about": asdict(about)}
    with atomic_path(folder / _FILE) as temporary:
        temporary.write_text(json.dumps(fields, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_about(folder: Path) -> About:
    """What an index's folder says.

    Raises:
        DataError: It is no index, damaged, or from a newer latens.
    """
    try:
        with open_plain(folder / _FILE) as file:
            fields = json.loads(file.read(_MOST).decode())
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{folder}: not an index; give it a folder that `latens index` wrote") from error
    if not isinstance(fields, dict) or fields.get("kind") != "index" or type(fields.get("format")) is not int:
        raise DataError(f"{folder}: not an index; give it a folder that `latens index` wrote")
    if fields["format"] > _FORMAT:
        raise DataError(f"{folder}: format {fields['format']} is newer than this latens reads ({_FORMAT}); upgrade it")
    try:
        about = dict(fields["about"])
        recall = about["recall"] and _checked(Recall(**about["recall"]))
        return _checked(About(**about | {"maker": _checked(Maker(**about["maker"])), "recall": recall}))
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{folder}: its description is damaged; build the index again") from error


Described = TypeVar("Described", About, Maker, Recall)


def _checked(part: Described) -> Described:
    """A part of which each field is what it is said to be: what stands in a file can be anything.

    Raises:
        TypeError: It is not.
    """
    for name, kind in get_type_hints(type(part)).items():
        value = getattr(part, name)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise TypeError(f"{name} is {value!r:.50}")
    return part
