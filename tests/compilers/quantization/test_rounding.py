"""Rounding for data, and the equalisation before it."""

from __future__ import annotations

import numpy as np
import pytest

from neurokit.compilers.quantization.equalize import equalize, gains
from neurokit.compilers.quantization.quantize import quantize
from neurokit.compilers.quantization.rounding import fit_to_data, round_for_data, round_to_nearest
from neurokit.errors import GraphError
from neurokit.ir import graph as g
from neurokit.ir import interpreter as reference
from neurokit.ir import program as p
from neurokit.ir.weight_grid import LayerGrid, WeightGrid
from neurokit.neurons.models import IF
from neurokit.neurons.readouts import MemMean

RNG = np.random.default_rng(0)
#: A grid whose ends are out of reach.
WIDE = LayerGrid(-(10**6), 10**6)


def smooth(count: int, sensors: int = 20) -> np.ndarray:
    """Smooth random functions on equispaced sensors: neighbours are almost equal."""
    x = np.linspace(-1, 1, sensors)
    covariance = np.exp(-((x[:, None] - x[None]) ** 2) / 2) + 1e-9 * np.eye(sensors)
    return np.clip(np.random.default_rng(7).normal(size=(count, sensors)) @ np.linalg.cholesky(covariance).T, -6, 6)


def test_on_uncorrelated_inputs_it_is_rounding_to_nearest() -> None:
    """Rows of a Hadamard matrix are orthogonal to each other and (the first left out) to the constant one."""
    h = np.array([[1.0]])
    for _ in range(4):
        h = np.block([[h, h], [h, -h]])
    weight, bias = RNG.normal(0, 20, (5, 15)), RNG.normal(0, 20, 5)
    for mine, nearest in zip(
        round_for_data(weight, bias, WIDE, h[:, 1:]), round_to_nearest(weight, bias, WIDE), strict=True
    ):
        assert np.array_equal(mine, nearest)


def test_on_correlated_inputs_the_output_moves_much_less() -> None:
    """20 neighbouring sensors of a smooth function carry some 5 degrees of freedom; the other 15 absorb roundings."""
    x = smooth(500)
    weight, bias = RNG.normal(0, 20, (8, 20)), RNG.normal(0, 20, 8)
    wanted = x @ weight.T + bias

    def error(rounded: tuple[np.ndarray, np.ndarray]) -> float:
        return float(np.sqrt(np.mean((x @ rounded[0].T + rounded[1] - wanted) ** 2)))

    assert error(round_for_data(weight, bias, WIDE, x)) < 0.5 * error(round_to_nearest(weight, bias, WIDE))


def test_a_target_other_than_its_own_output_is_approached() -> None:
    x = RNG.normal(0, 1, (300, 6))
    weight, bias = RNG.normal(0, 50, (3, 6)), np.zeros(3)
    target = x @ (weight + 7).T + 11
    fitted, constant = round_for_data(*fit_to_data(weight, bias, x, target), WIDE, x)
    assert np.max(np.abs(fitted - (weight + 7))) < 1, "within a rounding of the weights that make the target"
    assert np.array_equal(constant, np.full(3, 11.0))


def operator(seed: int) -> g.Graph:
    """A DeepONet whose features differ in size by a factor of 1000, as those of a decomposition do."""
    rng = np.random.default_rng(seed)
    decay = np.logspace(0, -3, 8)
    nodes: list[g.GraphNode] = [g.Input("branch", 20, -6, 6), g.Input("trunk", 1, -1, 1)]
    for arm, size in (("branch", 20), ("trunk", 1)):
        reach = size**-0.5
        nodes += [
            g.Dense(f"{arm}.0", arm, rng.uniform(-reach, reach, (12, size)), rng.uniform(-reach, reach, 12)),
            g.Spiking(f"{arm}.0.spikes", f"{arm}.0", IF()),
            g.Dense(f"{arm}.1", f"{arm}.0.spikes", rng.normal(0, 1, (8, 12)) * decay[:, None], rng.normal(0, decay)),
            g.Readout(f"{arm}.total", f"{arm}.1", MemMean()),
        ]
    nodes += [
        g.Product("product", "branch.total", "trunk.total"),
        g.Dense("sum", "product", np.ones((1, 8)), np.zeros(1)),
        g.Output("u", "sum"),
    ]
    return g.Graph(tuple(nodes), 24)


PAIRS = {"branch": smooth(60)[:, None, :], "trunk": np.linspace(-1, 1, 9)[None, :, None]}


def test_equalisation_changes_no_bit_of_the_answer() -> None:
    for seed in range(3):
        graph = operator(seed)
        assert np.array_equal(
            reference.run(graph, PAIRS).output, reference.run(equalize(graph, gains(graph, WeightGrid())), PAIRS).output
        )


def test_equalised_lines_use_the_range_that_the_sum_can_undo() -> None:
    graph = equalize(operator(0), gains(operator(0), WeightGrid()))
    weights = {node.name: node.weight for node in graph.nodes if isinstance(node, g.Dense)}
    spread = weights["sum"].max() / weights["sum"].min()
    assert spread == 2**6, "the sum's 8-bit weights 1..64 are all used"
    for arm in ("branch", "trunk"):
        rows = np.abs(weights[f"{arm}.1"]).max(axis=1)
        assert rows.max() / rows[:4].min() < 4, "the large half of the lines is within two bits"


def test_calibration_brings_the_program_closer_to_its_graph_on_new_samples() -> None:
    """In the geometric mean over networks: a few spikes that move by a step decide the error of a single one."""
    ratios = []
    for seed in range(5):
        graph = operator(seed)
        samples = {"branch": smooth(400)[60:, None, :], "trunk": PAIRS["trunk"]}
        wanted = reference.run(graph, PAIRS).output
        nearest = reference.run(quantize(graph), PAIRS).output
        fitted = reference.run(quantize(graph, calibration=samples, search=None), PAIRS).output
        ratios.append(np.linalg.norm(fitted - wanted) / np.linalg.norm(nearest - wanted))
    assert np.exp(np.mean(np.log(ratios))) < 0.8


def test_calibration_outside_the_declared_range_is_refused() -> None:
    graph = operator(0)
    with pytest.raises(GraphError, match=r"calibration of input 'trunk' is 2\.0; legal is -1\.\.1"):
        quantize(graph, calibration={"branch": smooth(5)[:, None, :], "trunk": np.full((1, 3, 1), 2.0)})


def test_proofs_hold_whatever_the_samples() -> None:
    """The certificate is for all inputs in range: tiny samples must not make the membrane's bound tiny."""
    graph = operator(1)
    tiny = quantize(graph, calibration={"branch": 0.01 * smooth(50)[:, None, :], "trunk": PAIRS["trunk"]}, search=None)
    corner = np.where(tiny["branch.0"].weight[0] > 0, 6.0, -6.0)  # type: ignore[union-attr]
    trace = reference.run(tiny, {"branch": corner[None], "trunk": np.zeros((1, 1))}, record=True).trace
    assert trace is not None
    bounds = tiny.certificate["branch.0.spikes"]
    assert (trace.states["branch.0.spikes"] <= bounds.high).all()
    assert trace.states["branch.0.spikes"][..., 0].max() == bounds.high[0], "tight for the neuron driven hardest"
    assert isinstance(tiny["branch.0"], p.Dense)
