"""`neurokit targets`: which targets can run here, and what runs on which."""

from __future__ import annotations

from neurokit.cli.console import JsonOption, console, emit, table
from neurokit.targets.availability import availability
from neurokit.targets.loihi2.hardware import hardware_status
from neurokit.targets.registry import TARGETS
from neurokit.targets.support import columns, rows, to_json


def targets(json: JsonOption = None) -> None:
    """Show the targets that run Programs, what nodes run on which, and why not where they do not."""
    chip = hardware_status()
    ways = availability({"loihi2": (chip.available, chip.why)})
    table(
        "targets",
        ["target", "in Python", "", "what runs there"],
        [[way.name, way.python, "yes" if way.available else "no", way.what] for way in ways],
    )
    for why in dict.fromkeys(way.why for way in ways if not way.available):
        console.print(f"{', '.join(way.name for way in ways if way.why == why)}: {why}", markup=False)
    cells, notes = rows()
    table("what runs where", ["a node", *columns()], [list(row) for row in cells])
    for i, note in enumerate(notes, 1):
        console.print(f"{i}. {note}", markup=False)
    alike = {word: kind.like for word, kind in TARGETS.loaded().items() if kind.like is not None}
    console.print("; ".join(f"{word} runs what {like} does" for word, like in alike.items()), markup=False)
    emit({**to_json(), "execution": [way.to_json() for way in ways], "loihi2": chip.to_json()}, json)
