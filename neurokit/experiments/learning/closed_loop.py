"""closed-loop: a network learns while it runs on Lava, and holds after every update the integers of the twin."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from neurokit.data.mexican_hat import MexicanHat
from neurokit.experiments.learning.networks import error_of, integer_mlp
from neurokit.experiments.learning.setup import Bar, ProgressCallback, Row
from neurokit.learning.directions import Directions
from neurokit.learning.integer_optimizer import IntegerOptimizer, Stochastic
from neurokit.learning.learner import Learner
from neurokit.learning.perturbed_batch import PerturbedBatchEvaluator
from neurokit.learning.rules import RFG, SPSA
from neurokit.learning.tangent_evaluator import TangentEvaluator
from neurokit.learning.tangent_program import tangents
from neurokit.learning.task import Task
from neurokit.plotting import figures
from neurokit.simulator.plastic_weights import Field, plastic, weights


@dataclass(frozen=True)
class ClosedLoopOnLava:
    """Numbers of the experiment: a small network and few samples a pass, for Lava runs them one by one.

    Three ways to learn there: SPSA and RFG in synapses that obey a host, the second with tangent neurons beside the
    neurons, and SPSA by Lava's model of Loihi's learning engine, which moves weights alone and by whole units.

    every   updates after which all integers are read from the running network and compared
    """

    updates: int = 200
    every: int = 1
    hidden: int = 8
    window: int = 8
    directions: int = 1
    batch: int = 2
    amplitude: int = 4
    rate: float = 0.5

    name: ClassVar[str] = "closed-loop"
    title: ClassVar[str] = "learning on the running Lava network, held against the twin"

    def shortened(self, budget: float) -> ClosedLoopOnLava:
        return replace(self, updates=max(1, round(budget * self.updates)))

    def methods(self) -> tuple[str, ...]:
        return ("SPSA", "RFG", "SPSA by the learning engine")

    def row(self, method: str, seed: int, kept: Path, told: ProgressCallback) -> Row:
        from neurokit.targets.lava.learning.engine_network import EngineNetwork
        from neurokit.targets.lava.learning.evaluator import LavaEvaluator
        from neurokit.targets.lava.learning.learning_network import LearningNetwork

        split = MexicanHat(train=1000).generate(seed)
        program = integer_mlp(2, (self.hidden,), 1.0, seed, self.window)
        engine, slopes = method == self.methods()[2], method == self.methods()[1]
        tensors = plastic(program, fields=(Field.WEIGHT,)) if engine else plastic(program)
        train, test = (PerturbedBatchEvaluator(program, tensors, Task.of(part)) for part in (split.train, split.test))
        directions = Directions(self.directions, seed)
        rule = RFG(directions) if slopes else SPSA(directions, self.amplitude)
        optimizer = IntegerOptimizer(self.rate, rounding=Stochastic(seed), fraction=0 if engine else 8)
        learner = Learner(rule, optimizer, self.updates, self.batch, seed)
        made = tangents(program, tensors) if slopes else None
        twin = train if made is None else TangentEvaluator(train, made)
        progress = learner.start(weights(program, tensors), twin)
        error = error_of(test)
        before, compared, mismatches = error(progress.weights), 0, 0
        curve = [[0, before]]
        started = time.perf_counter()
        parts = (program, tensors, directions, optimizer)
        with EngineNetwork(*parts) if engine else LearningNetwork(*parts, tangents=made) as network:
            loop = LavaEvaluator(learner, network, train.task)
            for update in range(1, self.updates + 1):
                learner.step(progress, twin, train.task)
                loop.step()
                if update % self.every == 0 or update == self.updates:
                    learned = network.learned()
                    compared += sum(x.size for x in learned.values())
                    mismatches += sum(int((x != progress.weights[name]).sum()) for name, x in learned.items())
                    curve.append([progress.passes, error(progress.weights)])
                    told(update / self.updates)
        return {
            "method": method,
            "seed": seed,
            "updates": self.updates,
            "compared": compared,
            "mismatches": mismatches,
            "before": before,
            "after": curve[-1][1],
            "passes": progress.passes,
            "seconds": time.perf_counter() - started,
            "curve": curve,
        }

    def bars(self, rows: Sequence[Row]) -> Mapping[str, Bar]:
        return {"integers that differ from the twin's": Bar.at_most(float(sum(row["mismatches"] for row in rows)), 0.0)}

    def draw(self, rows: Sequence[Row], path: Path) -> None:
        figure = figures.new(6.4, 4.0)
        axes = figure.subplots()
        methods = self.methods()
        for row in rows:
            label = row["method"] if row["seed"] == rows[0]["seed"] else None
            axes.plot(*np.array(row["curve"]).T, lw=1.2, color=f"C{methods.index(row['method'])}", label=label)
        differ = sum(row["mismatches"] for row in rows)
        axes.set_title(f"{sum(row['compared'] for row in rows):,} integers compared, {differ} differ", fontsize=9)
        axes.set(xlabel="forward passes on a batch", ylabel="relative L2 error on test data")
        axes.legend(frameon=False)
        figures.save(figure, path)
