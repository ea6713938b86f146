"""``latens embed`` and ``latens reconstruct``: a model's answers for every row, as files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from latens.cli.models import load_model, open_for
from latens.cli.outputs import STATE, TABLES, check_files, check_folder, is_folder
from latens.cli.settings import SEQUENCES
from latens.cli.verbs import (
    AnswersOption,
    Columns,
    ModelArgument,
    Parting,
    Reading,
    Shared,
    SourceArgument,
    Streaming,
    verb,
)
from latens.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np

    from latens.cli.answers import Counted, Taken
    from latens.cli.parts import Written
    from latens.cli.sheets import Said
    from latens.data import Source

__all__ = ["PoolingOption", "asked_of", "embed", "reconstruct", "where"]

ErrorsOption = Annotated[
    bool, typer.Option("--errors", help="Add the column reconstruction_error: mean squared error of each row.")
]

PoolingOption = Annotated[
    str | None,
    typer.Option(
        "--pooling",
        help="Of text and events: the state after the last item (last, if left out), or its mean or max over all.",
        show_default=False,
    ),
]


@verb("latens embed digits.latens dataset:digits -o codes.parquet", together=True)
def embed(
    model: ModelArgument,
    source: SourceArgument,
    output: AnswersOption,
    reading: Streaming,
    columns: Columns,
    parting: Parting,
    shared: Shared,
    pooling: PoolingOption = None,
) -> None:
    """Write the code of every row.

    Of text a row is a document (a file, or a row of the column), of events a sequence. The output is Parquet, CSV or
    NumPy by its suffix, or a folder of parts. Labels and ids are carried along, except into .npy.
    """
    from latens.cli.answers import Asking, SourceRows
    from latens.cli.parts import write_answers

    target = parting.target(output, TABLES, [model, source])
    estimator = load_model(model, shared)
    data = open_for(estimator, source, reading, columns)
    asking = Asking(SourceRows(data), _codes(estimator, pooling), "encoding")
    written = write_answers(target, asking, asked_of("embed", model, data, pooling=pooling), shared)
    size = int(estimator.n_components_)
    result = {"output": output, **written.facts, "n_components": size}
    shared.result(result, f"wrote {written.reached.rows:,} codes of {size} to {where(output, written)}")


@verb("latens reconstruct digits.latens dataset:digits -o reconstructed.npy", together=True)
def reconstruct(
    model: ModelArgument,
    source: SourceArgument,
    output: AnswersOption,
    reading: Streaming,
    parting: Parting,
    shared: Shared,
    errors: ErrorsOption = False,
) -> None:
    """Write what the model makes of every row.

    It is in the data's own units; for a denoiser it is the cleaned data. The output is Parquet, CSV or NumPy by its
    suffix. A folder gets PNG files, named as the images that came in; of tables, and with --part-rows, it gets parts.
    """
    inputs: list[str | Path] = [model, source]
    if not is_folder(output):
        _check_errors(output, errors)
        parting.target(output, TABLES, inputs)
    estimator = load_model(model, shared, "reconstruct")
    pictures = _pictures(output, estimator.schema_, parting)
    if pictures:
        _alone(output, shared)
        _check_errors(output, errors)
        _check_pictures(Path(output), parting, inputs)
    write = _write_pictures if pictures else _write_table
    written = write(estimator, output, inputs, (reading, parting, errors), shared)
    rows = written.reached.rows
    mean = written.reached.counted["error"] / rows
    result = {"output": output, **written.facts, "mean_reconstruction_error": mean}
    shared.result(result, f"wrote {rows:,} rows to {where(output, written)}; mean squared error {mean:.4g}")


def _alone(output: str, shared: Shared) -> None:
    if shared.group.several:
        raise ConfigError(f"{output}: PNG files are work for one process; give several --part-rows, for parts")


def asked_of(verb: str, model: str | Path | None, data: Any, **settings: Any) -> dict[str, Any]:
    """What a verb's rows are answers to: whoever goes on later has to ask the same."""
    from latens.persistence import read_header

    about = {"shape": list(data.shape), "dtype": str(data.dtype)} if hasattr(data, "n_features") else {}
    digest = None if model is None else read_header(model)["digest"]
    return {"verb": verb, "model": digest, "rows": len(data), **about, "labels": list(data.labels), **settings}


def where(output: str | Path, written: Written) -> str:
    """What was written, in words."""
    if written.parts is None:
        return str(output)
    again = f", from row {written.resumed_from_row:,} on" if written.resumed_from_row else ""
    return f"{written.parts:,} part{'s' * (written.parts != 1)} in {output}{again}"


