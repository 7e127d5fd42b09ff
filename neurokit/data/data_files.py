"""DataFiles: a data set of your own, as a problem like any other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float64

from neurokit.data.data import Domain, OperatorData, Split, TripleData
from neurokit.data.user_data import MARGIN, read_split
from neurokit.errors import OutOfRange, explain

#: A lowest and a highest value, of all columns of an input.
Ends = tuple[float, float]
#: The same, or a pair of its own for every column.
EndsOfColumns = Ends | tuple[Ends, ...]
#: What is read of files in each layout.
LAYOUTS: dict[str, type[OperatorData] | type[TripleData]] = {"cartesian": OperatorData, "triple": TripleData}


@dataclass(frozen=True)
class DataFiles:
    """Samples in `.npz` files, in the layouts of DeepXDE's operator data; see `user_data`.

    train    file with the samples to train on
    test     file with those to test with; without it both are in `train`
    layout   cartesian, every function at every location, or triple, aligned samples; only a single sample needs it
    branch   declared lowest and highest value of the functions: `[low, high]` of all sensors, or a pair for each,
             `[[low, high], [low, high], ...]`
    trunk    those of the locations: of all coordinates, or a pair for each; both ranges are declared, or neither
    margin   where no ranges are declared and none are in the file: those of the training samples, widened at either
             end by this share of their width

    Raises OutOfRange when one range alone is declared, or the ends of one are not in order. A column that has a range
    of its own may be constant, as long as not all of them are.
    """

    train: Path
    test: Path | None = None
    layout: Literal["cartesian", "triple"] | None = None
    branch: EndsOfColumns | None = None
    trunk: EndsOfColumns | None = None
    margin: float = MARGIN

    def __post_init__(self) -> None:
        if (self.branch is None) != (self.trunk is None):
            raise OutOfRange(
                explain(
                    "DataFiles: (branch, trunk)",
                    (self.branch, self.trunk),
                    "two ranges, or none",
                    "declare the other one too",
                )
            )
        for name, ends in (("branch", self.branch), ("trunk", self.trunk)):
            if ends is not None:
                _require_ordered(f"DataFiles.{name}", ends)

    def generate(self, seed: int = 0) -> Split[OperatorData] | Split[TripleData]:
        """The samples as they are in the files: there is nothing to draw, so the seed has no say.

        Raises what `read_split` raises.
        """
        kind = None if self.layout is None else LAYOUTS[self.layout]
        domain: Domain | None = None
        if self.branch is not None and self.trunk is not None:
            domain = {"branch": _low_and_high(self.branch), "trunk": _low_and_high(self.trunk)}
        return read_split(self.train, self.test, kind=kind, domain=domain, margin=self.margin)

    def found_layout(self) -> str:
        """The layout that the files are in, by their shapes where it is not said. Raises what `read_split` raises."""
        train = self.generate().train
        return next(word for word, kind in LAYOUTS.items() if isinstance(train, kind))


def _require_ordered(subject: str, ends: EndsOfColumns) -> None:
    """Raise OutOfRange unless ends are in order, and some column has a range."""
    if not ends:
        raise OutOfRange(explain(subject, "empty", "[low, high], or a pair for every column", "declare one"))
    low, high = _low_and_high(ends)
    if low.ndim == 0 and not low < high:
        raise OutOfRange(explain(subject, ends, "low < high", "swap the ends"))
    for column in np.flatnonzero(low > high):
        raise OutOfRange(explain(f"{subject}[{column}]", ends[column], "low <= high", "swap the ends"))
    if not (low < high).any():
        legal = "a pair for every column, low < high in at least one"
        raise OutOfRange(explain(subject, ends, legal, "declare [low, high], or such pairs"))


def _low_and_high(
    ends: EndsOfColumns,
) -> tuple[Float64[np.ndarray, " *columns"], Float64[np.ndarray, " *columns"]]:
    """The lowest and the highest value: of all columns, or of every one."""
    pairs = np.asarray(ends, dtype=np.float64)
    return pairs[..., 0], pairs[..., 1]
