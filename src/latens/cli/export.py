"""``latens export``: a model as one ONNX file."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from latens.cli.models import load_model
from latens.cli.outputs import check_output
from latens.cli.verbs import ForceOption, ModelArgument, OutputOption, Shared, verb

__all__ = ["export"]

PartOption = Annotated[
    str | None,
    typer.Option(
        "--part",
        help="encoder (if left out), decoder or whole; of text, events and series step.",
        show_default=False,
    ),
]


@verb("latens export digits.latens -o digits.onnx")
def export(
    model: ModelArgument,
    output: OutputOption,
    shared: Shared,
    part: PartOption = None,
    force: ForceOption = False,
) -> None:
    """Write a model as ONNX, for programs without latens.

    Its inputs and outputs are in the data's own units; that onnxruntime gives what the model gives is checked first.
    """
    import latens

    check_output(output, force=force, inputs=[model], suffixes=[".onnx"])
    made = latens.export_onnx(load_model(model, shared), output, part)
    ends = (", ".join(name for name, _, _ in side) for side in (made.inputs, made.outputs))
    words = f"wrote {output} ({made.part}: {' -> '.join(ends)}); onnxruntime differs by {made.largest_difference:.1g}"
    shared.result(asdict(made) | {"output": str(output)}, words)
