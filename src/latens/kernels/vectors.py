"""Vectors of 64 bytes as values in numba: 16 numbers of float32, or 8 of float64.

LLVM makes of them what the machine has: one AVX-512 register, two of AVX2, four of NEON. Loops written with them do not
depend on whether a compiler sees that it may vectorise, and add up in one order on every row.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

__all__ = [
    "Vector",
    "exp",
    "greater",
    "highest",
    "keep",
    "lanes",
    "load",
    "pointer",
    "sigmoid",
    "splat",
    "spread",
    "store",
    "tanh",
    "total",
]

_BYTES = 64


def lanes(dtype: Any) -> int:
    """Numbers in a vector of this dtype.

    Example:
        >>> import numpy as np
        >>> lanes(np.float32), lanes(np.float64)
        (16, 8)
    """
    return int(_BYTES // (dtype.bitwidth // 8 if isinstance(dtype, types.Type) else dtype().itemsize))


class Vector(types.Type):
    """The numba type of a vector; `dtype` is that of its numbers."""

    def __init__(self, dtype: types.Float) -> None:
        self.dtype = dtype
        super().__init__(name=f"Vector({dtype})")


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Vector) -> None:
        super().__init__(manager, kind, _llvm(kind.dtype))


def _llvm(dtype: types.Float) -> ir.VectorType:
    return ir.VectorType(ir.FloatType() if dtype.bitwidth == 32 else ir.DoubleType(), lanes(dtype))


# ---- arithmetic: + - * / of two vectors, a product and a sum as one operation where the machine has it ---------------

_OPERATIONS = {operator.add: "fadd", operator.sub: "fsub", operator.mul: "fmul", operator.truediv: "fdiv"}


def _define(operation: Callable[..., Any], name: str) -> None:
    @infer_global(operation)
    class OfVectors(AbstractTemplate):
        def generic(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
            if len(args) == 2 and isinstance(args[0], Vector) and args[0] == args[1]:
                return signature(args[0], *args)
            return None

    @lower_builtin(operation, Vector, Vector)
    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return getattr(builder, name)(*args, flags=("contract",))


for _operation, _name in _OPERATIONS.items():
    _define(_operation, _name)


# ---- to and from memory ------------------------------------------------------------------------------------------


def pointer(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    """The address of a place in a flat array, for code that is generated."""
    return builder.gep(context.make_array(kind)(context, builder, array).data, [index])


def _mask(builder: Any, dtype: types.Float, count: Any) -> Any:
    """Which lanes are among the first `count`."""
    wide = ir.VectorType(count.type, lanes(dtype))
    numbers = ir.Constant(wide, [count.type(i) for i in range(lanes(dtype))])
    return builder.icmp_signed("<", numbers, spread(builder, wide, count))


def spread(builder: Any, kind: ir.VectorType, value: Any) -> Any:
    """One number in all lanes, for code that is generated."""
    undefined = ir.Constant(kind, ir.Undefined)
    first = builder.insert_element(undefined, value, ir.IntType(32)(0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(ir.IntType(32), kind.count), None))


@intrinsic
def load(context: Any, array: Any, index: Any, count: Any) -> Any:
    """The vector at a place of a flat array; beyond `count` numbers, zeros, and the memory there is not touched."""
    kind = Vector(array.dtype)

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        llvm, size = _llvm(kind.dtype), kind.dtype.bitwidth // 8
        where = builder.bitcast(pointer(context, builder, sig.args[0], args[0], args[1]), llvm.as_pointer())
        found = cgutils.alloca_once(builder, llvm)
        whole = builder.icmp_signed(">=", args[2], args[2].type(llvm.count))
        with builder.if_else(whole, likely=True) as (full, part):
            with full:
                builder.store(builder.load(where, align=size), found)
            with part:
                name = f"llvm.masked.load.v{llvm.count}f{8 * size}.p0"
                mask = _mask(builder, kind.dtype, args[2])
                shape = ir.FunctionType(llvm, [where.type, ir.IntType(32), mask.type, llvm])
                masked = cgutils.get_or_insert_function(builder.module, shape, name)
                builder.store(builder.call(masked, [where, ir.IntType(32)(size), mask, llvm(None)]), found)
        return builder.load(found)

    return kind(array, types.intp, types.intp), generate


@intrinsic
def store(context: Any, array: Any, index: Any, vector: Any, count: Any) -> Any:
    """Write the first `count` numbers of a vector to a place of a flat array, and touch no others."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        llvm, size = _llvm(vector.dtype), vector.dtype.bitwidth // 8
        where = builder.bitcast(pointer(context, builder, sig.args[0], args[0], args[1]), llvm.as_pointer())
        whole = builder.icmp_signed(">=", args[3], args[3].type(llvm.count))
        with builder.if_else(whole, likely=True) as (full, part):
            with full:
                builder.store(args[2], where, align=size)
            with part:
                name = f"llvm.masked.store.v{llvm.count}f{8 * size}.p0"
                mask = _mask(builder, vector.dtype, args[3])
                shape = ir.FunctionType(ir.VoidType(), [llvm, where.type, ir.IntType(32), mask.type])
                masked = cgutils.get_or_insert_function(builder.module, shape, name)
                builder.call(masked, [args[2], where, ir.IntType(32)(size), mask])
        return context.get_dummy_value()

    return types.void(array, types.intp, vector, types.intp), generate


