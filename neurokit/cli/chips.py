"""`neurokit check`, `place` and `estimate`: does a Program fit a chip, where does it go, and what does it cost?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from neurokit.cli.console import JsonOption, SeedOption, console, counted, emit, table
from neurokit.cli.deploy import ProgramArgument
from neurokit.cli.outputs import claim
from neurokit.compilers.check import check as find_violations
from neurokit.compilers.check import unchecked
from neurokit.compilers.place import place as put
from neurokit.compilers.populations import Population
from neurokit.compilers.synaptic_memory import storage
from neurokit.estimation.estimate import Range
from neurokit.estimation.estimate import estimate as price
from neurokit.hw_configs import chip_of, load_hardware
from neurokit.program import Program
from neurokit.samples import draw, read

HardwareOption = Annotated[
    str, typer.Option("--chip", help="A chip or board that ships with neurokit, or a TOML file of your own.")
]
TangentsOption = Annotated[
    bool, typer.Option("--tangents", help="With the tangent neurons that learning by forward gradients takes.")
]


def check(
    program: ProgramArgument,
    chip: HardwareOption = "loihi2",
    split: Annotated[bool, typer.Option("--split", help="Layers may be split over cores, as `place` does.")] = False,
    tangents: TangentsOption = False,
    json: JsonOption = None,
) -> None:
    """Hold a Program against a chip's design rules, all at once; exit code 1 if it breaks any."""
    claim(reads=[program, Path(chip)], writes=[json])
    loaded, hardware = Program.load(program), load_hardware(chip)
    violations = find_violations(loaded, hardware, split=split, beside=_beside(loaded, tangents))
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
        console.print(f"[red]{counted(len(violations), 'violation')}[/red]")
        raise typer.Exit(1)
    console.print(f"[green]no known rule of {hardware.name} is broken[/green]")


def place(
    program: ProgramArgument,
    chip: HardwareOption = "loihi2",
    picture: Annotated[Path | None, typer.Option(help="Where to draw the map of the cores (.png, .pdf, .svg).")] = None,
    tangents: TangentsOption = False,
    json: JsonOption = None,
) -> None:
    """Put a Program on the cores of a chip or board, and say how full they are."""
    claim(reads=[program, Path(chip)], writes=[json], picture=picture)
    loaded, hardware = Program.load(program), load_hardware(chip)
    placement = put(loaded, hardware, beside=_beside(loaded, tangents))
    table(
        f"{program} on {placement.hardware}: {counted(placement.cores, 'core')} of {placement.available:,}, at least "
        f"{placement.bound:,} needed; {counted(placement.traffic, 'line')} into cores from the host or other cores",
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
    console.print(storage(chip_of(hardware)), markup=False)
    if picture is not None:
        from neurokit.core_map import core_map
        from neurokit.figures import save

        save(core_map(placement), picture)
    emit({"program": str(program), **placement.to_json(), "assumptions": [storage(chip_of(hardware))]}, json)


def estimate(
    program: ProgramArgument,
    inputs: Annotated[
        Path | None, typer.Option(help="An .npz with one array (N, size) per input; without it, samples are drawn.")
    ] = None,
    pairs: Annotated[
        bool, typer.Option("--pairs", help="Combine every row of one input with every row of the other.")
    ] = False,
    samples: Annotated[int, typer.Option(help="Random legal samples, where no file is given.", min=1)] = 64,
    chip: HardwareOption = "loihi2",
    prices_from: Annotated[
        str | None, typer.Option(help="A chip whose prices serve where the first one's are not published, e.g. loihi1.")
    ] = None,
    seed: SeedOption = 0,
    json: JsonOption = None,
) -> None:
    """Count operations on measured activity, and price them: time and energy of a sample as ranges."""
    prices = None if prices_from is None else Path(prices_from)
    claim(reads=[program, inputs, Path(chip), prices], writes=[json])
    loaded, hardware = Program.load(program), load_hardware(chip)
    if inputs is None:
        chosen = draw(loaded, samples, seed)
    else:
        chosen = read([node.name for node in loaded.inputs], inputs, pairs=pairs)
    stand_in = None if prices_from is None else load_hardware(prices_from)
    found = price(loaded, hardware, chosen, stand_in=stand_in)
    table(
        f"{program} on {found.hardware}: {counted(found.cores, 'core')}, {counted(found.steps, 'step')} a sample, "
        f"{counted(found.samples, 'sample')}",
        ["operation", "a sample", "energy, low", "energy, high"],
        [[name, count, *_joules(found.by_operation.get(name))] for name, count in found.operations.items()],
    )
    table(
        "a sample",
        ["", "low", "high"],
        [
            ["time, s", found.time_s.low, found.time_s.high],
            ["dynamic energy", *_joules(found.dynamic_j)],
            ["static energy", *_joules(found.static_j)],
        ],
    )
    if found.unknown:
        console.print(f"[yellow]not published, and left out: {', '.join(found.unknown)}[/yellow]")
    console.print("what this rests on stands in the JSON object, under assumptions")
    emit({"program": str(program), "seed": None if inputs else seed, **found.to_json()}, json)


def _beside(program: Program, tangents: bool) -> tuple[Population, ...]:
    """The populations of tangents, along moves of all that can learn."""
    if not tangents:
        return ()
    from neurokit.learning.plasticity import plastic
    from neurokit.learning.tangent_populations import tangent_populations

    return tangent_populations(program, {tensor.layer for tensor in plastic(program)})


def _joules(energy: Range | None) -> list[object]:
    """Two cells in engineering notation; a dash where nothing is known."""
    if energy is None or energy.low is None or energy.high is None:
        return [None, None]
    return [f"{value:.3g} J" for value in (energy.low, energy.high)]
