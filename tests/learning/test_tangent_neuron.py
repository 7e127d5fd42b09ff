"""The tangent neuron and its network: integers that agree with each other, and with derivatives where these exist."""

from __future__ import annotations

from dataclasses import replace
from math import erf

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from neurokit.errors import OutOfRange, OverflowDetected, UnsupportedNode
from neurokit.ir.fixed_point import Decay12, Widths
from neurokit.ir.program import Dense, Input, Output, Product, Program, ProgramNode, Readout, Recurrent, Spiking, Sum
from neurokit.ir.tangent_neuron import GainTable, tangent_neuron
from neurokit.learning.tangent_bounds import TangentWidths
from neurokit.learning.tangent_program import TangentProgram, tangents
from neurokit.learning.tangent_reference import JVPResult, Moves, jvp
from neurokit.learning.tangent_twin import TangentTwin
from neurokit.neurons.models import IF, LIF, CubaLIF, Neuron, ToZero
from neurokit.neurons.readouts import MemMean, Rate
from neurokit.neurons.surrogates import ArcTan, FastSigmoid, Gaussian, StraightThrough, Surrogate, Triangle
from neurokit.simulator.plastic_weights import plastic

SURROGATES = (Gaussian(0.3), FastSigmoid(5.0), ArcTan(2.0), StraightThrough(1.0), Triangle(1.0))
NEURONS: tuple[Neuron, ...] = (
    IF(48),
    IF(3 * 2**6),
    LIF(70, strict=True, beta=Decay12(3686)),
    CubaLIF(90, strict=True, alpha=Decay12(2048), beta=Decay12(3000)),
)


def branch(rng: np.random.Generator, name: str, depth: int, tail: int, neuron: Neuron) -> list[ProgramNode]:
    size = int(rng.integers(1, 5))
    nodes: list[ProgramNode] = [Input(name, np.full(size, -60), np.full(size, int(rng.integers(0, 60))), 1 / 60)]
    for i in range(depth):
        width = int(rng.integers(1, 6))
        exponent = int(rng.integers(-3, 1))
        weight = rng.integers(-90, 91, (width, size))
        nodes.append(Dense(f"{name}{i}", nodes[-1].name, weight, rng.integers(-99, 100, width), exponent))
        if rng.integers(3) == 0:  # a second way into the same neurons
            beside = replace(nodes[-1], name=f"{name}{i}'", exponent=int(rng.integers(-3, 1)))
            nodes += [beside, Sum(f"{name}{i}+", (f"{name}{i}", beside.name))]
        nodes.append(Spiking(f"{name}{i}s", nodes[-1].name, neuron))
        size = width
    out = Dense(f"{name}out", nodes[-1].name, rng.integers(-90, 91, (tail, size)), np.zeros(tail), -2)
    offset = rng.integers(-99, 100, tail)
    rule = (Rate(), MemMean())[rng.integers(2)]
    return [*nodes, out, Readout(f"{name}r", out.name, rule, int(rng.integers(0, 3)), offset=offset)]


def network(seed: int, depth: int, neuron: Neuron, branches: int = 1) -> Program:
    rng = np.random.default_rng(seed)
    tail = int(rng.integers(1, 4))
    nodes = [node for name in ("a", "b")[:branches] for node in branch(rng, name, depth, tail, neuron)]
    last = "ar"
    if branches == 2:
        nodes += [Product("ab", "ar", "br", shift=6), Dense("sum", "ab", np.ones((1, tail)), np.zeros(1))]
        last = "sum"
    steps = int(rng.integers(1, 12))
    return Program((*nodes, Output("y", last, scale=0.5)), steps, Widths(membrane=24))


def drawn(made: TangentProgram, seed: int, count: int = 3, batch: int = 2) -> tuple[dict[str, np.ndarray], Moves]:
    rng = np.random.default_rng(seed)
    encoded = {n.name: rng.integers(n.low, n.high + 1, (batch, n.low.size)) for n in made.program.inputs}
    moves = {t.name: t.unit * rng.choice([-1, 1], (count, *t.shape)) for t in made.tensors}
    return encoded, moves


def assert_same(one: JVPResult, other: JVPResult) -> None:
    for kind in ("values", "tangents", "states", "derivatives"):
        left, right = getattr(one, kind), getattr(other, kind)
        assert left.keys() == right.keys()
        for name in left:
            np.testing.assert_array_equal(left[name], right[name], err_msg=f"{kind} of {name}")


