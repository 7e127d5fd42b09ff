"""Rows of compilation: what int8 adds to the error of every network and problem, over sizes, windows and dimensions.

A row is what `neurokit train` and `neurokit compile` do: a configuration, trained from a seed, compiled with the
training inputs as calibration, and both networks judged on the test set. No setting of the compiler depends on the row.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from neurokit.compilers.frontend.trace import trace
from neurokit.compilers.quantization.quantize import explain_quantization
from neurokit.data.samples import answered, paired
from neurokit.experiments.papers.wording import CONSOLE, PAGE, page_table
from neurokit.plotting import figures
from neurokit.training.loop import fit
from neurokit.training.runs.compile_samples import calibration_arrays, test_arrays
from neurokit.training.runs.config import RunConfig

#: What int8 may add to a relative L2 error, of the mean and the global one the larger.
BAR = 0.004


@dataclass(frozen=True)
class CompiledTrial:
    """What became of a row from one seed.

    floating, program  relative L2 errors on the test set, mean and global
    added              of the two differences the larger
    of_spread          distance of the Program's answers to the network's, of the spread of these
    seconds            CPU seconds of the compilation, and of the training before it
    """

    row: str
    seed: int
    digest: str
    floating: Mapping[str, float]
    program: Mapping[str, float]
    added: float
    of_spread: float
    seconds: float
    training_seconds: float

    @property
    def said(self) -> str:
        """The number that counts, in words."""
        return f"{self.added:+.4f}"

    def as_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> CompiledTrial:
        """The inverse of `as_dict`. Raises TypeError for anything else."""
        return cls(**plain)


@dataclass(frozen=True)
class CompiledRow:
    """One network on one problem.

    name    `problem/network`, unique in its table
    tables  the configuration, as `neurokit train` reads it from TOML, without seeds
    budget  share of its iterations that is trained
    """

    name: str
    tables: Mapping[str, Mapping[str, Any]] = field(hash=False)
    budget: float = 1.0

    def config(self, seed: int) -> RunConfig:
        """The configuration of one seed, checked."""
        seeds = {"seeds": dict.fromkeys(("data", "model", "estimator"), seed)}
        config = RunConfig.parse({**self.tables, **seeds}, f"row {self.name!r}")
        iterations = max(1, round(self.budget * config.optimiser.iterations))
        return replace(config, optimiser=replace(config.optimiser, iterations=iterations))

    def shortened(self, budget: float) -> CompiledRow:
        """The row with that share of its iterations, at least one."""
        return replace(self, budget=budget)

    @property
    def digest(self) -> str:
        """Fingerprint of all that decides what a trial computes but its seed."""
        return hashlib.sha256(repr(self.config(0)).encode()).hexdigest()[:12]

    def trial(
        self, seed: int, scratch: Path | None = None, progress: Callable[[float], None] | None = None
    ) -> CompiledTrial:
        """Train, compile and judge; everything random follows from `seed`. Nothing is kept on the way."""
        config = self.config(seed)
        data = config.generate()
        model = config.network_for(data.train)
        started = time.process_time()
        settings = vars(config.optimiser.settings(seed))
        fit(config.learner(model), data.train, config.gradient(), **settings)
        trained = time.process_time()
        graph = trace(model, data.train.domain)
        made = explain_quantization(graph, calibration=paired(calibration_arrays(data.train)))
        compiled = time.process_time()
        names = [node.name for node in graph.inputs]
        (found,) = made.added_error(*answered(names, test_arrays(data.test), "the test set"))
        assert found.floating is not None, "true answers were given"
        assert found.program is not None, "true answers were given"
        return CompiledTrial(
            row=self.name,
            seed=seed,
            digest=self.digest,
            floating={key: value for key, value in found.floating.as_dict().items() if value is not None},
            program={key: value for key, value in found.program.as_dict().items() if value is not None},
            added=found.added,
            of_spread=found.of_spread,
            seconds=compiled - trained,
            training_seconds=trained - started,
        )


def summarise(
    rows: Sequence[CompiledRow], trials: Mapping[str, Sequence[CompiledTrial]], budget: float
) -> list[dict[str, Any]]:
    """One record a row; its bar is met when no seed adds more, for a mean would hide one that does."""
    records = []
    for row in rows:
        runs = trials[row.name]
        added = [trial.added for trial in runs]
        records.append(
            {
                "row": row.name,
                "paper": None,
                "mean": float(np.mean(added)),
                "sd": float(np.std(added, ddof=1)) if len(added) > 1 else None,
                "worst": max(added),
                "n": len(runs),
                "bar": BAR,
                "met": None if budget < 1 else max(added) <= BAR,
                "seconds": float(np.mean([trial.seconds for trial in runs])),
                "recipe": _recipe(row),
                "floating": float(np.mean([trial.floating["mean"] for trial in runs])),
                "program": float(np.mean([trial.program["mean"] for trial in runs])),
                "of_spread": max(trial.of_spread for trial in runs),
                "per_seed": [trial.as_dict() for trial in runs],
            }
        )
    return records


def _recipe(row: CompiledRow) -> str:
    config = row.config(0)
    widths = "-".join(map(str, config.network.hidden))
    return (
        f"{config.word('network')} {widths}, {config.word('neuron')}, T = {config.network.steps}, "
        f"{config.readout.rule.name}; {config.optimiser.iterations:,} iterations"
    )


def shown(records: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[object]]]:
    """Columns and lines of the table on the console."""
    return ["row", "network", "Program", "added", "worst", "n", "bar", "met", "CPU s"], [
        [
            *(record["row"], record["floating"], record["program"], record["mean"], record["worst"], record["n"]),
            *(record["bar"], CONSOLE[record["met"]], record["seconds"]),
        ]
        for record in records
    ]


def markdown(records: Sequence[Mapping[str, Any]], budget: float) -> str:
    """The records as a Markdown table."""
    lines = [
        [
            *(record["row"], record["recipe"], f"{record['floating']:.4f}", f"{record['program']:.4f}"),
            f"{record['mean']:+.4f}" + ("" if record["sd"] is None else f" ± {record['sd']:.4f}"),
            *(f"{record['worst']:+.4f}", f"{record['of_spread']:.3f}", str(record["n"]), PAGE[record["met"]]),
            f"{record['seconds']:.0f}",
        ]
        for record in records
    ]
    columns = ["row", "trained", "network", "Program", "added", "worst seed", "of spread", "seeds", "met", "CPU s"]
    return page_table(columns, lines, budget, " of their iterations")


def draw(records: Sequence[Mapping[str, Any]], path: Path, budget: float) -> None:
    """A line a row: what every seed adds, and the bar."""
    figure = figures.new(7.5, 1.2 + 0.26 * len(records))
    axes = figure.add_subplot(1, 1, 1)
    for place, record in enumerate(reversed(records)):
        added = [trial["added"] for trial in record["per_seed"]]
        axes.plot(added, [place] * len(added), "o", color="C0", ms=4, alpha=0.7)
    axes.axvline(BAR, color="#333333", lw=1, ls="--", label=f"bar {BAR:g}")
    axes.axvline(0, color="#999999", lw=0.6)
    axes.set_yticks(range(len(records)), [record["row"] for record in reversed(records)], fontsize=8)
    axes.set(xlabel="what int8 adds to the relative L2 error, every seed")
    if budget < 1:
        axes.set_title(f"runs shortened to {budget:g}")
    axes.legend(frameon=False, fontsize=8)
    axes.grid(alpha=0.25, lw=0.4)
    figures.save(figure, path)


def _row(name: str, problem: Mapping[str, Any], iterations: int, **tables: Mapping[str, Any]) -> CompiledRow:
    """A row trained by backpropagation, the cheapest; what compilation adds does not ask how weights were found."""
    optimiser = {"iterations": iterations, "learning_rate": 0.01, **tables.pop("optimiser", {})}
    estimator = tables.pop("estimator", {"method": "backprop"})
    return CompiledRow(name, {"problem": problem, "estimator": estimator, "optimiser": optimiser, **tables})


_WIDE = {"hidden": [1024]}
_HEAT_1D = {"name": "heat", "train": 300, "points": 24, "instants": 16}
_HEAT_2D = {"name": "heat", "dimensions": 2, "sensors": 8, "modes": 3, "points": 12, "instants": 8, "train": 300}
_BURGERS = {"name": "burgers", "viscosity": 0.05, "train": 300}
_REACTION = {"name": "reaction-diffusion", "points": 32, "instants": 32, "train": 300}
_HAT = {"batch_size": 250}

#: By problem; the number of dimensions d is that of a location.
ROWS = (
    _row("poisson/deeponet-32-T32", {"name": "poisson"}, 1000),
    _row("poisson/deeponet-32-32-T32", {"name": "poisson"}, 600, network={"hidden": [32, 32]}),
    _row("poisson/deeponet-32-T256", {"name": "poisson"}, 300, network={"steps": 256}),
    _row("poisson/deeponet-32-T1024", {"name": "poisson"}, 100, network={"steps": 1024}),
    _row("poisson/deeponet-1024-T32", {"name": "poisson"}, 100, network=_WIDE),
    _row("poisson/deeponet-32-T1", {"name": "poisson"}, 600, network={"steps": 1}),
    _row("poisson/deeponet-lif", {"name": "poisson"}, 600, neuron={"kind": "lif"}),
    _row("poisson/deeponet-cuba-lif", {"name": "poisson"}, 600, neuron={"kind": "cuba-lif"}),
    _row("poisson/deeponet-rate", {"name": "poisson"}, 600, readout={"rule": "rate"}),
    _row("antiderivative/deeponet-32-T32", {"name": "antiderivative"}, 1000),
    _row("antiderivative/deeponet-1024-T32", {"name": "antiderivative"}, 100, network=_WIDE),
    _row("burgers/deeponet-32-T32", _BURGERS, 1000),
    _row("burgers/deeponet-d2", {**_BURGERS, "output": {"name": "space-time", "instants": 16}}, 600),
    _row("burgers/seponet-d2", {**_BURGERS, "output": {"name": "space-time", "instants": 16}}, 600,
         network={"kind": "seponet"}),
    _row("reaction-diffusion/seponet-d2", _REACTION, 600),
    _row("reaction-diffusion/deeponet-d2", _REACTION, 600, network={"kind": "deeponet"}),
    _row("heat/seponet-d2", _HEAT_1D, 600),
    _row("heat/seponet-d2-T256", _HEAT_1D, 100, network={"steps": 256}),
    _row("heat/seponet-d2-rank8", _HEAT_1D, 600, network={"rank": 8}),
    _row("heat/deeponet-d2", _HEAT_1D, 600, network={"kind": "deeponet"}),
    _row("heat/seponet-d3", _HEAT_2D, 600),
    _row("heat/deeponet-d3", _HEAT_2D, 600, network={"kind": "deeponet"}),
    _row("mexican-hat/mlp-16-16-T32", {"name": "mexican-hat"}, 1500, network={"hidden": [16, 16]},
         optimiser=_HAT),
    _row("mexican-hat/mlp-16-16-T256", {"name": "mexican-hat"}, 500, network={"hidden": [16, 16], "steps": 256},
         optimiser=_HAT),
    _row("mexican-hat/mlp-16-16-T1024", {"name": "mexican-hat"}, 200, network={"hidden": [16, 16], "steps": 1024},
         optimiser=_HAT),
    _row("mexican-hat/mlp-1024-T32", {"name": "mexican-hat"}, 200, network=_WIDE, optimiser=_HAT),
)  # fmt: skip
