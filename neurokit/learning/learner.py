"""Learner: a rule and a optimizer at work on an evaluator, step by step, from any step on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Int32

from neurokit.errors import OutOfRange, explain
from neurokit.learning.integer_optimizer import IntegerOptimizer, State
from neurokit.learning.queries import Evaluator
from neurokit.learning.rules import Rule
from neurokit.learning.task import Task
from neurokit.simulator.plastic_weights import Weights


@dataclass
class Progress:
    """Where a run is: the integers, what the optimizer remembers, steps and passes done, entries that saturated."""

    weights: dict[str, Int32[np.ndarray, "..."]]
    memory: State
    step: int = 0
    passes: int = 0
    saturated: int = 0

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything as arrays by name, for a file."""
        found = {f"weights/{name}": x for name, x in self.weights.items()}
        for name, kept in self.memory.items():
            found |= {f"memory/{name}/{key}": np.asarray(value) for key, value in kept.items()}
        return found | {"counts": np.array([self.step, self.passes, self.saturated])}

    @classmethod
    def of_arrays(cls, arrays: dict[str, np.ndarray]) -> Progress:
        """The inverse of `arrays`."""
        weights: dict[str, np.ndarray] = {}
        memory: State = {}
        for key, x in arrays.items():
            kind, _, rest = key.partition("/")
            if kind == "weights":
                weights[rest] = x
                memory.setdefault(rest, {})
            elif kind == "memory":
                name, _, what = rest.rpartition("/")
                memory.setdefault(name, {})[what] = x if x.ndim else float(x)
        step, passes, saturated = (int(x) for x in arrays["counts"])
        return cls(weights, memory, step, passes, saturated)


@dataclass(frozen=True)
class Learner:
    """How to learn.

    rule     what is perturbed, and what is concluded
    optimizer  how integers move
    steps    of the whole run, which the schedule needs
    batch    samples of a step, the same for all copies
    seed     of the batches

    Raises OutOfRange for less than one step or sample.
    """

    rule: Rule
    optimizer: IntegerOptimizer = field(default_factory=IntegerOptimizer)
    steps: int = 1000
    batch: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch"):
            if getattr(self, name) < 1:
                raise OutOfRange(explain(f"Learner.{name}", getattr(self, name), "at least 1", "raise it"))

    def start(self, weights: Weights, evaluator: Evaluator) -> Progress:
        """Before the first step."""
        own = {name: np.array(x, np.int32) for name, x in weights.items()}
        return Progress(own, self.optimizer.start(evaluator.tensors))

    def step(self, progress: Progress, evaluator: Evaluator, task: Task) -> None:
        """One step: ask, evaluate, tell, move. What it does depends on `progress` alone, so a run can be cut anywhere.

        Raises what the evaluator raises.
        """
        tensors, step = evaluator.tensors, progress.step
        rows = task.batch(self.batch, self.seed, step)
        answers = evaluator.answer(progress.weights, self.rule.ask(tensors), self.rule.directions, step, rows)
        estimate = self.rule.tell(tensors, step, answers)
        share = self.optimizer.schedule.factor(step, self.steps)
        progress.weights, bound = self.optimizer.step(tensors, progress.weights, estimate, progress.memory, share)
        progress.step += 1
        progress.passes += self.rule.passes(tensors)
        progress.saturated += sum(bound.values())

    def run(
        self,
        progress: Progress,
        evaluator: Evaluator,
        task: Task,
        *,
        until: int | None = None,
        told: Callable[[Progress], Any] | None = None,
    ) -> Progress:
        """All steps up to `until` (by default the last); `told` is called after each."""
        while progress.step < (self.steps if until is None else until):
            self.step(progress, evaluator, task)
            if told is not None:
                told(progress)
        return progress
