"""quantize: leaky neurons, recurrence, delays, sums, sparse and convolutional synapses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neurokit.compilers.quantization.quantize import explain_quantization, quantize
from neurokit.compilers.quantization.scales import NeuronScale, Plan, ScaleRequest
from neurokit.compilers.quantization.search import Search, distance
from neurokit.compilers.quantization.synapses import entries
from neurokit.errors import GraphError, OutOfRange, UnsupportedNode
from neurokit.ir import graph as g
from neurokit.ir import interpreter as reference
from neurokit.ir import program as p
from neurokit.ir.convolution import Convolution
from neurokit.ir.fixed_point import Decay12, Widths
from neurokit.ir.sparse import Csr
from neurokit.ir.weight_grid import WeightGrid, weight_bits
from neurokit.neurons.models import IF, LIF, CubaLIF, Neuron, Subtract, ToZero
from neurokit.neurons.readouts import MemMean, Rate
from neurokit.simulator import Twin

RNG = np.random.default_rng
T = 24


def closed(nodes: list[g.GraphNode], source: str, width: int, seed: int, delay: int = 0) -> g.Graph:
    rng = RNG(seed + 100)
    out = g.Dense("out", source, rng.normal(size=(3, width)) / np.sqrt(width), rng.normal(size=3), delay)
    return g.Graph((*nodes, out, g.Readout("y", "out", MemMean()), g.Output("answer", "y")), T)


def stack(neuron: Neuron, seed: int = 0, recurrent: bool = False, delay: int = 0) -> g.Graph:
    """Two layers of 12 neurons under 4 inputs."""
    rng = RNG(seed)
    back = g.Recurrent(rng.normal(size=(12, 12)) / 12) if recurrent else None
    nodes: list[g.GraphNode] = [
        g.Input("x", 4, -1, 1),
        g.Dense("0", "x", rng.normal(size=(12, 4)), rng.uniform(0, 1, 12)),
        g.Spiking("0.spikes", "0", neuron),
        g.Dense("1", "0.spikes", rng.normal(size=(12, 12)) / 3, rng.uniform(0, 1, 12), delay),
        g.Spiking("1.spikes", "1", neuron, back),
    ]
    return closed(nodes, "1.spikes", 12, seed, delay)


X = {"x": RNG(9).uniform(-1, 1, (200, 4))}
NEURONS = [
    LIF(0.8, Subtract(), beta=0.9),
    LIF(1.0, ToZero(), beta=0.75),
    CubaLIF(1.2, Subtract(), alpha=0.5, beta=0.9),
    CubaLIF(1.0, ToZero(), alpha=0.3, beta=0.8),
    IF(1.0, ToZero()),
]


def error(graph: g.Graph, program: p.Program) -> float:
    result = Twin().run(program, X)
    assert np.array_equal(result.output, reference.run(program, X).output)
    return distance(result.outputs, reference.run(graph, X).outputs)


@pytest.mark.parametrize("neuron", NEURONS, ids=lambda n: f"{type(n).__name__}-{type(n.reset).__name__}")
def test_neurons_answer_like_their_graph(neuron: Neuron) -> None:
    """Rounding moves some spikes by a step, each worth about 1/24 of a feature of 12: a few percent of the spread."""
    graph = stack(neuron)
    made = explain_quantization(graph, calibration=X, search=None)
    assert error(graph, made.program) < 0.12
    for node in made.program.spiking:
        assert type(node.neuron) is type(neuron)
        assert node.neuron.strict is (type(neuron) is not IF)
        for name in ("alpha", "beta"):
            if hasattr(neuron, name):
                assert getattr(node.neuron, name) == Decay12(round(4096 * getattr(neuron, name)))
    margins = {choice.layer: choice.margin for choice in made.report().layers}
    assert all(0 < margin <= 1 for margin in margins.values())


def test_recurrence_and_delays() -> None:
    graph = stack(LIF(beta=0.9), recurrent=True, delay=2)
    program = quantize(graph, calibration=X, search=None)
    assert error(graph, program) < 0.12
    assert isinstance(program["1"], p.Dense)
    assert program["1"].delay == 2
    node = program["1.spikes"]
    real = graph["1.spikes"]
    assert isinstance(node, p.Spiking)
    assert isinstance(real, g.Spiking)
    assert node.recurrent is not None
    assert real.recurrent is not None
    unit = node.scale * 2.0**node.recurrent.exponent
    assert np.max(np.abs(node.recurrent.weight * unit - real.recurrent.weight)) <= unit / 2 * (1 + 1e-9)


@pytest.mark.parametrize(("gain", "exponent"), [(1.0, 0), (40.0, 1)])
def test_recurrent_synapses_lie_on_the_grid_of_their_population(gain: float, exponent: int) -> None:
    """Few bits are levels times a step; large weights take an exponent once the step is as large as int8 allows."""
    graph = stack(IF(), recurrent=True)
    scaled = [
        replace(n, recurrent=g.Recurrent(gain * n.recurrent.weight)) if isinstance(n, g.Spiking) and n.recurrent else n
        for n in graph.nodes
    ]
    graph = replace(graph, nodes=tuple(scaled))
    program = quantize(graph, grid={"1.spikes": WeightGrid(3)}, widths=Widths(membrane=20))
    node, real = program["1.spikes"], graph["1.spikes"]
    assert isinstance(node, p.Spiking)
    assert isinstance(real, g.Spiking)
    assert node.recurrent is not None
    assert real.recurrent is not None
    assert weight_bits(node.recurrent.weight) <= 3
    assert (node.recurrent.exponent > 0) == (exponent > 0)
    quantum = node.scale * 2.0**node.recurrent.exponent
    quantum *= np.gcd.reduce(node.recurrent.weight.astype(int), axis=None)
    # A level is at most twice as coarse as the largest weight asks for; the highest of 3 bits is 3.
    assert quantum <= 2 * np.abs(real.recurrent.weight).max() / 3
    error_ = np.abs(node.recurrent.weight * node.scale * 2.0**node.recurrent.exponent - real.recurrent.weight)
    assert error_.max() <= quantum / 2 * (1 + 1e-9)


def test_grids_and_plans_for_recurrent_synapses_are_known_by_name() -> None:
    graph = stack(IF(), recurrent=True)
    with pytest.raises(GraphError, match=r"grid: layer is 'spikes'; legal is one of .*'1\.spikes'"):
        quantize(graph, grid={"spikes": WeightGrid(3)})
    with pytest.raises(GraphError, match=r"plan: layer is '1\.spikes'; legal is one of \['0', '1'"):
        quantize(graph, plan=Plan({"1.spikes": ScaleRequest()}))


def summed(gain: float) -> g.Graph:
    """A population that reads the input and another layer, whose weights differ by `gain`."""
    rng = RNG(4)
    nodes: list[g.GraphNode] = [
        g.Input("x", 4, -1, 1),
        g.Dense("0", "x", rng.normal(size=(12, 4)), rng.uniform(0, 1, 12)),
        g.Spiking("0.spikes", "0", IF()),
        g.Dense("skip", "x", rng.normal(size=(12, 4)) / 2, np.zeros(12)),
        g.Dense("1", "0.spikes", gain * rng.normal(size=(12, 12)) / 3, rng.uniform(0, 1, 12)),
        g.Sum("both", ("skip", "1")),
        g.Spiking("1.spikes", "both", IF()),
    ]
    return closed(nodes, "1.spikes", 12, 4)


@pytest.mark.parametrize("gain", [0.2, 1.0, 4.0])
def test_synapses_of_a_sum_share_one_unit(gain: float) -> None:
    graph = summed(gain)
    made = explain_quantization(graph, calibration=X, search=Search(samples=100, rounds=1, utilizations=(1.0, 0.8)))
    assert error(graph, made.program) < 0.12
    skip, own = made.plan.scales["skip"], made.plan.scales["1"]
    assert isinstance(skip, NeuronScale)
    assert isinstance(own, NeuronScale)
    assert skip.threshold == own.threshold
    with pytest.raises(OutOfRange, match="one threshold for all synapses"):
        quantize(graph, plan=Plan({"skip": NeuronScale(64, -4), "1": NeuronScale(32)}))


def test_sparse_and_convolutional_synapses() -> None:
    rng = RNG(6)
    convolution = Convolution(image=(1, 6, 6), padding=(1, 1))
    sparse = np.where(rng.random((10, 72)) < 0.2, rng.normal(size=(10, 72)), 0)
    nodes: list[g.GraphNode] = [
        g.Input("x", 36, -1, 1),
        g.Conv2d("c", "x", rng.normal(size=(2, 1, 3, 3)), rng.uniform(0, 1, 2), convolution),
        g.Spiking("c.spikes", "c", IF()),
        g.Sparse("s", "c.spikes", Csr.of(sparse), rng.uniform(0, 1, 10)),
        g.Spiking("s.spikes", "s", LIF(beta=0.8)),
    ]
    graph = closed(nodes, "s.spikes", 10, 6)
    x = {"x": rng.uniform(-1, 1, (60, 36))}
    for bits in (8, 4):
        made = explain_quantization(graph, grid=WeightGrid(bits), calibration=x, search=None)
        result = Twin().run(made.program, x)
        assert distance(result.outputs, reference.run(graph, x).outputs) < 0.6 / 2 ** (bits / 3)
        for name in ("c", "s", "out"):
            node = made.program[name]
            assert isinstance(node, p.Synapses)
            assert weight_bits(entries(node).astype(np.int64)) <= bits
        close = distance(reference.run(made.realized(), x).outputs, result.outputs)
        assert close < 0.15, "inputs and floors alone"


def test_a_strict_threshold_is_an_integer_threshold_to_one_unit_of_the_membrane() -> None:
    strict, other = (quantize(stack(IF(strict=strict))) for strict in (True, False))
    assert strict["0.spikes"] == other["0.spikes"]
    assert not strict["0.spikes"].neuron.strict  # type: ignore[union-attr]


def test_what_has_no_integer_form_is_refused_by_name() -> None:
    rng = RNG(0)
    nodes = (
        g.Input("x", 2, -1, 1),
        g.Dense("0", "x", rng.normal(size=(3, 2)), np.zeros(3)),
        g.Spiking("0.spikes", "0", IF()),
        g.Dense("a", "0.spikes", rng.normal(size=(2, 3)), np.zeros(2)),
        g.Dense("b", "0.spikes", rng.normal(size=(2, 3)), np.zeros(2)),
        g.Sum("both", ("a", "b")),
        g.Readout("y", "both", Rate()),
        g.Output("answer", "y"),
    )
    with pytest.raises(UnsupportedNode, match=r"'both' \(Sum\)|'a' \(Dense\)"):
        quantize(g.Graph(nodes, 8))
