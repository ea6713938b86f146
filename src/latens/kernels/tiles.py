"""Matrix products with one small matrix, again and again, from inside a loop in numba.

A weight is laid out once (`packed`), so that the innermost loop reads it in order; a product is made tile by tile, each
of which stays in registers. Every number is added up in order of k from its bias on, whatever the number of rows: a
row's answer does not depend on its batch. Goto & van de Geijn, 2008, https://doi.org/10.1145/1356052.1356053.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from latens.kernels.compiling import borrowing
from latens.kernels.vectors import Vector, lanes, pointer, spread

__all__ = ["ROWS", "aligned", "packed", "packed_bias", "product", "row_product"]

# Rows of a tile, and its columns in vectors: sixteen sums at a time hide a product's latency and fit the registers.
ROWS, _VECTORS = 8, 2
# Of a product of one row, eight vectors do the same.
_VECTORS_OF_ONE = 8
# Bytes between what such a product reads and what it asks for.
_AHEAD = 8192


def aligned(size: int, dtype: Any) -> np.ndarray:
    """An empty flat array that begins at a multiple of 64 bytes, as a vector does: no load then touches two lines.

    Example:
        >>> aligned(3, np.float32).ctypes.data % 64
        0
    """
    width = lanes(np.dtype(dtype).type)
    memory = np.empty(size + width, dtype=dtype)
    first = -memory.ctypes.data % 64 // memory.itemsize
    return memory[first : first + size]


def packed(weight: np.ndarray, single: bool = False) -> np.ndarray:  # (N, K) -> (panels · K · width,)
    """A weight as `product` or `row_product` reads it: in panels of some columns, padded by zeros.

    Args:
        weight: As `torch.nn.functional.linear` takes it.
        single: For `row_product`.

    Example:
        >>> packed(np.ones((20, 3), dtype=np.float32)).shape
        (96,)
    """
    width = lanes(weight.dtype.type) * (_VECTORS_OF_ONE if single else _VECTORS)
    n, k = weight.shape
    panels = np.zeros((-(-n // width) * width, k), dtype=weight.dtype)
    panels[:n] = weight
    found = aligned(panels.size, weight.dtype)
    found.reshape(-1, k, width)[:] = panels.reshape(-1, width, k).transpose(0, 2, 1)
    return found


def packed_bias(bias: np.ndarray, layout: np.ndarray, k: int) -> np.ndarray:
    """A bias as long as the panels of a packed weight of k inputs are wide.

    Example:
        >>> packed_bias(np.ones(20), packed(np.ones((20, 3))), 3).shape
        (32,)
    """
    padded = np.zeros(len(layout) // k, dtype=layout.dtype)
    padded[: len(bias)] = bias
    return padded


def _tile(rows: int, vectors: int) -> Any:
    """An intrinsic: c[:rows, :width] = bias[:width] + a[:rows, :k] @ w, in registers.

    Arguments: a, its place and the step between its rows; w and its place; k; the bias and its place; c, its place and
    step. All arrays are flat.
    """

    def tile(
        context: Any, a: Any, ia: Any, sa: Any, w: Any, iw: Any, k: Any, b: Any, ib: Any, c: Any, ic: Any, sc: Any
    ) -> Any:
        whole = types.intp
        sig = types.void(a, whole, whole, w, whole, whole, b, whole, c, whole, whole)
        return sig, lambda *given: _generate(rows, vectors, *given)

    return intrinsic(tile)


def _generate(rows: int, vectors: int, context: Any, builder: Any, sig: Any, args: Any) -> Any:
    step_a, k, step_c = args[2], args[5], args[10]
    a, w, bias, c = (pointer(context, builder, sig.args[i], args[i], args[i + 1]) for i in (0, 3, 6, 8))
    kind = context.get_value_type(Vector(sig.args[0].dtype))
    size, width = sig.args[0].dtype.bitwidth // 8, kind.count

    def at(base: Any, place: Any) -> Any:
        return builder.bitcast(builder.gep(base, [place]), kind.as_pointer())

    def place(row: int, step: Any, column: Any) -> Any:
        return builder.add(builder.mul(step, step.type(row)), column)

    shape = ir.FunctionType(kind, [kind] * 3)
    fma = cgutils.get_or_insert_function(builder.module, shape, f"llvm.fma.v{width}f{8 * size}")
    sums = [[cgutils.alloca_once(builder, kind) for _ in range(vectors)] for _ in range(rows)]
    for v in range(vectors):
        start = builder.load(at(bias, k.type(v * width)), align=size)
        for row in sums:
            builder.store(start, row[v])
    with cgutils.for_range(builder, k, intp=k.type) as loop:
        first = builder.mul(loop.index, k.type(vectors * width))
        if rows == 1:  # every number is used once, so that the memory sets the pace
            for v in range(vectors):
                _fetch(builder, builder.gep(w, [builder.add(first, k.type(v * width + _AHEAD // size))]))
        weights = [builder.load(at(w, builder.add(first, k.type(v * width))), align=size) for v in range(vectors)]
        for r, row in enumerate(sums):
            x = spread(builder, kind, builder.load(builder.gep(a, [place(r, step_a, loop.index)])))
            for v, weight in enumerate(weights):
                builder.store(builder.call(fma, [x, weight, builder.load(row[v])]), row[v])
    for r, row in enumerate(sums):
        for v, each in enumerate(row):
            builder.store(builder.load(each), at(c, place(r, step_c, k.type(v * width))), align=size)
    return context.get_dummy_value()


def _fetch(builder: Any, where: Any) -> None:
    """Ask for memory that will be read soon."""
    whole = ir.IntType(32)
    shape = ir.FunctionType(ir.VoidType(), [where.type, whole, whole, whole])
    function = cgutils.get_or_insert_function(builder.module, shape, "llvm.prefetch.p0")
    builder.call(function, [where, whole(0), whole(3), whole(1)])


_tile_of_many, _tile_of_one = _tile(ROWS, _VECTORS), _tile(1, _VECTORS_OF_ONE)


@borrowing
def product(a: np.ndarray, rows: int, k: int, w: np.ndarray, bias: np.ndarray, c: np.ndarray) -> None:
    """c = a wᵀ + bias, for a (rows, k) with rows a multiple of `ROWS`, and c as wide as the padded bias; all flat."""
    width, columns = _VECTORS * (64 // a.itemsize), len(bias)
    for panel in range(columns // width):
        for row in range(0, rows, ROWS):
            at = row * columns + panel * width
            _tile_of_many(a, row * k, k, w, panel * width * k, k, bias, panel * width, c, at, columns)


@borrowing
def row_product(a: np.ndarray, start: int, k: int, w: np.ndarray, bias: np.ndarray, c: np.ndarray) -> None:
    """The same for the one row that begins at a place of a; w is packed for single rows."""
    width = _VECTORS_OF_ONE * (64 // a.itemsize)
    for panel in range(len(bias) // width):
        _tile_of_one(a, start, k, w, panel * width * k, k, bias, panel * width, c, panel * width, 0)
