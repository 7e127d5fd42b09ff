"""quantize: Graph -> Program, real numbers to integers, with a proof that nothing overflows.

Weights are rounded to nearest or, given calibration samples, so that what the layer *says* moves least
(`neurokit.compilers.quantization.rounding`); readouts then also make up for the errors of the layers before them. The
scale of every layer (weight unit, threshold, exponent, input and output codec) is the finest that is proved or, with
samples, the one under which the answers of the whole integer network err least
(`neurokit.compilers.quantization.search`). The arithmetic is in `neurokit.compilers.quantization.lowering`.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64

from neurokit._version import __version__
from neurokit.compilers.quantization.added_error import AddedError, added_error, compare_answers, drawn
from neurokit.compilers.quantization.calibration import ENOUGH, TWIN, Calibration
from neurokit.compilers.quantization.dequantize import dequantize_as
from neurokit.compilers.quantization.equalize import equalize, gains
from neurokit.compilers.quantization.input_columns import Columns, balance, columns_of, require_reach
from neurokit.compilers.quantization.lowering import Lowering
from neurokit.compilers.quantization.memory import Memory
from neurokit.compilers.quantization.report import QuantizationReport, report
from neurokit.compilers.quantization.scales import Gain, Plan, Scale, ScaleRequest
from neurokit.compilers.quantization.search import Search, Tried, descend, distance
from neurokit.compilers.quantization.synapses import QuantizedLayer
from neurokit.errors import AccuracyWarning, GraphError, explain
from neurokit.ir import graph as g
from neurokit.ir import interpreter as reference
from neurokit.ir import program as p
from neurokit.ir.fixed_point import Widths
from neurokit.ir.interval_analysis import prove
from neurokit.ir.weight_grid import Grids, WeightGrid, grid_of


@dataclass(frozen=True, eq=False)
class Quantization:
    """A Program and how its integers came to be.

    graph   what was quantised
    plan    every choice: with it `quantize` makes the same again, of this Graph or of one with other weights
    layers  by layer, the integers of its weights and their real values in the Graph, before equalisation
    tried   what the search tried, layer by layer; empty without samples
    added   what the integers add to the error of every output, on the calibration samples or else on a few drawn from
            the declared ranges; empty under a plan, whose maker judges it
    """

    graph: g.Graph
    program: p.Program
    plan: Plan
    layers: Mapping[str, QuantizedLayer]
    tried: tuple[Tried, ...]
    added: tuple[AddedError, ...] = ()

    def report(self, calibration: Mapping[str, np.ndarray] | None = None) -> QuantizationReport:
        """The choices with their reasons; with samples also what each rounding does to the answers on them."""
        return report(self.graph, self.program, self.layers, self.tried, calibration)

    def realized(self) -> g.Graph:
        """The real network that the integers stand for, in the units of `graph`; see `dequantize`."""
        return dequantize_as(self.graph, self.program, self.layers)

    def added_error(
        self,
        inputs: Mapping[str, np.ndarray],
        truth: Float64[np.ndarray, "*batch size"] | None = None,
        *,
        data: str = "test",
    ) -> tuple[AddedError, ...]:
        """What the integers add to the error of every output on other samples.

        See `neurokit.compilers.quantization.added_error.added_error`, which it is with this Graph and Program.
        """
        return added_error(self.graph, self.program, inputs, truth, data=data)


def quantize(
    graph: g.Graph,
    *,
    grid: Grids = WeightGrid(),  # noqa: B008 (frozen)
    calibration: Mapping[str, np.ndarray] | None = None,
    search: Search | None = Search(),  # noqa: B008 (frozen)
    plan: Plan | None = None,
    widths: Widths | None = None,
    provenance: Mapping[str, str] | None = None,
) -> p.Program:
    """Turn a Graph into a Program whose weights lie on `grid`, one for all layers or one by layer name.

    Recurrent synapses go by the name of their population.

    `calibration` are samples, `(*batch, size)` by input name (the training inputs, say), on which the network's outputs
    are to change least; without them every weight is rounded to nearest. `search` looks for scales on the samples; with
    None every layer takes the finest scale that is proved. A `plan` fixes the scales that it names. The Program's
    certificate holds the proved bounds of every state for all inputs in the Graph's declared ranges, whatever the
    samples.

    Unless a plan is given, network and Program then answer the samples, or a few drawn from the declared ranges, and
    AccuracyWarning is issued for every output whose answers are more than 5 % of their spread apart.

    Raises OutOfRange when no scale satisfies a width or a grid has no level for a weight, UnsupportedNode when a node
    has no integer form, GraphError when the samples are not the Graph's or a grid or a scale is for no layer of it.
    """
    return explain_quantization(
        graph,
        grid=grid,
        calibration=calibration,
        search=search,
        plan=plan,
        widths=widths,
        provenance=provenance,
    ).program


def explain_quantization(
    graph: g.Graph,
    *,
    grid: Grids = WeightGrid(),  # noqa: B008 (frozen)
    calibration: Mapping[str, np.ndarray] | None = None,
    search: Search | None = Search(),  # noqa: B008 (frozen)
    plan: Plan | None = None,
    widths: Widths | None = None,
    provenance: Mapping[str, str] | None = None,
) -> Quantization:
    """What `quantize` does, with its reasons."""
    _require_layers(graph, grid, plan or Plan())
    widths = widths or Widths()
    require_reach(graph, widths)
    powers = gains(graph, grid) if plan is None or plan.gains is None else plan.gains
    columns = columns_of(graph)
    equal = equalize(balance(graph, columns), powers)
    searched = search is not None and calibration is not None and plan is None
    most = ENOUGH if search is None else search.samples
    samples = None if calibration is None else Calibration(equal, calibration, most)
    made = {
        "neurokit": __version__,
        "quantize.bits": _bits(graph, grid),
        "quantize.rounding": "to nearest" if samples is None else "for calibration data",
    }

    memory = Memory() if searched else None

    def lowered(scales: Mapping[str, Scale | ScaleRequest]) -> Lowering:
        pass_ = Lowering(equal, grid, widths, samples, scales, memory)
        pass_.run()
        return pass_

    def program(scales: Mapping[str, ScaleRequest]) -> p.Program:
        return p.Program(nodes=tuple(lowered(scales).nodes.values()), steps=graph.steps, widths=widths)

    tried: list[Tried] = []
    chosen: Mapping[str, Scale | ScaleRequest] = plan.scales if plan is not None else {}
    if search is not None and samples is not None and searched:
        inputs = samples.inputs

        def judge(made: p.Program) -> float:
            return distance(TWIN.run(made, inputs).outputs, samples.answers)

        layers = [name for name, layer in lowered({}).layers.items() if layer.free]
        chosen, tried = descend(layers, program, judge, search)
    pass_ = lowered(chosen)
    result = p.Program(tuple(pass_.nodes.values()), graph.steps, widths, provenance={**made, **(provenance or {})})
    result = replace(result, certificate=prove(result))
    return Quantization(
        graph,
        result,
        Plan(dict(pass_.chosen), powers),
        {
            name: _of_graph(layer, powers.get(name), _scale_of(graph[name], columns))
            for name, layer in pass_.layers.items()
        },
        tuple(tried),
        () if plan is not None else _judged(graph, result, samples),
    )


def _judged(graph: g.Graph, program: p.Program, samples: Calibration | None) -> tuple[AddedError, ...]:
    """What the integers add, on what samples there are; AccuracyWarning where that is much."""
    if samples is None:
        inputs = drawn(graph)  # few: the interpreter answers them before the twin's kernels are compiled
        real, said = reference.run(graph, inputs).outputs, reference.run(program, inputs).outputs
        found = compare_answers(real, said, data="drawn")
    else:
        said = TWIN.run(program, samples.inputs).outputs
        found = compare_answers(samples.answers, said, data="calibration")
    for each in found:
        if each.warning is not None:
            warnings.warn(each.warning, AccuracyWarning, stacklevel=4)
    return found


def _scale_of(node: g.GraphNode, columns: Mapping[str, Columns]) -> Float64[np.ndarray, " _"] | None:
    """By what balanced inputs multiplied the weights that synapses store, in their order."""
    if not isinstance(node, g.Dense | g.Sparse | g.Conv2d) or node.source not in columns:
        return None
    scale = columns[node.source].scale
    if isinstance(node, g.Conv2d):
        return scale[:1]  # one for all
    return scale[node.weight.columns] if isinstance(node, g.Sparse) else scale


def _of_graph(layer: QuantizedLayer, gain: Gain | None, scale: np.ndarray | None) -> QuantizedLayer:
    """A layer in units of the Graph before its inputs were balanced and products equalised."""
    if scale is not None:
        layer = replace(layer, unit=layer.unit / scale)
    if gain is None:
        return layer
    rows, columns = np.exp2(gain.rows), np.exp2(gain.columns)
    carried = None if layer.carried is None else layer.carried / rows
    unit, bias_unit = layer.unit / (rows[:, None] * columns), layer.bias_unit / rows
    return replace(layer, unit=unit, bias_unit=bias_unit, carried=carried)


def _bits(graph: g.Graph, grid: Grids) -> str:
    """Bits for the provenance: one number, or one by layer."""
    if isinstance(grid, WeightGrid):
        return str(grid.bits)
    return ", ".join(f"{name}: {grid_of(grid, name).bits}" for name in _layers(graph))


def _layers(graph: g.Graph) -> list[str]:
    """Names of what has weights: synapses, and populations with synapses onto themselves."""
    return [
        node.name
        for node in graph.nodes
        if isinstance(node, g.Dense | g.Sparse | g.Conv2d) or (isinstance(node, g.Spiking) and node.recurrent)
    ]


def _require_layers(graph: g.Graph, grid: Grids, plan: Plan) -> None:
    layers = _layers(graph)
    scaled = [node.name for node in graph.nodes if node.name in layers and not isinstance(node, g.Spiking)]
    scaled += [node.name for node in graph.inputs]
    named = [] if isinstance(grid, WeightGrid) else [("grid", name, layers) for name in grid]
    for what, name, legal in [*named, *(("plan", name, scaled) for name in plan.scales)]:
        if name not in legal:
            raise GraphError(explain(f"{what}: layer", repr(name), f"one of {legal}", "name a layer of the Graph"))
