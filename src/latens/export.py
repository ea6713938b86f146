"""A model as one ONNX file that needs no latens: the scaling inside the graph, checked before it is kept."""

from __future__ import annotations

import json
import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from latens import __version__
from latens.errors import ConfigError, MissingExtra, OutputError, choice
from latens.persistence import atomic_path
from latens.schema import Schema

__all__ = ["PARTS", "Exported", "export_onnx"]

PARTS = ("encoder", "decoder", "whole", "step")

# Of the outputs' spread, or of 1 if that is smaller: what two runtimes may differ by.
TOLERANCE = 1e-4
_OPSET = 18
# Rows that the file is checked on, with batches of these sizes.
_BATCHES = (1, 7)
_GIB = 1 << 30


@dataclass(frozen=True)
class Exported:
    """A file that was written and checked.

    Args:
        path: Of the file.
        part: ``"encoder"``, ``"decoder"``, ``"whole"``, or ``"step"`` of an autoregressive model.
        inputs: Name, dtype and shape of each; a name among the sizes is free.
        outputs: The same.
        largest_difference: Between torch and onnxruntime, over the outputs' spread.
    """

    path: Path
    part: str
    inputs: tuple[tuple[str, str, tuple[str | int, ...]], ...]
    outputs: tuple[tuple[str, str, tuple[str | int, ...]], ...]
    largest_difference: float


@dataclass(frozen=True, eq=False)
class _Graph:
    """What is exported.

    Args:
        part: What of the model.
        module: From inputs in the user's units to outputs in them.
        inputs: By name, an example for a batch of n.
        outputs: Their names.
        sizes: For each input the names of the free sizes by axis.
        units: What the inputs and outputs are, for a reader.
    """

    part: str
    module: nn.Module
    inputs: dict[str, Callable[[int], Tensor]]
    outputs: tuple[str, ...]
    sizes: dict[str, dict[int, str]]
    units: dict[str, str]


def export_onnx(estimator: Any, path: str | Path, part: str | None = None) -> Exported:
    """Write a fitted model as ONNX; its inputs and outputs are in the user's own units.

    An autoencoder gives its encoder, its decoder, or both as one; an autoregressive model its step: an item and a state
    in, what is said of the next item and the state after it out. The file is written only if onnxruntime gives what
    torch gives, to 1e-4 of the outputs' spread.

    Args:
        estimator: Any fitted model; typed tables need columns of numbers, whose missing cells are NaN.
        path: Of the file.
        part: ``"encoder"``, ``"decoder"`` or ``"whole"`` of an autoencoder, ``"step"`` of an autoregressive model; None
            is the encoder, or the step.

    Raises:
        ConfigError: The model has no such part, or one that ONNX cannot hold.
        MissingExtra: onnx, onnxscript or onnxruntime is not installed.
        OutputError: The path cannot be written, or the file does not give what the model gives.

    Example:
        >>> import latens
        >>> folder = tempfile.TemporaryDirectory()
        >>> ae = latens.LinearAutoencoder(n_components=2, solver="exact", verbose=0)
        >>> made = export_onnx(ae.fit(np.random.default_rng(0).normal(size=(50, 6))), f"{folder.name}/ae.onnx")
        >>> made.inputs, made.outputs
        ((('x', 'double', ('batch', 6)),), (('code', 'float', ('batch', 2)),))
        >>> folder.cleanup()
    """
    if part is not None:
        choice("part", part, PARTS)
    for package in ("onnx", "onnxscript", "onnxruntime"):
        _needed(package)
    graph = _graph(estimator, part)
    try:
        content = _with_facts(_converted(graph), estimator, graph)
    except OSError as error:  # on its way a graph is a file
        reason = error.strerror or error
        raise OutputError(f"{path}: cannot be written ({reason}); make room on the disk of temporary files") from error
    difference = _checked(content, graph, Path(path))
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
    return _described(content, Path(path), graph.part, difference)


# ---- what is exported ------------------------------------------------------------------------------------------------


