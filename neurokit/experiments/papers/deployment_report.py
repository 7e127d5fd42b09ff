"""From trials of `neurokit.experiments.papers.deployment` to records, a table and a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from neurokit.experiments.papers.deployment import GRIDS, DeployedRow
from neurokit.experiments.papers.exact_tasks import ExactTrial
from neurokit.experiments.papers.wording import CONSOLE, PAGE, page_table
from neurokit.plotting import figures


def summarise(
    rows: Sequence[DeployedRow], trials: Mapping[str, Sequence[ExactTrial]], budget: float
) -> list[dict[str, Any]]:
    """Records of accuracy in percent of the test samples, of every stage of every row.

    row, mean, sd, n     accuracy: in continuous time, or of the Program on the twin
    bar, met             lowest mean; of a deployed row without Lava's equality it is not met, of a shortened one open
    seconds              CPU seconds of training, mean
    float, continuous    accuracy on the grid in real numbers, and of the same weights in continuous time
    lava                 samples, spikes and states compared with reference and twin, mismatches, over all seeds
    per_seed             everything, by seed
    """
    records = []
    for row in rows:
        runs = trials[row.name]
        exact = float(np.mean([trial.value for trial in runs]))
        described = {"paper": None, "recipe": row.recipe}
        for stage in ("exact", *(f"tau-{per_tau}/{kind}" for per_tau in GRIDS for kind in ("direct", "aware"))):
            record = _record(f"{row.name}/{stage}", [trial.notes[stage] for trial in runs])
            per_tau, _, kind = stage.removeprefix("tau-").partition("/")
            bar = exact - GRIDS[int(per_tau)] if kind == "aware" else None
            equal = record["lava"] is not None and record["lava"]["mismatches"] == 0
            met = None if bar is None or budget < 1 else record["mean"] >= bar and equal
            records.append({**record, "bar": bar, "met": met, **described})
    return records


def shown(records: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[object]]]:
    """Columns and lines of the table on the console."""
    columns = ["row", "Program", "sd", "n", "on the grid", "continuous", "bar", "met", "Lava compared", "mismatches"]
    return columns, [
        [
            *(record[key] for key in ("row", "mean", "sd", "n", "float", "continuous", "bar")),
            *(CONSOLE[record["met"]], *_compared(record)),
        ]
        for record in records
    ]


def markdown(records: Sequence[Mapping[str, Any]], budget: float) -> str:
    """The records as a Markdown table; says on its face when runs were shortened, and names misses."""
    lines = []
    for record in records:
        said = PAGE[record["met"]]
        spread = "" if record["sd"] is None else f" ± {record['sd']:.1f}"
        bar = "-" if record["bar"] is None else f"{record['bar']:.1f}"
        compared = ["-" if number is None else f"{number:,}" for number in _compared(record)]
        cells = [
            record["row"], f"{record['mean']:.1f}{spread}", f"{record['float']:.1f}", f"{record['continuous']:.1f}",
            str(record["n"]), bar, said, *compared, f"{record['seconds']:.0f}",
        ]  # fmt: skip
        lines.append(cells)
    columns = [
        "row",
        "Program, %",
        "on the grid",
        "in continuous time",
        "seeds",
        "bar",
        "met",
        "spikes on Lava",
        "differ",
        "CPU s",
    ]
    return page_table(columns, lines, budget)


def draw(records: Sequence[Mapping[str, Any]], path: Path, budget: float) -> None:
    """Accuracy in continuous time and of every Program, a dot for every seed, and the bars."""
    figure = figures.new(6.4, 3.6)
    axes = figure.add_subplot()
    for place, record in enumerate(records):
        values = [stage["accuracy"] for stage in record["per_seed"]]
        axes.bar(place, record["mean"], 0.6, color=f"C{2 if place == 0 else place % 2}", alpha=0.5)
        axes.plot([place] * len(values), values, "k.", ms=4)
        if record["bar"] is not None:
            axes.plot([place - 0.4, place + 0.4], [record["bar"]] * 2, "k--", lw=1)
    names = [record["row"].partition("/")[2].replace("/", "\n") for record in records]
    axes.set_xticks(range(len(names)), names)
    shortened = "" if budget == 1 else f" (shortened to {budget:g})"
    axes.set(ylabel="Yin-Yang accuracy, %", title=f"Programs of networks trained in continuous time{shortened}")
    axes.set_ylim(max(0, min((stage["accuracy"] for r in records for stage in r["per_seed"]), default=0) - 5), 100)
    figures.save(figure, path)


def _compared(record: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """Spikes that Lava was compared by, and how many numbers differed; None where it did not run."""
    lava = record["lava"]
    return (None, None) if lava is None else (lava["spikes_compared"], lava["mismatches"])


def _record(name: str, runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    values = [each["accuracy"] for each in runs]
    lava = [each["lava"] for each in runs if each.get("lava")]
    return {
        "row": name,
        "mean": float(np.mean(values)),
        "sd": float(np.std(values, ddof=1)) if len(values) > 1 else None,
        "n": len(values),
        "seconds": float(np.mean([each["seconds"] for each in runs])),
        "float": float(np.mean([each["float"] for each in runs])),
        "continuous": float(np.mean([each["continuous"] for each in runs])),
        "lava": {key: sum(each[key] for each in lava) for key in lava[0]} if lava else None,
        "per_seed": list(runs),
    }
