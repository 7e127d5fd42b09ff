"""`neurokit targets`: what runs where."""

from __future__ import annotations

from neurokit.cli.console import JsonOption, console, emit, table
from neurokit.support import TARGETS, rows, to_json


def targets(json: JsonOption = None) -> None:
    """Show what nodes run on which targets, and why not where they do not."""
    cells, notes = rows()
    table("what runs where", ["a node", *TARGETS], [list(row) for row in cells])
    for i, note in enumerate(notes, 1):
        console.print(f"{i}. {note}", markup=False)
    emit(to_json(), json)
