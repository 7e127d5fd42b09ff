"""Setup, Experiment: what an experiment of learning is made of, for those that ship and for one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from neurokit.ir.program import Program
from neurokit.learning.perturbed_batch import PerturbedBatchEvaluator
from neurokit.simulator.plastic_weights import Plastic, Weights


@dataclass(frozen=True, eq=False)
class Phase:
    """A part of a run: where the network learns, and the error that is reported of it.

    until   share of the steps at which the phase ends
    train   the device and the samples that learning sees
    error   of weights, on samples that it does not see
    """

    until: float
    train: PerturbedBatchEvaluator
    error: Callable[[Weights], float]


@dataclass(frozen=True, eq=False)
class Setup:
    """A deployed network, what of it may move, and what happens to it.

    references  errors to compare with, by name
    """

    program: Program
    tensors: tuple[Plastic, ...]
    phases: tuple[Phase, ...]
    references: Mapping[str, float]


#: What came of one method and seed, as plain values for JSON: `method`, `seed` and what the experiment measures.
Row = dict[str, Any]
#: Told which share of a row is done.
ProgressCallback = Callable[[float], None]


@dataclass(frozen=True)
class Bar:
    """A claim with the number that decides it."""

    value: float | None
    bar: float
    met: bool | None

    @classmethod
    def at_most(cls, value: float | None, bar: float) -> Bar:
        return cls(value, bar, None if value is None else value <= bar)

    @classmethod
    def at_least(cls, value: float | None, bar: float) -> Bar:
        return cls(value, bar, None if value is None else value >= bar)


class Experiment(Protocol):
    """A frozen dataclass of numbers, the config, with these methods. Everything random follows from `seed`."""

    #: The word after `neurokit learn`, and one sentence.
    name: ClassVar[str]
    title: ClassVar[str]

    def shortened(self, budget: float) -> Experiment:
        """With a share of the work."""
        ...

    def methods(self) -> tuple[str, ...]:
        """What is compared, by name."""
        ...

    def row(self, method: str, seed: int, kept: Path, told: ProgressCallback) -> Row:
        """The work of one method and seed. A run that is interrupted may keep its state in the file `kept`."""
        ...

    def bars(self, rows: Sequence[Row]) -> Mapping[str, Bar]:
        """The claims, from the rows of all methods and seeds."""
        ...

    def draw(self, rows: Sequence[Row], path: Path) -> None:
        """The picture of all rows."""
        ...


def mean_of(rows: Sequence[Row], method: str, number: Callable[[Row], float]) -> float | None:
    """The mean over seeds of a number of an method's rows; None without rows."""
    values = [number(row) for row in rows if row["method"] == method]
    return sum(values) / len(values) if values else None