@intrinsic
def splat(context: Any, value: Any, like: Any) -> Any:
    """A vector of one number, in the dtype of an array."""
    kind = Vector(like.dtype)

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return spread(builder, _llvm(kind.dtype), context.cast(builder, args[0], value, kind.dtype))

    return kind(value, like), generate


@intrinsic
def keep(context: Any, vector: Any, count: Any) -> Any:
    """The first `count` numbers, zeros after them."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.select(_mask(builder, vector.dtype, args[1]), args[0], _llvm(vector.dtype)(None))

    return vector(vector, types.intp), generate


@intrinsic
def greater(context: Any, first: Any, second: Any) -> Any:
    """The greater of two numbers, lane by lane; the first where one is NaN."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.select(builder.fcmp_ordered("<", *args), args[1], args[0])

    return first(first, second), generate


@intrinsic
def total(context: Any, vector: Any) -> Any:
    """The sum of a vector's numbers, by halves."""
    return _folded(vector, lambda builder, first, second: builder.fadd(first, second))


@intrinsic
def highest(context: Any, vector: Any) -> Any:
    """The greatest of a vector's numbers; of no meaning if one is NaN."""
    return _folded(vector, lambda builder, *halves: builder.select(builder.fcmp_ordered("<", *halves), *halves[::-1]))


