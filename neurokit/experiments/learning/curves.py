"""LearningCurves: experiments in which learners run in a setup and their errors are followed, step by step."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from neurokit.errors import OverflowDetected
from neurokit.experiments.learning.networks import provable
from neurokit.experiments.learning.setup import Phase, ProgressCallback, Row, Setup
from neurokit.learning.learner import Learner, Progress
from neurokit.plotting import figures
from neurokit.simulator.plastic_weights import weights, with_weights
from neurokit.system.atomic import write_arrays

#: Points of a curve, and shares of a run after which its state is kept.
POINTS = 20


class LearningCurves:
    """An Experiment that says what a `setup` and its `learners` are; the rest is here.

    A row has the errors `before` and `after`, the `curve` of (passes, error), the `references` of the setup, how many
    entries `saturated`, whether the learned Program can be `proved`, and CPU `seconds` of learning.
    """

    def setup(self, seed: int) -> Setup:
        """The network and its surroundings."""
        raise NotImplementedError

    def learners(self, seed: int) -> Mapping[str, Learner]:
        """The learners that are compared, by the names of methods; bars judge the first."""
        raise NotImplementedError

    def methods(self) -> tuple[str, ...]:
        return tuple(self.learners(0))

    def row(self, method: str, seed: int, kept: Path, told: ProgressCallback) -> Row:
        setup, learner = _setup(self, seed), self.learners(seed)[method]
        run = _Run.resumed(kept, setup, learner) if kept.exists() else _Run.started(setup, learner)
        failure = ""
        due = sorted({round(learner.steps * (i + 1) / POINTS) for i in range(POINTS)} - {0})
        try:
            for until in due:
                if until > run.progress.step:
                    run.go(until)
                    run.keep(kept)
                    told(run.progress.step / learner.steps)
        except OverflowDetected as error:  # on a chip the state would have wrapped: the run ends here
            failure = str(error)
        progress = run.progress
        learned = with_weights(setup.program, setup.tensors, progress.weights, proved=False)
        return {
            "method": method,
            "seed": seed,
            "before": run.curve[0][1],
            "after": run.curve[-1][1],
            "references": dict(setup.references),
            "weights": sum(tensor.size for tensor in setup.tensors),
            "steps": progress.step,
            "passes": progress.passes,
            "saturated": progress.saturated,
            "proved": provable(learned),
            "failure": failure,
            "seconds": run.seconds,
            "curve": run.curve,
        }

    def draw(self, rows: Sequence[Row], path: Path) -> None:
        """Test error against passes, a line a seed, a colour an method, references dashed."""
        figure = figures.new(6.8, 4.2)
        axes = figure.subplots()
        methods = list(dict.fromkeys(row["method"] for row in rows))
        for row in rows:
            colour, first = f"C{methods.index(row['method'])}", row["seed"] == min(r["seed"] for r in rows)
            x, y = np.array(row["curve"]).T
            axes.semilogy(x, y, color=colour, lw=1.2, alpha=0.8, label=row["method"] if first else None)
        for i, name in enumerate(rows[0]["references"]):
            value = float(np.mean([row["references"][name] for row in rows]))
            axes.axhline(value, color="#333333", lw=0.9, ls=("--", ":", "-.")[i % 3], label=f"{name}, mean of seeds")
        axes.set(xlabel="forward passes on a batch", ylabel="relative L2 error on test data")
        axes.legend(frameon=False, fontsize=8)
        figures.save(figure, path)


class _Run:
    """A learner in a setup: its progress, its curve so far, and the CPU seconds that learning took."""

    def __init__(self, setup: Setup, learner: Learner, progress: Progress, curve: list[list[float]]) -> None:
        self.setup, self.learner, self.progress, self.curve, self.seconds = setup, learner, progress, curve, 0.0

    @classmethod
    def started(cls, setup: Setup, learner: Learner) -> _Run:
        own = weights(setup.program, setup.tensors)
        first = setup.phases[0]
        return cls(setup, learner, learner.start(own, first.train), [[0, first.error(own)]])

    @classmethod
    def resumed(cls, kept: Path, setup: Setup, learner: Learner) -> _Run:
        with np.load(kept, allow_pickle=False) as arrays:
            loaded = dict(arrays)
        curve, seconds = loaded.pop("curve").tolist(), float(loaded.pop("seconds"))
        run = cls(setup, learner, Progress.of_arrays(loaded), curve)
        run.seconds = seconds
        return run

    def keep(self, kept: Path) -> None:
        arrays: dict[str, Any] = {
            **self.progress.arrays(),
            "curve": np.array(self.curve),
            "seconds": np.array(self.seconds),
        }
        write_arrays(kept, arrays)

    def go(self, until: int) -> None:
        """Learn up to a step, phase by phase, and note the error; at a change also what it is right after it."""
        while self.progress.step < until:
            phase = self._phase(self.progress.step)
            end = min(until, self._end(phase))
            started = time.process_time()
            self.learner.run(self.progress, phase.train, phase.train.task, until=end)
            self.seconds += time.process_time() - started
            self._note(phase.error)
            following = self._phase(min(end, self.learner.steps - 1))
            if following is not phase:
                self._note(following.error)

    def _note(self, error: Callable[[Any], float]) -> None:
        self.curve.append([self.progress.passes, error(self.progress.weights)])

    def _end(self, phase: Phase) -> int:
        return max(1, round(phase.until * self.learner.steps))

    def _phase(self, step: int) -> Phase:
        return next(phase for phase in self.setup.phases if step < self._end(phase))


@lru_cache(maxsize=1)
def _setup(experiment: LearningCurves, seed: int) -> Setup:
    """All methods of a seed share its setup."""
    return experiment.setup(seed)
