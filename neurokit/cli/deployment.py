"""`neurokit reproduce exact-deployment`: from exact gradients to Lava."""

from __future__ import annotations

from pathlib import Path

import typer

from neurokit.cli.console import console, emit, progress, table


def deployment(seeds: int, budget: float, folder: Path, json: str | None) -> None:
    """Train, deploy, report; exit code 1 where, with the whole budget, a bar is missed."""
    from neurokit.reproduce import deployment as made

    recipe = made.Recipe() if budget == 1 else made.Recipe().shortened(budget)
    with progress() as bars:
        task = bars.add_task("reproduce exact-deployment", total=None, note="")
        rows = made.run(seeds, recipe, folder, lambda note: bars.update(task, note=note))
    shortened = "" if budget == 1 else f": runs shortened to {budget:g} of their epochs, not results"
    if budget < 1:
        rows = [{**row, "met": None} for row in rows]
    table(
        f"Yin-Yang, percent of test points over n seeds{shortened}",
        ["row", "Program", "sd", "n", "on the grid", "continuous", "bar", "met", "Lava compared", "mismatches"],
        [
            [
                *(row[key] for key in ("row", "mean", "sd", "n", "float", "continuous", "bar")),
                {True: "yes", False: "miss", None: None}[row["met"]],
                *((None, None) if row["lava"] is None else (row["lava"]["spikes_compared"], row["lava"]["mismatches"])),
            ]
            for row in rows
        ],
    )
    record = {"name": "exact-deployment", "budget": budget, "rows": rows}
    emit(record, str(folder / "table.json"))
    emit(record, json)
    console.print(f"written to {folder}/: table.json, and every network and Program", markup=False)
    if any(row["met"] is False for row in rows):
        raise typer.Exit(1)
