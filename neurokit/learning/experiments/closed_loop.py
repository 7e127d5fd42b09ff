"""closed-loop: a network learns while it runs on Lava, and holds after every update the integers of the twin."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from neurokit import figures
from neurokit.learning.copies import Copies
from neurokit.learning.descent import IntegerDescent, Stochastic
from neurokit.learning.directions import Directions
from neurokit.learning.experiments.networks import error_of, integer_mlp
from neurokit.learning.experiments.scene import Bar, Row, Told
from neurokit.learning.learner import Learner
from neurokit.learning.plastic import plastic, weights
from neurokit.learning.queries import Losses
from neurokit.learning.rules import SPSA
from neurokit.learning.task import Task
from neurokit.problems.mexican_hat import MexicanHat


@dataclass(frozen=True)
class ClosedLoopOnLava:
    """Numbers of the experiment: a small network and few samples a pass, for Lava runs them one by one.

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

    def arms(self) -> tuple[str, ...]:
        return ("SPSA",)

    def row(self, arm: str, seed: int, kept: Path, told: Told) -> Row:
        from neurokit.lava.learning import ClosedLoop
        from neurokit.lava.learning_network import LearningNetwork

        split = MexicanHat(train=1000).generate(seed)
        program = integer_mlp(2, (self.hidden,), 1.0, seed, self.window)
        tensors = plastic(program)
        train, test = (Copies(program, tensors, Task.of(part)) for part in (split.train, split.test))
        rule = SPSA(Directions(self.directions, seed), self.amplitude)
        learner = Learner(rule, IntegerDescent(self.rate, rounding=Stochastic(seed)), self.updates, self.batch, seed)
        progress = learner.start(weights(program, tensors), train)
        error = error_of(test)
        before, compared, mismatches = error(progress.weights), 0, 0
        curve = [[0, before]]
        started = time.perf_counter()
        with LearningNetwork(program, tensors, rule.directions, learner.descent) as network:
            loop = ClosedLoop(learner, network, train.task)
            for update in range(1, self.updates + 1):
                learner.step(progress, train, train.task)
                loop.step()
                if update % self.every == 0 or update == self.updates:
                    loop.answer([Losses((), 0)], update, np.arange(1))  # layers move as their next window begins
                    learned = network.learned()
                    compared += sum(x.size for x in learned.values())
                    mismatches += sum(int((x != progress.weights[name]).sum()) for name, x in learned.items())
                    curve.append([progress.passes, error(progress.weights)])
                    told(update / self.updates)
        return {
            "arm": arm,
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
        for row in rows:
            axes.plot(*np.array(row["curve"]).T, lw=1.2, label=f"seed {row['seed']}")
        differ = sum(row["mismatches"] for row in rows)
        axes.set_title(f"{sum(row['compared'] for row in rows):,} integers compared, {differ} differ", fontsize=9)
        axes.set(xlabel="forward passes on a batch", ylabel="relative L2 error on test data")
        axes.legend(frameon=False)
        figures.save(figure, path)
