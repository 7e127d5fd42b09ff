"""Leak, recurrence, delays, sums, sparse and shared weights: what Graph and Program mean by them, and refuse."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_interpreter import slide

from neurokit.errors import GraphError, OutOfRange, OverflowDetected, UnsupportedNode
from neurokit.ir import graph as g
from neurokit.ir import program as p
from neurokit.ir import sparse
from neurokit.ir.convolution import Convolution
from neurokit.ir.fixed_point import Decay12, Widths
from neurokit.ir.interpreter import run
from neurokit.ir.membrane_bounds import follow
from neurokit.ir.sparse import Csr
from neurokit.neurons.models import IF, LIF, CubaLIF, Subtract, ToZero
from neurokit.neurons.readouts import Rate

ALPHA, BETA = Decay12(2048), Decay12(3072)
KINDS = [g, p]
BOTH = pytest.mark.parametrize("kind", KINDS, ids=["Graph", "Program"])


def network(kind: Any, *middle: Any, lines: int = 1, steps: int = 4, widths: Widths | None = None) -> Any:
    """`middle` between an input x of -100..100 and a Readout of the last node, as a Graph or a Program."""
    total = kind.Readout("total", middle[-1].name, Rate())
    if kind is g:
        return g.Graph((g.Input("x", lines, -100, 100), *middle, total, g.Output("y", "total")), steps)
    x = p.Input("x", np.full(lines, -100), np.full(lines, 100), 1.0)
    return p.Program((x, *middle, total, p.Output("y", "total")), steps, widths or Widths())


def traced(network: Any, *x: float) -> Any:
    trace = run(network, {"x": np.array(x, dtype=float)}, record=True).trace
    assert trace is not None
    return trace


def test_the_states_of_a_leaky_program_are_in_64ths_of_its_current() -> None:
    neuron = CubaLIF(30, ToZero(), strict=True, alpha=ALPHA, beta=BETA)
    trace = traced(network(p, p.Spiking("s", "x", neuron)), 15)
    # i = 960, 1440, 1680, 1800; 960, 960 * 3/4 + 1440 = 2160 > 30 * 64, then from 0 again.
    assert trace.states["s"].ravel().tolist() == [960, 2160, 1680, 1260 + 1800]
    assert trace.spikes["s"].ravel().tolist() == [0, 1, 0, 1]


def test_a_leaky_program_fires_above_its_threshold_and_an_if_at_it() -> None:
    assert traced(network(p, p.Spiking("s", "x", IF(15))), 15).spikes["s"].sum() == 4
    at = LIF(15, strict=True, beta=Decay12(0))
    assert traced(network(p, p.Spiking("s", "x", at)), 15).spikes["s"].sum() == 0
    assert traced(network(p, p.Spiking("s", "x", at)), 16).spikes["s"].sum() == 4


def test_a_leaky_graph_and_program_agree_where_nothing_is_rounded() -> None:
    real = g.Spiking("s", "x", LIF(1.0, Subtract(), strict=True, beta=0.75))
    whole = p.Spiking("s", "x", LIF(64, Subtract(), strict=True, beta=BETA))
    for x in (24.0, 48.0, 80.0):
        left, right = traced(network(g, real), x / 64), traced(network(p, whole), x)
        np.testing.assert_array_equal(left.spikes["s"], right.spikes["s"])
        np.testing.assert_array_equal(left.states["s"] * 64 * 64, right.states["s"])


@BOTH
def test_recurrent_spikes_come_back_one_step_later(kind: Any) -> None:
    """0 drives 1, 1 drives 0 back: of an impulse on line 0 one spike goes round."""
    ring = kind.Recurrent(np.array([[0, 5], [5, 0]]))
    first = kind.Spiking("first", "x", IF(100, ToZero()))
    pulse = kind.Dense("pulse", "first", np.array([[0, 0], [1, 0]]), np.zeros(2))
    trace = traced(network(kind, first, pulse, kind.Spiking("s", "pulse", IF(1), recurrent=ring), lines=2), 35, 0)
    assert trace.spikes["first"][:, 0].tolist() == [0, 0, 1, 0]
    assert trace.spikes["s"].tolist() == [[0, 0], [0, 0], [0, 1], [1, 0]]


@BOTH
@pytest.mark.parametrize("delay", [1, 2, 3, 4, 62])
def test_a_delay_moves_spikes_in_time_and_not_the_bias(kind: Any, delay: int) -> None:
    spikes = kind.Spiking("s", "x", IF(1))
    late = kind.Dense("late", "s", np.array([[3]]), np.array([1]), delay=delay)
    trace = traced(network(kind, spikes, late, kind.Spiking("t", "late", IF(64))), 5)
    assert trace.states["t"].ravel().tolist() == [t + 1 + 3 * max(0, t + 1 - delay) for t in range(4)]


@BOTH
def test_a_sum_adds_held_and_series_in_each_step_and_totals_once(kind: Any) -> None:
    spikes, one = kind.Spiking("s", "x", IF(10)), (np.array([[1]]), np.zeros(1))
    sums = kind.Sum("both", ("x", "s", "x")), kind.Dense("out", "both", *one)
    assert run(network(kind, spikes, *sums), {"x": np.array([20.0])}).raw["y"] * (1 if kind is p else 4) == 4 * 41
    parts = [kind.Readout(f"r{i}", "s", Rate()) for i in range(2)]
    nodes = network(kind, spikes).nodes[:-1]
    whole = type(network(kind, spikes))((*nodes, *parts, kind.Sum("all", ("r0", "r1")), kind.Output("y", "all")), 4)
    assert run(whole, {"x": np.array([20.0])}).raw["y"].tolist() == [8 if kind is p else 2]


@given(st.data())
def test_a_convolution_is_its_matrix(data: st.DataObject) -> None:
    """Csr and loops, written from the document, agree for every stride, padding, dilation and number of groups."""
    draw = data.draw
    groups, depth, out = draw(st.integers(1, 2)), draw(st.integers(1, 2)), draw(st.integers(1, 2))
    pair = st.tuples(st.integers(1, 2), st.integers(1, 2))
    tall, dilation, stride, padding = draw(pair), draw(pair), draw(pair), draw(st.tuples(*[st.integers(0, 2)] * 2))
    sides = [
        draw(st.integers(max(1, (t - 1) * d + 1 - 2 * v), 5)) for t, d, v in zip(tall, dilation, padding, strict=True)
    ]
    geometry = Convolution((groups * depth, *sides), stride, padding, dilation, groups)
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    kernel, x = rng.integers(-9, 9, (groups * out, depth, *tall)), rng.integers(-9, 9, geometry.size)
    node = p.Conv2d("c", "x", kernel, np.arange(groups * out), geometry)
    plain = slide({"kernel": kernel.tolist(), **geometry.words()}, x.tolist())
    each = node.image[1] * node.image[2]
    assert node.weigh(x).tolist() == [v + line // each for line, v in enumerate(plain)]
    real = g.Conv2d("c", "x", kernel, np.arange(groups * out), geometry)
    assert real.weigh(x.astype(float)).tolist() == node.weigh(x).tolist()
    assert geometry.slide(kernel, np.stack([x, x])).tolist() == [(node.weigh(x) - node.line_bias).tolist()] * 2


@pytest.mark.parametrize("block", [1, 10, 2**20])
def test_a_span_is_attained_by_the_corners_of_its_box(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However few rows are widened at a time: an empty row, dense and sparse weights, and a convolution."""
    monkeypatch.setattr(sparse, "BLOCK", block)
    rng = np.random.default_rng(0)
    whole = rng.integers(-9, 9, (6, 8)) * (rng.random((6, 8)) < 0.4)
    whole[2] = 0
    geometry = Convolution((2, 2, 2), padding=(1, 0), stride=(2, 1))
    nodes = (
        p.Dense("d", "x", whole, np.zeros(6)),
        p.Sparse("s", "x", Csr.of(whole), np.zeros(6)),
        p.Conv2d("c", "x", rng.integers(-9, 9, (2, 2, 2, 1)), np.zeros(2), geometry),
    )
    low = rng.integers(-9, 5, 8)
    high = low + rng.integers(0, 9, 8)
    corners = np.array(list(product(*zip(low, high, strict=True))))
    for node in nodes:
        found, answers = node.span(low, high), node.weigh(corners)
        np.testing.assert_array_equal(found.low, answers.min(axis=0))
        np.testing.assert_array_equal(found.high, answers.max(axis=0))
        farthest = np.maximum(np.abs(low), np.abs(high))
        np.testing.assert_array_equal(found.reach, abs(node.matrix) @ farthest)


