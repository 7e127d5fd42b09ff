"""Rounding of a layer's weights to its grid: to nearest, or so that the layer's *output* on given data moves least."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Num

from neurokit.ir.weight_grid import LayerGrid

#: Pull towards the real weights where the data does not decide, as a share of the mean squared input.
RIDGE = 1e-6
#: Samples a weight that are few, and what the pull may then be.
FEW, RIDGES = 4, (1e-6, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 1e6)
#: Rows of inputs that are real numbers at a time.
PART = 2**14
#: The same between lines: a line of little weight takes over no more than its integers can hold.
LINE_RIDGE = 1e-2


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

    A ridge pulls them back to where they were where the data does not decide: `RIDGE`, or, of samples that are few for
    so many weights, the one of `RIDGES` with which new samples are expected to be met best.

    Source: generalised cross-validation (Golub, Heath, Wahba 1979, doi:10.1080/00401706.1979.10489751).
    """
    features = _with_one(x)
    before = np.hstack([bias[:, None], weight])
    owed = target - features @ before.T
    if len(x) >= FEW * features.shape[1]:
        move = np.linalg.solve(_gram(x), features.T @ owed / len(x))
    else:
        moments, vectors = np.linalg.eigh(features.T @ features / len(x))
        moments, along = np.maximum(moments, 0), features @ vectors
        share, best = along.T @ owed / len(x), np.inf
        move = np.zeros_like(before.T)
        for ridge in RIDGES:
            kept = 1 / (moments + ridge * moments.mean())
            freedom = len(x) - float(np.sum(moments * kept))
            expected = float(np.sum((owed - along @ (kept[:, None] * share)) ** 2)) / freedom**2
            if expected < best:
                move, best = vectors @ (kept[:, None] * share), expected
    after = before + move.T
    return after[:, 1:], after[:, 0]


def round_for_data(
    weight: Float64[np.ndarray, "out in"],
    bias: Float64[np.ndarray, " out"],
    grid: LayerGrid,
    x: Num[np.ndarray, "samples in"],
    *,
    whole: bool = True,
    lines: Float64[np.ndarray, "out out"] | None = None,
) -> tuple[Float64[np.ndarray, "out in"], Float64[np.ndarray, " out"]]:
    """`W` on the grid and integer `b` (real unless `whole`) that keep `x W^T + b` close to `x weight^T + bias`.

    One column after another is rounded and its error is passed on to the columns not yet rounded, in the metric of the
    data, the bias last. Correlated inputs, as neighbouring sensors of a smooth function are, leave much room for that.
    A weight beyond the grid's ends goes to the end, and its error on to the others. In units of an int8 weight.

    With the second moments `lines` of what the outputs are multiplied by before they are added up, it is that sum which
    is kept close: the error of a row is passed on to the rows not yet rounded, too.

    Source: the nearest-plane algorithm (Babai 1986, doi:10.1007/BF02579403); for network weights Frantar and
    Alistarh 2022 (arXiv 2208.11580).
    """
    gram = _gram(x)
    wanted = np.hstack([bias[:, None], weight])
    upper = np.linalg.cholesky(gram).T
    upper = upper / np.diag(upper)[:, None]

    def rounded(wanted: np.ndarray) -> np.ndarray:
        made = np.zeros_like(wanted)
        for column in range(len(gram) - 1, -1, -1):
            due = wanted[..., column] + (wanted - made)[..., column + 1 :] @ upper[column, column + 1 :]
            made[..., column] = grid.nearest(due) if column else np.rint(due) if whole else due
        return made

    if lines is None:
        made = rounded(wanted)
    else:
        made = np.zeros_like(wanted)
        between = np.linalg.cholesky(lines + LINE_RIDGE * np.trace(lines) / len(lines) * np.eye(len(lines))).T
        for row in range(len(lines) - 1, -1, -1):
            owed = between[row, row + 1 :] / between[row, row] @ (wanted - made)[row + 1 :]
            made[row] = rounded(wanted[row] + owed)
    return made[:, 1:], made[:, 0]


def _with_one(x: Num[np.ndarray, "samples in"]) -> Float64[np.ndarray, "samples features"]:
    """Inputs with a constant one before them: the nearest-plane recursion ends there."""
    return np.hstack([np.ones((len(x), 1)), x])


def _gram(x: Num[np.ndarray, "samples in"]) -> Float64[np.ndarray, "features features"]:
    """Second moments of inputs with a constant one before them; of spikes, part by part, for they are many."""
    gram = np.zeros((x.shape[1] + 1,) * 2)
    for start in range(0, len(x), PART):
        features = _with_one(x[start : start + PART])
        gram += features.T @ features
    gram /= len(x)
    gram += RIDGE * np.trace(gram) / len(gram) * np.eye(len(gram))
    return gram
