"""``latens demo`` and ``latens reproduce``: the program showing itself at work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from latens.cli.models import load_model
from latens.cli.outputs import check_results
from latens.cli.serve import OpenOption, check_web, show
from latens.cli.verbs import ForceOption, Shared, as_table, verb
from latens.errors import ModelFileError

__all__ = ["demo", "reproduce"]

# What the verbs write; the demonstration its models first.
DEMO_FILES = (
    *("linear.latens", "deep.latens", "denoising.latens"),
    *("map.png", "pairs.png", "denoised.png", "codes.parquet", "history.csv"),
)
REPRODUCE_FILES = ("index.html", "models", "pictures")

FolderOption = Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the files go.")]
RowsArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[ROW]...", help="Experiments such as S2; all if left out.", show_default=False),
]
ServeOption = Annotated[
    bool, typer.Option("--serve", help="Then show the held-out digits in a page of this machine, until Ctrl-C.")
]
QuickOption = Annotated[bool, typer.Option("--quick", help="Few rows and epochs: shows that it runs, not the figures.")]
SeedsOption = Annotated[
    int | None,
    typer.Option("--seeds", min=1, help="How many, counted up from --seed; 3, or 1 with --quick.", show_default=False),
]


@verb("latens demo -o demo")
def demo(
    shared: Shared,
    output: FolderOption = Path("demo"),
    serve: ServeOption = False,
    open_page: OpenOption = True,
    force: ForceOption = False,
) -> None:
    """Watch the main job done on real digits.

    Three models are trained, drawn, and compared with exact PCA of the same size, in less than a minute. The files of
    an earlier demonstration are replaced.
    """
    from latens.reproduce.demo import run_demo

    if serve:
        check_web()
    check_results(output, DEMO_FILES, DEMO_FILES[0], force=force, ours=_is_model)
    rows = run_demo(output, shared.seed or 0, report=shared.report)
    shared.answer({"output": str(output), "models": rows}, f"{as_table(rows)}\n\nwrote {output}/")
    if serve:
        _serve(output / "deep.latens", open_page, shared)


def _serve(model: Path, open_page: bool, shared: Shared) -> None:
    """The demonstration's map in a page, over the digits that no model saw."""
    from latens.data import open_source
    from latens.reproduce.demo import demo_name

    test = open_source(f"dataset:{demo_name()}/test")
    show(load_model(model, shared), test, model, shared, open_page=open_page)


@verb("latens reproduce S2 S3 --quick -o reproduce")
def reproduce(
    shared: Shared,
    rows: RowsArgument = None,
    output: FolderOption = Path("reproduce"),
    quick: QuickOption = False,
    seeds: SeedsOption = None,
    force: ForceOption = False,
) -> None:
    """Repeat published experiments.

    The folder receives index.html with our figures beside the published ones; a second run goes on with what is
    missing.
    """
    from latens import reproduce as experiments

    # Whether the mark is a file of ours is looked at where it is read.
    check_results(output, REPRODUCE_FILES, "results.json", force=force, ours=Path.is_file)
    first, count = shared.seed or 0, seeds or (1 if quick else 3)
    results = experiments.run(
        rows or (), quick=quick, seeds=range(first, first + count), folder=output, report=shared.report
    )
    words = f"{as_table(results)}\n\nwrote {output / 'index.html'}"
    shared.answer({"output": str(output / "index.html"), "rows": results}, words)


def _is_model(path: Path) -> bool:
    from latens.persistence import read_header

    try:
        return read_header(path).get("kind") == "model"
    except ModelFileError:
        return False