def test_sparse_is_dense_where_it_is() -> None:
    rng = np.random.default_rng(0)
    whole = rng.integers(-9, 9, (5, 7)) * (rng.random((5, 7)) < 0.3)
    whole[2] = 0
    weight = Csr.of(whole)
    np.testing.assert_array_equal(np.asarray(weight), whole)
    x = rng.integers(-9, 9, (3, 4, 7))
    for kind in KINDS:
        some, dense = kind.Sparse("d", "x", weight, np.arange(5)), kind.Dense("d", "x", whole, np.arange(5))
        np.testing.assert_array_equal(some.weigh(x), dense.weigh(x))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (([0, 1, 3], [1, 2, 2], [1, 1, 1]), "rising within a row"),
        (([0, 1, 3], [1, 2, 1], [1, 1, 1]), "rising within a row"),
        (([0, 1, 3], [1, 2, 4], [1, 1, 1]), r"legal is 0\.\.3"),
        (([0, 1, 3], [-1, 2, 3], [1, 1, 1]), r"legal is 0\.\.3"),
        (([0, 2, 1], [1, 2, 3], [1, 1, 1]), "starts that rise"),
        (([1, 2, 3], [1, 2, 3], [1, 1, 1]), "starts that rise"),
        (([0, 1, 3], [1, 2, 3], [1, 1]), "starts that rise"),
        (([0.0, 1.0, 3.0], [1, 2, 3], [1, 1, 1]), "a vector that fits int64"),
        (([0, 1, 3], [1, 2, 2**31], [1, 1, 1]), "a vector that fits int32"),
    ],
)
def test_rows_that_are_not_compressed_rows_are_refused(arrays: Any, message: str) -> None:
    with pytest.raises(GraphError, match=message):
        Csr(*map(np.array, arrays), width=4)


