"""`neurokit compile`, `run` and `compare`: a trained model to a Program, and a Program on its targets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from neurokit.cli.console import JsonOption, SeedOption, console, emit, table, warn
from neurokit.cli.outputs import claim
from neurokit.cli.parity_ladder import parity_ladder
from neurokit.compilers.chip.fit_chip import check_fit
from neurokit.compilers.quantization.added_error import AddedError
from neurokit.compilers.quantization.quantize import explain_quantization
from neurokit.compilers.quantization.report import QuantizationReport
from neurokit.compilers.quantization.search import Search
from neurokit.data.samples import CALIBRATION_SUFFIX, TEST_SUFFIX, choose, draw, read, read_answered, write
from neurokit.errors import OutOfRange, explain
from neurokit.hw_configs import load_chip
from neurokit.ir.fixed_point import Widths
from neurokit.ir.graph import Dense as GraphDense
from neurokit.ir.program import Program, Spiking, Synapses
from neurokit.ir.weight_grid import Grids, WeightGrid
from neurokit.targets.registry import TARGETS, parse
from neurokit.targets.verification.comparison import compare as compare_targets

ProgramArgument = Annotated[
    Path, typer.Argument(help="A Program, as written by `neurokit compile`.", show_default=False)
]
PairsOption = Annotated[
    bool, typer.Option("--pairs", help="Combine every row of one input of the file with every row of the other.")
]
DeadlineOption = Annotated[float, typer.Option(help="Seconds after which a run on Lava is stopped.", min=1)]


def compile_(
    model: Annotated[Path, typer.Argument(help="A trained model, as written by `neurokit train`.", show_default=False)],
    program: Annotated[Path, typer.Argument(help="Where to write the Program (HDF5).")] = Path("program.h5"),
    bits: Annotated[int, typer.Option(help="Bits of a weight, 2 to 8.")] = 8,
    chip: Annotated[str, typer.Option(help="A chip that ships with neurokit, or a TOML file of your own.")] = "loihi2",
    calibration: Annotated[
        Path | None, typer.Option(help="Samples (.npz) to round for; by default what `train` left beside the model.")
    ] = None,
    nearest: Annotated[bool, typer.Option("--nearest", help="Round every weight to nearest, without samples.")] = False,
    layer_bits: Annotated[
        list[str] | None,
        typer.Option("--layer-bits", metavar="LAYER=BITS", help="Bits of one layer, such as trunk.0=8; repeatable."),
    ] = None,
    state_bits: Annotated[
        int, typer.Option(help="Bits of a membrane, in units of its current; fewer leave room for what silences it.")
    ] = Widths().membrane,
    search: Annotated[
        bool, typer.Option(help="Look for scales under which the answers to the samples err least.")
    ] = True,
    report: Annotated[
        bool, typer.Option("--report", help="Explain every layer's scale and what its rounding costs.")
    ] = False,
    test_data: Annotated[
        Path | None,
        typer.Option(
            help="Samples with true answers (.npz, y beside the inputs) to say the added error on; by default what "
            "`train` left beside the model."
        ),
    ] = None,
    max_added_error: Annotated[
        float | None,
        typer.Option(
            help="Write no Program, and exit 1, where the integers add more to an output's relative L2 error.", min=0
        ),
    ] = None,
    json: JsonOption = None,
) -> None:
    """Turn a trained model into a Program: integers, with a proof that no state can overflow.

    The error that the integers add is stated for every output, on test data where they are at hand.
    """
    from neurokit.compilers.frontend.trace import trace
    from neurokit.networks.model_file import load_model

    if nearest and calibration is not None:
        raise typer.BadParameter("--nearest rounds without samples; leave out one of --nearest and --calibration")
    beside = model.with_suffix(CALIBRATION_SUFFIX)
    tests = test_data or model.with_suffix(TEST_SUFFIX)
    claim(reads=[model, calibration or beside, tests, Path(chip)], writes=[program, json])
    trained = load_model(model)
    graph = trace(trained.network, trained.domain)
    names = [node.name for node in graph.inputs]
    chosen = None if nearest else calibration or (beside if beside.exists() else None)
    samples = None if chosen is None else read(names, chosen, pairs=True)
    answered = read_answered(names, tests) if test_data is not None or tests.exists() else None
    grid = _grid([node.name for node in graph.nodes if isinstance(node, GraphDense)], bits, layer_bits or [])
    made = explain_quantization(
        graph,
        grid=grid,
        calibration=samples,
        search=Search() if search else None,
        widths=Widths(membrane=state_bits),
        provenance=trained.provenance,
    )
    compiled = made.program
    check_fit(compiled, load_chip(chip))
    added = (*made.added, *(() if answered is None else made.added_error(*answered)))
    _state(added)
    exceeding = [] if max_added_error is None else [each for each in _decisive(added) if each.added > max_added_error]
    for each in exceeding:
        console.print(
            f"output {each.output!r}: the integers add {each.added:.4f} to its error on the {each.data} samples, more "
            f"than --max-added-error {max_added_error:g}; no Program was written.",
            markup=False,
        )
    if exceeding:
        emit({"program": None, **_added_record(added)}, json)
        raise typer.Exit(1)
    compiled.save(program)
    rows = describe(compiled)
    rounding = f"rounded for the samples in {chosen}" if chosen else "rounded to nearest"
    widths = grid.bits if isinstance(grid, WeightGrid) else {name: chosen.bits for name, chosen in grid.items()}
    said = widths if isinstance(widths, int) else ", ".join(f"{name}={width}" for name, width in widths.items())
    table(
        f"{program}: {compiled.steps} time steps, weights of {said} bits {rounding}",
        ["layer", "size", "exponent", "threshold", "proved range"],
        [[*(row[key] for key in ("layer", "size", "exponent", "threshold")), _range(row)] for row in rows],
    )
    record: dict[str, object] = {
        "program": str(program),
        "steps": compiled.steps,
        "bits": widths,
        "rounding": rounding,
        "layers": rows,
        **_added_record(added),
    }
    if report:
        explained = made.report(samples)
        explain_scales(explained)
        record["report"] = explained.as_dict()
    emit(record, json)


def _decisive(added: Sequence[AddedError]) -> list[AddedError]:
    """What `--max-added-error` is held against: samples with true answers where there are some, else the others."""
    return [each for each in added if each.floating is not None] or list(added)


def _state(added: Sequence[AddedError]) -> None:
    """Print what the integers add to the error of every output."""
    rows: list[list[object]] = []
    for each in added:
        errors = [error and f"{error.mean:.4f} / {error.overall:.4f}" for error in (each.floating, each.program)]
        bound = "" if each.floating is not None else "at most "
        what = f"{each.output}, {each.samples:,} {each.data}"
        rows.append([what, *errors, f"{bound}{each.added:.4f}", f"{each.of_spread:.4f}"])
    table(
        "what the integers add to the relative L2 error (mean / global)",
        ["output, samples", "network", "Program", "added", "of spread"],
        rows,
    )
    for each in added:
        if each.warning is not None and each.data == "test":  # of the others `quantize` has warned
            warn(each.warning)


def _added_record(added: Sequence[AddedError]) -> dict[str, object]:
    return {
        "added_error": [each.as_dict() for each in added],
        "warnings": [each.warning for each in added if each.warning is not None],
    }


def _grid(layers: list[str], bits: int, by_layer: list[str]) -> Grids:
    """The weight grid of every layer, from the number for all and the `LAYER=BITS` of some."""
    grids = {name: WeightGrid(bits) for name in layers}
    for assignment in by_layer:
        name, _, number = assignment.rpartition("=")
        if not number.isdecimal() or name not in layers:
            legal = f"LAYER=BITS with a LAYER of {', '.join(layers)}"
            raise OutOfRange(explain("--layer-bits", assignment, legal, "name a layer and a number"))
        grids[name] = WeightGrid(int(number))
    return grids if by_layer else WeightGrid(bits)


#: The causes of a report in words, in the order in which they are added up.
CAUSES = {
    "weights": "weights and biases",
    "inputs": "inputs",
    "currents": "currents, in every step",
    "readouts": "readouts",
    "products": "products and sums of them",
}


def explain_scales(report: QuantizationReport) -> None:
    """Two tables: what was chosen for every layer, and why; with samples the error of the answers by its causes."""
    table(
        "scales",
        ["layer", "bits", "step", "grid used", "saturated", "unit", "state's reach", "error alone"],
        [
            [c.layer, c.bits, c.step, f"{c.used:.0%}", c.saturated, c.unit, f"{c.margin:.0%}", c.contribution]
            for c in report.layers
        ],
    )
    table("why", ["layer", "reason"], [[c.layer, c.why] for c in report.layers])
    if report.total is not None:
        causes = [*((CAUSES[cause], moved) for cause, moved in report.causes.items()), ("all", report.total)]
        table("distance of the answers, of their spread", ["rounding of", "distance"], [list(row) for row in causes])


def describe(program: Program) -> list[dict[str, object]]:
    """One row a layer: size, exponent, threshold, proved range of its state, and the latency in chip steps."""
    rows: list[dict[str, object]] = []
    for node in program.nodes:
        bounds = program.certificate.get(node.name)
        rows.append(
            {
                "layer": node.name,
                "type": type(node).__name__,
                "size": program.ports[node.name].size,
                "exponent": node.exponent if isinstance(node, Synapses) else None,
                "threshold": node.threshold if isinstance(node, Spiking) else None,
                "lowest": int(bounds.low.min()) if bounds else None,
                "highest": int(bounds.high.max()) if bounds else None,
                "latency": program.latency[node.name],
            }
        )
    return rows


def _range(row: dict[str, object]) -> str | None:
    return None if row["lowest"] is None else f"{row['lowest']:,}..{row['highest']:,}"


def run(
    program: ProgramArgument,
    inputs: Annotated[Path, typer.Option(help="An .npz with one array (N, size) per input, e.g. branch and trunk.")],
    target: Annotated[str, typer.Option(help=f"Where to run: {', '.join(TARGETS)}.")] = "twin",
    pairs: PairsOption = False,
    out: Annotated[Path, typer.Option(help="Where to write the outputs (.npz).")] = Path("outputs.npz"),
    deadline: DeadlineOption = 600.0,
    json: JsonOption = None,
) -> None:
    """Run a Program on samples from a file."""
    claim(reads=[program, inputs], writes=[out, json])
    loaded = Program.load(program)
    (chosen,) = parse(target, deadline)
    result = chosen.run(loaded, read([node.name for node in loaded.inputs], inputs, pairs=pairs))
    write(result.outputs, out)
    record = {
        "target": result.target,
        "samples": result.samples,
        "steps": result.steps,
        "seconds": result.seconds,
        "samples_per_second": result.samples / result.seconds,
        "out": str(out),
        "provenance": dict(result.provenance),
    }
    table(f"{program} on {result.target}", ["", "value"], [[k, v] for k, v in record.items() if k != "provenance"])
    emit(record, json)


def compare(
    program: ProgramArgument,
    targets: Annotated[
        str, typer.Option(help="Two or more targets; the first is the baseline.")
    ] = "reference,twin,lava",
    samples: Annotated[int, typer.Option(help="Samples to compare on.", min=1)] = 8,
    inputs: Annotated[
        Path | None,
        typer.Option(
            help="An .npz to take them from, as for `run`; by default what `train` left beside the --model, "
            "else random numbers in the declared ranges."
        ),
    ] = None,
    pairs: PairsOption = False,
    ladder: Annotated[
        bool,
        typer.Option("--ladder", help="Every stage from the trained network down, per layer, not the targets alone."),
    ] = False,
    model: Annotated[
        Path | None, typer.Option(help="With --ladder: the trained model that the Program was made of.")
    ] = None,
    picture: Annotated[Path | None, typer.Option(help="With --ladder: where to draw it (.png, .pdf, .svg).")] = None,
    deadline: DeadlineOption = 600.0,
    seed: SeedOption = 0,
    json: JsonOption = None,
) -> None:
    """Hold targets against each other, spike for spike; exit code 1 at any difference."""
    if (model or picture) and not ladder:
        raise typer.BadParameter("--model and --picture go with --ladder")
    if inputs is None and model is not None and (beside := model.with_suffix(CALIBRATION_SUFFIX)).exists():
        inputs, pairs = beside, True
    if pairs and inputs is None:
        raise typer.BadParameter("--pairs goes with --inputs")
    claim(reads=[program, inputs, model], writes=[json], picture=picture)
    loaded = Program.load(program)
    if inputs is None:
        chosen = draw(loaded, samples, seed)
    else:
        chosen = choose(read([node.name for node in loaded.inputs], inputs, pairs=pairs), samples, seed)
    if ladder:
        parity_ladder(program, loaded, chosen, parse(targets, deadline), model, picture, json)
        return
    comparison, _ = compare_targets(loaded, chosen, parse(targets, deadline))
    table(
        f"{program}: {', '.join(comparison.targets)}",
        ["compared", "count"],
        [
            ["samples", comparison.samples],
            ["spikes (neuron-steps)", comparison.spikes_compared],
            ["membrane states", comparison.states_compared],
            ["totals and outputs", comparison.totals_compared],
            ["mismatches", comparison.mismatches],
        ],
    )
    emit(comparison.to_json(), json)
    if comparison.first_mismatch:
        console.print("[red]first mismatch:[/red]", end=" ")
        console.print(str(comparison.first_mismatch), markup=False)
        raise typer.Exit(1)
    console.print("[green]every number is equal[/green]")
