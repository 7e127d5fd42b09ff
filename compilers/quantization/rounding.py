"""Rounding of a layer's weights to its grid: to nearest, or so that the layer's *output* on given data moves least."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from neurokit.compilers.quantization.grid import LayerGrid

#: Pull towards the real weights where the data does not decide, as a share of the mean squared input.
RIDGE = 1e-6


def round_to_nearest(
    weight: Float64[np.ndarray, "out in"], bias: Float64[np.ndarray, " out"], grid: LayerGrid
) -> tuple[Float64[np.ndarray, "out in"], Float64[np.ndarray, " out"]]:
    """Each number on its own, half to even: weights to their grid, biases to integers."""
    return grid.nearest(weight), np.rint(bias)


def fit_to_data(
    weight: Float64[np.ndarray, "out in"],
    bias: Float64[np.ndarray, " out"],
    x: Float64[np.ndarray, "samples in"],
    target: Float64[np.ndarray, "samples out"],
) -> tuple[Float64[np.ndarray, "out in"], Float64[np.ndarray, " out"]]:
    """The real weights and biases whose `x weight^T + bias` is closest to `target`, in least squares.

    `RIDGE` pulls them back to where they were where the data does not decide.
    """
    features, gram = _metric(x)
    before = np.hstack([bias[:, None], weight])
    after = before + np.linalg.solve(gram, features.T @ (target - features @ before.T) / len(x)).T
    return after[:, 1:], after[:, 0]


def round_for_data(
    weight: Float64[np.ndarray, "out in"],
    bias: Float64[np.ndarray, " out"],
    grid: LayerGrid,
    x: Float64[np.ndarray, "samples in"],
) -> tuple[Float64[np.ndarray, "out in"], Float64[np.ndarray, " out"]]:
    """`W` on the grid and integer `b` that keep `x W^T + b` close to `x weight^T + bias`.

    One column after another is rounded and its error is passed on to the columns not yet rounded, in the metric of the
    data, the bias last. Correlated inputs, as neighbouring sensors of a smooth function are, leave much room for that.
    A weight beyond the grid's ends goes to the end, and its error on to the others. In units of an int8 weight.

    Source: the nearest-plane algorithm (Babai 1986, doi:10.1007/BF02579403); for network weights Frantar and
    Alistarh 2022 (arXiv 2208.11580).
    """
    _, gram = _metric(x)
    wanted = np.hstack([bias[:, None], weight])
    upper = np.linalg.cholesky(gram).T
    rounded = np.zeros_like(wanted)
    for column in range(len(gram) - 1, -1, -1):
        owed = (wanted - rounded)[:, column + 1 :] @ (upper[column, column + 1 :] / upper[column, column])
        due = wanted[:, column] + owed
        rounded[:, column] = grid.nearest(due) if column else np.rint(due)
    return rounded[:, 1:], rounded[:, 0]


def _metric(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Inputs with a constant one before them (the nearest-plane recursion ends there), and their second moments."""
    features = np.hstack([np.ones((len(x), 1)), x])
    gram = features.T @ features / len(x)
    gram += RIDGE * np.trace(gram) / len(gram) * np.eye(len(gram))
    return features, gram