# ---- codes -----------------------------------------------------------------------------------------------------------


def _codes(estimator: Any, pooling: str | None) -> Callable[[Taken], Said]:
    """The function of some rows that gives their codes."""
    from latens.cli.sheets import Said
    from latens.columns import columns_of

    sequences = estimator.schema_.kind in SEQUENCES
    if pooling is not None and not sequences:
        raise ConfigError(f"--pooling={pooling!r} goes with models of text and events; leave it out")
    how = (pooling or "last",) if sequences else ()
    names = list(estimator.get_feature_names_out())

    def ask(taken: Taken) -> Said:
        blank = isinstance(taken.content, list)
        codes = _nothing(len(taken), len(names)) if blank else estimator.transform(taken.content, *how)
        return Said(columns_of(codes, names, taken), codes)

    return ask


def _nothing(rows: int, size: int) -> np.ndarray:  # -> (rows, size)
    """The codes of texts without a character."""
    import numpy as np

    return np.zeros((rows, size), dtype=np.float32)


# ---- reconstructions -------------------------------------------------------------------------------------------------


def _check_errors(output: str, errors: bool) -> None:
    if errors and Path(output).suffix.lower() not in TABLES[:2]:
        raise typer.BadParameter("errors go into .parquet or .csv, or into parts", param_hint="--errors")


def _pictures(output: str, schema: Any, parting: Parting) -> bool:
    """Whether the output is a folder of PNG files, not of parts."""
    parts = parting.part_rows is not None or os.path.isfile(Path(output) / STATE)
    return is_folder(output) and schema.kind == "images" and not parts


def _check_pictures(folder: Path, parting: Parting, inputs: list[str | Path]) -> None:
    if parting.resume:
        raise ConfigError(
            f"{folder}: --resume is for a folder of parts, and images go into PNG files; give --part-rows"
        )
    check_folder(folder, force=parting.force, inputs=inputs)


def _write_table(
    estimator: Any, output: str, inputs: list[str | Path], how: tuple[Reading, Parting, bool], shared: Shared
) -> Written:
    from latens.cli.answers import Asking, SourceRows
    from latens.cli.parts import write_answers

    reading, parting, errors = how
    target = parting.target(output, TABLES, inputs)
    data: Any = open_for(estimator, str(inputs[1]), reading)
    data = data.one_size("write them into a folder: -o cleaned")
    asking = Asking(SourceRows(data), _remade(estimator, data, errors), "reconstructing", _add_errors)
    asked = asked_of("reconstruct", inputs[0], data, errors=errors)
    return write_answers(target, asking, asked, shared)


def _write_pictures(
    estimator: Any, output: str, inputs: list[str | Path], how: tuple[Reading, Parting, bool], shared: Shared
) -> Written:
    from latens.cli.answers import Asking, Reached, SourceRows
    from latens.cli.parts import Written
    from latens.cli.writers import png_names, write_pngs

    data: Any = open_for(estimator, str(inputs[1]), how[0])
    names = png_names(len(data), data.ids)
    check_files(Path(output), names, inputs=inputs)
    asking = Asking(SourceRows(data), _remade(estimator, data, False), "reconstructing", _add_errors)
    reached, made = Reached(), list[Any]()

    def images() -> Iterator[Any]:
        nonlocal reached
        with shared.bar(len(data), asking.doing) as advance:
            for taken in asking.taken(advance):
                reached = asking.answer(taken, reached, lambda said: made.extend(said.values))
                yield from made
                made.clear()

    write_pngs(Path(output), images(), estimator.schema_, names)
    return Written(reached)


def _remade(estimator: Any, data: Source, errors: bool) -> Callable[[Taken], Said]:
    """The function of some rows that gives what the model makes of them."""
    from latens.cli.sheets import Said
    from latens.columns import columns_of

    schema = estimator.schema_
    names = [] if data.ragged else schema.columns or data.columns or [f"x{i}" for i in range(data.n_features)]

    def ask(taken: Taken) -> Said:
        values = estimator.reconstruct(taken.content)
        error = estimator.reconstruction_error(taken.content)
        more = {"reconstruction_error": error} if errors else {}
        columns = {} if data.ragged else columns_of(values, list(names), taken, more)
        return Said(columns, values, {"error": float(error.sum())})

    return ask


def _add_errors(before: Counted, more: Counted) -> Counted:
    return {"error": before.get("error", 0.0) + more["error"]}
