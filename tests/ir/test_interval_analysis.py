"""prove: its bounds hold, are attained where they should be, and name what could overflow.

That no reachable value leaves them is tested over random Programs in test_program_file_document.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_programs import adaptive_programs, programs, random_inputs

from neurokit.errors import OutOfRange, UnsupportedNode
from neurokit.ir.fixed_point import Widths
from neurokit.ir.interpreter import run
from neurokit.ir.interval_analysis import bound, prove
from neurokit.ir.program import Dense, Input, Interval, Output, Product, Program, Readout, Spiking
from neurokit.neurons.models import IF, Subtract, ToZero
from neurokit.neurons.readouts import MemMean, Rate


@settings(max_examples=40)
@given(
    program=programs(largest=10) | adaptive_programs(largest=10),
    seed=st.integers(0, 2**32 - 1),
    corners=st.booleans(),
)
def test_a_proven_program_never_overflows(program: Program, seed: int, corners: bool) -> None:
    result = run(program, random_inputs(program, np.random.default_rng(seed), (20,), corners=corners), record=True)
    assert result.trace is not None
    for name, states in result.trace.states.items():
        assert (states >= program.certificate[name].low).all()
        assert (states <= program.certificate[name].high).all()


@given(st.integers(-40, 40), st.integers(-40, 40), st.integers(1, 60), st.integers(1, 6), st.booleans())
def test_the_membranes_bounds_hold_for_every_train_of_currents(
    one: int, other: int, threshold: int, steps: int, hard: bool
) -> None:
    """All trains of the extreme currents and zero-ish ones in between, exhaustively."""
    low, high = min(one, other), max(one, other)
    node = Spiking("s", "x", IF(threshold, ToZero() if hard else Subtract()))
    membrane, emitted = bound(node, steps, Widths(), Interval(np.array([low]), np.array([high])))
    for train in product(sorted({low, high, (low + high) // 2}), repeat=steps):
        u, fired = 0, 0
        for a in train:
            u += a
            assert membrane.low[0] <= u <= membrane.high[0]
            s = int(u >= threshold)
            fired |= s
            u = (0 if hard else u - threshold) if s else u
        assert fired <= emitted.high[0]


def test_bounds_of_a_dense_are_attained_at_the_inputs_corners() -> None:
    rng = np.random.default_rng(0)
    x = Input("x", rng.integers(-50, 0, 4), rng.integers(0, 50, 4), 1.0)
    dense = Dense("d", "x", rng.integers(-9, 9, (5, 4)), rng.integers(-9, 9, 5), exponent=-1)
    nodes = (x, dense, Spiking("s", "d", IF(1)), Readout("r", "s", Rate()), Output("y", "r"))
    interval = prove(Program(nodes, 1))["d"]
    corners = np.array(list(product(*zip(x.low, x.high, strict=True))))
    currents = (corners @ dense.weight.T.astype(np.int64) + dense.bias) >> 1
    assert (currents.min(axis=0) == interval.low).all()
    assert (currents.max(axis=0) == interval.high).all()


def test_the_certificate_covers_every_node_but_the_outputs() -> None:
    nodes = (
        Input("x", [0], [1], 1.0),
        Spiking("s", "x", IF(1)),
        Readout("r", "s", Rate()),
        Product("p", "r", "r"),
        Output("y", "p"),
    )
    assert list(prove(Program(nodes, 3))) == ["x", "s", "r", "p"]


REACH = Input("x", [-1000], [1000], 1.0)
NARROW = {
    r"node 'x': input\[0\] can reach -1000..1000 .* legal is -511..511 .10 bits": (Widths(message=10), ()),
    r"node 'd': weighted sum\[1\] can reach -2004..2004": (Widths(synapse=11), ()),
    r"node 'd': current\[1\] can reach -3992..4008": (Widths(message=12), ()),
    r"node 's': membrane\[1\] can reach": (Widths(membrane=13), ()),
    r"node 'r': accumulator\[0\] can reach 0..10": (Widths(accumulator=4), ()),
    r"node 'p': product\[0\] can reach 0..100": (Widths(product=7), ()),
}


@pytest.mark.parametrize("message", NARROW)
def test_the_first_bound_that_leaves_its_width_is_named(message: str) -> None:
    widths, _ = NARROW[message]
    nodes = (
        REACH,
        Dense("d", "x", [[1], [2]], [0, 4], exponent=1),
        Spiking("s", "d", IF(64)),
        Readout("r", "s", MemMean()),
        Product("p", "r", "r"),
        Output("y", "p"),
    )
    program = Program(nodes, 4)
    assert prove(program)
    with pytest.raises(OutOfRange, match=message):
        prove(replace(program, widths=widths))


def test_the_sum_of_magnitudes_is_bounded_not_only_the_sum() -> None:
    """+100 and -100 cancel, but synapses add one after the other."""
    nodes = (
        Input("x", [100, 100], [100, 100], 1.0),
        Dense("d", "x", [[1, -1]], [0]),
        Spiking("s", "d", IF(1)),
        Readout("r", "s", Rate()),
        Output("y", "r"),
    )
    with pytest.raises(OutOfRange, match=r"weighted sum\[0\] can reach -200..200"):
        prove(Program(nodes, 1, Widths(synapse=8)))
    assert prove(Program(nodes, 1, Widths(synapse=9)))


@dataclass(frozen=True)
class Doubling:
    """A reset and a readout rule whose bounds nobody has worked out."""

    name: str = "doubling"

    def __call__(self, u: int, s: int, threshold: int) -> int:
        return u + s * u

    def weights(self, steps: int) -> np.ndarray:
        return -np.ones(steps, dtype=np.int64)

    def normaliser(self, steps: int) -> int:
        return -steps


def test_what_has_no_bounds_is_refused() -> None:
    def program(neuron: IF, rule: Rate | Doubling) -> Program:
        nodes = (Input("x", [0], [1], 1.0), Spiking("s", "x", neuron), Readout("r", "s", rule), Output("y", "r"))
        return Program(nodes, 3)

    with pytest.raises(UnsupportedNode, match=r"node 's' \(Spiking\) is not supported by the interval analysis"):
        prove(program(IF(1, Doubling()), Rate()))
    with pytest.raises(UnsupportedNode, match="negative weights"):
        prove(program(IF(1), Doubling()))
