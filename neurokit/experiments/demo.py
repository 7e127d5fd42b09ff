"""demo: the whole path once, on a real problem: data, training, Graph, Program, twin, Lava, every spike compared."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neurokit._version import __version__
from neurokit.compilers.chip.fit_chip import check_fit
from neurokit.compilers.lava.forms import SoftIFForm
from neurokit.compilers.quantization.quantize import quantize
from neurokit.data.data import OperatorData
from neurokit.data.metrics import relative_l2
from neurokit.data.poisson import Poisson
from neurokit.errors import OutOfRange, explain
from neurokit.hw_configs import load_chip
from neurokit.ir import interpreter as reference
from neurokit.ir.graph import Graph
from neurokit.ir.program import Program
from neurokit.ir.result import RunResult
from neurokit.ir.target import Reference, Target
from neurokit.plotting import figures, parity
from neurokit.simulator import Twin
from neurokit.system.atomic import write_text
from neurokit.targets.lava.target import LavaCPU, require_lava
from neurokit.targets.verification.ladder import Ladder, ladder

#: Told of every stage: its name, how much is done, out of how much, and a word about it.
Watch = Callable[[str, int, int, str], None]
#: Samples on which the twin's and the reference's speed is measured.
TIMED_SAMPLES, TIMED_ON_REFERENCE = 1024, 64


@dataclass(frozen=True)
class Demo:
    """What to run: `functions` x `locations` of the test set go through Lava one by one, all through the twin."""

    seed: int = 0
    length_scale: float = 1.0
    iterations: int | None = None  #: None is the recipe's own number
    functions: int = 4
    locations: int = 6
    out: Path = Path("demo")
    deadline_s: float = 600.0

    def run(self, watch: Watch) -> dict[str, Any]:
        """Run everything and write `demo.json`, `demo.png`, `program.h5` and `model.pt` to `out`; returns the record.

        `record["mismatches"]` must be 0; raises what the stages raise.
        """
        from neurokit.compilers.frontend.trace import trace
        from neurokit.networks.model_file import save_model
        from neurokit.training.recipes import OperatorRecipe

        require_lava()  # before minutes of training, not after
        started = time.perf_counter()
        problem = Poisson(length_scale=self.length_scale)
        if not (1 <= self.functions <= problem.test and 1 <= self.locations <= problem.locations):
            raise OutOfRange(
                explain(
                    "demo: functions x locations for Lava",
                    f"{self.functions} x {self.locations}",
                    f"1..{problem.test} x 1..{problem.locations}",
                    "take some of the test set",
                )
            )
        data = problem.generate(self.seed)
        watch("data", 1, 1, f"{len(data.train)} + {len(data.test)} functions")

        recipe = OperatorRecipe() if self.iterations is None else OperatorRecipe(iterations=self.iterations)
        model, history = recipe.train(
            data.train,
            seed=self.seed,
            progress=lambda i, loss: watch("train", i, recipe.iterations, f"loss {loss:.2e}"),
        )
        trained = time.perf_counter() - started

        graph = trace(model, data.train.domain)
        made = {"problem": repr(problem), "seed": str(self.seed), "algorithm": recipe.algorithm}
        program = quantize(graph, calibration=data.train.inputs, provenance=made)
        check_fit(program, load_chip("loihi2"))
        watch("compile", 1, 1, f"{len(program.nodes)} nodes, {program.steps} steps")

        twin = Twin()
        whole = twin.run(program, data.test.inputs)
        watch("twin, whole test set", 1, 1, f"{whole.samples} pairs")
        subset = data.test.take(np.arange(self.functions))
        some = np.linspace(0, problem.locations - 1, self.locations + 2).round().astype(int)[1:-1]
        pairs = {"branch": subset.branch[:, None, :], "trunk": subset.locations[None, some, :]}
        report, results = self._on_lava(model, program, pairs, subset.targets[:, some], watch)

        record = self._record(data.test, subset, some, graph, program, whole, report, results, recipe.algorithm)
        record["seconds"] = time.perf_counter() - started
        record["training"] = {"seconds": trained, "iterations": len(history.loss), "recipe": repr(recipe)}
        self.out.mkdir(parents=True, exist_ok=True)
        save_model(model, self.out / "model.pt", data.train.domain, made)
        program.save(self.out / "program.h5")
        self._draw(data.test, some, whole, results, report, record)
        write_text(self.out / "demo.json", json.dumps(record, indent=2) + "\n")
        return record

    def _on_lava(
        self, model: Any, program: Program, pairs: dict[str, np.ndarray], truth: np.ndarray, watch: Watch
    ) -> tuple[Ladder, dict[str, RunResult]]:
        total = self.functions * self.locations
        watch("Lava, both forms", 0, total, "stock processes, then SoftIF")
        targets: list[Target] = [
            Reference(),
            Twin(),
            LavaCPU(deadline_s=self.deadline_s),
            LavaCPU(form=SoftIFForm(), deadline_s=self.deadline_s),
        ]
        report, results = ladder(model, program, pairs, targets, truth=truth)
        watch("Lava, both forms", total, total, f"{report.mismatches} mismatches")
        return report, results

    def _record(
        self,
        test: OperatorData,
        subset: OperatorData,
        some: np.ndarray,
        graph: Graph,
        program: Program,
        whole: RunResult,
        report: Ladder,
        results: dict[str, RunResult],
        algorithm: str,
    ) -> dict[str, Any]:
        floating = reference.run(graph, test.inputs).output
        lava = results["lava"]
        truth = subset.targets[:, some]
        comparison = report.comparison
        assert comparison is not None, "four targets were compared"
        return {
            "name": "demo",
            "neurokit": __version__,
            "algorithm": algorithm,
            "problem": repr(Poisson(length_scale=self.length_scale)),
            "seed": self.seed,
            "relative_l2": {
                "float": relative_l2(test.targets, floating[..., 0]).as_dict(),
                "program": relative_l2(test.targets, whole.output[..., 0]).as_dict(),
                "lava": relative_l2(truth, lava.output[..., 0]).as_dict(),
                "on_lava_subset": {
                    "float": relative_l2(truth, floating[: self.functions, some, 0]).as_dict(),
                    "program": relative_l2(truth, whole.output[: self.functions, some, 0]).as_dict(),
                },
            },
            "spikes": {"compared": comparison.spikes_compared, "mismatches": comparison.mismatches},
            "states_compared": comparison.states_compared,
            "ladder": report.to_json()["stages"],
            "targets": list(comparison.targets),
            "lava_samples": comparison.samples,
            "steps": {"window": program.steps, **comparison.steps},
            "samples_per_second": {
                "lava_stock": lava.samples / lava.seconds,
                "lava_softif": results["lava-softif"].samples / results["lava-softif"].seconds,
                **self._speeds(program, test),
            },
        }

    def _speeds(self, program: Program, test: OperatorData) -> dict[str, float]:
        """Samples per second of reference and twin on aligned samples, each branch and trunk computed anew."""
        rng = np.random.default_rng(self.seed)
        rows, columns = rng.integers(0, len(test), TIMED_SAMPLES), rng.integers(0, len(test.locations), TIMED_SAMPLES)
        aligned = {"branch": test.branch[rows], "trunk": test.locations[columns]}
        few = {name: array[:TIMED_ON_REFERENCE] for name, array in aligned.items()}
        twin = Twin()
        twin.run(program, aligned)  # compiles
        slow, fast = reference.run(program, few), twin.run(program, aligned)
        return {"reference": slow.samples / slow.seconds, "twin": fast.samples / fast.seconds}

    def _draw(
        self,
        test: OperatorData,
        some: np.ndarray,
        whole: RunResult,
        results: dict[str, RunResult],
        report: Ladder,
        record: dict[str, Any],
    ) -> None:
        figure = figures.new(12.5, 4.2)
        left, middle, right = figure.subplots(1, 3, width_ratios=[1.2, 1, 1])
        shown = slice(0, min(3, self.functions))
        x = test.locations[:, 0]
        lava = results["lava"]
        figures.predictions(
            left, x, test.targets[shown], whole.output[shown, :, 0], (x[some], lava.output[shown, :, 0])
        )
        assert lava.trace is not None
        figures.raster(middle, {name: train[0, 0] for name, train in lava.trace.spikes.items()})
        compared, wrong = record["spikes"]["compared"], record["spikes"]["mismatches"]
        parity.ladder(right, report.stages, f"on Lava's samples\n{compared:,} neuron-steps compared, {wrong} differ")
        figures.save(figure, self.out / "demo.png")
