"""QuantizationReport: what was chosen for every layer, why, and what each rounding does to the answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from neurokit.compilers.quantization.calibration import ENOUGH, TWIN, Calibration
from neurokit.compilers.quantization.causes import causes
from neurokit.compilers.quantization.dequantize import dequantize_as
from neurokit.compilers.quantization.search import Tried, distance
from neurokit.compilers.quantization.synapses import QuantizedLayer, entries
from neurokit.ir import graph as g
from neurokit.ir import interpreter as reference
from neurokit.ir import program as p
from neurokit.ir.signals import consumers
from neurokit.ir.weight_grid import weight_bits


@dataclass(frozen=True)
class LayerChoice:
    """One layer of the report.

    bits          that its integer weights need, at most those of its grid
    levels        lowest and highest level of the grid, times `step`
    unit          real value of one integer of the weight, the largest over its rows
    exponent      of its synapses
    threshold     of the neurons that it drives, or None
    used          share of the grid's range that its largest weight takes
    saturated     weights that lay beyond the grid's ends
    margin        how far the state that it feeds can reach, as a share of what its width allows, proved for all inputs
    contribution  distance of the real network's answers to those with this layer alone rounded; None without samples
    why           what kept the scale from being finer or coarser, in words
    """

    layer: str
    bits: int
    levels: tuple[int, int]
    step: int
    unit: float
    exponent: int
    threshold: int | None
    used: float
    saturated: int
    margin: float
    contribution: float | None
    why: str


@dataclass(frozen=True)
class QuantizationReport:
    """Choices by layer; and distances of answers, relative to the spread of the real network's, given samples.

    inputs      unit of every input's codec
    weights     of the real network with all weights and biases rounded to the real network
    arithmetic  of the Program to that: inputs rounded, sums floored
    total       of the Program to the real network
    causes      how far every kind of rounding moves the answers; see `neurokit.compilers.quantization.causes`
    """

    layers: tuple[LayerChoice, ...]
    inputs: Mapping[str, float]
    weights: float | None
    arithmetic: float | None
    total: float | None
    causes: Mapping[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def report(
    graph: g.Graph,
    program: p.Program,
    layers: Mapping[str, QuantizedLayer],
    tried: tuple[Tried, ...],
    calibration: Mapping[str, np.ndarray] | None,
) -> QuantizationReport:
    """The report on a Program that was made of `graph`; distances are measured on at most 4096 of the samples."""
    samples = None if calibration is None else Calibration(graph, calibration, ENOUGH)

    def answers(rounded: g.Graph) -> dict[str, np.ndarray]:
        assert samples is not None
        return dict(reference.run(rounded, samples.inputs).outputs)

    turns = {turn.layer: turn for turn in tried}
    choices = []
    for name, layer in layers.items():
        contribution = None
        if samples is not None:
            alone = dequantize_as(graph, program, layers, {name})
            contribution = distance(answers(alone), samples.answers)
        choices.append(_choice(program, layer, turns.get(name), contribution))
    inputs = {node.name: float(np.max(node.scale)) for node in program.inputs}
    if samples is None:
        return QuantizationReport(tuple(choices), inputs, None, None, None)
    rounded, said = answers(dequantize_as(graph, program, layers)), dict(TWIN.run(program, samples.inputs).outputs)
    return QuantizationReport(
        tuple(choices),
        inputs,
        weights=distance(rounded, samples.answers),
        arithmetic=distance(said, rounded),
        total=distance(said, samples.answers),
        causes=causes(graph, program, layers, samples),
    )


def _choice(program: p.Program, layer: QuantizedLayer, turn: Tried | None, contribution: float | None) -> LayerChoice:
    synapses = program[layer.name]
    assert isinstance(synapses, p.Synapses), "layers are synapses"
    weight = entries(synapses)
    readers = consumers(program.nodes)
    reader = program[readers[layer.name][0]]
    if isinstance(reader, p.Sum):
        reader = program[readers[reader.name][0]]
    threshold, widths = None, program.widths
    if isinstance(reader, p.Spiking):
        kind, threshold = "membrane", reader.threshold
        limit = widths.membrane_limit(reader.fraction) if reader.fraction else widths.limit(kind)
    else:
        kind = "accumulator" if isinstance(reader, p.Readout) else "message"
        limit = widths.limit(kind)
    state = program.certificate[layer.name if kind == "message" else reader.name]
    margin = float(max(-state.low.min(), state.high.max())) / limit
    levels = weight / layer.grid.step
    ends = [
        levels.max() / layer.grid.high if layer.grid.high else 0,
        levels.min() / layer.grid.low if layer.grid.low else 0,
    ]
    return LayerChoice(
        layer=layer.name,
        bits=weight_bits(weight.astype(np.int64)),
        levels=(layer.grid.low, layer.grid.high),
        step=layer.grid.step,
        unit=float(layer.unit.max()),
        exponent=synapses.exponent,
        threshold=threshold,
        used=float(max(ends)),
        saturated=layer.saturated,
        margin=margin,
        contribution=contribution,
        why=_why(layer, kind, margin, turn, _counted(program, synapses)),
    )


def _counted(program: p.Program, synapses: p.Synapses) -> str:
    """What is to be said of a readout whose spikes are counted first; see `compilers.quantization.readouts`."""
    counts = program[synapses.source]
    if not isinstance(counts, p.Readout):
        return ""
    why = "as an accumulator of all neurons would leave the weights few bits"
    return f"spikes are counted first ({counts.rule.name}), {why}"


def _why(layer: QuantizedLayer, kind: str, margin: float, turn: Tried | None, counted: str) -> str:
    if not layer.free:
        return "the smallest integers that are proportional to the weights"
    bounds = counted or _bounds(kind, margin)
    if turn is None:
        return bounds
    errors = dict(turn.errors)
    full = errors.get(1.0)
    if turn.chosen == 1.0:
        others = [error for fill, error in errors.items() if fill != 1.0]
        rival = f"; every other fill errs more, the next best {min(others):.2e}" if others else ""
        return f"{bounds}; the answers err {errors[1.0]:.2e}{rival}"
    against = f" against {full:.2e} at fill 1" if full is not None else ""
    return f"fill {turn.chosen:g} of {len(errors)} tried: the answers err {errors[turn.chosen]:.2e}{against}"


def _bounds(kind: str, margin: float) -> str:
    return f"a finer unit would take the {kind} beyond its width" if margin > 0.9 else "the weights fill their grid"
