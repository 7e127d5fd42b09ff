"""At the edge of a width every reader of a Program stands on the same side: what is certified runs, and alike."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from limit_programs import Edge, edges, seeded_edge
from plain_interpreter import LeftItsWidth, interpret
from random_programs import random_inputs

from neurokit.compilers.lava.schedule import schedule
from neurokit.errors import OutOfRange, OverflowDetected, ProgramError, UnsupportedNode
from neurokit.ir.fixed_point import Decay12, Widths
from neurokit.ir.interpreter import run
from neurokit.ir.program import Dense, Input, Output, Program, Readout, Spiking
from neurokit.neurons.models import IF, LIF, Neuron, ToZero
from neurokit.neurons.readouts import Rate
from neurokit.simulator import Twin

pytest.importorskip("numba")
pytestmark = pytest.mark.slow


def saved(program: Program, factory: pytest.TempPathFactory) -> Path:
    return program.save(factory.getbasetemp() / "limit.h5")


@settings(max_examples=12)
@given(found=edges(), seed=st.integers(0, 2**32 - 1))
def test_what_is_certified_runs_alike_on_every_corner(
    tmp_path_factory: pytest.TempPathFactory, found: Edge, seed: int
) -> None:
    """On reference, twin and the document's interpreter, which bounds integers of any size, nothing leaves a width."""
    inputs = random_inputs(found.within, np.random.default_rng(seed), (3,), corners=True)
    expected = run(found.within, inputs, record=True)
    assert expected.trace is not None
    for compiled in (True, False):
        got = Twin(compiled=compiled).run(found.within, inputs, record=True)
        assert got.trace is not None
        for kind in ("spikes", "states", "totals"):
            for name, values in getattr(expected.trace, kind).items():
                np.testing.assert_array_equal(values, getattr(got.trace, kind)[name], err_msg=f"{kind} of {name}")
    path = saved(found.within, tmp_path_factory)
    for i in range(3):
        plain = interpret(path, {name: x[i].tolist() for name, x in inputs.items()})
        assert plain.spikes == {name: train[i].tolist() for name, train in expected.trace.spikes.items()}
        assert plain.states == {name: state[i].tolist() for name, state in expected.trace.states.items()}


@settings(max_examples=12)
@given(found=edges(), seed=st.integers(0, 2**32 - 1))
def test_what_is_refused_is_refused_by_all_that_prove(
    tmp_path_factory: pytest.TempPathFactory, found: Edge, seed: int
) -> None:
    """The twin, Lava's schedule and the file prove first; the reference and the document see the same overflows."""
    inputs = random_inputs(found.beyond, np.random.default_rng(seed), (1,), corners=True)
    with pytest.raises(OutOfRange):
        Twin().run(found.beyond, inputs)
    with pytest.raises((OutOfRange, UnsupportedNode)):
        schedule(found.beyond)
    path = saved(found.beyond, tmp_path_factory)
    with pytest.raises(ProgramError, match="its certificate does not hold"):
        replace(found.beyond, certificate=found.within.certificate).save(path)
    try:
        interpret(path, {name: x[0].tolist() for name, x in inputs.items()})
    except LeftItsWidth:
        with pytest.raises(OverflowDetected):
            run(found.beyond, inputs)
    else:
        run(found.beyond, inputs)


def test_the_search_stands_at_the_edges_of_neurons_and_readouts() -> None:
    """Seeds 0 to 59 come to the width of a membrane, of what drives it and of an accumulator."""
    broken = " ".join(seeded_edge(seed).complaint for seed in range(60))
    for what in ("membrane[", "synaptic current[", "accumulator["):
        assert what in broken


@pytest.mark.parametrize("compiled", [True, False], ids=["numba", "numpy"])
@pytest.mark.parametrize(
    ("neuron", "unit"),
    [(LIF(131071, ToZero(), strict=True, beta=Decay12(4096)), 64), (IF(255 * 2**7), 1)],
    ids=["LIF", "IF"],
)
def test_a_membrane_far_below_zero_does_not_fire(neuron: Neuron, unit: int, compiled: bool) -> None:
    """Its distance to the threshold passes 32 bits where the membrane itself, proved, does not."""
    lowest = (2**31 - 1) // unit
    program = Program(
        (
            Input("x", [-lowest], [0], 1.0),
            Spiking("s", "x", neuron),
            Dense("d", "s", [[1]], [0]),
            Readout("r", "d", Rate()),
            Output("y", "r"),
        ),
        steps=1,
        widths=Widths(membrane=32, message=32),
    )
    inputs = {"x": np.array([[-float(lowest)], [0.0]])}
    expected = run(program, inputs, record=True)
    got = Twin(compiled=compiled).run(program, inputs, record=True)
    assert got.trace is not None
    assert got.trace.states["s"][:, 0, 0].tolist() == [-lowest * unit, 0]
    assert got.outputs["y"].tolist() == expected.outputs["y"].tolist() == [[0.0], [0.0]]
