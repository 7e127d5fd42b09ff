"""`neurokit check`, `place` and `estimate`: does a Program fit a chip, where does it go, and what does it cost?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from neurokit.cli.compile_run_compare import ProgramArgument
from neurokit.cli.console import JsonOption, SeedOption, console, counted, emit, table
from neurokit.cli.outputs import claim
from neurokit.compilers.chip.check import check as find_violations
from neurokit.compilers.chip.check import unchecked
from neurokit.compilers.chip.estimation.estimate import Range
from neurokit.compilers.chip.estimation.estimate import estimate as price
from neurokit.compilers.chip.place import place as put
from neurokit.compilers.chip.populations import Population
from neurokit.compilers.chip.rulebook import Violation
from neurokit.compilers.chip.synaptic_memory import storage
from neurokit.data.samples import draw, read
from neurokit.hw_configs import Hardware, chip_of, load_hardware
from neurokit.ir.program import Program

HardwareOption = Annotated[
    str, typer.Option("--chip", help="A chip or board that ships with neurokit, or a TOML file of your own.")
]
#: What is assumed of neurons, beside `storage` of synapses; see `neurokit.compilers.chip.populations`.
ONE_NEURON = "an accumulator or a product is one neuron, and neurons of several kinds may share a core"
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
    _print_violations(f"{program} on {hardware.name}", violations)
    for rule in unknown:
        console.print(f"[yellow]{rule}[/yellow]")
    record = {
        "ok": not violations,
        "program": str(program),
        "chip": hardware.name,
        "violations": _records(violations),
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
    """Put a Program on the cores of a chip or board, and say how full they are.

    What `check --split` forbids there is printed first, and the exit code is 1 then.
    """
    claim(reads=[program, Path(chip)], writes=[json], picture=picture)
    loaded, hardware = Program.load(program), load_hardware(chip)
    beside = _beside(loaded, tangents)
    violations = _forbidden(program, loaded, hardware, beside)
    placement = put(loaded, hardware, beside=beside)
    table(
        f"{program} on {placement.hardware}: {counted(placement.cores, 'core')} of {placement.available:,}, at least "
        f"{placement.bound:,} needed; {counted(placement.traffic, 'line')} into a core from outside, inputs included",
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
    assumptions = [storage(chip_of(hardware)), ONE_NEURON]
    _print_assumptions(assumptions)
    if picture is not None:
        from neurokit.plotting.core_map import core_map
        from neurokit.plotting.figures import save

        save(core_map(placement), picture)
    record = {"program": str(program), **_standing(violations), **placement.to_json(), "assumptions": assumptions}
    emit(record, json)
    _refuse(violations, hardware)


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
    """Count operations on measured activity, and price them: time and energy of a sample as ranges.

    What `check --split` forbids on the chip is printed first, and the exit code is 1 then.
    """
    prices = None if prices_from is None else Path(prices_from)
    claim(reads=[program, inputs, Path(chip), prices], writes=[json])
    loaded, hardware = Program.load(program), load_hardware(chip)
    violations = _forbidden(program, loaded, hardware, ())
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
    _print_assumptions(found.assumptions)
    record = {"program": str(program), "seed": None if inputs else seed, **_standing(violations), **found.to_json()}
    emit(record, json)
    _refuse(violations, hardware)


def _forbidden(path: Path, program: Program, hardware: Hardware, beside: tuple[Population, ...]) -> list[Violation]:
    """What `check` forbids of a placed Program, printed; the numbers of such a one describe nothing that can run."""
    violations = find_violations(program, hardware, split=True, beside=beside)
    _print_violations(f"{path} cannot run on {hardware.name}", violations)
    return violations


def _print_violations(title: str, violations: list[Violation]) -> None:
    if violations:
        columns = ["layer", "rule", "of", "index", "value", "limit", "nearest legal", "entries"]
        rows: list[list[object]] = [
            [v.layer, v.rule, v.quantity, ", ".join(map(str, v.index)), v.value, v.limit, v.nearest, v.count]
            for v in violations
        ]
        table(title, columns, rows)
    for violation in violations:
        console.print(str(violation), markup=False)


def _records(violations: list[Violation]) -> list[dict[str, object]]:
    return [
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
    ]


def _standing(violations: list[Violation]) -> dict[str, object]:
    return {"ok": not violations, "violations": _records(violations)}


def _refuse(violations: list[Violation], hardware: Hardware) -> None:
    if violations:
        broken = counted(len(violations), "rule")
        console.print(f"[red]{broken} of {hardware.name} broken: what stands above cannot run there[/red]")
        raise typer.Exit(1)


def _print_assumptions(assumptions: Sequence[str]) -> None:
    console.print("What this rests on:")
    for each in assumptions:
        console.print(f"- {each}", markup=False)


def _beside(program: Program, tangents: bool) -> tuple[Population, ...]:
    """The populations of tangents, along moves of all that can learn."""
    if not tangents:
        return ()
    from neurokit.compilers.chip.tangent_populations import tangent_populations
    from neurokit.simulator.plastic_weights import plastic

    return tangent_populations(program, {tensor.layer for tensor in plastic(program)})


def _joules(energy: Range | None) -> list[object]:
    """Two cells in engineering notation; a dash where nothing is known."""
    if energy is None or energy.low is None or energy.high is None:
        return [None, None]
    return [f"{value:.3g} J" for value in (energy.low, energy.high)]
