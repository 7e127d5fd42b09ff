"""ladder: which stage changes what, from the trained network to the targets; nothing may change among the targets."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from random_programs import random_inputs, random_program

from neurokit.compilers.quantization.dequantize import dequantize
from neurokit.compilers.quantization.quantize import quantize
from neurokit.data.samples import choose, write
from neurokit.errors import GraphError, OutOfRange
from neurokit.ir import graph as g
from neurokit.ir import interpreter as reference
from neurokit.ir.fixed_point import Decay12
from neurokit.ir.program import Dense, Input, Output, Product, Program, Readout, Recurrent, Spiking, Sum
from neurokit.ir.result import RunResult
from neurokit.ir.target import Reference
from neurokit.neurons.models import IF, LIF, CubaLIF, ToZero
from neurokit.neurons.readouts import Rate
from neurokit.plotting.figures import new, save
from neurokit.plotting.parity import disagreement
from neurokit.plotting.parity import ladder as draw_ladder
from neurokit.simulator import Twin
from neurokit.targets.verification.ladder import ladder


def graph(seed: int = 0) -> g.Graph:
    rng = np.random.default_rng(seed)
    return g.Graph(
        (
            g.Input("x", 3, -1.0, 1.0),
            g.Dense("hidden", "x", rng.normal(size=(8, 3)), rng.normal(size=8) / 4),
            g.Spiking("first", "hidden", IF()),
            g.Dense("deep", "first", rng.normal(size=(6, 8)) / 2, rng.normal(size=6) / 4),
            g.Spiking("second", "deep", IF()),
            g.Dense("out", "second", rng.normal(size=(2, 6)), rng.normal(size=2)),
            g.Readout("y", "out", Rate()),
            g.Output("answer", "y"),
        ),
        steps=16,
    )


def samples(count: int = 6) -> dict[str, np.ndarray]:
    return {"x": np.random.default_rng(1).uniform(-1, 1, (count, 3))}


@dataclass(frozen=True)
class Faulty:
    """The reference with one spike and one output of the second sample changed."""

    name: str = "faulty"

    def run(self, program: Program, inputs: Mapping[str, np.ndarray], *, record: bool = False) -> RunResult:
        result = reference.run(program, inputs, record=True)
        assert result.trace is not None
        spikes = {name: train.copy() for name, train in result.trace.spikes.items()}
        spikes["second"][1, 4, 3] ^= 1
        raw = {"answer": result.raw["answer"].copy()}
        raw["answer"][1, 0] += 1
        return replace(result, target=self.name, trace=replace(result.trace, spikes=spikes), raw=raw)


def test_every_rung_is_there_in_order_and_says_what_it_changed() -> None:
    network = graph()
    program = quantize(network)
    report, results = ladder(network, program, samples(), [Reference(), Twin()])
    assert [stage.name for stage in report.stages] == ["graph", "quantised", "reference", "twin"]
    top, quantised, integer, twin = report.stages
    assert (top.against_before, top.against_model, top.exact, top.first) == (None, None, False, None)
    assert quantised.against_before == quantised.against_model
    for stage, name, before in ((quantised, "quantised", "graph"), (integer, "reference", "quantised")):
        gap = results[name].output - results[before].output
        assert stage.against_before == pytest.approx(np.linalg.norm(gap) / np.linalg.norm(results[before].output))
    assert (twin.exact, twin.different, twin.against_before, report.mismatches) == (True, 0, 0.0, 0)
    assert report.comparison is not None
    assert report.comparison.mismatches == 0
    trace = results["reference"].trace
    assert trace is not None
    for name, layer in integer.layers.items():
        assert layer.reach == np.abs(trace.states[name]).max()
        assert layer.limit == 2**17 - 1
        assert layer.saturated == 0
    json.dumps(report.to_json())


def test_a_difference_is_counted_by_layer_and_its_first_is_named() -> None:
    program = quantize(graph())
    report, _ = ladder(None, program, samples(), [Reference(), Faulty()])
    stage = report.stages[-1]
    assert [each.name for each in report.stages] == ["quantised", "reference", "faulty"]
    assert (stage.layers["first"].different, stage.layers["second"].different) == (0, 1)
    assert stage.layers["second"].compared == 6 * 16 * 6
    assert report.mismatches == stage.different == 2, "the spike and the output"
    assert stage.first is not None
    assert (stage.first.layer, stage.first.sample, stage.first.step, stage.first.neuron) == ("second", 1, 4, 3)


def test_saturated_membranes_are_counted() -> None:
    """A membrane of 10 bits that ends at its limit: 73 steps of +7 are 511."""
    nodes = (
        Input("x", np.array([0]), np.array([1]), 1.0),
        Dense("d", "x", np.array([[7], [1]]), np.zeros(2)),
        Spiking("s", "d", IF(255 * 2**7, ToZero())),
        Dense("o", "s", np.ones((1, 2)), np.zeros(1)),
        Readout("r", "o", Rate()),
        Output("y", "r"),
    )
    whole = Program(nodes, 73)
    program = replace(whole, widths=replace(whole.widths, membrane=10))
    report, _ = ladder(None, program, {"x": np.ones((2, 1))}, [Reference()])
    layer = report.stages[-1].layers["s"]
    assert (layer.reach, layer.limit, layer.saturated) == (511, 511, 2)
    assert report.stages[-1].against_before is None, "the output is 0 everywhere"
    assert report.comparison is None


def test_errors_against_the_truth_are_those_of_the_metrics() -> None:
    network = graph()
    truth = np.ones((6, 2))
    report, results = ladder(network, quantize(network), samples(), [Reference()], truth=truth)
    for stage in report.stages:
        assert stage.against_truth is not None
        expected = np.linalg.norm(results[stage.name].output - 1, axis=1) / np.sqrt(2)
        assert stage.against_truth.mean == pytest.approx(expected.mean())


def test_there_must_be_a_target() -> None:
    with pytest.raises(GraphError, match="one or more"):
        ladder(None, quantize(graph()), samples(), [])


def grid(low: int, high: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).integers(low, high + 1, shape)


def test_the_reals_of_a_program_without_rounding_are_its_integers() -> None:
    """No negative exponent, no shift, no decay that rounds, inputs on the grid: nothing is left to differ."""
    nodes: list[Any] = [
        Input("x", np.full(3, -4), np.full(3, 4), 0.25),
        Dense("a", "x", grid(-9, 9, 5, 3), grid(-5, 20, 5), exponent=2),
        Spiking("s", "a", IF(64)),
        Dense("b", "s", grid(-9, 9, 5, 5), grid(-5, 9, 5), delay=3),
        Dense("c", "s", grid(-9, 12, 5, 5), np.zeros(5), exponent=1),
        Sum("bc", ("b", "c")),
        Spiking("t", "bc", IF(32, ToZero()), recurrent=Recurrent(grid(-9, 9, 5, 5), 1)),
        Dense("d", "t", grid(0, 9, 4, 5), grid(0, 5, 4)),
        Spiking("u", "d", LIF(9, ToZero(), strict=True, beta=Decay12(4096))),
        Spiking("v", "d", CubaLIF(20, ToZero(), strict=True, alpha=Decay12(0), beta=Decay12(4096))),
        Sum("uv", ("u", "v")),
        Dense("e", "uv", grid(-9, 9, 2, 4), grid(-5, 9, 2)),
        Readout("r", "e", Rate(), offset=np.array([100, -7])),
        Product("p", "r", "r"),
        Dense("sum", "p", grid(1, 3, 1, 2), np.array([5])),
        Output("y", "sum", 0.5, 1.0),
    ]
    program = Program(tuple(nodes), 12)
    inputs = {"x": np.random.default_rng(0).integers(-4, 5, (20, 3)) * 0.25}
    expected = reference.run(program, inputs, record=True)
    got = reference.run(dequantize(program), inputs, record=True)
    assert expected.trace is not None
    assert got.trace is not None
    for name, train in expected.trace.spikes.items():
        assert train.any()
        np.testing.assert_array_equal(got.trace.spikes[name], train)
    # Quotients by the number of steps, 12, are not exact in binary.
    np.testing.assert_allclose(got.output, expected.output, rtol=1e-12)


def test_every_shape_of_program_has_its_reals() -> None:
    for seed in range(30):
        rng = np.random.default_rng(seed)
        program = random_program(rng, largest=8)
        reals = dequantize(program)
        found = reference.run(reals, random_inputs(program, rng, (2,)), record=True)
        assert {node.name for node in reals.outputs} == {node.name for node in program.outputs}
        assert found.trace is not None
        assert set(found.trace.spikes) == {node.name for node in program.spiking}


def test_the_ladder_is_a_picture(tmp_path: Path) -> None:
    network = graph()
    report, _ = ladder(network, quantize(network), samples(), [Reference(), Twin()])
    figure = new(9, 3)
    left, right = figure.subplots(1, 2)
    draw_ladder(left, report.stages, "a note")
    disagreement(right, report.stages)
    save(figure, tmp_path / "ladder.png")
    assert (tmp_path / "ladder.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.torch
def test_a_torch_network_is_the_first_rung_and_spikes_as_its_graph_does() -> None:
    pytest.importorskip("torch")
    import torch

    from neurokit.compilers.frontend.trace import trace
    from neurokit.networks.deeponet import DeepONet
    from neurokit.networks.seponet import SepONet

    rng = np.random.default_rng(0)
    deep = DeepONet(sensors=5, coordinates=1, hidden=(8, 6), features=4, steps=8, dtype=torch.float64)
    separable = SepONet(sensors=5, coordinates=2, hidden=(6,), rank=4, steps=8, dtype=torch.float64)
    for network, lines in ((deep, 1), (separable, 2)):
        domain = {"branch": (-1.0, 1.0), "trunk": (0.0, 1.0)}
        inputs = {"branch": rng.uniform(-1, 1, (4, 1, 5)), "trunk": rng.uniform(0, 1, (1, 3, lines))}
        report, _ = ladder(network, quantize(trace(network, domain)), inputs, [Reference(), Twin()])
        assert [stage.name for stage in report.stages][:2] == ["model", "graph"]
        graphed = report.stages[1]
        assert sum(layer.compared for layer in graphed.layers.values()) > 100
        assert graphed.different == 0, "float64 in both, summed alike"
        assert graphed.against_before == pytest.approx(0.0, abs=1e-12)
        assert report.mismatches == 0


def test_the_command_prints_and_writes_the_ladder(tmp_path: Path) -> None:
    path = quantize(graph()).save(tmp_path / "program.h5")
    command = [sys.executable, "-m", "neurokit", "compare", path, "--targets", "reference,twin", "--ladder"]
    done = subprocess.run(
        [*command, "--samples", "3", "--picture", "ladder.png", "--json", "-"],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert record["targets"] == ["reference", "twin"]
    assert record["mismatches"] == 0
    assert [stage["name"] for stage in record["stages"]] == ["quantised", "reference", "twin"]
    assert set(record["stages"][1]["layers"]) == {"first", "second"}
    assert (tmp_path / "ladder.png").exists()


def test_the_command_climbs_on_the_users_samples(tmp_path: Path) -> None:
    program = quantize(graph())
    path = program.save(tmp_path / "program.h5")
    (node,) = program.inputs
    rows = np.linspace(-0.5, 0.5, 5)[:, None] * np.ones(node.low.size)
    given = write({node.name: rows}, tmp_path / "rows.npz")
    command = [
        sys.executable,
        "-m",
        "neurokit",
        "compare",
        path,
        "--targets",
        "reference,twin",
        "--ladder",
        "--json",
        "-",
    ]
    done = subprocess.run([*command, "--inputs", given, "--samples", "9"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    expected, _ = ladder(None, program, {node.name: rows}, [Reference(), Twin()])
    assert record["samples"] == 5, "all there are"
    assert record["stages"][1]["against_before"] == expected.stages[1].against_before, "the user's samples, not others"
    assert record["mismatches"] == 0


def test_samples_are_chosen_among_all_combinations() -> None:
    inputs = {"branch": np.arange(6.0).reshape(3, 1, 2), "trunk": np.arange(4.0).reshape(1, 4, 1)}
    everything = choose(inputs, 100, seed=0)
    combined = sorted(
        (*branch, *trunk) for branch, trunk in zip(*(x.tolist() for x in everything.values()), strict=True)
    )
    assert combined == sorted((2 * i, 2 * i + 1, j) for i in range(3) for j in range(4)), "each once"
    some = choose(inputs, 5, seed=1)
    assert {name: len(x) for name, x in some.items()} == {"branch": 5, "trunk": 5}
    assert len({(*b, *t) for b, t in zip(*(x.tolist() for x in some.values()), strict=True)}) == 5, "none twice"
    with pytest.raises(OutOfRange, match="at least 1"):
        choose(inputs, 0, seed=0)
