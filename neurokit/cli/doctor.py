"""`neurokit doctor`: is this installation healthy?"""

from __future__ import annotations

import typer

from neurokit.cli.console import JsonOption, console, emit, table
from neurokit.targets.doctor import examine


def doctor(json: JsonOption = None) -> None:
    """Say what is installed, whether Lava works and whether a Loihi 2 is in reach.

    Exit code 0 when the CPU path is healthy.
    """
    record = examine()
    table(
        f"Python {record['python']}",
        ["package", "version"],
        [[k, v or "not installed"] for k, v in record["packages"].items()],
    )
    console.print(f"Lava:    {record['lava']['why']}", markup=False)
    console.print(f"Loihi 2: {record['loihi2']['why']}", markup=False)
    console.print(
        "[green]the CPU path is healthy[/green]" if record["ok"] else "[red]the CPU path is not healthy[/red]"
    )
    emit(record, json)
    if not record["ok"]:
        raise typer.Exit(1)
