"""DataFiles: a data set of your own, as a problem like any other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from neurokit.data.data import Domain, OperatorData, Split, TripleData
from neurokit.data.user_data import MARGIN, read_split
from neurokit.errors import OutOfRange, explain

#: A lowest and a highest value.
Ends = tuple[float, float]
#: What is read of files in each layout.
LAYOUTS: dict[str, type[OperatorData] | type[TripleData]] = {"cartesian": OperatorData, "triple": TripleData}


@dataclass(frozen=True)
class DataFiles:
    """Samples in `.npz` files, in the layouts of DeepXDE's operator data; see `user_data`.

    train    file with the samples to train on
    test     file with those to test with; without it both are in `train`
    layout   cartesian, every function at every location, or triple, aligned samples; only a single sample needs it
    branch   declared lowest and highest value of the functions
    trunk    declared lowest and highest value of the locations; both are declared, or neither
    margin   where no ranges are declared and none are in the file: those of the training samples, widened at either
             end by this share of their width

    Raises OutOfRange when one range alone is declared.
    """

    train: Path
    test: Path | None = None
    layout: Literal["cartesian", "triple"] | None = None
    branch: Ends | None = None
    trunk: Ends | None = None
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
            if ends is not None and not ends[0] < ends[1]:
                raise OutOfRange(explain(f"DataFiles.{name}", ends, "low < high", "swap the ends"))

    def generate(self, seed: int = 0) -> Split[OperatorData] | Split[TripleData]:
        """The samples as they are in the files: there is nothing to draw, so the seed has no say.

        Raises what `read_split` raises.
        """
        kind = None if self.layout is None else LAYOUTS[self.layout]
        domain: Domain | None = None
        if self.branch is not None and self.trunk is not None:
            domain = {"branch": self.branch, "trunk": self.trunk}
        return read_split(self.train, self.test, kind=kind, domain=domain, margin=self.margin)

    def found_layout(self) -> str:
        """The layout that the files are in, by their shapes where it is not said. Raises what `read_split` raises."""
        train = self.generate().train
        return next(word for word, kind in LAYOUTS.items() if isinstance(train, kind))
