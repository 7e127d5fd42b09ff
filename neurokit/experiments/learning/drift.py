"""drift: the operator changes in the middle of a run, and the deployed network follows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from neurokit.data.data import OperatorData
from neurokit.data.poisson import Poisson
from neurokit.experiments.learning.curves import LearningCurves
from neurokit.experiments.learning.networks import deployed, error_of, trained
from neurokit.experiments.learning.setup import Bar, Phase, Row, Setup, mean_of
from neurokit.learning.directions import Directions, Hadamard
from neurokit.learning.integer_optimizer import IntegerOptimizer, Stochastic
from neurokit.learning.learner import Learner
from neurokit.learning.perturbed_batch import PerturbedBatchEvaluator
from neurokit.learning.rules import RFG, Layerwise
from neurokit.learning.task import Task
from neurokit.simulator.plastic_weights import plastic, weights


@dataclass(frozen=True)
class Drift(LearningCurves):
    """Numbers of the experiment: `-coefficient u'' = g`, g of a length scale that changes too.

    change        share of the steps at which the operator changes
    coefficient   of diffusion after the change, 1 before
    length_scale  of the sources after the change, 1 before
    functions     to learn from and to test with
    """

    change: float = 0.2
    coefficient: float = 0.8
    length_scale: float = 0.8
    functions: int = 200
    steps: int = 400
    directions: int = 8
    batch: int = 16
    rate: float = 0.05
    fine_rate: float = 0.1
    momentum: int = 3
    pretraining: int = 1500
    bar: float = 0.5

    name: ClassVar[str] = "drift"
    title: ClassVar[str] = "an operator that changes in the middle of a run"

    def shortened(self, budget: float) -> Drift:
        steps, pretraining = (max(5, round(budget * n)) for n in (self.steps, self.pretraining))
        return replace(self, steps=steps, pretraining=pretraining)

    def setup(self, seed: int) -> Setup:
        from neurokit.experiments.papers.networks import DeepONetShape
        from neurokit.neurons.surrogates import Gaussian

        before = Poisson(sensors=26, locations=26, train=self.functions, test=self.functions)
        shape = DeepONetShape(hidden=(16,), features=16, surrogate=Gaussian(0.3))
        graph, split, floating = trained(before, shape, self.pretraining, 50, seed)
        program = deployed(graph, 8)
        tensors = plastic(program)
        drawn = replace(before, length_scale=self.length_scale).generate(seed + 1000)
        changed = [self._scaled(part) for part in (drawn.train, drawn.test)]
        train, test, train_after, test_after = (
            PerturbedBatchEvaluator(program, tensors, Task.of(part)) for part in (split.train, split.test, *changed)
        )
        own = weights(program, tensors)
        references = {
            "float": floating,
            "nominal": error_of(test)(own),
            "after the change, without learning": error_of(test_after)(own),
        }
        phases = (Phase(self.change, train, error_of(test)), Phase(1.0, train_after, error_of(test_after)))
        return Setup(program, tensors, phases, references)

    def learners(self, seed: int) -> Mapping[str, Learner]:
        directions = Directions(self.directions, seed, Hadamard())
        optimizer = IntegerOptimizer(self.rate, self.fine_rate, momentum=self.momentum, rounding=Stochastic(seed))
        return {"RFG": Learner(RFG(directions, Layerwise()), optimizer, self.steps, self.batch, seed)}

    def bars(self, rows: Sequence[Row]) -> Mapping[str, Bar]:
        share = mean_of(rows, "RFG", self._followed)
        return {f"share of the error added by the change that is gone >= {self.bar}": Bar.at_least(share, self.bar)}

    def _followed(self, row: Row) -> float:
        nominal, lost = (row["references"][name] for name in ("nominal", "after the change, without learning"))
        return float((lost - row["after"]) / (lost - nominal))

    def _scaled(self, data: OperatorData) -> OperatorData:
        """Solutions of the changed operator: u is inversely proportional to a constant coefficient."""
        return replace(data, targets=data.targets / self.coefficient)
