"""The search for scales, plans that repeat it, and the report on what was chosen."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from neurokit.compilers.quantization.dequantize import dequantize
from neurokit.compilers.quantization.quantize import explain_quantization
from neurokit.compilers.quantization.scales import InputScale, NeuronScale, Plan, ReadoutScale
from neurokit.compilers.quantization.search import Search, distance
from neurokit.errors import GraphError, OutOfRange
from neurokit.ir import graph as g
from neurokit.ir import interpreter as reference
from neurokit.ir import program as p
from neurokit.ir.weight_grid import WeightGrid
from neurokit.neurons.models import IF
from neurokit.neurons.readouts import MemMean, Rate

FEW = Search(samples=128, rounds=1, utilizations=(1.0, 0.9, 0.8, 1.1))


def operator(seed: int = 0) -> g.Graph:
    rng = np.random.default_rng(seed)
    nodes: list[g.GraphNode] = [g.Input("branch", 6, -2, 2), g.Input("trunk", 1, -1, 1)]
    for arm, size in (("branch", 6), ("trunk", 1)):
        nodes += [
            g.Dense(f"{arm}.0", arm, rng.normal(size=(12, size)), rng.uniform(0, 1, 12)),
            g.Spiking(f"{arm}.0.spikes", f"{arm}.0", IF()),
            g.Dense(
                f"{arm}.1", f"{arm}.0.spikes", rng.normal(size=(5, 12)) * np.logspace(0, -2, 5)[:, None], np.ones(5)
            ),
            g.Readout(f"{arm}.total", f"{arm}.1", MemMean()),
        ]
    nodes += [
        g.Product("product", "branch.total", "trunk.total"),
        g.Dense("sum", "product", np.ones((1, 5)), np.zeros(1)),
        g.Output("u", "sum"),
    ]
    return g.Graph(tuple(nodes), 24)


def stack() -> g.Graph:
    rng = np.random.default_rng(2)
    nodes = (
        g.Input("x", 3, -1, 1),
        g.Dense("0", "x", rng.normal(size=(8, 3)), rng.uniform(0, 1, 8)),
        g.Spiking("0.spikes", "0", IF()),
        g.Dense("1", "0.spikes", rng.normal(0, 0.3, (8, 8)), rng.normal(size=8)),
        g.Spiking("1.spikes", "1", IF(0.5)),
        g.Dense("out", "1.spikes", rng.normal(size=(1, 8)), rng.normal(size=1)),
        g.Readout("y", "out", Rate()),
        g.Output("answer", "y"),
    )
    return g.Graph(nodes, 32)


#: For `stack`: units are powers of two, so that float64 has every membrane, and ties with thresholds stay ties.
DYADIC = Plan({"x": InputScale(2.0**-3), "0": NeuronScale(128), "1": NeuronScale(32)})


def samples(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {"branch": rng.uniform(-2, 2, (60, 1, 6)), "trunk": np.linspace(-1, 1, 13)[None, :, None]}


SEEN = samples(0)


@pytest.mark.parametrize("bits", [4, 8])
def test_the_search_never_errs_more_on_its_samples_than_the_finest_scales(bits: int) -> None:
    for seed in range(2):
        graph = operator(seed)
        wanted = dict(reference.run(graph, SEEN).outputs)
        made = [
            explain_quantization(graph, grid=WeightGrid(bits), calibration=SEEN, search=search).program
            for search in (None, FEW)
        ]
        plain, searched = (distance(reference.run(program, SEEN).outputs, wanted) for program in made)
        assert searched <= plain


def test_what_was_tried_is_what_a_program_of_that_fill_does() -> None:
    graph = operator()
    made = explain_quantization(graph, calibration=SEEN, search=replace(FEW, rounds=1))
    last = made.tried[-1]
    best = min(error for _, error in last.errors)
    total = distance(reference.run(made.program, SEEN).outputs, reference.run(graph, SEEN).outputs)
    assert total == pytest.approx(best, rel=1e-12)
    assert dict(last.errors)[last.chosen] == best


def test_a_plan_makes_the_same_program_again() -> None:
    graph = operator()
    made = explain_quantization(graph, grid=WeightGrid(6), calibration=SEEN, search=FEW)
    again = explain_quantization(graph, grid=WeightGrid(6), calibration=SEEN, search=None, plan=made.plan)
    for node in made.program.nodes:
        other = again.program[node.name]
        if isinstance(node, p.Dense):
            assert isinstance(other, p.Dense)
            assert np.array_equal(node.weight, other.weight)
            assert np.array_equal(node.bias, other.bias)
            assert node.exponent == other.exponent
        elif isinstance(node, p.Output):
            assert isinstance(other, p.Output)
            assert (node.scale, node.offset) == (other.scale, other.offset)
        elif not isinstance(node, p.Input | p.Readout):
            assert node == other


def test_the_realised_graph_is_quantised_without_error() -> None:
    """Its weights lie on the grid: rounding them to nearest by the same plan gives every integer back."""
    graph = operator(3)
    made = explain_quantization(graph, grid=WeightGrid(5), calibration=SEEN, search=FEW)
    again = explain_quantization(made.realized(), grid=WeightGrid(5), plan=made.plan)
    for node in made.program.nodes:
        other = again.program[node.name]
        if isinstance(node, p.Dense):
            assert isinstance(other, p.Dense)
            assert np.array_equal(node.weight, other.weight)
            assert np.array_equal(node.bias, other.bias)
        if isinstance(node, p.Readout):
            assert isinstance(other, p.Readout)
            assert np.array_equal(node.offset, other.offset)


def test_without_floors_the_realised_graph_spikes_as_the_program() -> None:
    """With scales that are powers of two float64 has every number of the integer network: all spikes are the same."""
    made = explain_quantization(stack(), plan=DYADIC)
    x = {"x": np.random.default_rng(2).integers(-8, 9, (40, 3)) / 8}
    real = reference.run(made.realized(), x, record=True)
    integer = reference.run(made.program, x, record=True)
    assert real.trace is not None
    assert integer.trace is not None
    for name, train in real.trace.spikes.items():
        assert np.array_equal(train, integer.trace.spikes[name])
    assert np.allclose(real.output, integer.output, rtol=1e-12, atol=0), "the unit of the readout is no power of two"


def test_reals_are_the_same_with_and_without_the_graph() -> None:
    """Another unit for every number, equalised lines of products included: the same spikes, equal answers."""
    for made in (explain_quantization(operator(3), grid=WeightGrid(5)), explain_quantization(stack(), plan=DYADIC)):
        x = SEEN if len(made.graph.inputs) > 1 else {"x": np.random.default_rng(1).uniform(-1, 1, (40, 3))}
        alone = reference.run(dequantize(made.program), x, record=True)
        beside = reference.run(made.realized(), x, record=True)
        assert alone.trace is not None
        assert beside.trace is not None
        for name, train in beside.trace.spikes.items():
            assert train.any()
            assert np.array_equal(train, alone.trace.spikes[name])
        np.testing.assert_allclose(alone.output, beside.output, rtol=1e-9, atol=1e-12)


def test_the_report_accounts_for_the_error() -> None:
    graph = operator(1)
    made = explain_quantization(graph, grid=WeightGrid(4), calibration=SEEN, search=FEW)
    report = made.report(SEEN)
    assert [choice.layer for choice in report.layers] == ["branch.0", "branch.1", "trunk.0", "trunk.1", "sum"]
    total = distance(reference.run(made.program, SEEN).outputs, reference.run(graph, SEEN).outputs)
    assert report.total == pytest.approx(total)
    assert report.weights is not None
    assert report.arithmetic is not None
    assert abs(report.total - report.weights) <= report.arithmetic * (1 + 1e-9), "triangle inequality"
    for choice in report.layers:
        assert choice.contribution is not None
        assert 0 < choice.margin <= 1
        assert choice.bits <= 4
        if choice.layer != "sum":
            assert "err" in choice.why
    assert report.layers[-1].contribution == 0, "ones are exact"
    assert json.loads(json.dumps(report.as_dict()))["layers"][0]["layer"] == "branch.0"


def test_a_report_without_samples_has_no_distances() -> None:
    report = explain_quantization(operator()).report()
    assert report.total is report.weights is report.arithmetic is None
    assert all(choice.contribution is None for choice in report.layers)
    assert all(choice.saturated == 0 for choice in report.layers), "the finest scale saturates nothing"


def test_saturation_is_said() -> None:
    graph = operator()
    wide = explain_quantization(graph, calibration=SEEN, search=Search(rounds=1, utilizations=(1.35,)))
    plain = explain_quantization(graph, calibration=SEEN, search=None)
    assert {c.layer for c in plain.report().layers if c.saturated} == set()
    forced = Plan({"trunk.1": ReadoutScale(plain.plan.scales["trunk.1"].unit / 2)})  # type: ignore[union-attr]
    half = explain_quantization(graph, plan=forced).report().layers
    assert {c.layer for c in half if c.saturated} == {"trunk.1"}
    assert len(wide.tried) == 4


def test_plans_that_do_not_fit_are_refused_by_name() -> None:
    with pytest.raises(GraphError, match=r"plan: layer is 'trunk\.9'"):
        explain_quantization(operator(), plan=Plan({"trunk.9": ReadoutScale(1.0)}))
    with pytest.raises(OutOfRange, match=r"plan: layer 'trunk\.0' is ReadoutScale"):
        explain_quantization(operator(), plan=Plan({"trunk.0": ReadoutScale(1.0)}))
    with pytest.raises(OutOfRange, match=r"node 'branch\.0\.spikes': (membrane|synaptic current)"):
        explain_quantization(operator(), plan=Plan({"branch.0": NeuronScale(16384, 0)}))
