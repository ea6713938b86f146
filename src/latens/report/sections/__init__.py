"""The parts of a report, in the order of the page."""

from __future__ import annotations

from collections.abc import Callable

from latens.report.blocks import Section
from latens.report.sections.clusters import clusters
from latens.report.sections.data import data
from latens.report.sections.forecast import forecast
from latens.report.sections.outliers import outliers
from latens.report.sections.plane import plane
from latens.report.sections.reconstruction import reconstruction
from latens.report.sections.referee import referee
from latens.report.sections.repeating import repeating
from latens.report.sections.robustness import robustness
from latens.report.sections.samples import samples
from latens.report.sections.stretches import stretches
from latens.report.sections.surprise import surprise
from latens.report.sections.training import training
from latens.report.subject import Subject

__all__ = ["SECTIONS"]

# By the anchor of each; None where a section does not apply.
SECTIONS: dict[str, Callable[[Subject], Section | None]] = {
    "data": data,
    "training": training,
    "referee": referee,
    "map": plane,
    "reconstruction": reconstruction,
    "outliers": outliers,
    "forecast": forecast,
    "stretches": stretches,
    "surprise": surprise,
    "samples": samples,
    "clusters": clusters,
    "robustness": robustness,
    "repeat": repeating,
}
