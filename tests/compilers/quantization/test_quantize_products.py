"""quantize: chains of products keep the bits of their factors."""

from __future__ import annotations

from itertools import product as pairs

import numpy as np
import pytest

from neurokit.compilers.quantization.equalize import equalize, gains
from neurokit.compilers.quantization.quantize import explain_quantization, quantize
from neurokit.compilers.quantization.rounding import round_for_data
from neurokit.compilers.quantization.search import distance
from neurokit.errors import OutOfRange
from neurokit.ir import graph as g
from neurokit.ir import interpreter as reference
from neurokit.ir import program as p
from neurokit.ir.fixed_point import Widths
from neurokit.ir.interval_analysis import bound
from neurokit.ir.weight_grid import LayerGrid, WeightGrid
from neurokit.neurons.models import IF
from neurokit.neurons.readouts import MemMean
from neurokit.simulator import Twin


def chain(factors: int, seed: int = 0, lines: int = 8, octaves: float = 1.0) -> g.Graph:
    """A separable network: waves of one coordinate each, multiplied line by line.

    Lines fall by `octaves` in the first factor and rise by as much in the last, so that all count the same.

    The waves are least squares fits of features that overlap, whose weights are many times what they add up to, as
    trained ones are. The last line is dead in every factor but the first, as those that training has no use for are.
    """
    rng = np.random.default_rng(seed)
    fall = 2.0 ** (-octaves * np.arange(lines))
    sizes = [fall, *[np.ones(lines)] * (factors - 2), fall[::-1]]
    x = np.linspace(-1, 1, 200)
    nodes: list[g.GraphNode] = []
    last = "0.total"
    for i in range(factors):
        size = sizes[i].copy()
        size[-1] *= 1e-30 if i else 1.0
        weight, bias = rng.uniform(-2, 2, (24, 1)), rng.uniform(-0.5, 1, 24)
        rates = np.column_stack([np.ones(200), np.clip(weight[:, 0] * x[:, None] + bias, 0, 1)])
        waves = np.sin(np.outer(x, 1 + np.arange(lines) % 4) + rng.uniform(0, np.pi, lines)) * size
        fitted = np.linalg.solve(rates.T @ rates + 1e-2 * np.eye(25), rates.T @ waves)
        nodes += [
            g.Input(f"x{i}", 1, -1.0, 1.0),
            g.Dense(f"{i}.0", f"x{i}", weight, bias),
            g.Spiking(f"{i}.spikes", f"{i}.0", IF()),
            g.Dense(f"{i}.1", f"{i}.spikes", fitted[1:].T, fitted[0]),
            g.Readout(f"{i}.total", f"{i}.1", MemMean()),
        ]
        if i:
            nodes.append(g.Product(f"p{i}", last, f"{i}.total"))
            last = f"p{i}"
    nodes += [g.Dense("sum", last, np.ones((1, lines)), np.full(1, 0.3)), g.Output("u", "sum")]
    return g.Graph(tuple(nodes), 32)


def samples(factors: int, seed: int, count: int = 300) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {f"x{i}": rng.uniform(-1, 1, (count, 1)) for i in range(factors)}


def error(graph: g.Graph, program: p.Program, x: dict[str, np.ndarray]) -> float:
    return distance(reference.run(program, x).outputs, reference.run(graph, x).outputs)


@pytest.mark.parametrize("factors", [3, 4])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_chains_of_products_err_by_what_their_weights_do(factors: int, seed: int) -> None:
    """Floors after a product of 32 bits are a percent of the spread or less; weights and inputs make the rest.

    With one factor's lines not equalised and every shift chosen on its own, the answers erred by 5 to 20 %.
    """
    graph, x = chain(factors, seed), samples(factors, 10 + seed)
    made = explain_quantization(graph, calibration=samples(factors, 20 + seed), search=None)
    assert error(graph, made.program, x) < 0.035
    causes = made.report(x).causes
    assert causes["products"] < 0.01
    assert causes["readouts"] < 0.01
    assert np.array_equal(reference.run(made.program, x).output, Twin().run(made.program, x).output)


def test_equalising_a_chain_changes_no_bit_of_the_answer() -> None:
    for seed, factors in pairs(range(3), (2, 3, 4)):
        graph, x = chain(factors, seed), samples(factors, seed)
        equal = equalize(graph, gains(graph, WeightGrid()))
        assert np.array_equal(reference.run(graph, x).output, reference.run(equal, x).output)


def test_lines_of_a_chain_share_what_the_sum_can_undo() -> None:
    graph = equalize(chain(3), gains(chain(3), WeightGrid()))
    weights = {node.name: node.weight for node in graph.nodes if isinstance(node, g.Dense)}
    rows = [np.abs(weights[f"{i}.1"]).max(axis=1) for i in range(3)]
    alive = slice(0, -1)
    assert _spread(weights["sum"][0, alive]) <= 2**6, "what 8-bit weights can undo"
    before = [np.abs(chain(3)[f"{i}.1"].weight).max(axis=1) for i in range(3)]  # type: ignore[union-attr]
    assert max(_spread(then[alive]) for then in before) > 2**6
    assert max(_spread(now[alive]) for now in rows) < 8, "three bits"
    assert all(now[-1] == then[-1] for now, then in zip(rows, before, strict=True)), "a dead line is not brought back"


def _spread(sizes: np.ndarray) -> float:
    return float(sizes.max() / sizes.min())


