"""Error measures of operator learning and regression."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from neurokit.errors import OutOfRange, explain

#: A centred error above this share, and this many times above the relative one, is one that the relative one hides.
LOST, HIDDEN = 0.2, 3.0
#: Numbers whose distance from their mean is below this share of them are one number: the mean itself is rounded.
ROUNDING = 1e-14


class RelativeL2(NamedTuple):
    """Both customary relative L2 errors, of which papers rarely say which one they report, and the centred one.

    mean     mean over samples of `||u - uh|| / ||u||`: every sample counts alike
    overall  `||U - Uh||_F / ||U||_F` over the whole set: large samples count more
    centred  `||U - Uh||_F / ||U - c||_F` with the mean answer c, that is, relative to the spread of the answers: the
             constant answer c has 1. Answers far from zero make the other two small whatever is learnt. None where all
             answers are c.
    """

    mean: float
    overall: float
    centred: float | None

    def as_dict(self) -> dict[str, float | None]:
        """Under the names of neurokit's JSON reports."""
        return {"mean": self.mean, "global": self.overall, "centred": self.centred}

    @property
    def warning(self) -> str | None:
        """What a reader of the relative errors alone would miss, or None."""
        if self.centred is None or self.centred <= max(LOST, HIDDEN * self.overall):
            return None
        return (
            f"the relative error {self.overall:.2g} misleads: relative to the spread of the answers around their mean "
            f"it is {self.centred:.2g}, so much of what varies in them is lost"
            + ("; the network answers with little but the mean" if self.centred > 0.9 else "")
        )


def relative_l2(
    truth: Float64[np.ndarray, "samples *shape"],
    answer: np.ndarray,
    centre: float | Float64[np.ndarray, "..."] | None = None,
) -> RelativeL2:
    """All errors of `answer` against `truth`; the first axis counts samples.

    `centre`, a number or numbers along the last axes, is the mean answer; by default that of all numbers in `truth`.
    """
    mean, overall = relative_l2_mean(truth, answer), relative_l2_global(truth, answer)
    return RelativeL2(mean, overall, centred_l2(truth, answer, centre))


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


def centred_l2(
    truth: Float64[np.ndarray, "samples *shape"],
    answer: np.ndarray,
    centre: float | Float64[np.ndarray, "..."] | None = None,
) -> float | None:
    """`||U - Uh||_F / ||U - centre||_F` over all samples together; None where U is `centre` to rounding.

    `centre` as in `relative_l2`. Raises OutOfRange when shapes differ.
    """
    _rows(truth, answer)  # raises for shapes that differ
    truth, answer = np.asarray(truth, dtype=np.float64), np.asarray(answer, dtype=np.float64)
    around = truth - (truth.mean() if centre is None else centre)
    if np.abs(around).max() <= ROUNDING * np.abs(truth).max():
        return None
    around, error = _rows(around, answer - truth)
    return float(np.linalg.norm(error) / np.linalg.norm(around))


def _rows(truth: np.ndarray, answer: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both as one row a sample, divided by a power of two so that no square overflows or vanishes."""
    truth, answer = np.asarray(truth, dtype=np.float64), np.asarray(answer, dtype=np.float64)
    if truth.shape != answer.shape or truth.ndim < 1 or not truth.size:
        raise OutOfRange(
            explain("shape of the answer", answer.shape, f"{truth.shape}, that of the truth", "align the two arrays")
        )
    _, power = np.frexp(np.abs(truth).max())
    return tuple(np.ldexp(array, -power).reshape(len(array), -1) for array in (truth, answer))  # type: ignore[return-value]


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
