"""What every command shares: where tables go, where the JSON object goes, how progress is shown."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from neurokit.errors import NeurokitWarning
from neurokit.system.atomic import explained, write_text

#: Tables and progress go to standard error, so that `--json -` leaves standard output to the one object.
console = Console(stderr=True, highlight=False)

JsonOption = Annotated[
    str | None, typer.Option("--json", metavar="FILE|-", help="Write one JSON object to FILE, or to standard output.")
]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Seed of everything random in this command.")]


def emit(record: Mapping[str, Any], destination: str | None) -> None:
    """Write `record` as JSON to a file (whole or not at all), to standard output for `-`, or nowhere for None."""
    if destination is None:
        return
    text = json.dumps(record, indent=2, default=_plain) + "\n"
    if destination == "-":
        with explained(Path("standard output")):
            try:
                sys.stdout.write(text)
                sys.stdout.flush()
            except OSError:
                # What is still in the buffer would be tried again, in vain, when the interpreter ends.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                raise
    else:
        write_text(Path(destination), text)


def warn(message: str) -> None:
    """Print one warning."""
    console.print("[yellow]warning:[/yellow]", end=" ")
    console.print(message, markup=False)


@contextmanager
def warnings_shown() -> Iterator[None]:
    """Until the block ends, every warning of neurokit's is printed like a message, and only others with their place."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", NeurokitWarning)
        other = warnings.showwarning

        def shown(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
            if issubclass(category, NeurokitWarning):
                warn(str(message))
            else:
                other(message, category, *place, **more)

        warnings.showwarning = shown
        yield


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def table(title: str, columns: list[str], rows: list[list[object]]) -> None:
    """Print one table; every column but the first is right-aligned."""
    view = Table(title=escape(title) or None, title_justify="left")
    for i, column in enumerate(columns):
        view.add_column(column, justify="left" if i == 0 else "right")
    for row in rows:
        view.add_row(*(escape(show(cell)) for cell in row))  # a bracket is text here, not markup
    console.print(view)


def show(value: object) -> str:
    """A cell: four significant digits, thousands apart, None as a dash."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def counted(number: int, noun: str) -> str:
    """`1 core`, `1,024 cores`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


@contextmanager
def progress(shown: bool = True) -> Iterator[Progress]:
    """Progress bars on standard error, removed when done; none at all unless `shown`."""
    with Progress(
        TextColumn("{task.description:<28}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=console,
        transient=True,
        disable=not shown,
    ) as bars:
        yield bars