def test_other_values_in_the_same_places() -> None:
    whole = np.array([[0, 3, 0], [5, 0, 7]])
    weight = Csr.of(whole)
    assert weight.matrix.nnz == 3  # kept by the first, not by the second
    np.testing.assert_array_equal(np.asarray(weight.holding(-weight.values)), -whole)
    np.testing.assert_array_equal(weight.holding(-weight.values).matrix.toarray(), -whole)
    with pytest.raises(GraphError, match=r"\(4,\); legal is \(3,\)"):
        weight.holding(np.zeros(4))


GEOMETRY: dict[str, Callable[[], Any]] = {
    r"Convolution.stride is \(0, 1\)": lambda: Convolution((1, 2, 2), stride=(0, 1)),
    r"Convolution.image is \(1, 2\)": lambda: Convolution((1, 2)),  # type: ignore[arg-type]
    r"Convolution.padding is \(-1, 0\)": lambda: Convolution((1, 2, 2), padding=(-1, 0)),
    r"Convolution.groups is 2; legal is a divisor of 3 channels": lambda: Convolution((3, 2, 2), groups=2),
    r"shape of the kernel is \(1, 2, 1, 1\); legal is \(out, 1": lambda: Convolution((1, 2, 2)).output((1, 2, 1, 1)),
    r"no larger than the padded image": lambda: Convolution((1, 2, 2)).output((1, 1, 3, 1)),
    r"lines of the result": lambda: Convolution((1, 2, 2), padding=(9999, 9999)).output((1, 1, 1, 1)),
    r"layer 'c': shape of the bias is \(2,\); legal is \(1,\)": lambda: p.Conv2d(
        "c", "x", np.ones((1, 1, 1, 1)), [0, 0], Convolution((1, 2, 2))
    ),
    r"layer 'c': Convolution: kernel": lambda: g.Conv2d("c", "x", np.ones((1, 1, 3, 3)), [0], Convolution((1, 2, 2))),
}


@pytest.mark.parametrize("message", GEOMETRY)
def test_a_convolution_that_does_not_fit_is_refused(message: str) -> None:
    with pytest.raises(GraphError, match=message):
        GEOMETRY[message]()


