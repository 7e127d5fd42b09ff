"""`neurokit reproduce exact`: what the papers on exact gradients report, row by row and seed by seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from neurokit.experiments.papers.exact_mnist import MnistTask
from neurokit.experiments.papers.exact_tasks import ExactRow, ExactTrial, IrisTask, Recipe, XorTask, YinYangTask
from neurokit.experiments.papers.wording import CONSOLE, PAGE, page_table
from neurokit.plotting import figures

_YIN_YANG = Recipe(
    hidden=200, epochs=25, batch_size=50, learning_rate=8e-3, start=((1.5, 0.8), (0.1, 0.3)),
)  # fmt: skip

#: Membrane time constants of the sweep; synapses are twice as fast.
LEAKS = (0.25, 0.5, 1.0, 2.0, 4.0)


def summarise(
    chosen: Sequence[ExactRow], trials: Mapping[str, Sequence[ExactTrial]], budget: float
) -> list[dict[str, Any]]:
    """One record a row: mean, sd (n - 1), bar, and whether it is met.

    That is None for shortened runs, and for fewer seeds than the bar is about.
    """
    records = []
    for row in chosen:
        runs = trials[row.name]
        values = np.array([trial.value for trial in runs])
        failed = sum(trial.notes.get("failed", 0) for trial in runs)
        steps = [step for trial in runs for step in trial.notes.get("steps", ())]
        record = {
            "row": row.name,
            "paper": row.paper,
            "mean": float(values.mean()),
            "sd": float(values.std(ddof=1)) if len(values) > 1 else None,
            "best": float(values.min() if row.lower else values.max()),
            "n": len(runs),
            "bar": row.bar,
            "seeds": row.seeds,
            "met": None if budget < 1 or len(runs) < row.seeds else row.meets(float(values.mean()), failed),
            "seconds": float(np.mean([trial.seconds for trial in runs])),
            "recipe": row.recipe,
            "per_seed": [trial.as_dict() for trial in runs],
        }
        if steps:
            record |= {"initialisations": len(steps), "failed": failed, "most_steps": max(steps)}
        records.append(record)
    return records


def value_of(record: Mapping[str, Any]) -> str:
    """Mean and deviation in words: steps, or accuracy in per cent."""
    if "failed" in record:
        converged = record["initialisations"] - record["failed"]
        of = f"{converged} of {record['initialisations']} converged"
        return f"{of}, {record['mean']:.2f} steps, at most {record['most_steps']}"
    spread = "" if record["sd"] is None else f" ± {100 * record['sd']:.2f}"
    return f"{100 * record['mean']:.2f}{spread} %"


def bar_of(record: Mapping[str, Any]) -> str:
    """The bar in words."""
    if record["bar"] is None:
        return "-"
    return f"all, <= {record['bar']:g} steps" if "failed" in record else f">= {100 * record['bar']:g} %"


def shown(records: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[object]]]:
    """Columns and lines of the table on the console."""
    return ["row", "paper", "ours", "n", "bar", "met", "CPU s"], [
        [
            *(record["row"], record["paper"], value_of(record), record["n"], bar_of(record)),
            *(CONSOLE[record["met"]], record["seconds"]),
        ]
        for record in records
    ]


def markdown(records: Sequence[Mapping[str, Any]], budget: float) -> str:
    """The records as a Markdown table; says on its face when runs were shortened, and names misses."""
    lines = []
    for record in records:
        said = PAGE[record["met"]]
        best = f"{record['best']:.2f}" if "failed" in record else f"{100 * record['best']:.2f} %"
        count = f"{record['n']} of {record['seeds']}" if record["n"] < record["seeds"] else str(record["n"])
        cells = [
            record["row"], record["paper"] or "-", value_of(record), best, count, bar_of(record), said,
            f"{record['seconds']:.0f}", record["recipe"],
        ]  # fmt: skip
        lines.append(cells)
    columns = ["row", "paper", "ours", "best", "seeds", "bar", "met", "CPU s", "recipe"]
    return page_table(columns, lines, budget)


def draw(records: Sequence[Mapping[str, Any]], path: Path, budget: float) -> None:
    """Steps of XOR; accuracy against leak; and how often a hidden neuron spikes, for every leak."""
    figure = figures.new(11.0, 3.4)
    steps, leak, counts = (figure.add_subplot(1, 3, place) for place in (1, 2, 3))
    shortened = "" if budget == 1 else f" (shortened to {budget:g})"
    for record in records:
        if "failed" in record:
            every = [step for trial in record["per_seed"] for step in trial["notes"]["steps"]]
            steps.hist(every, bins=list(range(max(every) + 2)), color="C0")
    swept = [record for record in records if record["row"].startswith("leak/")]
    taus = [float(record["row"].partition("/")[2]) for record in swept]
    leak.errorbar(
        taus, [100 * r["mean"] for r in swept], [100 * (r["sd"] or 0) for r in swept], fmt="o-", capsize=3, color="C1"
    )
    for i, (tau, record) in enumerate(zip(taus, swept, strict=True)):
        histograms = [trial["notes"]["spikes_of_a_neuron"] for trial in record["per_seed"]]
        total = np.sum([np.pad(h, (0, max(map(len, histograms)) - len(h))) for h in histograms], axis=0)
        share = np.where(total > 0, total / total.sum(), np.nan)
        counts.plot(share, ".-", color=f"C{i}", label=f"tau {tau:g}")
    steps.set(xlabel="gradient steps to convergence", ylabel="initialisations", title=f"XOR{shortened}")
    leak.set(xlabel="membrane time constant", ylabel="Yin-Yang accuracy, %", title="leak", xscale="log")
    counts.set(xlabel="spikes of a hidden neuron in a trial", ylabel="share", title="spike counts", yscale="log")
    if swept:
        leak.set_xticks(taus, [f"{tau:g}" for tau in taus])
        leak.set_xticks([], minor=True)
        counts.legend(frameon=False, fontsize=8)
    figures.save(figure, path)


def _leak(tau: float) -> ExactRow:
    # A neuron that leaks more slowly needs weights that are smaller in proportion to the charge it keeps.
    scale = 1 / min(tau, 1.0)
    recipe = Recipe(
        hidden=50, epochs=15, batch_size=50, learning_rate=8e-3, single_spike=False, tau_mem=tau, tau_syn=tau / 2,
        start=((1.5 * scale, 0.8 * scale), (0.4 * scale, 0.4 * scale)),
    )  # fmt: skip
    return ExactRow(f"leak/{tau:g}", YinYangTask(recipe, samples=2000), paper="shape only")


ROWS = (
    ExactRow(
        "xor/2-4-2",
        XorTask(
            Recipe(
                hidden=4, epochs=1, batch_size=4, learning_rate=0.2, start=((3.5, 0.5), (2.5, 0.5)), horizon=4.5,
                single_spike=False, slope_floor=0.5, softmax=0.1,
            )
        ),
        paper="all of 1000, 17.52 steps, at most 98",
        bar=18.0,
        lower=True,
        seeds=10,
    ),
    ExactRow(
        "iris/4-10-3",
        IrisTask(
            Recipe(hidden=10, epochs=30, batch_size=20, learning_rate=3e-2, start=((1.5, 0.8), (0.5, 0.4)))
        ),
        paper="100 % (one split)",
        bar=0.95,
        seeds=20,
    ),
    ExactRow("yin-yang/5-200-3", YinYangTask(_YIN_YANG), paper="95.0 ± 0.83 %, 95.9 ± 0.5 %", bar=0.975, seeds=10),
    *(_leak(tau) for tau in LEAKS),
    ExactRow("mnist/784-400-10", MnistTask(), paper="98.43 ± 0.05 %", bar=0.983, seeds=2),
)  # fmt: skip
