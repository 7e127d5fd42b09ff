"""Derivatives of surrogates over lanes, the formulas of `neurokit.neurons.surrogates` once more for compiled code.

Every kind has a number; a kernel branches on it outside its loops over lanes.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from jaxtyping import Float

from neurokit.neurons import surrogates as s
from neurokit.neurons.kernels.compiler import compiled, contracted
from neurokit.neurons.kernels.exponential import exponential

GAUSSIAN, FAST_SIGMOID, ARC_TAN, STRAIGHT_THROUGH, TRIANGLE, KNOWN = range(6)


def constants(surrogate: Any, dtype: Any) -> tuple[int, Float[np.ndarray, " 4"]] | None:
    """The number of a surrogate's kind and its constants, the last of them 1; None for what has no kernel.

    The weak Gaussian's derivative is known beforehand, drawn at distances that another pass found.
    """
    if type(surrogate) is s.Gaussian:
        kind, values = GAUSSIAN, (-surrogate.sharpness, surrogate.height, 0.0)
    elif type(surrogate) is s.FastSigmoid:
        kind, values = FAST_SIGMOID, (surrogate.slope, surrogate.slope / 2, 0.0)
    elif type(surrogate) is s.ArcTan:
        kind, values = ARC_TAN, (math.pi / 2 * surrogate.slope, surrogate.slope / 2, 0.0)
    elif type(surrogate) is s.StraightThrough:
        kind, values = STRAIGHT_THROUGH, (surrogate.width / 2, 1 / surrogate.width, 0.0)
    elif type(surrogate) is s.Triangle:
        kind, values = TRIANGLE, (surrogate.width, 0.5 / surrogate.width, 0.0)
    elif type(surrogate) is s.WeakGaussian:
        kind, values = KNOWN, (surrogate.sigma, 0.5 / surrogate.sigma**2 / surrogate.samples, 0.0)
    else:
        return None
    return kind, np.array([*values, 1.0], dtype)


@compiled
def derivative(kind, c, x, d):  # type: ignore[no-untyped-def]
    """`d <- derivative(x)` for lanes `x`; leaves a known derivative as it is."""
    if kind == GAUSSIAN:
        _gaussian(c[0], c[1], x, d)
    elif kind == FAST_SIGMOID:
        _fast_sigmoid(c[0], c[1], c[3], x, d)
    elif kind == ARC_TAN:
        _arc_tan(c[0], c[1], c[3], x, d)
    elif kind == STRAIGHT_THROUGH:
        _straight_through(c[0], c[1], c[2], x, d)
    elif kind == TRIANGLE:
        _triangle(c[0], c[1], c[3], x, d)


@contracted
def _gaussian(slope, height, x, d):  # type: ignore[no-untyped-def]
    for j in range(x.size):
        d[j] = exponential(x[j] * x[j] * slope) * height


@contracted
def _fast_sigmoid(slope, half, one, x, d):  # type: ignore[no-untyped-def]
    for j in range(x.size):
        spread = abs(x[j]) * slope + one
        d[j] = half / (spread * spread)


@contracted
def _arc_tan(slope, half, one, x, d):  # type: ignore[no-untyped-def]
    for j in range(x.size):
        angle = x[j] * slope
        d[j] = half / (angle * angle + one)


@contracted
def _straight_through(reach, height, zero, x, d):  # type: ignore[no-untyped-def]
    for j in range(x.size):
        d[j] = height if abs(x[j]) <= reach else zero


@contracted
def _triangle(width, half, one, x, d):  # type: ignore[no-untyped-def]
    for j in range(x.size):
        height = one - abs(x[j]) / width
        d[j] = (height + abs(height)) * half


@compiled
def weak_gaussian(c, x, noise, d):  # type: ignore[no-untyped-def]
    """`d <- derivative_from(x, noise)` of WeakGaussian for lanes `x` and `noise (samples, lanes)`."""
    for j in range(x.size):
        d[j] = c[2]
    for k in range(noise.shape[0]):
        _add_reach(c[0], c[2], noise[k], x, d)
    for j in range(x.size):
        d[j] = d[j] * c[1]


@contracted
def _add_reach(sigma, zero, noise, x, d):  # type: ignore[no-untyped-def]
    for j in range(x.size):
        reach = abs(noise[j]) * sigma
        d[j] = d[j] + (reach if reach >= abs(x[j]) else zero)