@settings(max_examples=12)
@given(
    seed=st.integers(0, 2**32 - 1),
    depth=st.integers(1, 3),
    branches=st.integers(1, 2),
    neuron=st.sampled_from(NEURONS),
    surrogate=st.sampled_from(SURROGATES),
)
def test_reference_numpy_and_numba_agree_on_every_integer(
    seed: int, depth: int, branches: int, neuron: Neuron, surrogate: Surrogate
) -> None:
    program = network(seed, depth, neuron, branches)
    try:
        tensors = plastic(program)
        made = tangents(program, tensors, surrogate=surrogate)
    except OutOfRange:
        assume(False)  # the Program itself, or its tangents, cannot be proved
    encoded, moves = drawn(made, seed)
    expected = jvp(made, encoded, moves)
    assert any(spikes.any() for name, spikes in expected.tangents.items() if name in expected.states) or depth
    for compiled in (True, False):
        assert_same(expected, TangentTwin(compiled).jvp(made, encoded, moves))
    for name, bound in made.bounds.items():  # what was proved holds
        seen = expected.states.get(name, expected.tangents.get(name))
        assert seen is None or np.abs(seen).max(initial=0) <= bound


@settings(max_examples=30)
@given(
    neuron=st.sampled_from(NEURONS),
    surrogate=st.sampled_from(SURROGATES),
    current=st.integers(-2, 20),
    data=st.data(),
)
def test_a_step_is_its_equation_in_plain_python_integers(
    neuron: Neuron, surrogate: Surrogate, current: int, data: st.DataObject
) -> None:
    node = Spiking("s", "a", neuron)
    made = tangent_neuron(node, surrogate, current, data.draw(st.integers(-3, min(13, current))))
    integers = st.integers(-(2**30), 2**30)
    di, du = 0, 0
    state = made.start(np.zeros(1, np.int64))
    for _ in range(5):
        m, da = data.draw(st.integers(-(2**17), 2**17)), data.draw(integers)
        dm, ds, state = made.step(state, np.array([da]), np.array([m]))
        di = _decayed(di, made.alpha.numerator) + da
        expected = _decayed(du, made.beta.numerator) + di
        index = abs(m - made.threshold) // 2**made.table.bin
        gain = int(made.table.entries[index]) if index < len(made.table.entries) else 0
        spike = (expected * gain + 2 ** (made.shift - 1)) // 2**made.shift
        du = expected - made.reset * spike
        assert (dm[0], ds[0], state.di[0], state.du[0]) == (expected, spike, di, du)


def _decayed(value: int, numerator: int) -> int:
    size = abs(value) * numerator // 4096
    return size if value >= 0 else -size


def test_the_table_is_the_surrogate_to_half_an_entry() -> None:
    for surrogate in SURROGATES:
        node = Spiking("s", "a", IF(200 << 5))
        made = tangent_neuron(node, surrogate, 6, 2)
        width = 1 << made.table.bin
        d = np.arange(made.table.entries.size) * width + (width - 1) // 2  # the middle of every bin
        scale = 2.0 ** (2 - 6 + made.shift) / node.threshold
        wanted = surrogate.derivative((d + (width - 1) % 2 / 2) / node.threshold) * scale
        assert np.abs(made.table.look_up(d) - wanted).max() <= 0.5
        # The bins reach until the surrogate is less than half an entry, and at least half of them are in use.
        assert (
            surrogate.derivative((d[-1] + 1.5 * width) / node.threshold) * scale <= 0.5 or d[-1] > 60 * node.threshold
        )
        assert made.table.entries.size > 60
        np.testing.assert_array_equal(made.table.look_up(d), made.table.look_up(-d))
        assert made.table.look_up(np.array([2**29]))[0] == 0
        assert 128 <= made.table.entries.max() <= 255  # all eight bits are in use


