"""The report: every section asked in turn, and one file of what they say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latens import __version__
from latens.data import AnySource
from latens.errors import LatensError
from latens.persistence import atomic_path
from latens.report.blocks import Plane, Section, counted
from latens.report.origin import Origin
from latens.report.page import fragment, render_page
from latens.report.scatter import clipped
from latens.report.sections import SECTIONS
from latens.report.subject import Subject, subject_of
from latens.reports import Report, silent
from latens.seeds import resolve_seed

__all__ = ["ReportPage", "report_page", "write_report"]

_FAILED = "This part could not be made"


@dataclass(frozen=True)
class ReportPage:
    """A report, and what it says in short.

    Args:
        html: The page.
        verdicts: Of each section by name, in the order of the page.
        failed: Of those that could not be made, why.
        rows: That were looked at.
        total: That there are.
    """

    html: str
    verdicts: Mapping[str, str]
    failed: Mapping[str, str]
    rows: int
    total: int


def write_report(
    model: Any,
    X: Any,
    path: str | Path,
    *,
    random_state: Any = 0,
    origin: Origin | None = None,
    report: Report = silent,
) -> ReportPage:
    """Write one HTML file that says what the data is, what the model made of it, and how far that can be trusted.

    It needs no network and no other file. Of more than 10,000 rows, or of large ones, it looks at some by chance, and
    says so. A section that does not apply is left out; one that fails says why.

    Args:
        model: Fitted, of any kind.
        X: What its `transform` takes: a source (with labels, ids and a name), an array, a frame, a path.
        path: Of the file; it is there whole or not at all.
        random_state: Seed of the rows, clusters, noise and samples.
        origin: How the report is made again; placeholders if None.
        report: Who hears how far it is.

    Raises:
        DataError: X is not what the model was fitted on.
        OutputError: The path cannot be written.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> import latens
        >>> ae = latens.Autoencoder(n_components=2, max_epochs=1, verbose=0)
        >>> X = np.random.default_rng(0).normal(size=(60, 4))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     page = write_report(ae.fit(X), X, f"{folder}/report.html")
        >>> list(page.verdicts)[:4], page.failed
        (['data', 'training', 'referee', 'map'], {})
    """
    page = report_page(model, X, random_state=random_state, origin=origin, report=report)
    with atomic_path(path) as temporary:
        temporary.write_text(page.html, encoding="utf-8")
    return page


def report_page(
    model: Any, X: AnySource | Any, *, random_state: Any = 0, origin: Origin | None = None, report: Report = silent
) -> ReportPage:
    """The same as text; see `write_report`."""
    subject = subject_of(model, X, seed=resolve_seed(random_state) % 2**31, origin=origin or Origin())
    sections: dict[str, Section] = {}
    failed: dict[str, str] = {}
    for name, section in SECTIONS.items():
        report(f"report: {name}")
        try:
            found = section(subject)
        except Exception as error:  # the other sections are still worth having
            failed[name] = _reason(error)
            found = Section(name.capitalize(), f"{_FAILED}: {failed[name]}", ())
        if found is not None:
            sections[name] = found
    verdicts = {name: section.verdict for name, section in sections.items()}
    return ReportPage(_rendered(subject, sections), verdicts, failed, len(subject), subject.total)


def _reason(error: Exception) -> str:
    line = clipped(error, 400)
    return line if isinstance(error, LatensError) else f"{type(error).__name__}: {line}"


def _rendered(subject: Subject, sections: Mapping[str, Section]) -> str:
    title = clipped(f"Report on {subject.source.name}")
    data = {
        name: block.data for name, section in sections.items() for block in section.blocks if isinstance(block, Plane)
    }
    content = {
        "title": title,
        "lines": _lines(subject),
        "sections": list(sections.items()),
        "version": __version__,
    }
    return render_page(title, fragment("report.html", content), data, styles=("page.css", "report.css"))


def _lines(subject: Subject) -> list[str]:
    model = subject.model
    said = f"A model of kind {model.network_name()} ({type(model).__name__}), with {counted(model.n_components_, 'number')}"
    lines = [f"{said} in a code; made from {subject.origin.model}."]
    if subject.sampled:
        n, total = counted(len(subject), subject.noun), f"{subject.total:,}"
        lines.append(f"Looked at are {n} of {total}, drawn by chance with seed {subject.seed}.")
    return [clipped(line, 300) for line in lines]