@pytest.mark.parametrize("narrow", [26, 32])
def test_shifts_are_those_that_lose_least(narrow: int) -> None:
    """Against every pair of shifts of the two factors whose product is proved."""
    graph, x = chain(2, octaves=0.5), samples(2, 1)
    widths = Widths(product=narrow)
    program = quantize(graph, calibration=x, search=None, widths=widths)
    real = reference.run(equalize(graph, gains(graph, WeightGrid())), x, record=True).trace
    assert real is not None
    squares = [np.mean(real.totals[f"{i}.total"] ** 2, axis=0) for i in range(2)]
    behind = np.abs(equalize(graph, gains(graph, WeightGrid()))["sum"].weight[0]) ** 2  # type: ignore[union-attr]
    node, bounds = program["p1"], []
    factors = [program[f"{i}.total"] for i in range(2)]
    units = [factor.scale / 2**factor.shift for factor in factors]  # type: ignore[union-attr]
    for factor in factors:
        held = program.certificate[factor.name]
        bounds.append([p.Interval(held.low >> s, held.high >> s) for s in range(8)])

    def lost(left: int, right: int) -> float:
        both = zip((left, right), units, (squares[1], squares[0]), strict=True)
        return sum((4.0**s - 1) * unit**2 * float(np.sum(square * behind)) for s, unit, square in both)

    legal = []
    for left, right in pairs(range(8), repeat=2):
        try:
            bound(p.Product("p1", node.left, node.right, 31), 32, widths, bounds[0][left], bounds[1][right])  # type: ignore[union-attr]
        except OutOfRange:
            continue
        legal.append(lost(left, right))
    found = lost(*(factor.shift for factor in factors))  # type: ignore[union-attr]
    assert 0 < found == pytest.approx(min(legal))


def test_lines_make_up_for_the_rounding_of_others() -> None:
    """Eight lines multiplied by almost the same number before they are added up: their sum is what matters."""
    rng = np.random.default_rng(0)
    x, weight, bias = rng.normal(size=(400, 6)), rng.normal(0, 20, (8, 6)), rng.normal(0, 20, 8)
    factor = 1 + 0.05 * rng.normal(size=(300, 8))
    moments = factor.T @ factor / len(factor)
    grid = LayerGrid(-(10**6), 10**6)

    def apart(rounded: tuple[np.ndarray, np.ndarray]) -> float:
        moved = x @ (rounded[0] - weight).T + rounded[1] - bias
        return float(np.linalg.norm(moved @ factor.T))

    alone, together = round_for_data(weight, bias, grid, x), round_for_data(weight, bias, grid, x, lines=moments)
    assert apart(together) < 0.6 * apart(alone)


def test_causes_name_the_floors_that_cost() -> None:
    """A product of 18 bits leaves its factors 9: these shifts, and no weight, make the error."""
    graph, x = chain(2), samples(2, 3)
    wide, narrow = (
        explain_quantization(graph, calibration=x, search=None, widths=widths).report(x).causes
        for widths in (Widths(), Widths(product=18))
    )
    assert narrow["readouts"] > 5 * wide["readouts"]
    assert narrow["readouts"] > narrow["products"]
    assert narrow["weights"] == pytest.approx(wide["weights"], rel=0.2)


def test_causes_of_a_message_are_those_of_products() -> None:
    """A message of 12 bits takes what a product of 32 still has."""
    graph, x = chain(2), samples(2, 3)
    narrow = explain_quantization(graph, calibration=x, search=None, widths=Widths(message=14)).report(x).causes
    wide = explain_quantization(graph, calibration=x, search=None).report(x).causes
    assert narrow["products"] > 5 * wide["products"]


def test_causes_lead_from_the_network_to_the_program() -> None:
    """Each is a step between two networks: the whole way is no longer than their sum."""
    graph, x = chain(3), samples(3, 3)
    report = explain_quantization(graph, grid=WeightGrid(5), calibration=x, search=None).report(x)
    assert report.total is not None
    assert report.causes["weights"] == pytest.approx(report.weights)
    assert report.total <= sum(report.causes.values()) * (1 + 1e-9)
    assert max(report.causes, key=lambda cause: report.causes[cause]) == "weights", "of 5 bits"


@pytest.mark.parametrize("bias", [0.0, 0.3])
def test_synapses_with_an_exponent_have_no_bias_beyond_a_message(bias: float) -> None:
    """Lava sends the weighted sum of synapses that have both as one graded spike: it must fit."""
    nodes = [node for node in chain(3).nodes if not isinstance(node, g.Output)]
    last = nodes[-1]
    assert isinstance(last, g.Dense)
    nodes[-1] = g.Dense("sum", last.source, np.ones((2, 8)), np.full(2, bias))
    nodes.append(g.Dense("after", "sum", np.array([[1.0, -0.7]]), np.full(1, 0.1)))  # a bias that no Output has
    graph = g.Graph((*nodes, g.Output("u", "after")), 32)
    program = quantize(graph, calibration=samples(3, 0), search=None)
    for node in program.nodes:
        if isinstance(node, p.Dense) and node.name in ("sum", "after") and node.exponent < 0 and node.bias.any():
            held = program.certificate[node.source]
            assert node.span(held.low, held.high).reach.max() < 2**23
    assert bool(program["sum"].bias.any()) or bias == 0.0  # type: ignore[union-attr]
