"""Rounding of a layer's weights to integers: to nearest, or so that the layer's *output* on given data moves least."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

#: Pull towards the real weights where the data does not decide, as a share of the mean squared input.
RIDGE = 1e-6


def round_to_nearest(
    weight: Float64[np.ndarray, "out in"], bias: Float64[np.ndarray, " out"]
) -> tuple[Float64[np.ndarray, "out in"], Float64[np.ndarray, " out"]]:
    """Each number on its own, half to even."""
    return np.rint(weight), np.rint(bias)


def round_for_data(
    weight: Float64[np.ndarray, "out in"],
    bias: Float64[np.ndarray, " out"],
    x: Float64[np.ndarray, "samples in"],
    target: Float64[np.ndarray, "samples out"] | None = None,
) -> tuple[Float64[np.ndarray, "out in"], Float64[np.ndarray, " out"]]:
    """Integers `W, b` that keep `x W^T + b` close to `target`, by default to `x weight^T + bias`.

    First the real weights are moved to the least-squares fit of the target (`RIDGE` pulls them back to where they were
    if the data does not decide); then one column after another is rounded and its error is passed on to the
    columns not yet rounded, in the metric of the data, the bias last. Correlated inputs, as neighbouring sensors of a
    smooth function are, leave much room for that. All in units in which integers are wanted.

    Source: the nearest-plane algorithm (Babai 1986, doi:10.1007/BF02579403); for network weights Frantar and
    Alistarh 2022 (arXiv 2208.11580).
    """
    ones = np.ones((len(x), 1))
    # The bias comes first: the nearest-plane recursion runs from the last column to the first.
    features = np.hstack([ones, x])
    wanted = np.hstack([bias[:, None], weight])
    gram = features.T @ features / len(x)
    gram += RIDGE * np.trace(gram) / len(gram) * np.eye(len(gram))
    if target is not None:
        residual = target - features @ wanted.T
        wanted = wanted + np.linalg.solve(gram, features.T @ residual / len(x)).T
    upper = np.linalg.cholesky(gram).T
    rounded = np.zeros_like(wanted)
    for column in range(len(gram) - 1, -1, -1):
        owed = (wanted - rounded)[:, column + 1 :] @ (upper[column, column + 1 :] / upper[column, column])
        rounded[:, column] = np.rint(wanted[:, column] + owed)
    return rounded[:, 1:], rounded[:, 0]
