"""`neurokit reproduce`: the tables of a publication, row by row and seed by seed."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress, TaskID

from neurokit.cli.console import JsonOption, console, emit, progress, table
from neurokit.cli.deployment import deployment
from neurokit.errors import RunError, explain

if TYPE_CHECKING:  # importing them imports torch
    from neurokit.reproduce.row import Row
    from neurokit.reproduce.trial import Trial


def reproduce(
    name: Annotated[
        str, typer.Argument(help="Which table: rfg, quantization, exact or exact-deployment.", metavar="NAME")
    ],
    rows: Annotated[str, typer.Option(help="Only rows that match, such as 'poisson/*'.")] = "*",
    seeds: Annotated[int, typer.Option(help="Seeds of every row: 0, 1, ...", min=1)] = 3,
    budget: Annotated[
        float, typer.Option(help="Share of the iterations; below 1 it proves that rows run, not what they reach.")
    ] = 1.0,
    jobs: Annotated[int, typer.Option(help="Processes side by side, one thread each.", min=1, max=2)] = 1,
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
    from neurokit.reproduce.tables import rows as rows_of

    if not 0 < budget <= 1:
        raise RunError(explain("--budget", budget, "a share > 0 and <= 1", "give such a share"))
    folder = out or Path(f"reproduce-{name}")
    if name == "exact":
        if tune or jobs > 1:
            given = "--tune" if tune else "--jobs"
            raise RunError(explain(given, "given", "left out: exact has neither", "take it out"))
        _exact(rows, seeds, budget, report, folder, json)
        return
    if name == "exact-deployment":
        if tune or report or jobs > 1 or rows != "*":
            said = {"--tune": tune, "--report": report, "--jobs": jobs > 1, "--rows": rows != "*"}
            given = ", ".join(option for option, there in said.items() if there)
            raise RunError(explain(given, "given", "left out: exact-deployment has none of it", "take it out"))
        deployment(seeds, budget, folder, json)
        return
    chosen = tuple(row.shortened(budget) for row in rows_of(name, rows))
    if tune and report:
        raise RunError(explain("--report", "given", "given without --tune", "take one of them out"))
    if tune:
        _tune(name, chosen, budget, folder, json)
        return
    if report:
        from neurokit.reproduce.runner import Cache, kept

        trials = kept(chosen, seeds=seeds, cache=Cache(folder / "trials"))
        if not trials:
            raise RunError(explain("--out", folder, "a folder in which some trial is done", "run it without --report"))
        chosen = tuple(row for row in chosen if row.name in trials)
    else:
        trials = _trials(name, chosen, seeds, jobs, folder)
    _summary(name, chosen, trials, budget, folder, json)


def _exact(pattern: str, seeds: int, budget: float, report: bool, folder: Path, json: str | None) -> None:
    from neurokit.files import write_text
    from neurokit.reproduce import exact

    chosen = tuple(row.shortened(budget) for row in exact.rows(pattern))
    with progress() as bars:
        task = bars.add_task("reproduce exact", total=len(chosen) * seeds, note="")
        trials = exact.run(
            chosen,
            seeds=seeds,
            folder=folder / "trials",
            train=not report,
            progress=lambda done, note: bars.update(task, completed=done, note=note),
        )
    if not trials:
        raise RunError(explain("--out", folder, "a folder in which some trial is done", "run it without --report"))
    records = exact.summarise(chosen, trials, budget)
    shortened = "" if budget == 1 else f", shortened to {budget:g}: not results"
    met = {True: "yes", False: "miss", None: None}
    table(
        f"exact gradients{shortened}",
        ["row", "paper", "ours", "n", "bar", "met", "CPU s"],
        [
            [
                *(record["row"], record["paper"], exact.value_of(record), record["n"], exact.bar_of(record)),
                *(met[record["met"]], record["seconds"]),
            ]
            for record in records
        ],
    )
    whole = {"name": "exact", "budget": budget, "rows": records}
    write_text(folder / "table.md", exact.markdown(records, budget))
    emit(whole, str(folder / "table.json"))
    exact.draw(records, folder / "curves.png", budget)
    console.print(f"written to {folder}/: table.md, table.json, curves.png, trials/", markup=False)
    emit(whole, json)
    if any(record["met"] is False for record in records):
        raise typer.Exit(1)


def _trials(name: str, chosen: tuple[Row, ...], seeds: int, jobs: int, folder: Path) -> dict[str, list[Trial]]:
    from neurokit.reproduce.runner import Cache, run

    with progress() as bars:
        task = bars.add_task(f"reproduce {name}", total=len(chosen) * seeds, note="")
        return run(
            chosen,
            seeds=seeds,
            jobs=jobs,
            cache=Cache(folder / "trials"),
            progress=lambda done, note: bars.update(task, completed=done, note=note),
        )


def _summary(
    name: str, chosen: tuple[Row, ...], trials: dict[str, list[Trial]], budget: float, folder: Path, json: str | None
) -> None:
    from neurokit.files import write_text
    from neurokit.reproduce.summary import markdown, plus_minus, summarise
    from neurokit.reproduce.tables import picture

    records = summarise(chosen, trials, budget)
    shortened = "" if budget == 1 else f": runs shortened to {budget:g} of their iterations, not results"
    met = {True: "yes", False: "miss", None: None}
    table(
        f"{name}, relative L2 errors over n seeds{shortened}",
        ["row", "paper", "mean", "global", "n", "bar", "met", "CPU s"],
        [
            [
                record["row"],
                record["paper"],
                plus_minus(record["errors"]["mean"]),
                plus_minus(record["errors"]["global"]),
                record["n"],
                record["bar"],
                met[record["met"]],
                record["seconds"],
            ]
            for record in records
        ],
    )
    report = {"name": name, "budget": budget, "rows": records}
    write_text(folder / "table.md", markdown(records, budget))
    emit(report, str(folder / "table.json"))
    picture(name)(records, folder / "curves.png", budget)
    console.print(f"written to {folder}/: table.md, table.json, curves.png, trials/", markup=False)
    emit(report, json)
    if any(record["met"] is False for record in records):
        raise typer.Exit(1)


def _tune(name: str, chosen: tuple[Row, ...], budget: float, folder: Path, json: str | None) -> None:
    from neurokit.reproduce.runner import Cache
    from neurokit.reproduce.tune import tune

    choices = []
    with progress() as bars:
        task = bars.add_task(f"tune {name}", total=len(chosen), note="")
        for i, row in enumerate(chosen):
            bars.update(task, completed=i, note=row.name)
            told = partial(_told, bars, task, i)
            choices.append(tune(row, Cache(folder / "tuning"), told))
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
