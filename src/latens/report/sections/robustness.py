"""How the model stands noise: the error against the clean rows, by what is done to them and how much of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, cast

import numpy as np

from latens.corruptions import Corruption, corrupt, corruption_config, resolve_corruption
from latens.data import Source
from latens.report.blocks import Block, Chart, Section, Strip, Strips, Words, counted, quantity
from latens.report.charts import Line, draw_chart
from latens.report.portraits import extent_of, portrait
from latens.report.subject import Subject

__all__ = ["robustness"]

LEVELS: dict[str, tuple[float, ...]] = {
    "gaussian": (0.0, 0.125, 0.25, 0.5, 0.75, 1.0),
    "masking": (0.0, 0.1, 0.2, 0.35, 0.5, 0.7),
}
_NAMES = {
    "gaussian": ("Gaussian noise", "deviation of the noise, after scaling"),
    "masking": ("hidden values", "share of the values that are hidden"),
}
# Of the model's own corruption, multiples of the level that it was trained with.
_MULTIPLES = (0.5, 1.0, 1.5, 2.0)
# Levels that are shares, and the largest one; and corruptions of which a higher level means less.
_SHARES, _ALL, _BACKWARDS = ("probability", "size", "strength"), 0.95, ("poisson",)
_ROWS, _PIXELS, _SHOWN = 1_000, 1_000_000, 8


@dataclass(frozen=True, eq=False)
class Curve:
    """Errors by level.

    Args:
        name: Of the corruption.
        levels: (m,).
        model: (m,), of what the model gives back.
        input: (m,), of the noisy rows as they are; None where a cell has no such error.
    """

    name: str
    levels: np.ndarray
    model: np.ndarray
    input: np.ndarray | None

    @property
    def verdict(self) -> str:
        """From which level on the model's answer is nearer to the clean row than what it was given."""
        name = _NAMES.get(self.name, (self.name, ""))[0]
        if self.input is None:
            return f"{name}: the error grows from {quantity(self.model[0])} to {quantity(self.model[-1])}"
        better = self.model < self.input
        if not better.any():
            return f"{name}: not removed at any level"
        return f"{name}: removed from a level of {quantity(float(self.levels[int(better.argmax())]))} on"


def robustness(subject: Subject) -> Section | None:
    """Of an autoencoder."""
    if not subject.reconstructs:
        return None
    part = _part(subject)
    leaves = _leaves(subject.model)
    curves = [_curve(subject, part, name, by_level) for name, by_level in leaves.items()]
    own = corruption_config(_own(subject.model))
    said = "; ".join(curve.verdict for curve in curves)
    verdict = f"{_trained(subject.model)} {said[0].upper()}{said[1:]}."
    blocks: list[Block] = [_drawn(curve) for curve in curves]
    if subject.kind == "images":
        blocks.insert(0, _pictures(subject, part, own))
    n = counted(len(part), "row")
    notes = [f"Mean squared error against the clean rows, after scaling, over {n}; noise by seed {subject.seed}."]
    if not subject.source.typed:
        notes.append("Noise is removed where the reconstruction is nearer to the clean row than the noisy row is.")
    return Section("Robustness", verdict, [*blocks, Words(" ".join(notes), "faint")])


def _trained(model: Any) -> str:
    own = _own(model)
    if own is None:
        return "It was not trained to undo any noise."
    config = corruption_config(own)
    if config is None:
        return "It was trained to undo a corruption of your own."
    name, level, *_ = config.values()
    return f"It was trained to undo {name}:{quantity(level)}."


