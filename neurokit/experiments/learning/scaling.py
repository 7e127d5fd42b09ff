"""scaling: how far one step's estimate is from the gradient, and how many passes a target takes, as networks grow.

Spikes make zeroth-order estimates noisy: a loss that compares spike counts jumps. Every family of directions is
measured on networks of the same kind and growing width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from neurokit.data.mexican_hat import MexicanHat
from neurokit.experiments.learning.networks import error_of, integer_mlp
from neurokit.experiments.learning.setup import Bar, ProgressCallback, Row
from neurokit.learning.directions import Directions, Hadamard, LowRank
from neurokit.learning.integer_optimizer import IntegerOptimizer, Stochastic
from neurokit.learning.learner import Learner
from neurokit.learning.perturbed_batch import PerturbedBatchEvaluator
from neurokit.learning.queries import Estimate, Local
from neurokit.learning.rules import RFG, SPSA, Layerwise, NodePerturbation, NodeRFG, Rule
from neurokit.learning.task import Task
from neurokit.plotting import figures
from neurokit.simulator.plastic_weights import Plastic, Weights, plastic, weights


@dataclass(frozen=True)
class Scaling:
    """Numbers of the experiment.

    widths    neurons of both hidden layers
    draws     estimates by which the deviation is measured, each with one direction
    target    test error up to which passes are counted, with `directions` of them a step, from random weights
    most      passes after which a run is given up
    """

    widths: tuple[int, ...] = (8, 16, 32)
    draws: int = 24
    batch: int = 64
    directions: int = 8
    amplitude: int = 4
    rate: float = 0.6
    target: float = 0.4
    most: int = 5000

    name: ClassVar[str] = "scaling"
    title: ClassVar[str] = "variance and passes against the number of weights"

    def shortened(self, budget: float) -> Scaling:
        most, draws = max(200, round(budget * self.most)), max(2, round(budget * self.draws))
        return replace(self, most=most, draws=draws)

    def methods(self) -> tuple[str, ...]:
        return tuple(f"{rule}, width {width}" for width in self.widths for rule in self._rules(Directions()))

    def row(self, method: str, seed: int, kept: Path, told: ProgressCallback) -> Row:
        rule_name, _, width = method.rpartition(", width ")
        split = MexicanHat().generate(seed)
        program = integer_mlp(2, (int(width), int(width)), 1.0, seed)
        tensors = plastic(program)
        train, test = (PerturbedBatchEvaluator(program, tensors, Task.of(part)) for part in (split.train, split.test))
        rule = self._rules(Directions(1, seed))[rule_name]
        deviation, kept_share = self._deviation(rule, train, seed)
        told(0.3)
        learning = self._rules(Directions(self.directions, seed))[rule_name]
        passes, error = self._passes(learning, train, error_of(test), seed)
        return {
            "method": method,
            "seed": seed,
            "rule": rule_name,
            "width": int(width),
            "weights": sum(tensor.size for tensor in tensors),
            "deviation": deviation,
            "projection": kept_share,
            "passes": passes,
            "error": error,
        }

    def bars(self, rows: Sequence[Row]) -> Mapping[str, Bar]:
        """None: this experiment answers a question."""
        return {}

    def draw(self, rows: Sequence[Row], path: Path) -> None:
        figure = figures.new(9.4, 4.0)
        left, right = figure.subplots(1, 2)
        for i, rule in enumerate(dict.fromkeys(row["rule"] for row in rows)):
            own = [row for row in rows if row["rule"] == rule]
            sizes = sorted({row["weights"] for row in own})
            left.loglog(sizes, [_mean(own, n, "deviation") for n in sizes], "o-", color=f"C{i}", label=rule)
            reached = [n for n in sizes if all(r["passes"] is not None for r in own if r["weights"] == n)]
            if reached:
                right.loglog(reached, [_mean(own, n, "passes") for n in reached], "o-", color=f"C{i}", label=rule)
        left.set(xlabel="weights", ylabel="|estimate - g|² / |g|², one direction")
        right.set(
            xlabel="weights", ylabel=f"passes to the error {self.target}", title="none where a seed did not get there"
        )
        left.legend(frameon=False, fontsize=8)
        figures.save(figure, path)

    def _rules(self, directions: Directions) -> dict[str, Rule]:
        low = replace(directions, distribution=LowRank(1))
        return {
            "RFG, global": RFG(directions),
            "RFG, layer-wise": RFG(directions, Layerwise()),
            "RFG, layer-wise, rank 1": RFG(low, Layerwise()),
            "SPSA, global": SPSA(directions, self.amplitude),
            "SPSA, layer-wise": SPSA(directions, self.amplitude, scope=Layerwise()),
            "SPSA, layer-wise, rank 1": SPSA(low, self.amplitude, scope=Layerwise()),
            "node perturbation": NodePerturbation(directions),
            "RFG of currents": NodeRFG(directions),
            "RFG of currents, layer-wise": NodeRFG(directions, Layerwise()),
        }

    def _deviation(self, rule: Rule, train: PerturbedBatchEvaluator, seed: int) -> tuple[float, float]:
        """`mean |estimate - g|**2 / |g|**2`, and `mean estimate . g / |g|**2`, g the surrogate gradient of a batch.

        g is found along a whole basis of every tensor by itself, so it is exact. The second number is 1 for an unbiased
        estimate.
        """
        tensors, own = train.tensors, weights(train.program, train.tensors)
        rows = train.task.batch(self.batch, seed, 0)
        g = _vector(tensors, Local(0, {tensor.name: _gradient(train, tensor, own, rows) for tensor in tensors}))
        estimates = [
            _vector(
                tensors,
                rule.tell(tensors, step, train.answer(own, rule.ask(tensors), rule.directions, step, rows)),
            )
            for step in range(self.draws)
        ]
        square = float(g @ g)
        return (
            float(np.mean([((e - g) ** 2).sum() for e in estimates]) / square),
            float(np.mean([e @ g for e in estimates]) / square),
        )

    def _passes(self, rule: Rule, train: PerturbedBatchEvaluator, error: Any, seed: int) -> tuple[int | None, float]:
        """Passes until the test error is at the target, or None; and the last error."""
        steps = max(1, self.most // rule.passes(train.tensors))
        optimizer = IntegerOptimizer(self.rate, momentum=3, rounding=Stochastic(seed))
        learner = Learner(rule, optimizer, steps, self.batch, seed)
        own = weights(train.program, train.tensors)
        progress = learner.start(own, train)
        last = float(error(own))
        every = max(1, steps // 40)
        while progress.step < steps:
            learner.run(progress, train, train.task, until=min(steps, progress.step + every))
            last = float(error(progress.weights))
            if last <= self.target:
                return progress.passes, last
        return None, last


def _gradient(train: PerturbedBatchEvaluator, tensor: Plastic, own: Weights, rows: np.ndarray) -> np.ndarray:
    """The surrogate gradient of one tensor. Tensors of one layer share slopes, so that each is asked for alone."""
    basis = Directions(1 << (tensor.size - 1).bit_length(), 0, Hadamard())
    rule, alone = RFG(basis), replace(train, tensors=(tensor,))
    (slopes,) = alone.answer(own, rule.ask((tensor,)), basis, 0, rows)
    return np.asarray(rule.tell((tensor,), 0, [slopes]).gradient_of(tensor))


def _vector(tensors: Sequence[Plastic], estimate: Estimate) -> np.ndarray:
    """All entries of an estimate's weights and biases; offsets, whose unit is of another kind, are left out."""
    return np.concatenate([estimate.gradient_of(tensor).ravel() for tensor in tensors if tensor.field != "offset"])


def _mean(rows: Sequence[Row], size: int, key: str) -> float:
    return float(np.mean([row[key] for row in rows if row["weights"] == size]))
