"""Error measures of operator learning and regression."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from neurokit.errors import OutOfRange, explain


class RelativeL2(NamedTuple):
    """Both customary relative L2 errors; papers rarely say which one they report.

    mean     mean over samples of `||u - uh|| / ||u||`: every sample counts alike
    overall  `||U - Uh||_F / ||U||_F` over the whole set: large samples count more
    """

    mean: float
    overall: float

    def as_dict(self) -> dict[str, float]:
        """Under the names of neurokit's JSON reports."""
        return {"mean": self.mean, "global": self.overall}


def relative_l2(truth: Float64[np.ndarray, "samples *shape"], answer: np.ndarray) -> RelativeL2:
    """Both errors of `answer` against `truth`; the first axis counts samples."""
    return RelativeL2(relative_l2_mean(truth, answer), relative_l2_global(truth, answer))


def relative_l2_mean(truth: Float64[np.ndarray, "samples *shape"], answer: np.ndarray) -> float:
    """Mean over samples of `||u - uh|| / ||u||`.

    Raises OutOfRange when shapes differ or a sample of `truth` is zero everywhere, where the ratio means nothing.
    """
    truth, answer = _rows(truth, answer)
    norms = np.linalg.norm(truth, axis=1)
    _nonzero(norms)
    return float(np.mean(np.linalg.norm(truth - answer, axis=1) / norms))


def relative_l2_global(truth: Float64[np.ndarray, "samples *shape"], answer: np.ndarray) -> float:
    """`||U - Uh||_F / ||U||_F` over all samples together. Raises OutOfRange as `relative_l2_mean`."""
    truth, answer = _rows(truth, answer)
    norm = np.linalg.norm(truth)
    _nonzero(np.array([norm]))
    return float(np.linalg.norm(truth - answer) / norm)


def _rows(truth: np.ndarray, answer: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    truth, answer = np.asarray(truth, dtype=np.float64), np.asarray(answer, dtype=np.float64)
    if truth.shape != answer.shape or truth.ndim < 1 or not truth.size:
        raise OutOfRange(
            explain("shape of the answer", answer.shape, f"{truth.shape}, that of the truth", "align the two arrays")
        )
    return truth.reshape(len(truth), -1), answer.reshape(len(answer), -1)


def _nonzero(norms: np.ndarray) -> None:
    zero = np.flatnonzero(norms == 0)
    if len(zero):
        raise OutOfRange(
            explain(
                f"norm of the true sample {zero[0]}",
                0.0,
                "greater than zero, for an error relative to it",
                "leave that sample out, or measure an absolute error",
            )
        )
