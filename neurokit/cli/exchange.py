"""`neurokit export` and `neurokit import`: networks to and from the files of other tools."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from neurokit.cli.compile_run_compare import describe
from neurokit.cli.console import JsonOption, emit, table
from neurokit.cli.outputs import claim
from neurokit.compilers.exchange.dialects import Dialect, norse, plain, sinabs, snntorch
from neurokit.compilers.exchange.nir_notes import RESETS
from neurokit.compilers.exchange.time_step import SCHEMES, TimeStep
from neurokit.ir.program import Program
from neurokit.neurons.readouts import RULES


class Format(str, Enum):
    """Files of other tools."""

    netx = "netx"
    nir = "nir"


class Scheme(str, Enum):
    """How differential equations become steps."""

    euler = "euler"
    exponential = "exponential"


class Writer(str, Enum):
    """Whose NIR it is."""

    plain = "plain"
    snntorch = "snntorch"
    norse = "norse"
    sinabs = "sinabs"


class ResetWord(str, Enum):
    """What a spike does to the membrane."""

    zero = "zero"
    subtract = "subtract"


FormatOption = Annotated[Format | None, typer.Option("--format", help="By default what the file's ending says.")]
DtOption = Annotated[float | None, typer.Option(help="NIR: the time step, in the unit of the time constants.")]
SchemeOption = Annotated[Scheme | None, typer.Option(help="NIR: how its differential equations step; else euler.")]


def export(
    source: Annotated[
        Path,
        typer.Argument(
            help="For netx a Program (HDF5), for NIR a trained model (.pt).",
            show_default=False,
            exists=True,
            dir_okay=False,
        ),
    ],
    out: Annotated[Path, typer.Argument(help="The file to write: .net or .nir.", show_default=False)],
    kind: FormatOption = None,
    input_name: Annotated[
        str | None, typer.Option("--input", help="netx: the input whose layers are meant, such as branch.")
    ] = None,
    readout: Annotated[bool, typer.Option("--readout", help="netx: with a last layer that sums the readout.")] = False,
    dt: DtOption = None,
    scheme: SchemeOption = None,
    gain_in_threshold: Annotated[
        bool, typer.Option("--gain-in-threshold", help="NIR: leave every r at 1, for readers that ignore it.")
    ] = False,
    annotate_resets: Annotated[
        bool,
        typer.Option("--annotate-resets", help="NIR: write soft resets as hard ones, with a note only neurokit reads."),
    ] = False,
    json: JsonOption = None,
) -> None:
    """Write a network for other tools; what their format cannot say exactly is refused by name."""
    claim(reads=[source], writes=[out, json])
    if _format(kind, out) is Format.netx:
        idle = {"--dt": dt, "--scheme": scheme, "--gain-in-threshold": gain_in_threshold}
        _refuse_idle("a netx file", {**idle, "--annotate-resets": annotate_resets})
        record = _export_netx(Program.load(source), out, input_name, readout)
    else:
        _refuse_idle("NIR", {"--input": input_name, "--readout": readout})
        record = _export_nir(source, out, dt, scheme, gain_in_threshold, annotate_resets)
    table(f"{out}: {record['format']}", ["layer", "type", "size"], [list(row.values()) for row in record["layers"]])
    emit(record, json)


def _export_netx(program: Program, out: Path, source: str | None, readout: bool) -> dict[str, Any]:
    from neurokit.compilers.exchange.netx_file import export_netx

    network = export_netx(program, out, source=source, readout=readout)
    rows = [
        {
            "layer": layer.name,
            "type": "dense" if layer.recurrent is None else "dense_rec",
            "size": f"{layer.neurons} of {len(layer.weight)} lines",
        }
        for layer in network.layers
    ]
    return {
        "format": "netx",
        "out": str(out),
        "steps": network.steps,
        "message_bits": network.message_bits,
        "first_current": "in the file" if network.sent is None else "computed by the sender",
        "layers": rows,
    }


def _export_nir(
    source: Path, out: Path, dt: float | None, scheme: Scheme | None, gain_in_threshold: bool, annotate: bool
) -> dict[str, Any]:
    from neurokit.compilers.exchange import nir
    from neurokit.compilers.frontend.trace import trace
    from neurokit.networks.model_file import load_model

    time = _time(scheme, dt)
    trained = load_model(source)
    graph = trace(trained.network, trained.domain)
    gain = nir.InThreshold() if gain_in_threshold else nir.InResistance()
    promise = nir.Annotated() if annotate else nir.Faithful()
    written = nir.to_nir(graph, time, gain=gain, promise=promise)
    nir.write_nir(written, out)
    rows = [
        {"layer": name, "type": type(node).__name__, "size": "x".join(map(str, next(iter(node.output_type.values()))))}
        for name, node in written.nodes.items()
    ]
    return {"format": "nir", "out": str(out), "steps": graph.steps, "dt": time.dt, "scheme": time.name, "layers": rows}


def import_(
    source: Annotated[
        Path,
        typer.Argument(help="The file to read: .net or .nir.", show_default=False, exists=True, dir_okay=False),
    ],
    program: Annotated[Path, typer.Argument(help="Where to write the Program (HDF5).")] = Path("program.h5"),
    kind: FormatOption = None,
    steps: Annotated[int | None, typer.Option(help="Time steps of a window.", min=1)] = None,
    low: Annotated[float | None, typer.Option(help="Lowest value of an input; else 0.")] = None,
    high: Annotated[float | None, typer.Option(help="Highest value of an input; else 1.")] = None,
    writer: Annotated[
        Writer | None, typer.Option("--dialect", help="NIR: the tool that wrote it; else its own equations.")
    ] = None,
    reset: Annotated[
        ResetWord | None, typer.Option(help="NIR of snntorch or sinabs: the network's reset, which no file says.")
    ] = None,
    readout: Annotated[
        str | None, typer.Option(help=f"NIR: how outputs are read: {', '.join(RULES)}; else rate.")
    ] = None,
    dt: DtOption = None,
    scheme: SchemeOption = None,
    json: JsonOption = None,
) -> None:
    """Read another tool's network as a Program; a .nir of neurokit's own needs no options."""
    claim(reads=[source], writes=[program, json])
    of_nir = {"--dialect": writer, "--reset": reset, "--readout": readout, "--dt": dt, "--scheme": scheme}
    bottom, top = 0.0 if low is None else low, 1.0 if high is None else high
    if _format(kind, source) is Format.netx:
        from neurokit.compilers.exchange.slayer import import_netx

        _refuse_idle("a netx file", of_nir)
        if steps is None or not bottom.is_integer() or not top.is_integer():
            raise typer.BadParameter("a netx file needs --steps, and integers for --low and --high")
        read = import_netx(source, steps=steps, low=int(bottom), high=int(top))
    else:
        from neurokit.compilers.exchange.folding import fold
        from neurokit.compilers.exchange.nir import Reading, from_nir, read_nir
        from neurokit.compilers.quantization.quantize import quantize

        reading = None
        if steps is None:
            _refuse_idle("a graph without --steps, which is neurokit's own,", {**of_nir, "--low": low, "--high": high})
        elif readout not in (None, *RULES):
            raise typer.BadParameter(f"{readout!r} is no readout; there are {', '.join(RULES)}")
        else:
            dialect = _dialect(writer, reset, dt, scheme)
            reading = Reading(dialect, steps, bottom, top, RULES[readout or "rate"])
        # A graph of neurokit's own comes back as it was written, in whatever form that is.
        graph = fold(from_nir(read_nir(source), reading))
        read = quantize(graph, provenance={"made": f"imported from {source.name}"})
    read.save(program)
    rows = describe(read)
    table(f"{program}: {read.steps} time steps", ["layer", "type", "size"], [list(row.values())[:3] for row in rows])
    emit({"program": str(program), "steps": read.steps, "layers": rows}, json)


def _format(kind: Format | None, path: Path) -> Format:
    endings = {".net": Format.netx, ".nir": Format.nir}
    found = kind or endings.get(path.suffix)
    if found is None:
        raise typer.BadParameter(f"the ending of {path} says no format; name it with --format netx or --format nir")
    return found


def _refuse_idle(what: str, options: Mapping[str, object], why: str = "") -> None:
    """Refuse options that were given and would do nothing, and say why not."""
    given = [name for name, value in options.items() if value not in (None, False)]
    if given:
        raise typer.BadParameter(f"{what} has no use for {', '.join(given)}{why and ': '}{why}")


def _time(scheme: Scheme | None, dt: float | None, instead: str = "") -> TimeStep:
    if dt is None:
        raise typer.BadParameter(
            f"NIR says nothing of time steps: give --dt, in the unit of time constants (snnTorch takes 1e-4){instead}"
        )
    return SCHEMES["euler" if scheme is None else scheme.value](dt)


def _dialect(writer: Writer | None, reset: ResetWord | None, dt: float | None, scheme: Scheme | None) -> Dialect:
    if writer in (Writer.snntorch, Writer.sinabs):
        makers = {Writer.snntorch: snntorch, Writer.sinabs: sinabs}
        made = makers[writer]() if reset is None else makers[writer](RESETS[reset.value])
        known = f"its steps are known, {made.time.name} with dt = {made.time.dt:g}"
        _refuse_idle(f"NIR of {writer.value}", {"--dt": dt, "--scheme": scheme}, known)
        return made
    whose = "norse" if writer is Writer.norse else "--dialect plain"
    _refuse_idle(f"NIR of {whose}", {"--reset": reset}, "it resets to a value, which the file says")
    if writer is Writer.norse:
        _refuse_idle("NIR of norse", {"--scheme": scheme}, "its steps are Euler's")
        return norse() if dt is None else norse(dt)
    return plain(_time(scheme, dt, "; or, of a graph that a tool wrote in steps of its own, --dialect in its place"))
