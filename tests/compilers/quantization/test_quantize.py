"""quantize: what it promises about scales, errors and proofs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neurokit.compilers.chip.fit_chip import check_fit
from neurokit.compilers.quantization.quantize import quantize
from neurokit.errors import DoesNotFit, OutOfRange, UnsupportedNode
from neurokit.hw_configs import ChipError, load_chip
from neurokit.ir import graph as g
from neurokit.ir import interpreter as reference
from neurokit.ir import program as p
from neurokit.ir.interval_analysis import prove
from neurokit.ir.weight_grid import WeightGrid, weight_bits
from neurokit.neurons.models import IF, ToZero
from neurokit.neurons.readouts import MemMean, Rate


def dense(rng: np.random.Generator, name: str, source: str, out: int, in_: int, gain: float = 1.0) -> g.Dense:
    reach = gain / np.sqrt(in_)
    return g.Dense(name, source, rng.uniform(-reach, reach, (out, in_)), rng.uniform(-reach, reach, out))


def deeponet(
    seed: int, sensors: int = 12, width: int = 10, depth: int = 1, steps: int = 16, v_th: float = 1.0
) -> g.Graph:
    rng = np.random.default_rng(seed)
    nodes: list[g.GraphNode] = [g.Input("branch", sensors, -6, 6), g.Input("trunk", 1, -1, 1)]
    for arm, size in (("branch", sensors), ("trunk", 1)):
        source = arm
        for layer in range(depth):
            name = f"{arm}.{layer}"
            nodes += [dense(rng, name, source, width, size), g.Spiking(f"{name}.spikes", name, IF(v_th))]
            source, size = f"{name}.spikes", width
        nodes += [dense(rng, f"{arm}.out", source, 8, width, 3), g.Readout(f"{arm}.readout", f"{arm}.out", MemMean())]
    nodes += [
        g.Product("product", "branch.readout", "trunk.readout"),
        g.Dense("contraction", "product", np.ones((1, 8)), np.array([0.25])),
        g.Output("u", "contraction", 2.0, 0.5),
    ]
    return g.Graph(tuple(nodes), steps=16)


def samples(seed: int, sensors: int = 12) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {"branch": rng.uniform(-6, 6, (40, 1, sensors)), "trunk": np.linspace(-1, 1, 11)[None, :, None]}


@pytest.mark.parametrize("v_th", [1.0, 0.37])
@pytest.mark.parametrize("depth", [1, 2])
def test_a_program_answers_like_its_graph(depth: int, v_th: float) -> None:
    """8-bit weights move the outputs of a random DeepONet by a few percent of their spread for each spiking layer.

    The bound is statistical: rounding moves a current by under 1 % and with it some spikes by a step; each is worth
    1/136 of a feature. 1 to 3 % a layer is what random networks show (up to 6.6 % at depth 2).
    """
    for seed in range(3):
        graph = deeponet(seed, depth=depth, v_th=v_th)
        program = quantize(graph)
        real, integer = reference.run(graph, samples(seed)).output, reference.run(program, samples(seed)).output
        assert np.linalg.norm(real - integer) < 0.05 * depth * np.linalg.norm(real - real.mean())


def test_currents_err_by_no_more_than_their_roundings_allow() -> None:
    """Triangle inequality over every rounding on the way to a current: weights, inputs, bias and the final floor."""
    for seed in range(5):
        graph = deeponet(seed)
        program = quantize(graph)
        layer, real = program["branch.0"], graph["branch.0"]
        source = program["branch"]
        assert isinstance(layer, p.Dense)
        assert isinstance(real, g.Dense)
        assert isinstance(source, p.Input)
        weight_unit = layer.scale / source.scale * 2.0**layer.exponent
        assert np.max(np.abs(layer.weight * weight_unit - real.weight)) <= weight_unit / 2 * (1 + 1e-12)
        x = np.random.default_rng(seed).uniform(-6, 6, (200, 12))
        a = reference.apply(layer, program.widths, source.encode(x)) * layer.scale
        bound = (
            12 * 6 * weight_unit / 2  # weights
            + np.abs(layer.weight * weight_unit).sum(axis=1) * source.scale / 2  # inputs
            + weight_unit * source.scale / 2  # bias, rounded at the unit of the sum
            + layer.scale / 2  # the floor, made a rounding by half a unit in the bias
            + weight_unit * source.scale  # that half unit is itself an integer
        )
        assert (np.abs(a - (x @ real.weight.T + real.bias)) <= bound * (1 + 1e-9)).all()


def test_a_network_of_dyadic_numbers_is_quantised_without_any_error() -> None:
    rng = np.random.default_rng(3)
    graph = g.Graph(
        (
            g.Input("x", 4, -2, 2),
            g.Dense("hidden", "x", rng.integers(-60, 60, (6, 4)) / 64, rng.integers(-64, 64, 6) / 64),
            g.Spiking("spikes", "hidden", IF(1.0)),
            g.Dense("out", "spikes", rng.integers(-60, 60, (2, 6)) / 64, rng.integers(-60, 60, 2) / 64),
            g.Readout("y", "out", Rate()),
            g.Output("answer", "y"),
        ),
        steps=32,
    )
    x = {"x": rng.integers(-16, 16, (50, 4)) / 8}
    exact, integer = reference.run(graph, x, record=True), reference.run(quantize(graph), x, record=True)
    assert exact.trace is not None
    assert integer.trace is not None
    assert np.array_equal(exact.trace.spikes["spikes"], integer.trace.spikes["spikes"])
    assert np.array_equal(exact.output, integer.output)  # division by 32 and 64 is exact in binary


@pytest.mark.parametrize("bits", [8, 6, 4, 2])
def test_weights_use_their_bits_and_no_more(bits: int) -> None:
    """Each layer fills its grid from one end at least, to within the factor by which a threshold is legal."""
    program = quantize(deeponet(0), grid=WeightGrid(bits))
    for node in program.nodes:
        if isinstance(node, p.Dense) and node.name != "contraction":
            step = np.bitwise_or.reduce(np.abs(node.weight.astype(int)), axis=None)
            step &= -step
            levels = node.weight.astype(int) // step
            assert levels.min() >= -(2 ** (bits - 1))
            assert levels.max() <= 2 ** (bits - 1) - 1
            assert weight_bits(node.weight) == bits


def test_the_certificate_is_what_prove_finds_and_thresholds_are_as_fine_as_it_allows() -> None:
    program = quantize(deeponet(1))
    again = prove(program)
    assert set(again) == set(program.certificate) == {n.name for n in program.nodes if not isinstance(n, p.Output)}
    for name, interval in again.items():
        assert np.array_equal(interval.low, program.certificate[name].low)
        assert np.array_equal(interval.high, program.certificate[name].high)
    branch = program.certificate["branch.0.spikes"]
    reach = max(-branch.low.min(), branch.high.max())
    assert reach < 2**17 <= 4 * reach, "one bit more in the threshold would have overflowed, two for certain"


def test_hard_reset_survives_quantisation() -> None:
    graph = deeponet(0)
    nodes = tuple(
        g.Spiking(n.name, n.source, IF(1.0, ToZero())) if isinstance(n, g.Spiking) else n for n in graph.nodes
    )
    program = quantize(g.Graph(nodes, graph.steps))
    assert all(isinstance(n.neuron.reset, ToZero) for n in program.spiking)


def test_a_range_that_cannot_be_proved_is_refused_by_name() -> None:
    wide = g.Graph(
        (
            g.Input("x", 1, -1e5, 1e5),
            g.Dense("hidden", "x", np.ones((1, 1)), np.zeros(1)),
            g.Spiking("spikes", "hidden", IF(1.0)),
            g.Dense("out", "spikes", np.ones((1, 1)), np.zeros(1)),
            g.Readout("y", "out", Rate()),
            g.Output("answer", "y"),
        ),
        steps=32,
    )
    with pytest.raises(OutOfRange, match=r"node 'spikes': membrane\[0\] can reach .* narrower input range"):
        quantize(wide)


def test_shared_synapses_are_refused_by_name() -> None:
    shared = g.Graph(
        (
            g.Input("x", 1, -1, 1),
            g.Dense("hidden", "x", np.ones((1, 1)), np.zeros(1)),
            g.Spiking("a", "hidden", IF(1.0)),
            g.Spiking("b", "hidden", IF(0.5)),
            g.Dense("out", "a", np.ones((1, 1)), np.zeros(1)),
            g.Readout("y", "out", Rate()),
            g.Output("answer", "y"),
        ),
        steps=4,
    )
    with pytest.raises(UnsupportedNode, match="'hidden'"):
        quantize(shared)


@pytest.mark.parametrize("bits", [1, 9, 0])
def test_bits_outside_the_chip_are_refused(bits: int) -> None:
    with pytest.raises(OutOfRange, match=r"bits is .* 2\.\.8"):
        WeightGrid(bits)


def test_layers_wider_than_a_core_are_all_named() -> None:
    width = 8193
    graph = g.Graph(
        (
            g.Input("x", 32, -1, 1),
            g.Dense("hidden", "x", np.full((width, 32), 0.01), np.zeros(width)),
            g.Spiking("spikes", "hidden", IF(1.0)),
            g.Dense("out", "spikes", np.full((32, width), 0.01), np.zeros(32)),
            g.Readout("y", "out", Rate()),
            g.Output("answer", "y"),
        ),
        steps=4,
    )
    with pytest.raises(DoesNotFit) as caught:
        check_fit(quantize(graph), load_chip("loihi2"))
    message = str(caught.value)
    assert "layer 'spikes': neurons is 8193; legal is at most 4096" in message
    assert "layer 'hidden': synapses" in message
    assert "layer 'out': synapses" in message


def test_chips_are_validated_on_load(tmp_path: Path) -> None:
    assert load_chip("loihi2").neurons_per_core.source
    with pytest.raises(ChipError, match="neither one that ships"):
        load_chip("loihi9")
    broken = tmp_path / "mine.toml"
    broken.write_text('name = "mine"\nspeed = 3\n')
    with pytest.raises(ChipError, match="speed"):
        load_chip(broken)
