"""`neurokit learn`: a deployed network learns, and what came of it is held against its bars."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from neurokit.cli.console import JsonOption, console, emit, progress, table
from neurokit.cli.outputs import claim
from neurokit.errors import RunError, explain

#: What a row shows in a terminal, where it has it.
_SHOWN = (
    "method",
    "seed",
    "before",
    "after",
    "passes",
    "weights",
    "deviation",
    "projection",
    "mismatches",
    "saturated",
)


def learn(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="from-scratch, quantisation, mismatch, drift, closed-loop (needs Lava) or scaling."
        ),
    ],
    seeds: Annotated[int, typer.Option(help="Seeds of every method: 0, 1, ...", min=1)] = 3,
    budget: Annotated[
        float, typer.Option(help="Share of the work; below 1 it proves that it runs, not what it reaches.")
    ] = 1.0,
    config: Annotated[Path | None, typer.Option(help="A TOML file with numbers of the experiment.")] = None,
    options: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A number of the experiment, such as bits=4.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the results; by default learn-NAME.")] = None,
    json: JsonOption = None,
) -> None:
    """Let a deployed, integer network learn; what is done stays in the folder, so an interrupted experiment goes on.

    The folder holds config.toml, record.json and curve.png. Exit code 1 when a bar is missed with the whole budget.
    """
    from neurokit.experiments.learning.catalogue import experiment_of
    from neurokit.experiments.learning.records import run

    if not 0 < budget <= 1:
        raise RunError(explain("--budget", budget, "a share > 0 and <= 1", "give such a share"))
    experiment = experiment_of(name, config, options or [])
    folder = out or Path(f"learn-{name}")
    claim(folder=folder, reads=[config], writes=[json])
    with progress() as bars:
        task = bars.add_task(f"learn {name}", total=len(experiment.methods()) * seeds, note="")
        record = run(
            experiment if budget == 1 else experiment.shortened(budget),
            seeds,
            folder,
            lambda done, total, note: bars.update(task, completed=done, note=note),
        )
    _print(record, experiment.title, budget)
    console.print(f"written to {folder}/: config.toml, record.json, curve.png", markup=False)
    emit(record, json)
    if budget == 1 and any(bar["met"] is False for bar in record["bars"].values()):
        raise typer.Exit(1)


def _print(record: dict[str, Any], title: str, budget: float) -> None:
    shortened = "" if budget == 1 else f" (shortened to {budget:g} of the work: not results)"
    rows = record["rows"]
    columns = [key for key in _SHOWN if key in rows[0]]
    table(f"{record['name']}: {title}{shortened}", columns, [[row[key] for key in columns] for row in rows])
    if record["bars"]:
        met = {True: "yes", False: "miss", None: None}
        cells = [[name, bar["value"], bar["bar"], met[bar["met"]]] for name, bar in record["bars"].items()]
        table("bars", ["", "measured", "asked", "met"], cells)