def _folded(vector: Any, together: Callable[..., Any]) -> Any:
    """An intrinsic that lays one half of a vector on the other until one number is left."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        found, width = args[0], lanes(vector.dtype)
        while width > 1:
            width //= 2
            found = together(builder, *(_part(builder, found, start, width) for start in (0, width)))
        return builder.extract_element(found, ir.IntType(32)(0))

    return vector.dtype(vector), generate


def _part(builder: Any, vector: Any, start: int, width: int) -> Any:
    places = ir.Constant(ir.VectorType(ir.IntType(32), width), list(range(start, start + width)))
    return builder.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined), places)


# ---- functions ---------------------------------------------------------------------------------------------------

# ln 2 in two parts, the first short enough for its products with whole numbers to be exact.
_LN2 = {32: (0.693359375, -2.12194440054690583e-4), 64: (0.693145751953125, 1.42860682030941723212e-6)}
# Beyond these a power of two leaves the range of normal numbers.
_RANGE = {32: (-87.0, 88.0), 64: (-708.0, 709.0)}
# Terms of the series of exp on [-ln 2 / 2, ln 2 / 2] after which the rest is below the rounding.
_TERMS = {32: 7, 64: 13}
_FRACTION = {32: 23, 64: 52}
_BIAS = {32: 127, 64: 1023}


class _Numbers:
    """Operations on one kind of vector, for code that is generated."""

    def __init__(self, builder: Any, dtype: types.Float) -> None:
        self.builder, self.bits, self.kind = builder, dtype.bitwidth, _llvm(dtype)
        self.whole = ir.VectorType(ir.IntType(self.bits), self.kind.count)
        self.suffix = f"v{self.kind.count}f{self.bits}"

    def constant(self, value: float) -> Any:
        return ir.Constant(self.kind, [self.kind.element(value)] * self.kind.count)

    def call(self, name: str, *args: Any) -> Any:
        shape = ir.FunctionType(self.kind, [self.kind] * len(args))
        function = cgutils.get_or_insert_function(self.builder.module, shape, f"llvm.{name}.{self.suffix}")
        return self.builder.call(function, args)

    def power_of_two(self, exponent: Any) -> Any:
        """2^k of whole numbers k in the range of normal numbers."""
        whole = self.builder.fptosi(exponent, self.whole)
        biased = self.builder.add(whole, self._wholes(_BIAS[self.bits]))
        return self.builder.bitcast(self.builder.shl(biased, self._wholes(_FRACTION[self.bits])), self.kind)

    def _wholes(self, value: int) -> Any:
        return ir.Constant(self.whole, [self.whole.element(value)] * self.whole.count)

    def exp(self, x: Any) -> Any:
        r"""e^x = 2^k e^r with k whole and :math:`|r| \le \ln 2 / 2`, by the series of e^r."""
        low, high = (self.constant(bound) for bound in _RANGE[self.bits])
        for bound, beyond in ((low, "<"), (high, ">")):  # a NaN is beyond neither, and stays
            x = self.builder.select(self.builder.fcmp_ordered(beyond, x, bound), bound, x)
        k = self.call("rint", self.builder.fmul(x, self.constant(1 / math.log(2))))
        r = x
        for part in _LN2[self.bits]:
            r = self.call("fma", k, self.constant(-part), r)
        terms = [1 / math.factorial(i) for i in range(_TERMS[self.bits])]
        series = self.constant(terms[-1])
        for term in reversed(terms[:-1]):
            series = self.call("fma", series, r, self.constant(term))
        return self.builder.fmul(series, self.power_of_two(k))


def _function(formula: Callable[[_Numbers, Any], Any], doc: str) -> Any:
    """An intrinsic of one vector from a formula."""

    def define(context: Any, vector: Any) -> Any:
        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            return formula(_Numbers(builder, vector.dtype), args[0])

        return vector(vector), generate

    define.__doc__ = doc
    return intrinsic(define)


def _sigmoid(numbers: _Numbers, x: Any) -> Any:
    one, builder = numbers.constant(1.0), numbers.builder
    return builder.fdiv(one, builder.fadd(one, numbers.exp(builder.fneg(x))))


def _tanh(numbers: _Numbers, x: Any) -> Any:
    """By (1 - e^-2|x|) / (1 + e^-2|x|), and by the odd series where that would cancel."""
    one, builder = numbers.constant(1.0), numbers.builder
    size = numbers.call("fabs", x)
    e = numbers.exp(builder.fmul(size, numbers.constant(-2.0)))
    far = builder.fdiv(builder.fsub(one, e), builder.fadd(one, e))
    square = builder.fmul(x, x)
    series = numbers.constant(_TANH[-1])
    for term in reversed(_TANH[:-1]):
        series = numbers.call("fma", series, square, numbers.constant(term))
    near = builder.fmul(size, series)
    small = builder.fcmp_ordered("<", size, numbers.constant(_NEAR[numbers.bits]))
    return numbers.call("copysign", builder.select(small, near, far), x)


# x - x^3/3 + 2x^5/15 - …, where the terms left out are below the rounding.
_TANH = (1.0, -1 / 3, 2 / 15, -17 / 315, 62 / 2835, -1382 / 155925)
_NEAR = {32: 0.25, 64: 0.02}

exp = _function(lambda numbers, x: numbers.exp(x), "e^x; where that leaves the range of normal numbers, its bounds.")
sigmoid = _function(_sigmoid, "1 / (1 + e^-x).")
tanh = _function(_tanh, "The hyperbolic tangent.")
