"""``latens embed`` and ``latens reconstruct``: a model's answers for every row, as files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from latens.cli.models import load_model, open_for
from latens.cli.outputs import TABLES, check_files, check_folder, check_output, is_folder
from latens.cli.settings import SEQUENCES
from latens.cli.verbs import Columns, ForceOption, ModelArgument, OutputOption, Reading, Shared, SourceArgument, verb
from latens.errors import ConfigError

if TYPE_CHECKING:
    from latens.data import Source

__all__ = ["embed", "reconstruct"]

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

# Numbers handed to the model at a time: memory stays bounded and the bar moves.
_BLOCK_NUMBERS = 1 << 24


@verb("latens embed digits.latens dataset:digits -o codes.parquet")
def embed(
    model: ModelArgument,
    source: SourceArgument,
    output: OutputOption,
    reading: Reading,
    columns: Columns,
    shared: Shared,
    pooling: PoolingOption = None,
    force: ForceOption = False,
) -> None:
    """Write the code of every row.

    Of text a row is a document (a file, or a row of the column), of events a sequence. The output is Parquet, CSV or
    NumPy by its suffix. Labels and ids are carried along, except into .npy.
    """
    from latens.cli.writers import write_table

    check_output(output, force=force, inputs=[model, source], suffixes=TABLES)
    estimator = load_model(model, shared)
    data = open_for(estimator, source, reading, columns)
    codes = _codes(estimator, data, pooling, shared)
    write_table(output, codes, list(estimator.get_feature_names_out()), data)
    result = {"output": str(output), "rows": len(codes), "n_components": codes.shape[1]}
    shared.result(result, f"wrote {len(codes):,} codes of {codes.shape[1]} to {output}")


@verb("latens reconstruct digits.latens dataset:digits -o reconstructed.npy")
def reconstruct(
    model: ModelArgument,
    source: SourceArgument,
    output: OutputOption,
    reading: Reading,
    shared: Shared,
    errors: ErrorsOption = False,
    force: ForceOption = False,
) -> None:
    """Write what the model makes of every row.

    It is in the data's own units; for a denoiser it is the cleaned data. The output is Parquet, CSV or NumPy by its
    suffix; a name without a suffix is a folder of PNG files, named as the images that came in.
    """
    from latens.cli.writers import png_names, write_like

    inputs: list[str | Path] = [model, source]
    _check(output, errors, force=force, inputs=inputs)
    estimator = load_model(model, shared, "reconstruct")
    data: Any = open_for(estimator, source, reading)
    if is_folder(output):
        check_files(output, png_names(len(data), data.ids), inputs=inputs)
    else:
        data = data.one_size("write them into a folder: -o cleaned")
    values = _blockwise(estimator.reconstruct, data, shared, "reconstructing")
    error = _blockwise(estimator.reconstruction_error, data, shared, "comparing")
    write_like(output, values, estimator.schema_, data, **({"reconstruction_error": error} if errors else {}))
    result = {"output": str(output), "rows": len(values), "mean_reconstruction_error": float(error.mean())}
    shared.result(result, f"wrote {len(values):,} rows to {output}; mean squared error {error.mean():.4g}")


def _check(output: Path, errors: bool, *, force: bool, inputs: Sequence[str | Path]) -> None:
    if is_folder(output):
        check_folder(output, force=force, inputs=inputs)
    else:
        check_output(output, force=force, inputs=inputs, suffixes=TABLES)
    if errors and output.suffix.lower() not in TABLES[:2]:
        raise typer.BadParameter("errors go into .parquet or .csv", param_hint="--errors")


def _codes(estimator: Any, data: Any, pooling: str | None, shared: Shared) -> Any:  # -> (n, k)
    """The codes block by block; sequences all at once, for they are read side by side by their length."""
    if data.kind in SEQUENCES:
        return estimator.transform(data, pooling or "last")
    if pooling is not None:
        raise ConfigError(f"--pooling={pooling!r} goes with models of text and events; leave it out")
    return _blockwise(estimator.transform, data, shared, "encoding")


def _blockwise(answer: Callable[[Source], Any], data: Source, shared: Shared, doing: str) -> Any:  # (n, ...)
    """The answer for all rows, block by block; a row's answer does not depend on its block.

    Of a typed table it may be a frame, of images of different sizes a list.
    """
    import numpy as np

    size = max(1, _BLOCK_NUMBERS // data.n_features)
    starts = range(0, len(data), size)
    rows = np.arange(len(data))
    answers = [answer(data.take(rows[start : start + size])) for start in shared.track(starts, doing)]
    if isinstance(answers[0], np.ndarray):
        return np.concatenate(answers)
    if isinstance(answers[0], list):
        return [row for part in answers for row in part]
    import pandas as pd

    return pd.concat(answers)