class _Scaled(nn.Module):
    """A network between the user's units and its own.

    Args:
        network: An autoencoder.
        schema: Of its data.
        part: One of `PARTS`.
    """

    offset: Tensor
    scale: Tensor

    def __init__(self, network: nn.Module, schema: Schema, part: str) -> None:
        super().__init__()
        self.network, self.part = network, part
        self.sizes = tuple(size for size in schema.shape if size is not None)
        self.fixed = None not in schema.shape
        self.dtype = torch.float64 if schema.dtype == "float64" else torch.float32
        for name, array in schema.arrays().items():
            # Subtracted in float64, as latens does: float32 would lose a small spread around a large mean.
            self.register_buffer(name, torch.from_numpy(np.array(array, dtype=np.float64)))

    def forward(self, x: Tensor) -> Tensor:
        network: Any = self.network
        if self.part == "decoder":
            return self._back(network.decode(x), None)
        scaled = self._scaled(x)
        if self.part == "whole":
            return self._back(network(scaled), x)
        code: Tensor = network.encode(scaled)
        return code.mean(dim=(2, 3)) if code.ndim == 4 else code

    def _scaled(self, x: Tensor) -> Tensor:
        flat = x.flatten(1) if self.fixed else x
        scaled = ((flat.double() - self.offset) / self.scale).float()
        return scaled.reshape(-1, *self.sizes) if self.fixed else scaled

    def _back(self, y: Tensor, x: Tensor | None) -> Tensor:
        if not self.fixed and x is not None:
            return (y.double() * self.scale + self.offset).to(self.dtype).reshape(x.shape)
        return (y.flatten(1).double() * self.scale + self.offset).to(self.dtype).reshape(-1, *self.sizes)


class _Step(nn.Module):
    """One item more: what is said of the next, and the state after it.

    Args:
        network: An autoregressive one.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, item: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        network: Any = self.network
        said, after = network.step(item, state)
        return said, after


def _graph(estimator: Any, part: str | None) -> _Graph:
    network = estimator.network_.network
    if hasattr(network, "step"):
        return _step_graph(estimator, network, part)
    schema: Schema = estimator.schema_
    part = part or "encoder"
    if part != "encoder" and not hasattr(network, "decode"):
        raise ConfigError(f"part={part!r}: {type(estimator).__name__} has no way back from its codes; use encoder")
    if part == "step":
        raise ConfigError("part='step': goes with models of text, events and series; use encoder, decoder or whole")
    _check_columns(schema)
    if part == "decoder" and None in schema.shape:
        raise ConfigError(
            "part='decoder': a convolutional encoder's code is a map, not the code of transform; use whole"
        )
    sizes = [8 if size is None else size for size in schema.shape]
    free = {0: "batch"} | {axis + 1: name for axis, name in enumerate(("height", "width")) if None in schema.shape}
    code = {"code": lambda n: torch.linspace(-1, 1, n * estimator.n_components_).reshape(n, -1)}
    data = {"x": lambda n: _example(schema, n, sizes)}
    names = {"encoder": ("x", "code"), "decoder": ("code", "x"), "whole": ("x", "reconstruction")}[part]
    return _Graph(
        part=part,
        module=_Scaled(network, schema, part),
        inputs=code if part == "decoder" else data,
        outputs=names[1:],
        sizes={names[0]: free if part != "decoder" else {0: "batch"}},
        units={"data": schema.describe(), "columns": json.dumps(schema.columns or []), "dtype": schema.dtype},
    )


def _check_columns(schema: Schema) -> None:
    """Refuse cells whose meaning no graph of numbers has."""
    for column in schema.table.types if schema.table else ():
        if not column.numeric:
            raise ConfigError(
                f"column {column.name!r} holds {column.kind} cells, which no ONNX graph of numbers has; "
                f"fit without it: --types '{column.name}=ignore'"
            )


def _step_graph(estimator: Any, network: Any, part: str | None) -> _Graph:
    if part not in (None, "step"):
        raise ConfigError(f"part={part!r}: an autoregressive model has one part, its step; leave it out")
    tokens = estimator.schema_.kind != "series"
    items = getattr(estimator.schema_, "n_items", 0)
    width = 0 if tokens else network.values_per_item

    def item(n: int) -> Tensor:
        if tokens:
            return torch.arange(n) % items
        return torch.linspace(-1, 1, n * width).reshape(n, width)

    opening = network.opening(1)[0].detach().cpu().tolist()
    return _Graph(
        part="step",
        module=_Step(network),
        inputs={"item": item, "state": lambda n: torch.zeros(network.n_layers, n, network.state_size)},
        outputs=("said", "state_after"),
        sizes={"item": {0: "batch"}, "state": {1: "batch"}},
        units={"data": estimator.schema_.describe(), "schema": _vocabulary(estimator), "opening": json.dumps(opening)},
    )


def _vocabulary(estimator: Any) -> str:
    """What the items mean: the schema as it stands in a model file, and of series the scaling."""
    schema = estimator.schema_
    arrays = {name: array.tolist() for name, array in schema.arrays().items()} if hasattr(schema, "arrays") else {}
    return json.dumps(schema.to_json() | arrays, ensure_ascii=False)


def _example(schema: Schema, n: int, sizes: list[int]) -> Tensor:
    """Rows of the data's dtype around where the training rows lay."""
    random = np.random.default_rng(n).random((n, int(np.prod(sizes))))
    repeat = 1 if None not in schema.shape else int(np.prod(sizes)) // schema.scaling.offset.size
    offset, scale = (np.tile(part.ravel(), repeat) for part in (schema.scaling.offset, schema.scaling.scale))
    values = (random * scale + offset).reshape(n, *sizes)
    if schema.dtype == "uint8":
        return torch.from_numpy(values.clip(0, 255).astype(np.uint8))
    return torch.from_numpy(values.astype(np.float64 if schema.dtype == "float64" else np.float32))