ONE = np.ones((1, 1))
LEAKY = LIF(9, strict=True, beta=BETA)
REFUSED: dict[str, tuple[type[Exception], Callable[[], Any]]] = {
    "fires at its threshold": (UnsupportedNode, lambda: p.Spiking("s", "x", LIF(9, beta=BETA))),
    "beta is 0.5; legal is a Decay12": (OutOfRange, lambda: p.Spiking("s", "x", LIF(9, strict=True, beta=0.5))),
    r"threshold is 131072; legal is an integer in 1\.\.131071": (
        OutOfRange,
        lambda: p.Spiking("s", "x", LIF(2**17, strict=True, beta=BETA)),
    ),
    r"threshold is 9.5; legal is an integer": (
        OutOfRange,
        lambda: p.Spiking("s", "x", LIF(9.5, strict=True, beta=BETA)),
    ),
    r"delay is 63; legal is an integer in 0\.\.62": (OutOfRange, lambda: p.Dense("d", "x", ONE, [0], delay=63)),
    "recurrent weight: shape": (GraphError, lambda: p.Recurrent(np.ones((1, 2)))),
    r"recurrent weight\[0, 0\] is 200": (OutOfRange, lambda: p.Recurrent([[200]])),
    r"recurrent weight is \(2, 2\); legal is \(1, 1\)": (
        GraphError,
        lambda: network(p, p.Spiking("s", "x", LEAKY, recurrent=p.Recurrent(np.ones((2, 2))))),
    ),
    r"cannot read 'x': its signal is held, legal is series": (
        GraphError,
        lambda: network(p, p.Dense("d", "x", ONE, [0], delay=1), p.Spiking("s", "d", LEAKY)),
    ),
    "adds sources of one size, all of them totals or none": (
        GraphError,
        lambda: network(
            p,
            p.Dense("two", "x", np.ones((2, 1)), [0, 0]),
            p.Sum("sum", ("two", "x")),
            p.Spiking("s", "sum", LEAKY),
        ),
    ),
    r"number of synapses is .*at least 1": (
        GraphError,
        lambda: p.Sparse("d", "x", Csr.of(np.zeros((2, 2))), [0, 0]),
    ),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_a_program_cannot_hold_is_refused(message: str) -> None:
    kind, make = REFUSED[message]
    with pytest.raises(kind, match=message):
        make()


OVERFLOWS = {
    r"'s': synaptic current\[0\] is 6400; legal is -4095..4095 .13 bits": (LEAKY, None, Widths(membrane=7)),
    r"'s': synaptic current\[0\] is 9600; legal is -8191": (
        CubaLIF(9, ToZero(), strict=True, alpha=ALPHA, beta=Decay12(0)),
        None,
        Widths(membrane=8),
    ),
    r"'s': recurrent current\[0\] is 127; legal is -127": (LEAKY, p.Recurrent([[127]], 1), Widths(message=8)),
    r"'s': current and recurrent current\[0\] is 200; legal is -127": (LEAKY, p.Recurrent([[100]]), Widths(message=8)),
    r"'s': recurrent sum\[0\] is 100; legal is -63": (LEAKY, p.Recurrent([[100]], -3), Widths(synapse=7)),
}


@pytest.mark.parametrize("message", OVERFLOWS)
def test_new_states_are_checked_too(message: str) -> None:
    neuron, recurrent, widths = OVERFLOWS[message]
    program = network(p, p.Spiking("s", "x", neuron, recurrent=recurrent), widths=widths)
    with pytest.raises(OverflowDetected, match=message.replace("is 127;", "is 254;")):
        run(program, {"x": np.array([100.0])})


@given(
    neuron=st.one_of(
        st.builds(IF, st.integers(1, 60), st.sampled_from([Subtract(), ToZero()])),
        st.builds(LIF, st.integers(1, 60), st.sampled_from([Subtract(), ToZero()]), st.just(True), st.just(BETA)),
        st.builds(
            CubaLIF,
            st.integers(1, 60),
            st.sampled_from([Subtract(), ToZero()]),
            st.just(True),
            st.just(ALPHA),
            st.just(BETA),
        ),
    ),
    back=st.integers(-60, 60),
    extremes=st.tuples(st.integers(-40, 40), st.integers(-40, 40)),
    train=st.lists(st.booleans(), min_size=1, max_size=8),
)
def test_what_a_population_leaves_behind_is_within_its_bounds(
    neuron: Any, back: int, extremes: tuple[int, int], train: list[bool]
) -> None:
    """The bounds after a window, on which the silence between two windows rests."""
    low, high = min(extremes), max(extremes)
    node = p.Spiking("s", "x", neuron, recurrent=p.Recurrent([[back]]))
    reach = follow(node, len(train), p.Interval(np.array([low]), np.array([high])))
    state, s = node.start(np.zeros(1, np.int64)), np.zeros(1, np.int64)
    for loud in train:
        before, s, state = node.step(state, np.array([high if loud else low]) + back * s)
        assert reach.membrane.low <= before <= reach.membrane.high
    after = state.u if isinstance(neuron, CubaLIF) else state
    assert reach.after.low <= after <= reach.after.high
    assert reach.last.low <= back * s <= reach.last.high
    if isinstance(neuron, CubaLIF):
        assert reach.remaining.low <= state.i <= reach.remaining.high
