"""mismatch: a network moves to a device whose thresholds and synapses deviate, and learns to live with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from neurokit.data.mexican_hat import MexicanHat
from neurokit.experiments.learning.curves import LearningCurves
from neurokit.experiments.learning.networks import deployed, error_of, trained
from neurokit.experiments.learning.setup import Bar, Phase, Row, Setup, mean_of
from neurokit.learning.directions import Directions, Hadamard
from neurokit.learning.integer_optimizer import Cosine, IntegerOptimizer, Residue, Rounding, Stochastic
from neurokit.learning.learner import Learner
from neurokit.learning.perturbed_batch import PerturbedBatchEvaluator
from neurokit.learning.rules import Layerwise, NodeRFG
from neurokit.learning.task import Task
from neurokit.simulator.device_mismatch import Mismatch
from neurokit.simulator.plastic_weights import plastic, weights


@dataclass(frozen=True)
class DeviceMismatch(LearningCurves):
    """Numbers of the experiment.

    threshold, weight  standard deviations of `neurokit.simulator.device_mismatch.Mismatch`
    pretraining        iterations of backpropagation in floating point before; the network is then rounded to nearest

    The second method keeps a residue beside every weight: without one steps that are far below a unit become random
    moves of whole units, whose noise adds to the error.
    """

    threshold: float = 0.1
    weight: float = 0.1
    steps: int = 3000
    directions: int = 4
    batch: int = 128
    rate: float = 0.1
    momentum: int = 3
    pretraining: int = 2000
    bar: float = 1.2

    name: ClassVar[str] = "mismatch"
    title: ClassVar[str] = "a device with mismatch, learned on"

    def shortened(self, budget: float) -> DeviceMismatch:
        steps, pretraining = (max(2, round(budget * n)) for n in (self.steps, self.pretraining))
        return replace(self, steps=steps, pretraining=pretraining)

    def setup(self, seed: int) -> Setup:
        from neurokit.experiments.papers.networks import MLPShape
        from neurokit.neurons.surrogates import Gaussian

        shape = MLPShape(hidden=(16, 16), surrogate=Gaussian(0.3))
        graph, split, floating = trained(MexicanHat(), shape, self.pretraining, 250, seed)
        program = deployed(graph, 8)
        tensors = plastic(program)
        nominal = error_of(PerturbedBatchEvaluator(program, tensors, Task.of(split.test)))(weights(program, tensors))
        device = Mismatch(self.threshold, self.weight, seed)
        train, test = (
            PerturbedBatchEvaluator(program, tensors, Task.of(part), device) for part in (split.train, split.test)
        )
        references = {"float": floating, "nominal": nominal}
        return Setup(program, tensors, (Phase(1.0, train, error_of(test)),), references)

    def learners(self, seed: int) -> Mapping[str, Learner]:
        rule = NodeRFG(Directions(self.directions, seed, Hadamard()), Layerwise())
        roundings: dict[str, Rounding] = {"RFG of currents": Stochastic(seed), "RFG of currents, a residue": Residue()}
        return {
            name: Learner(
                rule,
                IntegerOptimizer(self.rate, schedule=Cosine(), momentum=self.momentum, rounding=rounding),
                self.steps,
                self.batch,
                seed,
            )
            for name, rounding in roundings.items()
        }

    def bars(self, rows: Sequence[Row]) -> Mapping[str, Bar]:
        def ratio(row: Row) -> float:
            return float(row["after"] / row["references"]["nominal"])

        return {
            f"{method}: error after learning / nominal <= {self.bar}": Bar.at_most(
                mean_of(rows, method, ratio), self.bar
            )
            for method in self.methods()
        }
