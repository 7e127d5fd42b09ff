"""Populations: a spiking layer and all synapses onto it, to integers with one threshold.

The real unit of a membrane is `v_th / threshold`. A population that one layer of synapses drives takes the finest
threshold that fills that layer's grid; of several, that of the finest, as far as the exponents of the others reach.
Either way the membrane must be proved to stay within its width for all inputs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from jaxtyping import Float64, UInt8

from neurokit.compilers.quantization.calibration import Calibration
from neurokit.compilers.quantization.rounding import fit_to_data, round_for_data, round_to_nearest
from neurokit.compilers.quantization.scales import (
    InputScale,
    NeuronScale,
    Scale,
    ScaleRequest,
    at_threshold,
    extent,
    from_input,
    from_shared_input,
    from_spikes,
    highest_threshold,
    misplanned,
    threshold_below,
)
from neurokit.compilers.quantization.synapses import IntegerSynapses, QuantizedLayer, Synapses, entries, integer
from neurokit.errors import OutOfRange, UnsupportedNode, explain
from neurokit.ir import graph as g
from neurokit.ir import program as p
from neurokit.ir.fixed_point import EXPONENTS, Widths
from neurokit.ir.interval_analysis import bound
from neurokit.ir.weight_grid import LayerGrid, Levels
from neurokit.neurons.models import NEURONS, Neuron, known

#: Ways to share what an exponent cannot bridge between the weights and the input before them.
SHARES = (0.0, 0.5, 1.0)
#: Widths that refuse nothing below 32 bits, to see how far a state would reach.
WIDE = Widths(32, 32, 32, 32, 32)


class Emitted(NamedTuple):
    """What is known of a lowered node's output: bounds, and the real value of one integer unit."""

    interval: p.Interval
    unit: float


class Surroundings(Protocol):
    """What a population has to know of the pass that it is part of."""

    graph: g.Graph
    widths: Widths
    samples: Calibration | None
    plan: Mapping[str, Scale | ScaleRequest]

    @property
    def emitted(self) -> Mapping[str, Emitted]: ...
    def reader(self, name: str) -> g.GraphNode | None: ...
    def levels(self, name: str, weight: np.ndarray) -> Levels: ...
    def spikes(self, node: Synapses) -> UInt8[np.ndarray, "samples steps size"]: ...


class Choice(NamedTuple):
    """The scale of one layer of synapses, and the unit of its source that goes with it."""

    scale: NeuronScale
    x_unit: float


@dataclass(frozen=True, eq=False)
class Made:
    """Integer synapses: the choice, the node, its Input if that must change, and the current's error on the samples."""

    choice: Choice
    node: IntegerSynapses
    source: p.Input | None
    layer: QuantizedLayer
    error: float


