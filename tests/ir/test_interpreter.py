"""The reference interpreter of Programs: floors, order, overflow, broadcasting."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurokit.errors import OverflowDetected, UnsupportedNode
from neurokit.ir.fixed_point import Widths
from neurokit.ir.interpreter import apply, run, shift
from neurokit.ir.program import Dense, Input, Output, Product, Program, ProgramNode, Readout, Spiking
from neurokit.neurons.models import IF, ToZero
from neurokit.neurons.readouts import MemMean, Rate


def chain(*middle: ProgramNode, steps: int = 3, widths: Widths | None = None) -> Program:
    """`middle` between an input x of one line in -100..100 and an output of the last node."""
    return Program((Input("x", [-100], [100], 1.0), *middle, Output("y", middle[-1].name)), steps, widths or Widths())


@given(st.integers(-(2**40), 2**40), st.integers(-7, 6))
def test_shift_is_the_floor_of_a_product(value: int, exponent: int) -> None:
    assert shift(np.int64(value), exponent) == (value * 2**exponent if exponent >= 0 else value // 2**-exponent)


def test_the_floor_of_a_dense_is_taken_in_every_step() -> None:
    always = Spiking("s", "x", IF(1))
    half = Dense("half", "s", [[1], [-1]], [0, 0], exponent=-1)
    assert run(chain(always, half, Readout("r", "half", Rate())), {"x": np.array([5])}).raw["y"].tolist() == [0, -3]


def test_readout_weights_offset_and_floor() -> None:
    program = chain(Spiking("s", "x", IF(2)), Readout("r", "s", MemMean(), shift=2, offset=np.array([-9], np.int32)))
    result = run(program, {"x": np.array([1])}, record=True)
    assert result.trace is not None
    assert result.trace.spikes["s"].ravel().tolist() == [0, 1, 0]
    assert result.raw["y"].tolist() == [(2 - 9) // 4]
    assert result.trace.totals["r"].tolist() == [-2]


def test_product_and_output() -> None:
    program = chain(
        Spiking("s", "x", IF(1, ToZero())),
        Readout("r", "s", Rate()),
        Dense("minus", "r", [[-3]], [2]),
        Product("p", "r", "minus", shift=1),
    )
    result = run(replace(program, nodes=(*program.nodes[:-1], Output("y", "p", 0.5, 4.0))), {"x": np.array([1])})
    assert result.raw["y"].tolist() == [3 * (-3 * 3 + 2) >> 1]
    assert result.output.tolist() == [-11 * 0.5 + 4.0]


OVERFLOWS = {
    r"node 'x': input\[0\] is 100; legal is -63..63 .7 bits": chain(
        Spiking("s", "x", IF(1)), Readout("r", "s", Rate()), widths=Widths(message=7)
    ),
    r"node 'd': weighted sum\[1\] is 200; legal is -127..127 .8 bits": chain(
        Dense("d", "x", [[1], [2]], [0, 0], -3), Spiking("s", "d", IF(1)), Readout("r", "s", Rate()),
        widths=Widths(synapse=8),
    ),
    r"node 'd': current\[0\] is 200; legal is -127..127": chain(
        Dense("d", "x", [[1]], [0], 1), Spiking("s", "d", IF(1)), Readout("r", "s", Rate()), widths=Widths(message=8)
    ),
    r"node 's': membrane\[0\] is 300; legal is -255..255": chain(
        Spiking("s", "x", IF(255)), Spiking("s2", "x", IF(32640)), Readout("r", "s2", Rate()), widths=Widths(membrane=9)
    ),
    r"node 'r': accumulator\[0\] is 5; legal is -3..3": chain(
        Spiking("s", "x", IF(1)), Readout("r", "s", MemMean()), widths=Widths(accumulator=3)
    ),
    r"node 'r': accumulator\[0\] is 5; legal is -3..3 ": chain(
        Spiking("s", "x", IF(1)), Readout("r", "s", Rate(), offset=np.array([2], np.int32)),
        widths=Widths(accumulator=3),
    ),
    r"node 'p': product\[0\] is 9; legal is -7..7": chain(
        Spiking("s", "x", IF(1)), Readout("r", "s", Rate()), Product("p", "r", "r", 2), widths=Widths(product=4)
    ),
}  # fmt: skip


@pytest.mark.parametrize("message", OVERFLOWS)
def test_an_integer_that_leaves_its_width_is_named(message: str) -> None:
    program = OVERFLOWS[message]
    if "300" in message:  # let the soft reset not hide it
        program = replace(program, nodes=tuple(n for n in program.nodes if n.name != "s"))
        message = message.replace("'s'", "'s2'")
    with pytest.raises(OverflowDetected, match=message):
        run(program, {"x": np.array([100])})


def test_a_partial_sum_counts_even_if_the_whole_fits() -> None:
    """First +1 for two steps, then a bias pulls the sum back: the accumulator overflows on the way."""
    program = chain(
        Spiking("s", "x", IF(1)),
        Dense("d", "s", [[-5]], [4]),
        Readout("r", "d", MemMean()),
        widths=Widths(accumulator=4),
    )
    with pytest.raises(OverflowDetected, match=r"accumulator\[0\] is 12"):
        run(program, {"x": np.array([0])})


def test_leading_axes_broadcast() -> None:
    program = Program(
        (
            Input("b", [0], [9], 1.0),
            Input("t", [0], [9], 1.0),
            Spiking("bs", "b", IF(4)),
            Spiking("ts", "t", IF(3)),
            Readout("br", "bs", Rate()),
            Readout("tr", "ts", Rate()),
            Product("p", "br", "tr"),
            Output("y", "p"),
        ),
        steps=7,
    )
    b, t = np.arange(10.0)[:, None], np.arange(8.0)[:, None]
    pairs = run(program, {"b": b[:, None], "t": t[None]}, record=True)
    assert pairs.output.shape == (10, 8, 1)
    assert pairs.samples == 80
    assert pairs.trace is not None
    assert pairs.trace.spikes["bs"].shape == (10, 1, 7, 1)
    for i in range(10):
        for j in range(8):
            assert run(program, {"b": b[i], "t": t[j]}).output == pairs.output[i, j]


def test_an_unknown_node_is_named() -> None:
    class Convolution:
        name = "conv"

    with pytest.raises(UnsupportedNode, match=r"node 'conv' \(Convolution\) is not supported by the reference"):
        apply(Convolution(), Widths())
