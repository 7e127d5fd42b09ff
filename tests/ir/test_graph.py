"""Graphs: what fits together, and what is said when something does not."""

from __future__ import annotations

import numpy as np
import pytest

from neurokit.errors import GraphError, NeurokitError, OutOfRange
from neurokit.ir.graph import Dense, Graph, Input, Output, Product, Readout, Spiking
from neurokit.ir.interpreter import run
from neurokit.ir.signals import Port, Signal, consumers
from neurokit.neurons.models import IF
from neurokit.neurons.readouts import MemMean, Rate

X = Input("x", 2, -1.0, 1.0)
DENSE = Dense("d", "x", np.ones((3, 2)), np.zeros(3))
SPIKING = Spiking("s", "d", IF(1.0))
READOUT = Readout("r", "s", Rate())
OUTPUT = Output("y", "r")
CHAIN = (X, DENSE, SPIKING, READOUT, OUTPUT)


def test_wires_say_size_and_signal() -> None:
    graph = Graph(CHAIN, 4)
    assert graph.ports == {
        "x": Port(2, Signal.HELD),
        "d": Port(3, Signal.HELD),
        "s": Port(3, Signal.SERIES),
        "r": Port(3, Signal.TOTAL),
        "y": Port(3, Signal.TOTAL),
    }
    assert graph["s"] is SPIKING
    assert graph.inputs == (X,)
    assert graph.outputs == (OUTPUT,)
    assert consumers(graph.nodes)["d"] == ("s",)


BROKEN = {
    "a node behind its reader": (
        (X, SPIKING, DENSE, READOUT, OUTPUT),
        "'s' reads 'd', which is not a node before",
    ),
    "a missing source": ((X, Spiking("s", "ghost", IF())), "reads 'ghost'.*nodes known so far: x"),
    "two nodes of a name": ((X, X), "two nodes are named 'x'"),
    "an empty name": ((Input("", 1, 0.0, 1.0),), "Input node has an empty name"),
    "a Dense of another width": ((X, Dense("d", "x", np.ones((3, 5)), np.zeros(3))), "5 wide; legal is 2, the size of"),
    "neurons behind a total": ((*CHAIN[:4], Spiking("s2", "r", IF())), "cannot read 'r': its signal is total"),
    "a readout of something held": ((X, Readout("r", "x", Rate())), "its signal is held, legal is series"),
    "an output of spikes": ((X, DENSE, SPIKING, Output("y", "s")), "its signal is series, legal is total"),
    "a product of spikes": ((X, DENSE, SPIKING, Product("p", "s", "s")), "'p' .Product. multiplies two totals"),
    "a reader of an output": (
        (*CHAIN, Dense("e", "y", np.ones((1, 3)), np.zeros(1))),
        "'e' reads the output 'y'; let",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_nodes_that_do_not_fit_are_named(name: str) -> None:
    nodes, message = BROKEN[name]
    with pytest.raises(GraphError, match=message):
        Graph((*nodes, *(() if any(isinstance(n, Output) for n in nodes) else CHAIN[-1:])), 4)


def test_a_graph_needs_an_output_and_a_step() -> None:
    with pytest.raises(GraphError, match="has no Output node"):
        Graph(CHAIN[:-1], 4)
    with pytest.raises(GraphError, match=r"Graph\.steps is 0; legal is at least 1"):
        Graph(CHAIN, 0)


def test_numbers_are_checked_where_they_enter() -> None:
    weight = np.ones((3, 2))
    weight[2, 1] = np.nan
    with pytest.raises(OutOfRange, match=r"layer 'd': weight\[2, 1\] is nan; legal is a finite number"):
        Dense("d", "x", weight, np.zeros(3))
    with pytest.raises(OutOfRange, match=r"layer 'd': bias\[0\] is inf"):
        Dense("d", "x", np.ones((1, 2)), np.array([np.inf]))
    with pytest.raises(GraphError, match=r"shapes of weight and bias is \(\(3, 2\), \(2,\)\); legal is \(out, in\)"):
        Dense("d", "x", np.ones((3, 2)), np.zeros(2))
    with pytest.raises(OutOfRange, match=r"input 'x': range is \(1.0, 1.0\); legal is finite, low < high"):
        Input("x", 2, 1.0, 1.0)
    with pytest.raises(GraphError, match="input 'x': size is 0"):
        Input("x", 0, 0.0, 1.0)
    with pytest.raises(OutOfRange, match=r"output 'y'.*\[1\] is nan"):
        Output("y", "r", 1.0, float("nan"))


def test_arrays_are_copied_and_frozen() -> None:
    weight = np.ones((3, 2))
    dense = Dense("d", "x", weight, np.zeros(3))
    weight[0, 0] = 7
    assert dense.weight[0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        dense.weight[0, 0] = 7


def test_unknown_keywords_are_refused() -> None:
    with pytest.raises(TypeError, match="weigth"):
        Dense("d", "x", weigth=np.ones((1, 1)), bias=np.zeros(1))  # type: ignore[call-arg]


def test_every_error_is_a_neurokit_error() -> None:
    for error in (GraphError, OutOfRange):
        assert issubclass(error, NeurokitError)
        assert issubclass(error, ValueError)


def test_a_window_by_hand() -> None:
    """x = 0.5 into a threshold of 1 fires at every second step; memmean weighs step t by T - t."""
    graph = Graph(
        (
            Input("x", 1, 0.0, 1.0),
            Spiking("s", "x", IF(1.0)),
            Readout("rate", "s", Rate()),
            Readout("mem", "s", MemMean()),
            Product("p", "rate", "mem"),
            Output("y", "p", scale=10.0, offset=-1.0),
        ),
        steps=4,
    )
    result = run(graph, {"x": np.array([[0.5], [0.0]])}, record=True)
    assert result.trace is not None
    assert result.trace.spikes["s"][0].ravel().tolist() == [0, 1, 0, 1]
    assert result.trace.states["s"][0].ravel().tolist() == [0.5, 1.0, 0.5, 1.0]
    assert result.trace.totals["rate"].ravel().tolist() == [0.5, 0.0]
    assert result.trace.totals["mem"].ravel().tolist() == [(3 + 1) / 10, 0.0]
    assert result.output.ravel().tolist() == pytest.approx([10 * 0.5 * 0.4 - 1, -1.0])
