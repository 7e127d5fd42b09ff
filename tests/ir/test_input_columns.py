"""Columns of an input in units of their own: the same network in any unit, constant columns, columns far from zero."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_interpreter import interpret

from neurokit.compilers.quantization.input_columns import balance, columns_of
from neurokit.compilers.quantization.quantize import explain_quantization, quantize
from neurokit.data.user_data import read_data
from neurokit.errors import GraphError, OutOfRange
from neurokit.ir import graph as g
from neurokit.ir import program as p
from neurokit.ir.convolution import Convolution
from neurokit.ir.interpreter import run
from neurokit.ir.sparse import Csr
from neurokit.neurons.models import IF
from neurokit.neurons.readouts import MemMean
from neurokit.simulator import Twin

RNG = np.random.default_rng(0)
WEIGHT, BIAS, LAST = RNG.normal(size=(24, 2)), RNG.uniform(0, 1, 24), RNG.normal(size=(1, 24))
UNIT = RNG.random((300, 2))


def network(unit: float, offset: float = 0.0) -> tuple[g.Graph, dict[str, np.ndarray]]:
    """A network of x in 0..1 and t in `offset .. offset + unit`: the same function for every unit and offset."""
    weight = WEIGHT / [1.0, unit]
    nodes = (
        g.Input("x", 2, np.array([0.0, offset]), np.array([1.0, offset + unit])),
        g.Dense("hidden", "x", weight, BIAS - weight[:, 1] * offset),
        g.Spiking("fire", "hidden", IF()),
        g.Dense("last", "fire", LAST, np.zeros(1)),
        g.Readout("sum", "last", MemMean()),
        g.Output("y", "sum"),
    )
    return g.Graph(nodes, 32), {"x": UNIT * [1.0, unit] + [0.0, offset]}


def added(unit: float, offset: float = 0.0, *, calibrated: bool = True) -> float:
    graph, x = network(unit, offset)
    made = explain_quantization(graph, calibration=x if calibrated else None, search=None)
    return made.added_error(x)[0].of_spread


@pytest.mark.parametrize("calibrated", [True, False])
def test_the_error_does_not_ask_for_the_unit_of_a_column(calibrated: bool) -> None:
    own = added(1.0, calibrated=calibrated)
    for unit in (1e-6, 1e-3, 10.0, 1e3, 1e5):
        # The weights are the same to the last bit of a quotient, and so are all integers but those near a half.
        assert added(unit, calibrated=calibrated) < 1.3 * own + 0.005, unit


@settings(max_examples=15)
@given(st.integers(1, 30))
def test_a_unit_that_is_a_power_of_two_changes_no_bit(power: int) -> None:
    unit = 2.0**power
    one, other = (quantize(graph) for graph in (network(1e3)[0], network(1e3 * unit)[0]))
    for name in ("hidden", "last"):
        np.testing.assert_array_equal(one[name].weight, other[name].weight)  # type: ignore[union-attr]
    x, y = network(1e3)[1], network(1e3 * unit)[1]
    np.testing.assert_array_equal(Twin().run(one, x).output, Twin().run(other, y).output)


@settings(max_examples=15, deadline=None)
@given(st.floats(1e-280, 1e280))
def test_a_unit_in_any_ratio_to_the_other_costs_nothing(unit: float) -> None:
    """Any positive ratio: a bit is lost at most, by columns of half the widest reach, which keep its unit."""
    assert added(unit) < 1.3 * added(1.0) + 0.005


@pytest.mark.parametrize("kind", ["dense", "sparse", "conv"])
@pytest.mark.parametrize("low", [-1.0, 0.5])
@pytest.mark.parametrize("unit", [1e300, 1.7e308, 1e20])
def test_a_range_that_no_threshold_is_made_for_is_refused_by_name(unit: float, low: float, kind: str) -> None:
    ends = np.array([0.0, low * unit, 0, 0]), np.array([1.0, unit, 1, 1])
    weight, bias = np.vstack([np.full((1, 4), 0.5), np.ones((1, 4))]), np.zeros(2)
    layer: g.GraphNode = {
        "dense": g.Dense("hidden", "x", weight, bias),
        "sparse": g.Sparse("hidden", "x", Csr.of(weight), bias),
        "conv": g.Conv2d("hidden", "x", weight.reshape(2, 1, 2, 2), bias, Convolution((1, 2, 2))),
    }[kind]

    def graph(node: g.GraphNode) -> g.Graph:
        rest = (g.Spiking("fire", "hidden", IF()), g.Dense("last", "fire", LAST[:, :2], np.zeros(1)))
        end = (g.Readout("sum", "last", MemMean()), g.Output("y", "sum"))
        return g.Graph((g.Input("x", 4, *ends), node, *rest, *end), 8)

    legal = "legal is one under which layer 'hidden' drives its neurons with at most 3.4e"
    with pytest.raises(OutOfRange, match=rf"input 'x': range of column 1 is .*{unit:g}; {legal}".replace("+", r"\+")):
        quantize(graph(layer))
    field = "kernel" if kind == "conv" else "weight"
    values = layer.weight.holding(layer.weight.values / unit) if kind == "sparse" else getattr(layer, field) / unit
    fits = graph(replace(layer, **{field: values}))  # type: ignore[arg-type]
    program = quantize(fits, calibration={"x": np.stack(ends)}, search=None)
    said = program.inputs[0].decode(program.inputs[0].encode(ends[0]))
    np.testing.assert_allclose(said[1], low * unit, atol=unit / 2**11)  # inputs have 12 bits


def test_a_range_below_the_digits_of_float64_is_refused_by_name() -> None:
    graph, _ = network(1.0)
    with pytest.raises(OutOfRange, match=r"input 'x': range of column 1 is 0..1e-310; legal is a range .* or at least"):
        quantize(replace(graph, nodes=(replace(graph.inputs[0], high=np.array([1.0, 1e-310])), *graph.nodes[1:])))


@pytest.mark.parametrize("offset", [300.0, -1e4])
def test_a_column_far_from_zero_keeps_its_bits(offset: float) -> None:
    assert added(1.0, offset) < 1.3 * added(1.0) + 0.005
    program = quantize(network(1.0, offset)[0])
    assert program.inputs[0].offset[1] == offset + 0.5
    assert program.inputs[0].high[1] > 500, "integers count from the middle of the range"


def test_columns_alike_keep_one_unit_and_no_offset() -> None:
    graph, _ = network(1.9)
    assert columns_of(graph) == {}
    node = quantize(graph).inputs[0]
    assert (np.ndim(node.scale), node.offset) == (0, 0.0)


def test_the_balanced_graph_is_the_same_function() -> None:
    graph, x = network(1e3, 5e4)
    balanced = balance(graph, columns_of(graph))
    low, high = balanced.inputs[0].emitted
    reach = np.maximum(-low, high)
    assert reach[0] == pytest.approx(reach[1])
    np.testing.assert_allclose(run(balanced, x).output, run(graph, x).output, rtol=0, atol=1e-9)


def test_what_is_realised_is_in_the_units_of_the_graph() -> None:
    graph, x = network(1e3, 5e4)
    made = explain_quantization(graph, calibration=x, search=None)
    realised = made.realized()
    np.testing.assert_allclose(realised["hidden"].weight, graph["hidden"].weight, atol=2e-2)  # type: ignore[union-attr]
    spread = np.std(run(graph, x).output)
    apart = run(realised, x).output - Twin().run(made.program, x).output
    assert np.sqrt(np.mean(apart**2)) < 0.1 * spread, "inputs and floors alone"


def test_a_convolution_keeps_one_unit() -> None:
    nodes = (
        g.Input("x", 4, np.zeros(4), np.array([1.0, 1e3, 1.0, 1.0])),
        g.Conv2d("hidden", "x", np.ones((1, 1, 2, 2)), np.zeros(1), Convolution((1, 2, 2))),
        g.Spiking("fire", "hidden", IF()),
        g.Dense("last", "fire", np.ones((1, 1)), np.zeros(1)),
        g.Readout("sum", "last", MemMean()),
        g.Output("y", "sum"),
    )
    assert columns_of(g.Graph(nodes, 4)) == {}


def test_a_constant_column_is_an_input_like_any_other() -> None:
    graph, x = network(1.0)
    fixed = replace(graph.inputs[0], low=np.array([0.0, 0.25]), high=np.array([1.0, 0.25]))
    graph = replace(graph, nodes=(fixed, *graph.nodes[1:]))
    x = {"x": np.column_stack([x["x"][:, 0], np.full(300, 0.25)])}
    made = explain_quantization(graph, calibration=x, search=None)
    assert made.added_error(x)[0].of_spread < 0.1
    with pytest.raises(OutOfRange, match="range of column 1"):
        replace(fixed, low=np.array([0.0, 0.5]))
    with pytest.raises(GraphError, match="shape of low"):
        replace(fixed, low=np.zeros(3))


def test_codecs_of_columns_survive_the_file_and_are_what_the_document_says(tmp_path: Path) -> None:
    graph, x = network(1e3, 5e4)
    program = quantize(graph)
    loaded = p.Program.load(program.save(tmp_path / "net.h5"))
    np.testing.assert_array_equal(loaded.inputs[0].scale, program.inputs[0].scale)
    expected = run(loaded, x)
    for i in (0, 7, 299):
        answers = interpret(tmp_path / "net.h5", {"x": x["x"][i].tolist()})
        assert answers.outputs["y"] == expected.output[i].tolist()
    plain = replace(program, nodes=(replace(program.inputs[0], scale=1.0, offset=0.0), *program.nodes[1:]))
    import h5py

    for made, version in ((program, 3), (plain, 2)):
        with h5py.File(made.save(tmp_path / "v.h5")) as file:
            assert file.attrs["version"] == version, "what version 2 can say is written as version 2"


@pytest.mark.lava
def test_lava_reads_columns_as_the_reference_does() -> None:
    pytest.importorskip("lava")
    from neurokit.targets.lava.target import LavaCPU

    graph, x = network(1e3, 5e4)
    program, few = quantize(graph), {"x": x["x"][:3]}
    expected, got = run(program, few, record=True), LavaCPU(deadline_s=120).run(program, few, record=True)
    np.testing.assert_array_equal(got.output, expected.output)
    np.testing.assert_array_equal(got.trace.spikes["fire"], expected.trace.spikes["fire"])  # type: ignore[union-attr]


def test_ranges_of_users_files_are_those_of_each_coordinate(tmp_path: Path) -> None:
    branch = RNG.normal(size=(30, 3)) * [1.0, 1.0, 1e-4]
    np.savez(tmp_path / "d.npz", X_branch=branch, X_trunk=UNIT * [1, 1e3], y=np.ones((30, 300)))
    domain = read_data(tmp_path / "d.npz").domain
    low, high = domain["trunk"]
    np.testing.assert_allclose(high - low, 1.2 * np.ptp(UNIT * [1, 1e3], axis=0))
    low, high = domain["branch"]
    assert high[0] == high[1] > 1e3 * high[2], "sensors share a range unless one must have another unit"
    assert (branch >= low).all()
    assert (branch <= high).all()


@pytest.mark.torch
@pytest.mark.parametrize("kind", ["deeponet", "seponet"])
def test_training_does_not_ask_for_the_units_of_the_inputs(tmp_path: Path, kind: str) -> None:
    """Inputs are centred and scaled in float64 before layers read them: the same network to the rounding of a run."""
    pytest.importorskip("torch")
    from neurokit.networks import load_model
    from neurokit.training.runs.config import RunConfig
    from neurokit.training.runs.folder import RunFolder
    from neurokit.training.runs.training import train_run

    a, grid = RNG.normal(size=(20, 3)), RNG.random((12, 2))
    y = a @ np.sin(np.pi * np.arange(1, 4)[:, None] * grid[:, 0]) * np.exp(-grid[:, 1])
    errors = []
    for unit, offset in ((1.0, 0.0), (1000.0, 1.7e9)):
        file = tmp_path / f"{unit}.npz"
        sets = {"X_branch": a * unit, "X_trunk": grid * [1, unit] + [0, offset], "y": y}
        np.savez(file, **{f"{name}_{part}": array for name, array in sets.items() for part in ("train", "test")})
        tables = {
            "problem": {"name": "npz", "train": str(file)},
            "network": {"kind": kind, "hidden": [8]},
            "estimator": {"method": "backprop"},
            "optimiser": {"iterations": 5, "batch_size": 10},
        }
        folder = RunFolder(tmp_path / f"run{unit}")
        config = RunConfig.parse(tables, "here")
        folder.create(config)
        errors.append(train_run(config, folder).error.overall)
        trained = load_model(folder.model)
        assert trained.domain["trunk"][1][1] == pytest.approx(offset + 1.1 * unit * grid[:, 1].max(), rel=0.1)
    # float64 resolves a Unix time by 1e-10 of the range: a last bit of float32 now and then.
    assert errors[1] == pytest.approx(errors[0], rel=1e-3)
