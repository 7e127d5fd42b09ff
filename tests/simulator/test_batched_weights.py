"""Perturbed batches on the twin: every perturbed network is the reference's, tangents are those of the equations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neurokit.compilers.quantization.quantize import quantize
from neurokit.errors import GraphError, OutOfRange, OverflowDetected, UnsupportedNode
from neurokit.ir import graph as g
from neurokit.ir import interpreter as reference
from neurokit.ir.fixed_point import Decay12
from neurokit.ir.program import Dense, Input, Output, Program, Readout, Spiking
from neurokit.learning.directions import Directions, Hadamard
from neurokit.learning.perturbed_batch import PerturbedBatchEvaluator
from neurokit.learning.queries import CurrentLosses, CurrentSlopes, Losses, Slopes
from neurokit.learning.task import MeanSquare, RelativeSquare, Task
from neurokit.neurons.models import IF, LIF, ToZero
from neurokit.neurons.readouts import MemMean, Rate
from neurokit.neurons.surrogates import Gaussian
from neurokit.simulator.batched_loops import ArrayLoops, Loops, loops
from neurokit.simulator.batched_weights import BatchedWeightSimulator
from neurokit.simulator.device_mismatch import Mismatch
from neurokit.simulator.plastic_weights import Field, plastic, weights, with_weights

LOOPS = [ArrayLoops(), loops()]
STEPS = 8


def layer(name: str, source: str, rng: np.random.Generator, out: int, inputs: int, gain: float) -> g.Dense:
    return g.Dense(name, source, gain * rng.normal(size=(out, inputs)) / np.sqrt(inputs), 0.2 * rng.normal(size=out))


def chain(seed: int = 0, hard: bool = False) -> Program:
    rng = np.random.default_rng(seed)
    neuron = IF(1.0, ToZero()) if hard else IF(1.0)
    nodes = (
        g.Input("x", 2, -1.0, 1.0),
        layer("0", "x", rng, 6, 2, 1.0),
        g.Spiking("0.spikes", "0", neuron),
        layer("1", "0.spikes", rng, 5, 6, 1.2),
        g.Spiking("1.spikes", "1", neuron),
        layer("readout", "1.spikes", rng, 2, 5, 1.0),
        g.Readout("total", "readout", MemMean()),
        g.Output("y", "total"),
    )
    return quantize(g.Graph(nodes, STEPS))


def operator(seed: int = 0) -> Program:
    rng = np.random.default_rng(seed)
    nodes: list[g.GraphNode] = []
    for name, size in (("branch", 4), ("trunk", 1)):
        nodes += [
            g.Input(name, size, -1.0, 1.0),
            layer(f"{name}.0", name, rng, 6, size, 1.0),
            g.Spiking(f"{name}.s", f"{name}.0", IF(1.0)),
            layer(f"{name}.readout", f"{name}.s", rng, 3, 6, 1.0),
            g.Readout(f"{name}.total", f"{name}.readout", Rate()),
        ]
    nodes += [
        g.Product("product", "branch.total", "trunk.total"),
        g.Dense("contraction", "product", np.ones((1, 3)), np.zeros(1)),
        g.Output("u", "contraction"),
    ]
    return quantize(g.Graph(tuple(nodes), STEPS))


def task(program: Program, samples: int = 9, seed: int = 1) -> Task:
    rng = np.random.default_rng(seed)
    if "branch" not in [node.name for node in program.inputs]:
        return Task({"x": rng.uniform(-1, 1, (samples, 2))}, rng.normal(size=(samples, 2)), ("x",))
    inputs = {"branch": rng.uniform(-1, 1, (samples, 1, 4)), "trunk": rng.uniform(-1, 1, (1, 5, 1))}
    return Task(inputs, rng.normal(size=(samples, 5, 1)), ("branch",), RelativeSquare())


def copies(program: Program, **more: object) -> PerturbedBatchEvaluator:
    return PerturbedBatchEvaluator(program, plastic(program), task(program), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("bricks", LOOPS, ids=lambda x: type(x).__name__)
@pytest.mark.parametrize("make", [chain, operator, lambda: chain(hard=True)], ids=["chain", "operator", "hard"])
def test_copies_lose_what_the_reference_loses_with_their_weights(make: object, bricks: Loops) -> None:
    assert callable(make)
    program = make()
    evaluator = copies(program, loops=bricks)
    own, directions, rows = weights(program, evaluator.tensors), Directions(3, 2), np.array([0, 4, 4, 7])
    layers = tuple(dict.fromkeys(tensor.layer for tensor in evaluator.tensors))
    asked = (Losses(layers, 3), Losses(layers[:1], -2), Losses(layers[-1:], 5), Losses(layers, 0))
    found = evaluator.answer(own, asked, directions, 6, rows)
    names = evaluator.task.sampled
    inputs = {n: x[rows] if n in names else x for n, x in evaluator.task.inputs.items()}
    for query, answer in zip(asked, found, strict=True):
        for k in range(3 if query.amplitude else 1):
            moved = {
                t.name: np.clip(
                    own[t.name]
                    + (t.layer in query.layers)
                    * query.amplitude
                    * t.unit
                    * directions.of(6, t.channel, t.shape)[k].astype(int),
                    t.low,
                    t.high,
                )
                for t in evaluator.tensors
            }
            made = with_weights(program, evaluator.tensors, moved, proved=False)
            expected = evaluator.task.objective.entries(
                reference.run(made, inputs).output, evaluator.task.truth[rows]
            ).mean()
            assert np.isclose(np.asarray(answer)[k], expected, rtol=1e-12)


def dual_slopes(
    program: Program, own: dict[str, np.ndarray], drawn: dict[str, np.ndarray], x: np.ndarray
) -> np.ndarray:
    """Tangents of the answers of `chain` for one sample, step by step in float64: the equations of slopes.py."""
    surrogate = Gaussian(0.3)
    held = np.rint(x / program["x"].scale), np.zeros(2)  # type: ignore[union-attr]
    series = [held] * STEPS
    for node in program.nodes:
        if isinstance(node, Dense):
            w, dw = own[f"{node.name}.weight"], drawn[f"{node.name}.weight"]
            b, db = (each.get(f"{node.name}.bias", np.zeros(len(w))) for each in (own, drawn))
            gain = 2.0**node.exponent
            series = [(np.floor((w @ s + b) * gain), (dw @ s + w @ ds + db) * gain) for s, ds in series]
        elif isinstance(node, Spiking):
            u, du, received = 0.0, 0.0, []
            th = node.threshold
            for a, da in series:
                before, moved = u + a, du + da
                s, slope = (before >= th) * 1.0, surrogate.derivative((before - th) / th) / th
                ds = slope * moved
                if isinstance(node.neuron.reset, ToZero):
                    u, du = before * (1 - s), moved * (1 - s) - before * ds
                else:
                    u, du = before - th * s, moved - th * ds
                received.append((s, ds))
            series = received
        elif isinstance(node, Readout):
            time = node.rule.weights(STEPS)
            total = sum(w * da for w, (_, da) in zip(time, series, strict=True)) + drawn["total.offset"]
            return np.asarray(total / 2**node.shift * program["y"].scale)  # type: ignore[union-attr]
    raise AssertionError


@pytest.mark.parametrize("bricks", LOOPS, ids=lambda x: type(x).__name__)
@pytest.mark.parametrize("hard", [False, True])
def test_slopes_are_those_of_the_equations(hard: bool, bricks: Loops) -> None:
    program = chain(hard=hard)
    evaluator = copies(program, loops=bricks)
    own, directions, rows = weights(program, evaluator.tensors), Directions(2, 5), np.array([1, 2, 5])
    (found,) = evaluator.answer(own, [Slopes(("0", "1", "readout"))], directions, 0, rows)
    answers = evaluator.answers(own, rows)
    for k in range(2):
        drawn = {t.name: t.unit * directions.of(0, t.channel, t.shape)[k].astype(float) for t in evaluator.tensors}
        tangents = [dual_slopes(program, own, drawn, evaluator.task.inputs["x"][row]) for row in rows]
        expected = (2 * (answers - evaluator.task.truth[rows]) * np.array(tangents)).mean()
        assert np.isclose(np.asarray(found)[k], expected, rtol=1e-4), "float32 over a few hundred operations"


@pytest.mark.parametrize("make", [chain, operator], ids=["chain", "operator"])
def test_slopes_of_layers_add_up_and_those_of_readouts_are_differences(make: object) -> None:
    assert callable(make)
    program = make()
    evaluator = copies(program)
    own, directions, rows = weights(program, evaluator.tensors), Directions(4, 1), np.arange(9)
    layers = tuple(dict.fromkeys(tensor.layer for tensor in evaluator.tensors))
    last = layers[-1]
    own[f"{last}.weight"] = np.clip(own[f"{last}.weight"], -120, 120)  # a move of 2 is then not saturated
    asked = [Slopes(layers), *(Slopes((name,)) for name in layers), Losses((last,), 2), Losses((last,), -2)]
    whole, *parts, up, down = (np.asarray(x) for x in evaluator.answer(own, asked, directions, 0, rows))
    assert np.allclose(whole, sum(parts), rtol=1e-4, atol=1e-5 * np.abs(whole).max())
    # The loss is a parabola in the readout's integers but for the floors behind it, half a unit of thousands.
    assert np.allclose((up - down) / 4, parts[-1], rtol=0.02, atol=0.02 * np.abs(parts[-1]).max())


def surrogate_gradient(
    evaluator: PerturbedBatchEvaluator, own: dict[str, np.ndarray], name: str, rows: np.ndarray
) -> np.ndarray:
    """The gradient of one tensor from its slopes along a whole basis."""
    tensor = next(t for t in evaluator.tensors if t.name == name)
    basis = Directions(64, 0, Hadamard())
    alone = PerturbedBatchEvaluator(evaluator.program, (tensor,), evaluator.task)
    (slopes,) = alone.answer(own, [Slopes((tensor.layer,))], basis, 0, rows)
    return np.asarray(np.tensordot(slopes, basis.of(0, tensor.channel, tensor.shape).astype(float), axes=1) / 64)


@pytest.mark.parametrize("make", [chain, operator], ids=["chain", "operator"])
def test_as_many_probes_as_neurons_find_the_gradient_of_layers_whose_probes_are_held(make: object) -> None:
    assert callable(make)
    evaluator = copies(make())
    own, rows = weights(evaluator.program, evaluator.tensors), np.array([0, 2, 3, 3, 8])
    for tensor in evaluator.tensors:
        if tensor.layer != "1":  # the only layer between spikes
            (found,) = evaluator.answer(own, [CurrentSlopes((tensor.layer,))], Directions(8, 3, Hadamard()), 4, rows)
            assert isinstance(found, dict)
            exact = surrogate_gradient(evaluator, own, tensor.name, rows)
            # Both are sums of some thousand products in float32.
            assert np.allclose(found[tensor.name], exact, rtol=0, atol=3e-6 * np.abs(exact).max()), tensor.name


def test_between_spikes_slopes_along_currents_are_unbiased() -> None:
    evaluator = copies(chain())
    own, rows = weights(evaluator.program, evaluator.tensors), np.arange(9)
    asked, directions = [CurrentSlopes(("1",))], Directions(8, 3)
    draws = [evaluator.answer(own, asked, directions, step, rows)[0] for step in range(300)]
    for name in ("1.weight", "1.bias"):
        each = np.array([dict(draw)[name] for draw in draws])
        exact = surrogate_gradient(evaluator, own, name, rows)
        spread = each.std(axis=0).max()
        assert spread > 0.1 * np.abs(exact).max(), "a claim about noise"
        # Five standard errors, of thirty entries.
        assert np.abs(each.mean(axis=0) - exact).max() < 5 * spread / np.sqrt(300)


def test_current_perturbation_finds_the_gradient_of_a_readout() -> None:
    program = chain()
    evaluator = copies(program)
    own, rows = weights(program, evaluator.tensors), np.arange(9)
    d = Directions(512, 3)
    (found,) = evaluator.answer(own, [CurrentLosses(("readout",), 0.05)], d, 0, rows)
    basis = Directions(16, 0, Hadamard())
    (slopes,) = evaluator.answer(own, [Slopes(("readout",))], basis, 0, rows)
    assert isinstance(found, dict)
    assert set(found) == {"readout.weight", "total.offset"}
    # Both tensors of the layer move along a direction: the slopes are those of the perturbation's gradient.
    for k in range(16):
        along = sum(
            float((found[t.name] * basis.of(0, t.channel, t.shape)[k]).sum())
            for t in evaluator.tensors
            if t.layer == "readout"
        )
        size = np.abs(np.asarray(slopes)).max()
        # Each current's estimate of 2 lines deviates by |g| sqrt(1 / 512) = 0.044; nine samples, sums of ten entries.
        assert abs(along - np.asarray(slopes)[k]) < 0.25 * size


def test_a_device_with_mismatch_is_another_program() -> None:
    program = chain()
    device = Mismatch(0.0, 0.2, seed=3)
    evaluator = copies(program, device=device)
    own = {name: x // 2 for name, x in weights(program, evaluator.tensors).items()}  # eight bits hold the mismatch
    effective = {}
    for t in evaluator.tensors:
        gains = device.gains(program[t.layer]) if t.field is not Field.OFFSET else None  # type: ignore[arg-type]
        part = 1.0 if gains is None else gains[:, :-1] if t.field is Field.WEIGHT else gains[:, -1]
        effective[t.name] = np.clip(np.rint(own[t.name] * part), t.low, t.high).astype(int)
    made = with_weights(program, evaluator.tensors, effective, proved=False)
    assert (evaluator.answers(own) == reference.run(made, evaluator.task.inputs).output).all()


def test_mismatched_thresholds_stay_and_are_one_a_neuron() -> None:
    node = chain().spiking[0]
    found = Mismatch(0.1, 0.0, seed=1).thresholds(node, 1000)
    assert (found == Mismatch(0.1, 0.0, seed=1).thresholds(node, 1000)).all()
    assert abs(found.std() / node.threshold - 0.1) < 0.01
    assert abs(found.mean() / node.threshold - 1) < 0.02


def test_what_leaves_its_width_is_refused() -> None:
    program = chain()
    evaluator = copies(program)
    loud = weights(program, evaluator.tensors)
    loud["0.bias"] = np.full_like(loud["0.bias"], 2**19)
    with pytest.raises(OverflowDetected, match=r"node '0(\.spikes)?'"):
        evaluator.answers(loud)


@pytest.mark.parametrize("width", ["synapse", "message", "accumulator"])
@pytest.mark.parametrize("exponent", [0, -1])
def test_a_readout_that_leaves_its_width_is_refused_as_by_the_reference(width: str, exponent: int) -> None:
    """Weights of 60 and -120, on neurons of which one spikes in every step, need more than 5 bits."""
    nodes = (
        Input("x", np.array([0]), np.array([8]), 1.0),
        Dense("d", "x", np.array([[1], [1]]), np.zeros(2, int)),
        Spiking("s", "d", IF(8)),
        Dense("r", "s", np.array([[60, -120]]), np.zeros(1, int), exponent),
        Readout("t", "r", Rate()),
        Output("y", "t"),
    )
    wide = Program(nodes, 4)
    given = {"x": np.array([[8], [3]])}
    found = BatchedWeightSimulator(wide).run(given, {})
    assert (BatchedWeightSimulator(wide).decode(found)[0] == reference.run(wide, {"x": given["x"] * 1.0}).output).all()
    narrow = replace(wide, widths=replace(wide.widths, **{width: 5}))
    with pytest.raises(OverflowDetected):
        reference.run(narrow, {"x": given["x"] * 1.0})
    with pytest.raises(OverflowDetected):
        BatchedWeightSimulator(narrow).run(given, {})


def test_what_the_learning_twin_has_no_rule_for_is_refused_by_name() -> None:
    program = chain()
    leaky = replace(
        program,
        nodes=tuple(
            replace(n, neuron=LIF(100, strict=True, beta=Decay12(4000))) if n.name == "1.spikes" else n
            for n in program.nodes
        ),
        certificate={},
    )
    evaluator = copies(leaky)
    with pytest.raises(UnsupportedNode, match=r"1\.spikes"):
        evaluator.answers(weights(leaky, evaluator.tensors))


def test_plastic_tensors_have_the_grid_of_their_bits() -> None:
    nodes = (
        Input("x", np.array([-10]), np.array([10]), 0.1),
        Dense("d", "x", np.array([[16], [-32]]), np.zeros(2)),
        Spiking("s", "d", IF(8)),
        Dense("r", "s", np.array([[3, -5]]), np.zeros(1)),
        Readout("t", "r", Rate()),
        Output("y", "t"),
    )
    program = Program(nodes, 4)
    found = {t.name: (t.unit, t.low, t.high) for t in plastic(program, bits=4)}
    assert found["d.weight"] == (16, -128, 112)
    assert found["r.weight"] == (1, -8, 7)
    assert found["d.bias"][0] == 2, "a quarter of the input's reach, to a power of two"
    assert [t.name for t in plastic(program, layers=["r"], fields=[Field.OFFSET])] == ["t.offset"]
    with pytest.raises(OutOfRange, match=r"'r': weight\[0, 1\]"):
        plastic(program, bits=3)
    with pytest.raises(GraphError, match="layers"):
        plastic(program, layers=["nobody"])


def test_a_task_needs_a_row_for_every_answer() -> None:
    with pytest.raises(GraphError, match="rows of 'x'"):
        Task({"x": np.zeros((3, 2))}, np.zeros((4, 1)), ("x",), MeanSquare())
