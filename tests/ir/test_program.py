"""Programs: integers that fit, and what is said of those that do not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurokit.errors import GraphError, OutOfRange
from neurokit.ir.fixed_point import Widths, split_threshold
from neurokit.ir.program import Dense, Input, Output, Product, Program, Readout, Spiking
from neurokit.neurons.models import IF
from neurokit.neurons.readouts import RULES, MemMean, Rate

X = Input("x", [-4, 0], [4, 9], 0.25)
DENSE = Dense("d", "x", [[1, -128], [127, 0]], [5, -5])
SPIKING = Spiking("s", "d", IF(64))
READOUT = Readout("r", "s", Rate())
OUTPUT = Output("y", "r", scale=0.5, offset=1.0)
CHAIN = (X, DENSE, SPIKING, READOUT, OUTPUT)


def test_latency_counts_every_dense_on_the_longest_way() -> None:
    nodes = (
        *CHAIN[:4],
        Dense("d2", "s", np.ones((2, 2)), [0, 0]),
        Spiking("s2", "d2", IF(1)),
        Readout("r2", "s2", Rate()),
        Product("p", "r", "r2"),
        Dense("sum", "p", [[1, 1]], [0]),
        Output("y", "sum"),
    )
    latency = Program(nodes, 4).latency
    assert latency == {"x": 0, "d": 1, "s": 1, "r": 1, "d2": 2, "s2": 2, "r2": 2, "p": 2, "sum": 3, "y": 3}


BAD_NUMBERS = {
    r"layer 'd': weight\[1, 0\] is 128; legal is an integer in -128": lambda: Dense("d", "x", [[0], [128]], [0, 0]),
    r"layer 'd': weight\[0, 0\] is 0.7; legal is an integer": lambda: Dense("d", "x", [[0.7]], [0]),
    r"layer 'd': weight\[0, 1\] is nan; legal is a finite": lambda: Dense("d", "x", [[0, np.nan]], [0]),
    r"layer 'd': weight: dtype is bool; legal is integers": lambda: Dense("d", "x", [[True]], [0]),
    r"layer 'd': bias\[1\] is 1048576; legal is below 1048576": lambda: Dense("d", "x", [[0], [0]], [0, 2**20]),
    r"layer 'd': bias\[0\] is .*; legal is an integer in -2147483648": lambda: Dense("d", "x", [[0]], [2**40]),
    r"layer 'd': exponent is 7; legal is an integer in -7..6": lambda: Dense("d", "x", [[1]], [0], 7),
    r"layer 'd': exponent is 1.0; legal is an integer": lambda: Dense("d", "x", [[1]], [0], 1.0),  # type: ignore[arg-type]
    r"layer 'd': scale is 0; legal is a finite number > 0": lambda: Dense("d", "x", [[1]], [0], 0, 0),
    r"layer 's': threshold is 257; legal is k \* 2\*\*e .* use 256": lambda: Spiking("s", "d", IF(257)),
    r"layer 's': threshold is 0.5; legal is k \* 2\*\*e .* use 1,": lambda: Spiking("s", "d", IF(0.5)),
    r"layer 's': threshold is 65280; .* use 32640": lambda: Spiking("s", "d", IF(255 * 256)),
    r"readout 'r': shift is 8; legal is an integer in 0..7": lambda: Readout("r", "s", Rate(), 8),
    r"readout 'r': offset\[0\] is 1048576": lambda: Readout("r", "s", Rate(), offset=[2**20]),  # type: ignore[arg-type]
    r"product 'p': shift is -1; legal is an integer in 0..31": lambda: Product("p", "a", "b", -1),
    r"input 'x': low and high is": lambda: Input("x", [1], [0], 1.0),
    r"input 'x': scale is -1.0": lambda: Input("x", [0], [1], -1.0),
    r"input 'x': low\[0\] is 2147483648": lambda: Input("x", [2**31], [2**31], 1.0),
    r"output 'y'.*is inf": lambda: Output("y", "r", float("inf")),
    r"Widths.membrane is 33; legal is 2..32 bits": lambda: Widths(membrane=33),
}  # fmt: skip


@pytest.mark.parametrize("message", BAD_NUMBERS)
def test_a_number_that_does_not_fit_is_named(message: str) -> None:
    with pytest.raises(OutOfRange, match=message):
        BAD_NUMBERS[message]()


BAD_NODES = {
    "'d': weight is 1 wide; legal is 2": (X, Dense("d", "x", [[1]], [0])),
    "node 's' reads 'd', which is not a node before it": (X, SPIKING, DENSE),
    "node 'd' reads 'd'": (X, Dense("d", "d", [[1]], [0])),
    "'p' .Product. multiplies two totals of one size": (*CHAIN[:4], Product("p", "r", "s")),
    "shape of offset is .3,.; legal is .2,. or .0,.": (*CHAIN[:3], Readout("r", "s", Rate(), offset=[0, 0, 0])),
    "'e' reads the output 'y'; let it read 'r'": (*CHAIN, Dense("e", "y", [[1, 1]], [0])),
}  # fmt: skip


@pytest.mark.parametrize("message", BAD_NODES)
def test_nodes_that_do_not_fit_are_named(message: str) -> None:
    with pytest.raises(GraphError, match=message):
        Program((*BAD_NODES[message], Output("last", "r")), 4)


@pytest.mark.parametrize("steps", [0, 2**14 + 1, 4.0])
def test_windows_out_of_range_are_refused(steps: int) -> None:
    with pytest.raises(GraphError, match=r"Program\.steps is .*; legal is 1\.\.16384"):
        Program(CHAIN, steps)
    with pytest.raises(GraphError, match="no Output"):
        Program(CHAIN[:-1], 4)


def test_shapes_of_weights_are_checked() -> None:
    for weight, bias in (([1, 2], [0]), ([[1, 2]], [0, 0]), (np.zeros((0, 2)), [])):
        with pytest.raises(GraphError, match="layer 'd': shapes of weight and bias"):
            Dense("d", "x", weight, bias)  # type: ignore[arg-type]


def test_a_threshold_is_kept_as_an_integer() -> None:
    """A float would turn the integers behind it into floats."""
    spiking = Spiking("s", "d", IF(64.0))
    assert isinstance(spiking.neuron.threshold, int)
    assert spiking == SPIKING


@given(st.integers(1, 255), st.integers(0, 7))
def test_every_legal_threshold_is_split(k: int, e: int) -> None:
    mantissa, exponent = split_threshold(k * 2**e)
    assert mantissa * 2**exponent == k * 2**e
    assert 1 <= mantissa <= 255
    assert 0 <= exponent <= 7


@given(st.integers(1, 255 * 2**7 + 300))
def test_a_threshold_is_split_or_the_nearest_is_named(threshold: int) -> None:
    legal = sorted({k * 2**e for e in range(8) for k in range(1, 256)})
    if threshold in legal:
        split_threshold(threshold)
    else:
        with pytest.raises(OutOfRange, match=r"use (\d+), the nearest") as caught:
            split_threshold(threshold)
        named = int(str(caught.value).split("use ")[1].split(",")[0])
        assert abs(named - threshold) == min(abs(value - threshold) for value in legal)


@given(st.floats(-1.1, 2.4))
def test_encoding_rounds_halves_to_even(real: float) -> None:
    encoded = X.encode(np.array([min(max(real, -1.0), 1.0), max(real, 0.0) if real < 2.25 else 2.25]))
    assert encoded.dtype == np.int64
    assert encoded.tolist() == [round(min(max(real, -1.0), 1.0) / 0.25), round(min(max(real, 0.0), 2.25) / 0.25)]


def test_samples_outside_the_declared_range_are_refused_not_clipped() -> None:
    program = Program(CHAIN, 4)
    samples = np.zeros((3, 2))
    samples[1, 1] = 2.5
    with pytest.raises(
        OutOfRange, match=r"input 'x'\[1, 1\] is 2.5; legal is 0..2.25, the range this Program was comp"
    ):
        program.encode({"x": samples})
    samples[1, 1] = 1e300
    with pytest.raises(OutOfRange, match=r"input 'x'\[1, 1\] is 1e\+300"):
        program.encode({"x": samples})
    samples[1, 1] = np.nan
    with pytest.raises(OutOfRange, match=r"input 'x'\[1, 1\] is nan; legal is a finite number"):
        program.encode({"x": samples})


def test_wrong_inputs_are_refused_by_name_and_shape() -> None:
    program = Program(CHAIN, 4)
    with pytest.raises(GraphError, match=r"takes the inputs \['x'\]; unknown: \['z'\]. missing: \['x'\]"):
        program.encode({"z": np.zeros((1, 2))})
    with pytest.raises(GraphError, match=r"input 'x': shape is \(2, 3\); legal is \(..., 2\)"):
        program.encode({"x": np.zeros((2, 3))})
    with pytest.raises(GraphError, match="at least one sample"):
        program.encode({"x": np.zeros((0, 2))})
    with pytest.raises(GraphError, match=r"input 'x': dtype is <U1"):
        program.encode({"x": np.full((1, 2), "a")})
    two = Program((X, Input("z", [0], [1], 1.0), *CHAIN[1:]), 4)
    with pytest.raises(GraphError, match=r"do not broadcast: x \(3, 2\), z \(2, 1\).*\(N1, 1, m\)"):
        two.encode({"x": np.zeros((3, 2)), "z": np.zeros((2, 1))})


def test_what_is_frozen_stays() -> None:
    program = Program(CHAIN, 4, provenance={"a": "b"})
    with pytest.raises(ValueError, match="read-only"):
        DENSE.weight[0, 0] = 3
    with pytest.raises(TypeError):
        program.provenance["a"] = "c"  # type: ignore[index]
    with pytest.raises(AttributeError):
        program.steps = 5  # type: ignore[misc]
    with pytest.raises(KeyError, match="no node 'q'; nodes are x, d, s, r, y"):
        program["q"]


def test_unknown_keywords_are_refused() -> None:
    with pytest.raises(TypeError, match="weigth_exp"):
        Dense("d", "x", [[1]], [0], weigth_exp=3)  # type: ignore[call-arg, arg-type]


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@pytest.mark.parametrize("steps", [1, 2, 33])
def test_readout_rules_are_weighted_means(rule: Rate | MemMean, steps: int) -> None:
    weights = rule.weights(steps)
    assert weights.shape == (steps,)
    assert weights.sum() == rule.normaliser(steps)
    currents = np.random.default_rng(0).normal(size=steps)
    membrane = {"rate": currents, "memmean": np.cumsum(currents)}[rule.name]
    levels = {"rate": steps, "memmean": steps * (steps + 1) / 2}[rule.name]
    assert weights @ currents / rule.normaliser(steps) == pytest.approx(membrane.sum() / levels)
