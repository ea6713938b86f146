"""What stands between the products of a dense layer, each in one or two passes over its answers; compiled by numba.

Answers are (units, rows of the batch): what is added up over the batch is then a run of memory. The definition of each
function is PyTorch's operation of the same name.
"""

from __future__ import annotations

import numpy as np

from latens.kernels.compiling import compiler

__all__ = ["normalise", "normalise_backward", "rectify", "rectify_backward", "squared_error"]

# Sums may be added up in any order, which vectors need; that a number is one may not be taken for granted.
_compiled = compiler(fastmath={"reassoc", "contract", "nsz", "arcp"})


@_compiled
def normalise(
    z: np.ndarray,
    layer: tuple[np.ndarray, np.ndarray, np.ndarray],
    running: tuple[np.ndarray, np.ndarray, np.ndarray],
    momentum: float,
    epsilon: float,
    rectified: bool,
    statistics: np.ndarray,
    h: np.ndarray,
) -> None:  # pragma: no cover  # compiled
    r"""Batch normalisation in training mode, and the rectifier behind it.

    .. math:: h = \max\Bigl(0,\; \gamma\, \frac{z - \mu}{\sqrt{v + \epsilon}} + \beta\Bigr)

    Args:
        z: (N, B), without the linear layer's bias, which the normalisation takes away again.
        layer: Scale, shift, and that bias, each (N,).
        running: Mean, variance and number of batches, which move on.
        momentum: Of the running numbers.
        epsilon: Added to the variance.
        rectified: Whether there is a rectifier.
        statistics: (2, N), becomes the mean and one over the deviation.
        h: (N, B), becomes the answer.
    """
    scale, shift, bias = layer
    mean, variance, batches = running
    zero, rows = z.dtype.type(0), z.shape[1]
    batches[0] += 1
    for unit in range(z.shape[0]):
        total, squares = zero, zero
        for row in range(rows):
            total += z[unit, row]
        middle = z.dtype.type(total / rows)
        for row in range(rows):
            squares += (z[unit, row] - middle) * (z[unit, row] - middle)
        inverse = z.dtype.type(1.0 / np.sqrt(squares / rows + epsilon))
        factor = scale[unit] * inverse
        offset = shift[unit] - middle * factor
        for row in range(rows):
            value = z[unit, row] * factor + offset
            h[unit, row] = zero if rectified and value <= zero else value
        statistics[0, unit], statistics[1, unit] = middle, inverse
        mean[unit] += momentum * (middle + bias[unit] - mean[unit])
        variance[unit] += momentum * (squares / (rows - 1) - variance[unit])


@_compiled
def normalise_backward(
    z: np.ndarray,
    h: np.ndarray,
    scale: np.ndarray,
    statistics: np.ndarray,
    rectified: bool,
    d: np.ndarray,
    gradients: tuple[np.ndarray, np.ndarray],
) -> None:  # pragma: no cover  # compiled
    r"""The gradients of `normalise`.

    .. math:: \frac{\partial \ell}{\partial z} =
              \frac{\gamma}{\sqrt{v + \epsilon}} \bigl(d - \bar{d} - \hat{z}\, \overline{d \hat{z}}\bigr)

    Args:
        z, h, scale, statistics, rectified: What `normalise` was given and gave.
        d: (N, B), the gradient of h; becomes that of z.
        gradients: Become those of scale and shift, each (N,).
    """
    zero, rows = z.dtype.type(0), z.shape[1]
    for unit in range(z.shape[0]):
        middle, inverse = statistics[0, unit], statistics[1, unit]
        total, along = zero, zero
        for row in range(rows):
            value = d[unit, row]
            value = zero if rectified and h[unit, row] <= zero else value
            d[unit, row] = value
            total += value
            along += value * (z[unit, row] - middle)
        gradients[0][unit], gradients[1][unit] = along * inverse, total
        factor = scale[unit] * inverse
        mean = z.dtype.type(total / rows)
        slope = z.dtype.type(along * inverse * inverse / rows)
        for row in range(rows):
            d[unit, row] = factor * (d[unit, row] - mean - (z[unit, row] - middle) * slope)


@_compiled
def rectify(z: np.ndarray, bias: np.ndarray) -> None:  # pragma: no cover  # compiled
    """z (N, B) becomes the positive part of z plus a bias (N,)."""
    zero = z.dtype.type(0)
    for unit in range(z.shape[0]):
        for row in range(z.shape[1]):
            value = z[unit, row] + bias[unit]
            z[unit, row] = zero if value <= zero else value


@_compiled
def rectify_backward(h: np.ndarray, d: np.ndarray, gradient: np.ndarray) -> None:  # pragma: no cover  # compiled
    """d (N, B), the gradient of the positive part h, becomes that of z; `gradient` (N,) that of the bias."""
    zero = d.dtype.type(0)
    for unit in range(d.shape[0]):
        total = zero
        for row in range(d.shape[1]):
            value = d[unit, row]
            value = zero if h[unit, row] <= zero else value
            d[unit, row] = value
            total += value
        gradient[unit] = total


@_compiled
def squared_error(
    y: np.ndarray, target: np.ndarray, squashed: bool, d: np.ndarray, gradient: np.ndarray
) -> float:  # pragma: no cover  # compiled
    r"""The mean squared error, summed in float64, and its gradients.

    .. math:: \ell = \frac{1}{BD} \sum_{ij} (y_{ij} - x_{ij})^2

    Args:
        y: (B, D), the prediction.
        target: (B, D).
        squashed: Whether y is the logistic function of the last layer's answers.
        d: (B, D), becomes the gradient of those answers.
        gradient: (D,), becomes that of their bias.
    """
    zero, one, factor = y.dtype.type(0), y.dtype.type(1), y.dtype.type(2.0 / y.size)
    total = 0.0
    gradient[:] = zero
    for row in range(y.shape[0]):
        squares = zero
        for column in range(y.shape[1]):
            value = y[row, column]
            difference = value - target[row, column]
            squares += difference * difference
            slope = difference * factor
            slope = slope * value * (one - value) if squashed else slope
            d[row, column] = slope
            gradient[column] += slope
        total += squares
    return total / y.size
