"""quantisation: what few bits cost, recovered on the deployed network, without its weights in floating point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from neurokit.data.mexican_hat import MexicanHat
from neurokit.experiments.learning.curves import LearningCurves
from neurokit.experiments.learning.networks import deployed, error_of, trained
from neurokit.experiments.learning.setup import Bar, Phase, Row, Setup, mean_of
from neurokit.learning.directions import Directions, Hadamard
from neurokit.learning.integer_optimizer import Cosine, IntegerOptimizer, Stochastic
from neurokit.learning.learner import Learner
from neurokit.learning.perturbed_batch import PerturbedBatchEvaluator
from neurokit.learning.rules import RFG, SPSA, Layerwise
from neurokit.learning.task import Task
from neurokit.simulator.plastic_weights import Field, plastic


@dataclass(frozen=True)
class Quantisation(LearningCurves):
    """Numbers of the experiment.

    bits        of the deployed weights
    calibrated  whether they were rounded for samples; else to nearest, as where the training data stayed at home
    weights     whether weights move too, by whole levels; else biases and offsets alone, whose unit is finer
    pretraining iterations of backpropagation in floating point before
    passes      that a run may cost
    """

    bits: int = 6
    calibrated: bool = False
    weights: bool = False
    passes: int = 5000
    directions: int = 8
    batch: int = 128
    rate: float = 0.02
    fine_rate: float = 0.5
    momentum: int = 2
    pretraining: int = 2000
    bar: float = 0.5

    name: ClassVar[str] = "quantisation"
    title: ClassVar[str] = "what few bits cost, recovered on the deployed network"

    def shortened(self, budget: float) -> Quantisation:
        passes, pretraining = (max(100, round(budget * n)) for n in (self.passes, self.pretraining))
        return replace(self, passes=passes, pretraining=pretraining)

    def setup(self, seed: int) -> Setup:
        from neurokit.experiments.papers.networks import MLPShape
        from neurokit.neurons.surrogates import Gaussian

        shape = MLPShape(hidden=(16, 16), surrogate=Gaussian(0.3))
        graph, split, floating = trained(MexicanHat(), shape, self.pretraining, 250, seed)
        samples = {"x": split.train.x[:1000]} if self.calibrated else None
        program = deployed(graph, self.bits, samples)
        fields = tuple(Field) if self.weights else (Field.BIAS, Field.OFFSET)
        tensors = plastic(program, bits=self.bits, fields=fields)
        train, test = (PerturbedBatchEvaluator(program, tensors, Task.of(part)) for part in (split.train, split.test))
        return Setup(program, tensors, (Phase(1.0, train, error_of(test)),), {"float": floating})

    def learners(self, seed: int) -> Mapping[str, Learner]:
        directions = Directions(self.directions, seed, Hadamard())
        optimizer = IntegerOptimizer(
            self.rate, self.fine_rate, schedule=Cosine(), momentum=self.momentum, rounding=Stochastic(seed)
        )
        layers, k, half = 3, self.directions, max(1, self.directions // 2)
        rfg = Learner(RFG(directions, Layerwise()), optimizer, self.passes // (1 + layers * k), self.batch, seed)
        spsa = SPSA(replace(directions, count=half), 2, scope=Layerwise())
        return {"RFG": rfg, "SPSA": Learner(spsa, optimizer, self.passes // (2 * layers * half), self.batch, seed)}

    def bars(self, rows: Sequence[Row]) -> Mapping[str, Bar]:
        share = mean_of(rows, "RFG", recovered)
        name = f"share of the error added by {self.bits} bits that RFG recovers >= {self.bar}"
        return {name: Bar.at_least(share, self.bar)}


def recovered(row: Row) -> float:
    """The share of what was added to the error in floating point that is gone."""
    floating = row["references"]["float"]
    return float((row["before"] - row["after"]) / (row["before"] - floating))