class Population:
    """The population `neurons` and the synapses `onto` it."""

    def __init__(self, around: Surroundings, neurons: g.Spiking, onto: Sequence[Synapses]) -> None:
        self.around, self.neurons, self.onto = around, neurons, tuple(onto)
        self.leaky = neurons.neuron.leaky
        self.v_th = float(neurons.neuron.threshold)
        integer_neuron(neurons, 1)  # refuses what has no integer form

    def choose(self) -> list[Made]:
        """The planned synapses, or those with the finest threshold that is proved."""
        planned = [self.around.plan.get(node.name, ScaleRequest()) for node in self.onto]
        for node, scale in zip(self.onto, planned, strict=True):
            if not isinstance(scale, NeuronScale | ScaleRequest):
                raise misplanned(node.name, scale, "a NeuronScale")
        scales = [scale for scale in planned if isinstance(scale, NeuronScale)]
        if len(scales) < len(planned):
            return self._finest([scale if isinstance(scale, ScaleRequest) else ScaleRequest() for scale in planned])
        if len({scale.threshold for scale in scales}) > 1:
            raise misplanned(self.neurons.name, scales, "one threshold for all synapses onto a population")
        units = [self.around.emitted[node.source].unit for node in self.onto]
        while True:
            choices = [Choice(scale, unit) for scale, unit in zip(scales, units, strict=True)]
            made = [self._integers(node, choice) for node, choice in zip(self.onto, choices, strict=True)]
            try:
                self._prove(made, self.around.widths)
            except OutOfRange:
                coarser = [scale.coarser for scale in scales if scale.may_coarsen]
                scales = [scale for scale in coarser if scale is not None]
                if len(scales) < len(self.onto):
                    raise
            else:
                return made

    def spiking(self, made: Sequence[Made]) -> p.Spiking:
        """The integer population."""
        threshold = made[0].choice.scale.threshold
        unit, recurrent = self.v_th / threshold, None
        if self.neurons.recurrent is not None:
            recurrent = self._onto_itself(self.neurons.recurrent.weight / unit)
        neuron = integer_neuron(self.neurons, threshold)
        return p.Spiking(self.neurons.name, self.neurons.source, neuron, unit, recurrent)

    def _onto_itself(self, weight: Float64[np.ndarray, "n n"]) -> p.Recurrent:
        """Recurrent synapses, given in units of the membrane: levels times the least power of two that reaches them.

        The power is a step of the grid as far as int8 weights hold it, and an exponent beyond.
        """
        name = self.neurons.name
        levels = self.around.levels(name, weight)
        power = max(0, math.ceil(math.log2(extent(weight, levels)) - 1e-9))
        step = min(2**power, levels.coarsest)
        exponent = power - step.bit_length() + 1
        if exponent not in EXPONENTS:
            raise OutOfRange(
                explain(
                    f"layer {name!r}: exponent of the recurrent synapses",
                    exponent,
                    f"at most {EXPONENTS[-1]}",
                    "scale the recurrent weights down, or give them more bits",
                )
            )
        return p.Recurrent(LayerGrid(*levels, step).nearest(weight * 2.0**-exponent), exponent)

    def _levels(self, node: Synapses) -> Levels:
        return self.around.levels(node.name, entries(node))

    def _finest(self, requests: list[ScaleRequest]) -> list[Made]:
        cap, complaint = highest_threshold(self.leaky), OutOfRange("")
        while True:
            candidates = self._candidates(requests, cap)
            threshold = max(choices[0].scale.threshold for choices in candidates)
            room = self.around.widths.limit("membrane")
            reach = self._reach(candidates[0])
            if reach > room and threshold > 1:
                share = room / reach if math.isfinite(reach) else 0.5  # not the lowest threshold at once
                cap = threshold_below(min(threshold * share, threshold - 1), self.leaky)
                continue
            best: list[Made] = []
            for choices in candidates:
                try:
                    made = [self._integers(node, choice) for node, choice in zip(self.onto, choices, strict=True)]
                    self._prove(made, self.around.widths)
                except OutOfRange as error:
                    complaint = error
                    continue
                if not best or sum(m.error for m in made) < sum(m.error for m in best):
                    best = made
            if best:
                return best
            if threshold == 1:
                raise complaint
            cap = threshold_below(threshold - 1, self.leaky)

    def _candidates(self, requests: list[ScaleRequest], cap: float) -> list[list[Choice]]:
        """Choices for all synapses; the first Input may change its unit if it has one reader and that one source."""
        single = [self._alone(node, request, cap) for node, request in zip(self.onto, requests, strict=True)]
        if len(single) == 1:
            return [[choice] for choice in single[0]]
        held_ones = [isinstance(self.around.graph[node.source], g.Input) for node in self.onto]
        alone = [choices[0].scale.threshold for choices in single]
        spiking = [threshold for threshold, held in zip(alone, held_ones, strict=True) if not held]
        # An exponent above zero costs synapses from spikes nothing: weights and biases keep the unit they have alone.
        most = 2 ** EXPONENTS[-1] * min(spiking) / 2 if spiking else cap
        threshold = threshold_below(min(max(alone), most), self.leaky)
        together = []
        for node, request, held in zip(self.onto, requests, held_ones, strict=True):
            weight, x_unit = entries(node) / self.v_th, self.around.emitted[node.source].unit
            levels = self._levels(node)
            scale = at_threshold(weight, levels, threshold, x_unit, held, request.fill)
            together.append(Choice(scale, x_unit))
        return [together]

    def _alone(self, node: Synapses, request: ScaleRequest, cap: float) -> list[Choice]:
        """Choices for synapses that are the only ones, each with the unit of the source that goes with it."""
        levels, x_unit = self._levels(node), self.around.emitted[node.source].unit
        source, weight = self.around.graph[node.source], entries(node) / self.v_th
        if not isinstance(source, g.Input):
            return [Choice(from_spikes(weight, levels, cap, request.fill, self.leaky), x_unit)]
        fixed = self.around.reader(node.source) is None or isinstance(self.around.plan.get(node.source), InputScale)
        if fixed or len(self.onto) > 1:
            return [Choice(from_shared_input(weight, levels, x_unit, cap, request.fill, self.leaky), x_unit)]
        reach = source.reach or 1.0
        shares = SHARES if request.share is None else (request.share,)
        return [Choice(*from_input(weight, levels, reach, cap, share, request.fill, self.leaky)) for share in shares]

    def _reach(self, choices: list[Choice]) -> float:
        """How far the membrane can go with weights rounded to nearest; infinite beyond 32 bits."""
        try:
            made = [self._integers(n, choice, nearest=True) for n, choice in zip(self.onto, choices, strict=True)]
            membrane = self._prove(made, WIDE)
        except OutOfRange:
            return math.inf
        return float(max(-membrane.low.min(), membrane.high.max()) / 2.0**self.neurons.neuron.fraction)

    def _prove(self, made: Sequence[Made], widths: Widths) -> p.Interval:
        """Bounds of the membrane; raises OutOfRange when currents or membrane leave their width."""
        steps, currents = self.around.graph.steps, []
        for one in made:
            x = self.around.emitted[one.node.source].interval
            if one.source is not None:
                x = p.Interval(one.source.low.astype(np.int64), one.source.high.astype(np.int64))
            currents.append(bound(one.node, steps, widths, x)[1])
        current = currents[0]
        if len(currents) > 1:
            current = bound(p.Sum(self.neurons.source, tuple(n.name for n in self.onto)), steps, widths, *currents)[1]
        return bound(self.spiking(made), steps, widths, current)[0]

    def _integers(self, node: Synapses, choice: Choice, nearest: bool = False) -> Made:
        """Integers for synapses, in units of the membrane."""
        scale, x_unit = choice
        grid = LayerGrid(*self._levels(node), scale.step)
        bias_unit = 2.0**scale.exponent / scale.threshold * self.v_th
        unit = bias_unit / x_unit
        half = 2.0 ** (-scale.exponent - 1) if scale.exponent < 0 else 0.0  # floor(a + 1/2) rounds to nearest
        real, source = entries(node), self.around.graph[node.source]
        weight, bias = real / unit, node.bias / bias_unit + half
        x = input_node(source, x_unit) if isinstance(source, g.Input) else None
        samples, error = self.around.samples, 0.0
        if nearest or samples is None or not isinstance(node, g.Dense):
            rounded = round_to_nearest(weight, bias, grid)
            if x is not None:
                # Independent roundings of weights and of inputs that reach their range at three standard deviations.
                square = (float(np.max(np.abs([x.low, x.high]))) * x_unit / 3) ** 2
                error = (square * unit**2 + float(np.mean(real**2)) * x_unit**2) * len(x.low) / 12
        elif x is None:
            rounded = round_for_data(weight, bias, grid, self.around.spikes(node).reshape(-1, weight.shape[1]))
        else:
            held = samples.held(x.name)
            seen = np.rint(held / x_unit)
            target = held @ real.T / bias_unit + bias
            weight, bias = fit_to_data(weight, bias, seen, target)
            rounded = round_for_data(weight, bias, grid, seen)
            error = float(np.mean((seen @ rounded[0].T + rounded[1] - target) ** 2)) * bias_unit**2
        made = integer(node, *rounded, scale.exponent, self.v_th / scale.threshold)
        units = np.broadcast_to(unit, weight.shape), np.broadcast_to(bias_unit, bias.shape)
        changed = x is not None and x_unit != self.around.emitted[node.source].unit
        layer = QuantizedLayer(node.name, grid, *units, grid.beyond(weight))
        return Made(choice, made, x if changed else None, layer, error)


def integer_neuron(node: g.Spiking, threshold: int) -> Neuron:
    """The neuron of a layer in integers, with that threshold; see `Neuron.in_integers`.

    Raises UnsupportedNode for neurons that have no integer form.
    """
    if not known(node.neuron):
        kind, remedy = type(node.neuron).__name__, f"Use one of {', '.join(NEURONS)}."
        raise UnsupportedNode(node.name, kind, "quantize", "it has no integer form", remedy)
    return node.neuron.in_integers(threshold)


def input_node(node: g.Input, unit: float) -> p.Input:
    """The integer Input whose integers are worth `unit` of what the Graph's emits.

    Its range is rounded outwards: every real value in it has its integer.
    """
    low, high = node.emitted
    return p.Input(node.name, np.floor(low / unit), np.ceil(high / unit), unit * node.scale, node.offset)
