"""From trials to a table: means and deviations over seeds, bars, Markdown, and the picture of the learning curves."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from neurokit.experiments.papers.row import Row
from neurokit.experiments.papers.trial import Metric, Trial
from neurokit.experiments.papers.wording import CONSOLE, PAGE, page_table
from neurokit.plotting import figures


def summarise(rows: Sequence[Row], trials: Mapping[str, Sequence[Trial]], budget: float) -> list[dict[str, Any]]:
    """One record a row; a row with a trial that failed has no mean and does not meet its bar.

    Rows with less than the whole `budget` are not held against their bars.

    row, paper, recipe, differs   as in Row
    metric, mean, sd, n           the row's error: mean and standard deviation (n - 1) over the n seeds
    bar, met                      the bar as a number and whether the mean is at or below it, else None
    seconds, cost                 means over seeds: CPU seconds of training, and of a gradient in forward passes
    errors                        mean and sd of every metric
    per_seed                      every Trial
    """
    means = {row.name: mean for row in rows if (mean := _spread(trials[row.name], row.metric)["mean"]) is not None}
    records = []
    for row in rows:
        runs = trials[row.name]
        bar = None if row.bar is None else row.bar.limit(means)
        mean = means.get(row.name)
        records.append(
            {
                "row": row.name,
                "paper": row.paper,
                "metric": row.metric.value,
                **_spread(runs, row.metric),
                "n": len(runs),
                "bar": bar,
                "met": None if bar is None or budget < 1 else mean is not None and mean <= bar,
                "seconds": float(np.mean([trial.seconds for trial in runs])),
                "cost": float(np.mean([trial.cost for trial in runs])),
                "recipe": row.recipe,
                "differs": row.differs,
                "errors": {metric.value: _spread(runs, metric) for metric in Metric},
                "per_seed": [trial.as_dict() for trial in runs],
            }
        )
    return records


def shown(records: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[object]]]:
    """Columns and lines of the table on the console."""
    return ["row", "paper", "mean", "global", "n", "bar", "met", "CPU s"], [
        [
            *(record["row"], record["paper"], plus_minus(record["errors"]["mean"])),
            *(plus_minus(record["errors"]["global"]), record["n"], record["bar"], CONSOLE[record["met"]]),
            record["seconds"],
        ]
        for record in records
    ]


def markdown(records: Sequence[Mapping[str, Any]], budget: float) -> str:
    """The records as a Markdown table; says on its face when runs were shortened, and names misses."""
    lines = []
    for record in records:
        said = PAGE[record["met"]]
        bar = "-" if record["bar"] is None else f"{record['bar']:.4f}"
        if record["bar"] is not None and record["metric"] != Metric.MEAN.value:
            bar += f" ({record['metric']})"
        cells = [
            record["row"],
            "-" if record["paper"] is None else f"{record['paper']:.4f}",
            plus_minus(record["errors"]["mean"]),
            plus_minus(record["errors"]["global"]),
            str(record["n"]),
            bar,
            said,
            f"{record['seconds']:.0f}",
            record["recipe"],
        ]
        lines.append(cells)
    columns = ["row", "paper", "mean metric", "global metric", "seeds", "bar", "met", "CPU s", "recipe"]
    return page_table(columns, lines, budget, " of their iterations")


def draw(records: Sequence[Mapping[str, Any]], path: Path, budget: float) -> None:
    """A panel a problem: test error against compute in forward passes, mean of the seeds and the range they span."""
    panels = list(_by_problem(records))
    figure = figures.new(7.5, 4.6 * len(panels))
    for place, (problem, group) in enumerate(panels):
        axes = figure.add_subplot(len(panels), 1, place + 1)
        for i, record in enumerate(group):
            curves = [np.array(trial["curve"]) for trial in record["per_seed"] if trial["errors"] is not None]
            if not curves or not curves[0].size:
                continue
            x = curves[0][:, 0] * record["cost"]
            errors = np.stack([curve[:, 1] for curve in curves])
            style = ("-", "--", ":", "-.")[i // 10 % 4]
            label = record["row"].partition("/")[2]
            (line,) = axes.loglog(x, errors.mean(axis=0), style, lw=1.4, label=label, color=f"C{i % 10}")
            axes.fill_between(x, errors.min(axis=0), errors.max(axis=0), color=line.get_color(), alpha=0.12, lw=0)
        shortened = "" if budget == 1 else f" (runs shortened to {budget:g})"
        axes.set(title=f"{problem}{shortened}", ylabel=f"test error, {group[0]['metric']} relative L2")
        axes.set_xlabel("compute, in forward passes of a batch (measured)")
        if axes.lines:
            axes.legend(frameon=False, fontsize=7, ncols=2)
        axes.grid(alpha=0.25, which="both", lw=0.4)
    figures.save(figure, path)


def plus_minus(spread: Mapping[str, float | None]) -> str:
    """Mean and deviation over seeds; a row that failed has none."""
    if spread["mean"] is None:
        return "diverged"
    return f"{spread['mean']:.4f}" if spread["sd"] is None else f"{spread['mean']:.4f} ± {spread['sd']:.4f}"


def _spread(trials: Sequence[Trial], metric: Metric) -> dict[str, float | None]:
    values = [math.nan if trial.errors is None else trial.errors[metric.value] for trial in trials]
    if not all(map(math.isfinite, values)):
        return {"mean": None, "sd": None}
    return {"mean": float(np.mean(values)), "sd": float(np.std(values, ddof=1)) if len(values) > 1 else None}


def _by_problem(records: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, list[Mapping[str, Any]]]]:
    for problem in dict.fromkeys(record["row"].partition("/")[0] for record in records):
        yield problem, [record for record in records if record["row"].partition("/")[0] == problem]
