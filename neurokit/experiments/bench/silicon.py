"""silicon: the estimate's prices fitted to what was measured on Loihi 2, and every measurement beside its prediction.

Nothing is timed here. The record holds the fitted prices beside those of `hw_configs/loihi2.toml`, and by row and
quantity the predicted range, what was measured, and whether a fit without the row contains it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from neurokit.compilers.chip.estimation.estimate import Range
from neurokit.compilers.chip.estimation.fit import fit, left_out, rows_of_prices
from neurokit.compilers.chip.estimation.silicon import Row, contains, predict
from neurokit.compilers.chip.estimation.silicon_rows import ROWS
from neurokit.experiments.bench.timing import machine
from neurokit.hw_configs import Chip, load_chip
from neurokit.plotting import figures

#: What is drawn of each quantity: its name, a factor, and the unit.
SHOWN = {
    "time_s": ("time a sample", 1e3, "ms"),
    "static_w": ("static power", 1.0, "W"),
    "dynamic_j": ("dynamic energy a sample", 1e3, "mJ"),
    "energy_j": ("energy a sample", 1e3, "mJ"),
}


def run() -> dict[str, Any]:
    """Fit, predict and leave out: one row for each measured quantity.

    `ratio` is the predicted high over its low, `prices_alone` the same where the network is taken to be the largest
    that its source allows: the rest is what nobody has said of the network. A quantity that is `unexplained` says why.
    """
    chip = load_chip("loihi2")
    _, found = fit(ROWS, chip)
    without = left_out(ROWS, chip)
    rows = [_row(row, quantity, chip, without[row.name]) for row in ROWS for quantity in row.measured]
    held = [row for row in rows if row["unexplained"] is None]
    return {
        "name": "silicon",
        "machine": machine(),
        "rows": [*rows_of_prices(found, chip), *rows],
        "ratios": {"largest high / low of a price": max(each.ratio for each in found)},
        "bars": {
            name: {
                "value": f"{sum(row[key] for row in held)} of {len(held)}",
                "bar": asked,
                "met": sum(row[key] for row in held) >= least,
            }
            for name, key, asked, least in (
                ("measurements within the estimate's range", "contained", "all", len(held)),
                ("and within that of a fit without their row", "contained_without_it", "most", len(held) / 2),
            )
        },
    }


def _row(row: Row, quantity: str, chip: Chip, without: Mapping[str, tuple[Range, bool]]) -> dict[str, Any]:
    found, largest = (predict(each, chip)[quantity] for each in (row, replace(row, least=row.most)))
    low, high = row.measured[quantity]
    why = (row.unexplained or {}).get(quantity)
    return {
        "row": row.name,
        "quantity": quantity,
        "low": found.low,
        "measured_low": low,
        "measured_high": high,
        "high": found.high,
        "ratio": _ratio(found),
        "prices_alone": _ratio(largest),
        "contained": contains(found, (low, high)),
        "contained_without_it": why is None and without[quantity][1],
        "second_hand": row.second_hand,
        "unexplained": why,
    }


def _ratio(found: Range) -> float | None:
    return None if not found.low or found.high is None else found.high / found.low


def draw(record: Mapping[str, Any], path: Path) -> None:
    """Predicted ranges as bars and measurements as points, a panel for each quantity."""
    rows = [row for row in record["rows"] if "quantity" in row]
    figure = figures.new(11, 7)
    panels = figure.subplots(2, 2)
    for axes, (quantity, (title, factor, unit)) in zip(panels.flat, SHOWN.items(), strict=True):
        shown = [row for row in rows if row["quantity"] == quantity]
        place = np.arange(len(shown))
        low, high = (np.array([row[end] for row in shown]) * factor for end in ("low", "high"))
        axes.barh(place, high - low, left=low, height=0.5, color="C0", alpha=0.35, label="estimate")
        for hand, colour, label in ((False, "C3", "measured"), (True, "C1", "measured, second hand")):
            points = [(row["measured_low"] * factor, i) for i, row in enumerate(shown) if row["second_hand"] is hand]
            if points:
                axes.plot(*zip(*points, strict=True), "o", ms=5, color=colour, label=label)
        axes.set_yticks(place, [row["row"] + (" *" if row["unexplained"] else "") for row in shown], fontsize=7)
        measured = [row["measured_high"] * factor for row in shown]
        ends = min(*low, *measured) / 1.5, max(*high, *measured) * 1.5
        axes.set(xscale="log", xlabel=unit, title=title, xlim=ends)
        axes.invert_yaxis()
        axes.grid(alpha=0.25, axis="x", lw=0.4)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3, frameon=False, fontsize=8)
    figure.supxlabel("* not explained: the input from the host sets the pace", fontsize=8)
    figures.save(figure, path)
