"""`neurokit reproduce`: the tables of a publication, row by row and seed by seed."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import Progress, TaskID

from neurokit.cli.console import JsonOption, console, emit, progress, table
from neurokit.cli.outputs import claim
from neurokit.errors import RunError, explain

if TYPE_CHECKING:  # importing them imports torch
    from neurokit.experiments.papers.row import Row
    from neurokit.experiments.papers.runner import Cache
    from neurokit.experiments.papers.tables import Table


def reproduce(
    name: Annotated[
        str,
        typer.Argument(help="rfg, quantization, added-error, exact or exact-deployment.", metavar="NAME"),
    ],
    rows: Annotated[str, typer.Option(help="Only rows that match, such as 'poisson/*'.")] = "*",
    seeds: Annotated[int, typer.Option(help="Seeds of every row: 0, 1, ...", min=1)] = 3,
    budget: Annotated[
        float, typer.Option(help="Share of the iterations; below 1 it proves that rows run, not what they reach.")
    ] = 1.0,
    jobs: Annotated[int, typer.Option(help="Processes side by side, one thread each.", min=1)] = 1,
    tune: Annotated[
        bool, typer.Option("--tune", help="Choose settings again, on functions held out from training.")
    ] = False,
    report: Annotated[
        bool, typer.Option("--report", help="Train nothing: report the rows and seeds that are done.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Folder of the results; by default reproduce-NAME.")] = None,
    json: JsonOption = None,
) -> None:
    """Reproduce a published table; what is done stays in the folder, so an interrupted reproduction goes on.

    Exit code 1 when a row misses its bar with the whole budget.
    """
    from neurokit.experiments.papers import tables
    from neurokit.experiments.papers.runner import Cache, kept

    if not 0 < budget <= 1:
        raise RunError(explain("--budget", budget, "a share > 0 and <= 1", "give such a share"))
    if tune and report:
        raise RunError(explain("--report", "given", "given without --tune", "take one of them out"))
    made = tables.table(name)
    if tune and not made.tunable:
        raise RunError(explain("--tune", "given", f"left out: {name} has no grid to choose from", "take it out"))
    folder = out or Path(f"reproduce-{name}")
    claim(folder=folder, writes=[json])
    if (folder / "config.toml").exists():
        legal = "one of a reproduction, or a name that is free"
        raise RunError(explain("--out", f"{str(folder)!r}, the folder of another command", legal, "name another"))
    chosen = made.matching(rows)
    if budget < 1:
        chosen = tuple(row.shortened(budget) for row in chosen)
    if tune:
        _tune(name, chosen, budget, folder, json)
        return
    cache = Cache(folder / "trials", made.trial)
    if report:
        trials = kept(chosen, seeds=seeds, cache=cache)
        if not trials:
            raise RunError(explain("--out", folder, "a folder in which some trial is done", "run it without --report"))
        chosen = tuple(row for row in chosen if row.name in trials)
    else:
        trials = _trials(name, chosen, seeds, jobs, cache)
    _report(name, made, made.summarise(chosen, trials, budget), budget, folder, json)


def _trials(name: str, chosen: tuple[Any, ...], seeds: int, jobs: int, cache: Cache[Any]) -> dict[str, list[Any]]:
    from neurokit.experiments.papers.runner import run

    with progress() as bars:
        task = bars.add_task(f"reproduce {name}", total=len(chosen) * seeds, note="")
        return run(
            chosen,
            seeds=seeds,
            jobs=jobs,
            cache=cache,
            progress=lambda done, note: bars.update(task, completed=done, note=note),
        )


def _report(
    name: str, made: Table, records: list[dict[str, Any]], budget: float, folder: Path, json: str | None
) -> None:
    from neurokit.system.atomic import write_text

    shortened = "" if budget == 1 else f": runs shortened to {budget:g}, not results"
    table(f"{made.title} over n seeds{shortened}", *made.shown(records))
    whole = {"name": name, "budget": budget, "rows": records}
    write_text(folder / "table.md", made.markdown(records, budget))
    emit(whole, str(folder / "table.json"))
    made.draw(records, folder / "curves.png", budget)
    console.print(f"written to {folder}/: table.md, table.json, curves.png, trials/", markup=False)
    emit(whole, json)
    if any(record["met"] is False for record in records):
        raise typer.Exit(1)


def _tune(name: str, chosen: tuple[Row, ...], budget: float, folder: Path, json: str | None) -> None:
    from neurokit.experiments.papers.runner import Cache
    from neurokit.experiments.papers.trial import Trial
    from neurokit.experiments.papers.tune import tune

    choices = []
    with progress() as bars:
        task = bars.add_task(f"tune {name}", total=len(chosen), note="")
        for i, row in enumerate(chosen):
            bars.update(task, completed=i, note=row.name)
            told = partial(_told, bars, task, i)
            choices.append(tune(row, Cache(folder / "tuning", Trial), told))
    lines: list[list[object]] = []
    for choice in choices:
        for candidate in choice.candidates:
            tags = ["best"] if candidate is choice.best else []
            tags += ["declared"] if candidate.settings == choice.row.settings else []
            s = candidate.settings
            lines.append(
                [
                    *(choice.row.name, s.iterations, s.batch_size, s.learning_rate, s.weight_decay),
                    *(candidate.error, candidate.seconds, ", ".join(tags)),
                ]
            )
    title = f"{name}: errors on functions held out from training" + (f", budget {budget:g}" if budget < 1 else "")
    columns = ["row", "iterations", "batch", "learning rate", "weight decay", "validation error", "CPU s", ""]
    table(title, columns, lines)
    record = {"name": name, "budget": budget, "rows": [choice.as_dict() for choice in choices]}
    emit(record, str(folder / "tuning.json"))
    console.print(f"written to {folder}/tuning.json", markup=False)
    emit(record, json)


def _told(bars: Progress, task: TaskID, before: int, share: float) -> None:
    bars.update(task, completed=before + share)