def test_the_neuron_is_the_derivative_of_the_smoothed_neuron() -> None:
    """Against central differences of a neuron whose spikes are `Phi((m - threshold) / sigma)`, whose derivative the
    surrogate is. The tolerance is the table's: half a bin, a 72nd of sigma, moves a gain by up to 0.6 / 72 of the
    highest, and a window compounds that."""
    sigma, steps = 0.3, 24
    node = Spiking("s", "a", IF(255 << 7))
    threshold = node.threshold
    currents = np.linspace(0.02, 1.3, 60) * threshold

    def smooth(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        u, spikes, membranes = np.zeros_like(z), [], []
        for _ in range(steps):
            m = u + z
            s = np.array([(1 + erf(x / sigma / 2**0.5)) / 2 for x in (m - threshold) / threshold])
            u = m - threshold * s
            spikes.append(s)
            membranes.append(m)
        return np.array(spikes), np.array(membranes)

    step = 1e-4 * threshold
    wanted = (smooth(currents + step)[0] - smooth(currents - step)[0]) / (2 * step)
    made = tangent_neuron(node, Gaussian(sigma), 14, 13)
    state = made.start(np.zeros(60, np.int64))
    membranes = np.rint(smooth(currents)[1]).astype(np.int64)
    move = 2000
    found = []
    for t in range(steps):
        _, ds, state = made.step(state, np.full(60, move << 14), membranes[t])
        found.append(ds / 2.0**13 / move)
    error = np.array(found) - wanted
    assert np.sqrt((error**2).mean()) <= 0.02 * np.sqrt((wanted**2).mean())


def test_what_cannot_be_proved_is_refused() -> None:
    program = network(3, 2, IF(48))
    tensors = plastic(program)
    fine = tangents(program, tensors)
    with pytest.raises(OutOfRange, match="declare wider TangentWidths"):
        tangents(program, tensors, widths=TangentWidths(membrane=12))
    now = tangents(program, tensors, anywhere=False)
    assert sum(now.fraction.values()) >= sum(fine.fraction.values())
    louder = replace(program, nodes=tuple(_full(n) for n in program.nodes), widths=Widths(membrane=32))
    with pytest.raises(OutOfRange):
        now.moved(louder)
    narrow = tangents(program, tensors, widths=TangentWidths(membrane=26, accumulator=26))
    assert sum(narrow.fraction.values()) < sum(fine.fraction.values())  # less precise, and proved all the same
    encoded, moves = drawn(fine, 0)
    with pytest.raises(OutOfRange, match="give `largest`"):
        jvp(fine, encoded, {name: 2 * move for name, move in moves.items()})
    with pytest.raises(OutOfRange, match="match the tensors"):
        jvp(fine, encoded, {"a0.weight": np.zeros((1, 99, 99), np.int64)})
    with pytest.raises(OverflowDetected, match="tangent"):
        jvp(replace(fine, widths=TangentWidths(membrane=4)), encoded, moves)
    hard = replace(program, nodes=tuple(_with(n, IF(48, ToZero())) for n in program.nodes))
    with pytest.raises(UnsupportedNode, match="hard reset"):
        tangents(hard, tensors)
    recurrent = replace(
        program,
        nodes=tuple(
            replace(n, recurrent=Recurrent(np.ones((program.ports[n.name].size,) * 2))) if isinstance(n, Spiking) else n
            for n in program.nodes
        ),
    )
    with pytest.raises(UnsupportedNode, match="recurrent"):
        tangents(recurrent, tensors)
    with pytest.raises(OutOfRange, match="even"):
        tangents(program, tensors, surrogate=_OneSided())
    with pytest.raises(OutOfRange, match="GainTable"):
        GainTable(np.array([300]), 0)


def test_the_proof_holds_wherever_learning_goes() -> None:
    """With every weight at the end of its range and the inputs at theirs, no width is left."""
    program = network(5, 2, IF(48))
    tensors = plastic(program)
    made = tangents(program, tensors)
    extreme = replace(
        program,
        nodes=tuple(_full(n) for n in program.nodes),
        widths=Widths(membrane=32, message=32, accumulator=32),
    )
    moved = replace(made, program=extreme)
    encoded = {n.name: np.stack([n.low, n.high]).astype(np.int64) for n in extreme.inputs}
    _, moves = drawn(made, 1, count=8)
    jvp(moved, encoded, moves)  # raises OverflowDetected if not


class _OneSided:
    def derivative(self, x: np.ndarray) -> np.ndarray:
        return (x > 0) * 1.0


def _full(node: ProgramNode) -> ProgramNode:
    return replace(node, weight=np.where(node.weight > 0, 127, -128)) if isinstance(node, Dense) else node


def _with(node: ProgramNode, neuron: Neuron) -> ProgramNode:
    return replace(node, neuron=neuron) if isinstance(node, Spiking) else node
