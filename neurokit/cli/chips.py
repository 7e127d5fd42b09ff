"""`neurokit check` and `place`: does a Program fit a chip, and where does it go?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from neurokit.cli.console import JsonOption, console, emit, table
from neurokit.cli.deploy import ProgramArgument
from neurokit.compilers.check import check as find_violations
from neurokit.compilers.check import unchecked
from neurokit.compilers.place import place as put
from neurokit.hw_configs import load_hardware
from neurokit.program import Program

HardwareOption = Annotated[
    str, typer.Option("--chip", help="A chip or board that ships with neurokit, or a TOML file of your own.")
]


def check(
    program: ProgramArgument,
    chip: HardwareOption = "loihi2",
    split: Annotated[bool, typer.Option("--split", help="Layers may be split over cores, as `place` does.")] = False,
    json: JsonOption = None,
) -> None:
    """Hold a Program against a chip's design rules, all at once; exit code 1 if it breaks any."""
    loaded, hardware = Program.load(program), load_hardware(chip)
    violations = find_violations(loaded, hardware, split=split)
    unknown = unchecked(hardware, split=split)
    if violations:
        columns = ["layer", "rule", "of", "index", "value", "limit", "nearest legal", "entries"]
        rows: list[list[object]] = [
            [v.layer, v.rule, v.quantity, ", ".join(map(str, v.index)), v.value, v.limit, v.nearest, v.count]
            for v in violations
        ]
        table(f"{program} on {hardware.name}", columns, rows)
    for violation in violations:
        console.print(str(violation), markup=False)
    for rule in unknown:
        console.print(f"[yellow]{rule}[/yellow]")
    record = {
        "ok": not violations,
        "program": str(program),
        "chip": hardware.name,
        "violations": [
            {
                "rule": v.rule,
                "layer": v.layer,
                "index": list(v.index),
                "value": v.value,
                "limit": v.limit,
                "nearest": v.nearest,
                "source": v.source,
                "of": v.quantity,
                "unit": v.unit.strip(),
                "count": v.count,
                "message": str(v),
            }
            for v in violations
        ],
        "not_checked": [{"rule": u.rule, "limit": u.limit, "why": "unknown"} for u in unknown],
    }
    emit(record, json)
    if violations:
        console.print(f"[red]{len(violations)} violations[/red]")
        raise typer.Exit(1)
    console.print(f"[green]no known rule of {hardware.name} is broken[/green]")


def place(
    program: ProgramArgument,
    chip: HardwareOption = "loihi2",
    picture: Annotated[Path | None, typer.Option(help="Where to draw the map of the cores (PNG).")] = None,
    json: JsonOption = None,
) -> None:
    """Put a Program on the cores of a chip or board, and say how full they are."""
    placement = put(Program.load(program), load_hardware(chip))
    table(
        f"{program} on {placement.hardware}: {placement.cores} cores of {placement.available:,}, at least "
        f"{placement.bound} needed; {placement.traffic:,} lines between cores",
        ["layer", "neurons", "cores"],
        [[name, sum(part.size for part in parts), len(parts)] for name, parts in placement.layers.items()],
    )
    table(
        "the fullest core",
        ["resource", "used", "limit"],
        [
            [name, use.used, "unknown" if use.limit is None else use.limit]
            for name, use in placement.utilisation.items()
        ],
    )
    if picture is not None:
        from neurokit.core_map import core_map
        from neurokit.figures import save

        save(core_map(placement), picture)
    emit({"program": str(program), **placement.to_json()}, json)