def _part(subject: Subject) -> Source:
    source: Source = subject.source
    largest = max(1, source.n_features)
    count = min(len(source), _ROWS, max(1, _PIXELS // largest))
    rows = np.sort(np.random.default_rng(subject.seed).choice(len(source), count, replace=False))
    return source.take(rows)


def _leaves(model: Any) -> Mapping[str, Mapping[float, Corruption | None]]:
    """Corruptions by name and level: two that go with any data, and the model's own."""
    found: dict[str, dict[float, Corruption | None]] = {
        name: {level: resolve_corruption(f"{name}:{level}") if level else None for level in levels}
        for name, levels in LEVELS.items()
    }
    own = _own(model)
    config = corruption_config(own)
    if config is not None and config["name"] not in found:
        found[config["name"]] = _multiples(cast(Any, own), clean=config["name"] not in _BACKWARDS)
    return found


def _own(model: Any) -> Corruption | None:
    """What the model was trained to undo."""
    return resolve_corruption(getattr(model, "corruption", None))


def _multiples(own: Any, *, clean: bool) -> dict[float, Corruption | None]:
    """A corruption at multiples of its first level, a share at most nearly all."""
    level = fields(own)[0].name
    first = getattr(own, level)
    steps = [first * times for times in _MULTIPLES]
    steps = [min(step, _ALL) for step in steps] if level in _SHARES else steps
    found: dict[float, Corruption | None] = {0.0: None} if clean else {}
    return found | {float(step): replace(own, **{level: type(first)(step)}) for step in steps}


def _curve(subject: Subject, part: Source, name: str, by_level: Mapping[float, Corruption | None]) -> Curve:
    model = subject.model
    clean = _as_seen(model, part.values)
    noisy = [clean if leaf is None else _as_seen(model, _noisy(subject, part, leaf)) for leaf in by_level.values()]
    errors = np.array([_error(model, each, clean) for each in noisy])
    given = None
    if not part.typed:
        given = np.array([np.mean([np.square(a - b).mean() for a, b in zip(x, clean, strict=True)]) for x in noisy])
    return Curve(name, np.array(list(by_level)), errors, given)


def _noisy(subject: Subject, part: Source, leaf: Corruption) -> Any:
    return corrupt(part, subject.model.schema_, leaf, seed=subject.seed)


def _as_seen(model: Any, values: Any) -> Any:
    """Values as the network is given them; images of different sizes one by one."""
    if isinstance(values, list) or values.dtype == object:
        return [model.schema_.scale_values(np.asarray(each)[None]) for each in values]
    return model.schema_.scale_values(values)


def _error(model: Any, noisy: Any, clean: Any) -> float:
    """The mean over rows of the error against the clean ones, in the network's own terms."""
    if model.schema_.typed:
        return float(np.nanmean(model.network_.errors(noisy, clean)))
    pairs = zip(noisy, clean, strict=True) if isinstance(clean, list) else [(noisy, clean)]
    return float(np.mean([np.square(model.network_.reconstruct(x).ravel() - y.ravel()).mean() for x, y in pairs]))


def _drawn(curve: Curve) -> Chart:
    name, across = _NAMES.get(curve.name, (curve.name, f"level of {curve.name}"))
    lines = [Line("what the model gives back", curve.levels, curve.model, 0, dots=True)]
    if curve.input is not None:
        lines.append(Line("the noisy rows as they are", curve.levels, curve.input, 1, dots=True))
    return draw_chart(lines, across=across, up=f"error under {name}")


def _pictures(subject: Subject, part: Source, own: Mapping[str, Any] | None) -> Strips:
    """A few images clean, noisy and cleaned: under the model's own corruption, or else under noise."""
    few = part.take(np.arange(min(_SHOWN, len(part))))
    leaf = resolve_corruption(own) if own else resolve_corruption("gaussian:0.25")
    assert leaf is not None
    noisy = _noisy(subject, few, leaf)
    made = subject.model.reconstruct(list(noisy) if few.ragged else noisy)
    extent = extent_of(few.values)
    name = own["name"] if own else "gaussian:0.25"
    rows = {"clean": few.values, f"noisy ({name})": noisy, "as the model gives it back": made}
    return Strips(
        [Strip(title, [portrait(np.asarray(image), extent) for image in images]) for title, images in rows.items()]
    )