# ---- how -------------------------------------------------------------------------------------------------------------


def _converted(graph: _Graph) -> bytes:
    batch = {name: torch.export.Dim(name, min=1) for sizes in graph.sizes.values() for name in sizes.values()}
    # Two sizes that are 1, or equal, would be taken for constants.
    examples = {name: make(3) for name, make in graph.inputs.items()}
    module = graph.module.cpu().eval()
    with _quiet(), torch.no_grad():
        program = torch.onnx.export(
            module,
            tuple(examples.values()),
            input_names=list(examples),
            output_names=list(graph.outputs),
            dynamic_shapes=tuple({a: batch[n] for a, n in graph.sizes[name].items()} for name in examples),
            opset_version=_OPSET,
            dynamo=True,
            verbose=False,
        )
        assert program is not None
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "model.onnx")
            program.save(str(path), external_data=False)
            if path.stat().st_size >= 2 * _GIB:
                raise ConfigError("the model has 2 GB or more, which no single ONNX file holds; use a smaller hidden")
            return path.read_bytes()


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter tells of its passes, of torchvision that is not there, and of what it will deprecate."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _with_facts(content: bytes, estimator: Any, graph: _Graph) -> bytes:
    import onnx

    model = onnx.load_model_from_string(content)
    facts = {"latens": __version__, "estimator": type(estimator).__name__, "part": graph.part, **graph.units}
    onnx.helper.set_model_props(model, facts)
    model.producer_name, model.producer_version = "latens", __version__
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _checked(content: bytes, graph: _Graph, path: Path) -> float:
    """The largest difference between torch and onnxruntime, over the outputs' spread."""
    session, largest = _session(content), 0.0
    for n in _BATCHES:
        given = {name: make(n) for name, make in graph.inputs.items()}
        with torch.no_grad():
            expected = graph.module(*given.values())
        found = session.run(None, {name: value.numpy() for name, value in given.items()})
        for mine, theirs in zip(expected if isinstance(expected, tuple) else (expected,), found, strict=True):
            spread = max(1.0, float(np.ptp(mine.numpy())))
            largest = max(largest, float(np.abs(mine.numpy() - theirs).max()) / spread)
    if not largest <= TOLERANCE:
        raise OutputError(
            f"{path}: not written, for onnxruntime differs from torch by {largest:.2g} of the outputs' spread where "
            f"{TOLERANCE:g} is allowed; try another torch or onnxruntime"
        )
    return largest


def _session(content: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _described(content: bytes, path: Path, part: str, difference: float) -> Exported:
    session = _session(content)
    inputs, outputs = (
        tuple((each.name, each.type.removeprefix("tensor(").rstrip(")"), tuple(each.shape)) for each in side)
        for side in (session.get_inputs(), session.get_outputs())
    )
    return Exported(path, part, inputs, outputs, difference)


def _needed(package: str) -> None:
    try:
        __import__(package)
    except ImportError as error:
        raise MissingExtra.of(package, "onnx") from error
