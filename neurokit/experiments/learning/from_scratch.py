"""from-scratch: the Mexican hat learned by integers from the first step, against float RFG at equal passes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from neurokit.data.data import PointData, Split
from neurokit.data.mexican_hat import MexicanHat
from neurokit.experiments.learning.curves import LearningCurves
from neurokit.experiments.learning.networks import error_of, integer_mlp
from neurokit.experiments.learning.setup import Bar, Phase, Row, Setup, mean_of
from neurokit.learning.directions import Directions, Hadamard
from neurokit.learning.integer_optimizer import Cosine, IntegerOptimizer, Residue, Stochastic
from neurokit.learning.learner import Learner
from neurokit.learning.perturbed_batch import PerturbedBatchEvaluator
from neurokit.learning.rules import RFG, SPSA, Layerwise
from neurokit.learning.task import Task
from neurokit.simulator.plastic_weights import plastic


@dataclass(frozen=True)
class FromScratch(LearningCurves):
    """Numbers of the experiment.

    hidden      neurons of both hidden layers
    directions  K of every layer
    rate        units that a weight moves in a step, at first
    momentum    shift of its decay
    amplitude   of SPSA, in units
    unit        answer of one neuron that always fires through the largest readout weight
    against_float  whether float RFG is trained beside it
    """

    hidden: int = 16
    steps: int = 1000
    directions: int = 8
    batch: int = 32
    rate: float = 0.6
    momentum: int = 3
    amplitude: int = 4
    unit: float = 1.0
    bar: float = 0.06
    against_float: bool = True

    name: ClassVar[str] = "from-scratch"
    title: ClassVar[str] = "the Mexican hat learned in integers, from random 8-bit weights"

    def shortened(self, budget: float) -> FromScratch:
        return replace(self, steps=max(1, round(budget * self.steps)))

    def setup(self, seed: int) -> Setup:
        split = MexicanHat().generate(seed)
        program = integer_mlp(2, (self.hidden, self.hidden), self.unit, seed)
        tensors = plastic(program)
        train = PerturbedBatchEvaluator(program, tensors, Task.of(split.train))
        references = {"float RFG": self._float(split, seed)} if self.against_float else {}
        test = PerturbedBatchEvaluator(program, tensors, Task.of(split.test))
        return Setup(program, tensors, (Phase(1.0, train, error_of(test)),), references)

    def learners(self, seed: int) -> Mapping[str, Learner]:
        directions = Directions(self.directions, seed, Hadamard())
        rule = RFG(directions, Layerwise())
        pure, kept = (
            IntegerOptimizer(self.rate, schedule=Cosine(), momentum=self.momentum, rounding=rounding)
            for rounding in (Stochastic(seed), Residue())
        )
        spsa = SPSA(replace(directions, count=max(1, self.directions // 2)), self.amplitude, scope=Layerwise())
        return {
            "RFG, 8 bits": Learner(rule, pure, self.steps, self.batch, seed),
            "RFG, 8 bits and a residue": Learner(rule, kept, self.steps, self.batch, seed),
            "SPSA, 8 bits": Learner(spsa, pure, self.steps, self.batch, seed),
        }

    def bars(self, rows: Sequence[Row]) -> Mapping[str, Bar]:
        error = mean_of(rows, "RFG, 8 bits", lambda row: float(row["after"]))
        return {f"error with 8-bit weights <= {self.bar}": Bar.at_most(error, self.bar)}

    def _float(self, split: Split[PointData], seed: int) -> float:
        """Layer-wise RFG in floating point with Adam: as many passes, directions and samples."""
        from neurokit.experiments.papers.networks import MLPShape
        from neurokit.gradients.forward import ForwardGradient
        from neurokit.gradients.scopes import Layerwise
        from neurokit.neurons.surrogates import Gaussian
        from neurokit.training.loop import evaluate, fit

        model = MLPShape(hidden=(self.hidden, self.hidden), surrogate=Gaussian(0.3)).build(split.train, seed)
        estimator = ForwardGradient(Layerwise(), self.directions)
        fit(
            model,
            split.train,
            estimator,
            iterations=self.steps,
            batch_size=self.batch,
            learning_rate=3e-3,
            seed=seed,
        )
        return evaluate(model, split.test).overall
