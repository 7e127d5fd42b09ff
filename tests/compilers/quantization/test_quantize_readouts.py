"""quantize: readouts keep the bits of their weights, whatever the width, the window and the bias."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neurokit.compilers.quantization.quantize import explain_quantization, quantize
from neurokit.compilers.quantization.rounding import fit_to_data
from neurokit.compilers.quantization.search import distance
from neurokit.errors import GraphError, OutOfRange
from neurokit.ir import graph as g
from neurokit.ir import interpreter as reference
from neurokit.ir import program as p
from neurokit.ir.fixed_point import Widths
from neurokit.ir.program import Program
from neurokit.neurons.models import IF
from neurokit.neurons.readouts import MemMean, Rate, ReadoutRule
from neurokit.simulator import Twin


def network(
    width: int,
    steps: int,
    rule: ReadoutRule = MemMean(),  # noqa: B008 (frozen)
    bias: tuple[float, ...] = (0.0, 0.0),
    gain: float = 1.0,
) -> g.Graph:
    """One hidden layer under three inputs, and as many lines of answers as there are biases."""
    rng = np.random.default_rng(0)
    return g.Graph(
        (
            g.Input("x", 3, -1.0, 1.0),
            g.Dense("hidden", "x", gain * rng.normal(size=(width, 3)), 0.3 * gain * rng.normal(size=width)),
            g.Spiking("fire", "hidden", IF()),
            g.Dense("last", "fire", rng.normal(size=(len(bias), width)), np.array(bias)),
            g.Readout("sum", "last", rule),
            g.Output("y", "sum"),
        ),
        steps,
    )


X = {"x": np.random.default_rng(1).uniform(-1, 1, (32, 3))}


def error(graph: g.Graph, program: Program) -> float:
    """Of the answers, relative to the spread of every line, the worst."""
    said, real = Twin().run(program, X).output, reference.run(graph, X).output
    return float(np.max(np.linalg.norm(said - real, axis=0) / np.linalg.norm(real - real.mean(axis=0), axis=0)))


def largest(program: Program, name: str = "last") -> int:
    node = program[name]
    assert isinstance(node, p.Dense)
    return int(np.abs(node.weight.astype(int)).max())


@pytest.mark.parametrize(("width", "steps"), [(8, 256), (8, 512), (64, 128), (1024, 32), (256, 256)])
def test_wide_layers_and_long_windows_keep_the_bits_of_their_weights(width: int, steps: int) -> None:
    """Their accumulators have no room for the finest unit.

    8-bit weights of both layers err by 1 to 2 % of the spread without calibration; a readout of 3 bits by 20 %.
    """
    graph = network(width, steps)
    program = quantize(graph)
    assert error(graph, program) < 0.04
    assert largest(program) > 50
    assert np.array_equal(reference.run(program, X).output, Twin().run(program, X).output)


def test_a_unit_that_is_hardly_coarser_needs_no_counts() -> None:
    direct, counted = quantize(network(1024, 32)), quantize(network(8, 1024))
    assert not any(node.name.endswith(".count.total") for node in direct.nodes)
    assert 63 < largest(direct) < 127
    assert largest(counted) == 127
    assert isinstance(counted["sum.count.total"], p.Readout)


def test_a_plan_counts_again() -> None:
    graph = network(8, 1024)
    made = explain_quantization(graph, calibration=X, search=None)
    again = explain_quantization(graph, calibration=X, plan=made.plan)
    assert np.array_equal(made.program["last"].weight, again.program["last"].weight)  # type: ignore[union-attr]
    assert [node.name for node in made.program.nodes] == [node.name for node in again.program.nodes]
    assert "counted first" in {choice.layer: choice.why for choice in made.report().layers}["last"]


def test_counted_weights_are_those_of_the_realised_network() -> None:
    """Spikes are the Program's own, inputs apart: between the two lie the roundings of inputs and currents."""
    graph = network(8, 1024)
    made = explain_quantization(graph, calibration=X, search=None)
    realised = reference.run(made.realized(), X).output
    said = reference.run(made.program, X).output
    assert np.linalg.norm(said - realised) < 0.03 * np.linalg.norm(realised - realised.mean(axis=0))


def test_a_window_too_long_for_memmean_is_counted_with_equal_weights() -> None:
    """A neuron that fires in each of 64 steps is worth 64 * 65 / 2 > 2**11; 24 bits are as narrow for 4,096 steps.

    Of spikes at a constant rate both readouts are right, to about one spike in 64.
    """
    graph = network(8, 64)
    program = quantize(graph, widths=Widths(accumulator=12))
    counts = program["sum.count.total"]
    assert isinstance(counts, p.Readout)
    assert counts.rule == Rate()
    assert error(graph, program) < 0.04


