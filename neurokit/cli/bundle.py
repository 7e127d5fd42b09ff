"""`neurokit bundle` and `verify`: a Program in one file with its proof, and the proof somewhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from neurokit.cli import selftest
from neurokit.cli.compile_run_compare import DeadlineOption, ProgramArgument
from neurokit.cli.console import JsonOption, SeedOption, console, emit, table
from neurokit.cli.outputs import claim
from neurokit.data.samples import read
from neurokit.ir.program import Program
from neurokit.targets.bundle.bundle import load, make, save
from neurokit.targets.bundle.verify import verify as hold
from neurokit.targets.registry import TARGETS, parse


def bundle(
    program: ProgramArgument,
    out: Annotated[
        Path | None, typer.Option(help="Where to write it; by default PROGRAM with the suffix .nkb.")
    ] = None,
    inputs: Annotated[
        Path | None, typer.Option(help="An .npz of golden samples, (N, size) per input; without it, they are drawn.")
    ] = None,
    samples: Annotated[int, typer.Option(help="Random legal samples, where no file is given.", min=1)] = 8,
    chip: Annotated[str, typer.Option(help="The chip of the resource report and the estimate.")] = "loihi2",
    seed: SeedOption = 0,
    json: JsonOption = None,
) -> None:
    """Put a Program, golden runs of it, the self-test and a report into one file."""
    out = out or program.with_suffix(".nkb")
    claim(reads=[program, inputs, Path(chip)], writes=[out, json])
    loaded = Program.load(program)
    chosen = None if inputs is None else read([node.name for node in loaded.inputs], inputs)
    made = make(loaded, inputs=chosen, samples=samples, seed=seed, chip=chip)
    where = save(made, out)
    record = {
        "bundle": str(where),
        "bytes": where.stat().st_size,
        "samples": made.about["samples"],
        "agreed": made.about["agreed"],
        "assumptions": len(made.assumptions),
        "resources": made.about["resources"],
        "estimate": made.about["estimate"],
    }
    shown = ("bytes", "samples", "assumptions")
    table(str(where), ["", "value"], [[key, record[key]] for key in shown])
    emit(record, json)


def verify(
    bundle: Annotated[Path, typer.Argument(help="A file that `neurokit bundle` wrote.", show_default=False)],
    target: Annotated[str, typer.Option(help=f"What to verify: {', '.join(TARGETS)}.")] = "twin",
    self_test: Annotated[bool, typer.Option("--selftest/--no-selftest", help="Run the bundle's self-test too.")] = True,
    deadline: DeadlineOption = 600.0,
    json: JsonOption = None,
) -> None:
    """Run a bundle's golden samples on a target and compare, layer by layer; exit code 1 at any difference."""
    claim(reads=[bundle], writes=[json])
    (chosen,) = parse(target, deadline)
    found = hold(load(bundle), chosen, self_test=self_test)
    table(
        f"{bundle} on {found.target}: {found.samples} samples",
        ["layer", "", "numbers", "different"],
        [[x.name, "FAILS" if x.different else "holds", x.compared, x.different] for x in found.layers],
    )
    for layer in found.layers:
        if layer.first:
            console.print(layer.first, markup=False)
    if found.self_test is not None:
        selftest.show(found.self_test)
    emit({"bundle": str(bundle), **found.to_json()}, json)
    if not found.holds:
        console.print("[red]this target does not do what the bundle says[/red]")
        raise typer.Exit(1)
    console.print("[green]every number of the bundle is there[/green]")