@pytest.mark.parametrize("calibration", [None, X], ids=["nearest", "calibrated"])
@pytest.mark.parametrize("bias", [(300.0,), (1e5,), (0.0, 1e5), (-3.0, 3.0)])
def test_the_bias_of_an_answer_costs_it_nothing(
    bias: tuple[float, ...], calibration: dict[str, np.ndarray] | None
) -> None:
    """It is in the Output's offset: the weights are those of the network without it, but for a fit's float rounding."""
    graph, without = network(8, 32, bias=bias), network(8, 32, bias=(0.0,) * len(bias))
    program, other = (quantize(one, calibration=calibration, search=None) for one in (graph, without))
    assert error(graph, program) < 0.02
    assert np.array_equal(program["last"].weight, other["last"].weight)  # type: ignore[union-attr]
    (output,) = program.outputs
    if calibration is None:
        assert np.array_equal(np.broadcast_to(output.offset, len(bias)), np.array(bias))


def test_lines_with_offsets_of_their_own_are_kept_in_the_file(tmp_path: Path) -> None:
    program = quantize(network(8, 32, bias=(0.0, 1e5)))
    loaded = Program.load(program.save(tmp_path / "program.h5"))
    assert np.array_equal(loaded.outputs[0].offset, [0.0, 1e5])
    assert np.array_equal(reference.run(loaded, X).output, reference.run(program, X).output)


def test_offsets_of_other_lines_are_refused_by_name() -> None:
    program = quantize(network(4, 8))
    nodes = (*program.nodes[:-1], p.Output("y", "sum", 1.0, np.array([1.0, 2.0, 3.0])))
    with pytest.raises(GraphError, match=r"output 'y': shape of offset is \(3,\); legal is \(\) or \(2,\)"):
        Program(nodes, 8)
    with pytest.raises(OutOfRange, match=r"output 'y': \(scale, offset\)\[2\] is nan"):
        p.Output("y", "sum", 1.0, np.array([0.0, np.nan]))


def test_equal_offsets_are_one_number() -> None:
    assert p.Output("y", "sum", 1.0, np.full(3, 0.5)).offset == 0.5


def test_what_no_width_holds_is_refused_with_the_steps() -> None:
    with pytest.raises(OutOfRange, match=r"readout 'sum': 64 time steps is too much for its widths.*fewer time steps"):
        quantize(network(8, 64), widths=Widths(accumulator=6))


@pytest.mark.parametrize("size", [4.0, 100.0])
def test_a_bias_before_a_product_takes_no_bits_of_the_weights(size: float) -> None:
    """4 is more than an offset of 20 bits holds at the finest unit of the weights, 100 more than an accumulator."""
    rng = np.random.default_rng(0)
    nodes: list[g.GraphNode] = [g.Input("x", 3, -1.0, 1.0)]
    for arm in "ab":
        bias = np.full(2, size if arm == "a" else 0.0)
        nodes += [
            g.Dense(f"{arm}.0", "x", rng.normal(size=(8, 3)), np.zeros(8)),
            g.Spiking(f"{arm}.fire", f"{arm}.0", IF()),
            g.Dense(f"{arm}.1", f"{arm}.fire", rng.normal(size=(2, 8)), bias),
            g.Readout(f"{arm}.sum", f"{arm}.1", MemMean()),
        ]
    nodes += [g.Product("p", "a.sum", "b.sum"), g.Dense("c", "p", np.ones((1, 2)), np.zeros(1)), g.Output("y", "c")]
    graph = g.Graph(tuple(nodes), 128)
    program = quantize(graph)
    weighed = program["a.1"] if size < 100 else program["a.sum"]  # counted
    assert np.any(weighed.bias)  # type: ignore[union-attr]
    assert largest(program, "a.1") > 50
    assert distance(reference.run(program, X).outputs, reference.run(graph, X).outputs) < 0.03


def test_few_samples_leave_new_answers_no_worse() -> None:
    """60 samples decide on 200 weights only where they agree: those of least squares would err by noise everywhere."""
    rng = np.random.default_rng(3)
    weight, x, fresh = rng.normal(size=(2, 200)), rng.normal(size=(60, 200)), rng.normal(size=(500, 200))
    wanted = x @ weight.T + 5.0 * rng.normal(size=(60, 2))
    fitted, bias = fit_to_data(weight, np.zeros(2), x, wanted)
    noise = np.linalg.norm(fresh @ (fitted - weight).T + bias) / np.linalg.norm(fresh @ weight.T)
    assert noise < 0.1, "plain least squares: 0.3 and more"
