"""fold: however another tool writes its currents, `quantize` takes what is read, and answers stay what they were."""

from __future__ import annotations

import warnings
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neurokit import graph as g
from neurokit.compilers.quantize import quantize
from neurokit.errors import NeurokitWarning, OutOfRange, UnsupportedNode
from neurokit.exchange.dialects import plain
from neurokit.exchange.folding import fold
from neurokit.exchange.nir_import import Reading, from_nir
from neurokit.exchange.time_step import Euler
from neurokit.neurons import IF
from neurokit.readouts import Rate
from neurokit.reference import run

STEPS = 12
LEAST = 3


@st.composite
def nir_graphs(draw: Any) -> tuple[Any, list[str], int]:
    """A NIR graph of linear maps, scales, sums and neurons in any order, its node names in order, and its width."""
    nir = pytest.importorskip("nir")
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size = draw(st.integers(1, 4))
    nodes: dict[str, Any] = {"input": nir.Input({"input": np.array([size])})}
    edges: list[tuple[str, str]] = []
    for i in range(draw(st.integers(LEAST, 8))):
        kind = draw(st.sampled_from(["Affine", "Linear", "Scale", "IF", "LIF"]))
        name = f"{kind}{i}"
        weight = rng.normal(size=(size, size)).round(2)
        ones = np.ones(size)
        nodes[name] = {
            "Affine": lambda w=weight, b=ones: nir.Affine(weight=w, bias=rng.normal(size=size).round(2) * b),
            "Linear": lambda w=weight: nir.Linear(weight=w),
            "Scale": lambda b=ones: nir.Scale(scale=rng.choice([-1.5, 0.5, 2.0], size) * b),
            "IF": lambda b=ones: nir.IF(r=b, v_threshold=0.9 * b, v_reset=0 * b),
            "LIF": lambda b=ones: nir.LIF(tau=3 * b, r=2 * b, v_leak=0 * b, v_threshold=0.7 * b, v_reset=0 * b),
        }[kind]()
        before = draw(st.lists(st.sampled_from(list(nodes)[:-1]), min_size=1, max_size=2, unique=True))
        edges += [(source, name) for source in before]
    spikes = [name for name in nodes if name.startswith(("IF", "LIF"))]
    last = spikes[-1] if spikes else None
    if last is None:
        nodes["IF"] = nir.IF(r=np.ones(size), v_threshold=np.ones(size), v_reset=np.zeros(size))
        edges.append((list(nodes)[-2], "IF"))
        last = "IF"
    nodes["output"] = nir.Output({"output": np.array([size])})
    edges.append((last, "output"))
    return nir.NIRGraph(nodes, edges, type_check=False), list(nodes), size


def simulate(graph: Any, order: list[str], x: np.ndarray) -> np.ndarray:
    """NIR's equations by the book: what reaches the output, averaged over the window."""
    into = {name: [a for a, b in graph.edges if b == name] for name in order}
    v = {name: np.zeros_like(x) for name in order}
    total = np.zeros_like(x)
    for _ in range(STEPS):
        value: dict[str, np.ndarray] = {}
        for name in order:
            node, kind = graph.nodes[name], type(graph.nodes[name]).__name__
            drive = sum((value[source] for source in into[name]), np.zeros_like(x))
            if kind == "Input":
                value[name] = x
            elif kind in ("Affine", "Linear"):
                value[name] = drive @ node.weight.T + getattr(node, "bias", 0.0)
            elif kind == "Scale":
                value[name] = drive * node.scale
            elif kind == "Output":
                total += drive
            else:
                v[name] = v[name] + (drive if kind == "IF" else (-v[name] + node.r * drive) / node.tau)
                value[name] = (v[name] > node.v_threshold).astype(float)
                v[name] = np.where(value[name] > 0, 0.0, v[name])
    return total / STEPS


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(nir_graphs(), st.integers(0, 2**32 - 1))
def test_what_is_read_answers_like_nir_and_can_be_quantised(made: tuple[Any, list[str], int], seed: int) -> None:
    nir_graph, order, size = made
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NeurokitWarning)
        graph = from_nir(nir_graph, Reading(plain(Euler(1.0)), STEPS, -1.0, 1.0))
    x = np.random.default_rng(seed).uniform(-1, 1, (3, size))
    inputs = {"input": x} if graph.inputs else {}
    if inputs:
        # Sums in another order move a membrane by 1e-12 or so: a spike where it is that close to its threshold.
        answers = run(graph, inputs).outputs["output"]
        assert np.mean(np.abs(answers - simulate(nir_graph, order, x)) > 1e-9) < 0.02
    with suppress(OutOfRange):  # a matter of widths
        quantize(graph)


def line(*nodes: g.GraphNode) -> g.Graph:
    return g.Graph((g.Input("x", 2, -1.0, 1.0), *nodes), 4)


W = np.array([[1.0, 2.0], [0.5, -1.0]])
B = np.array([0.25, -0.5])
ZERO = np.zeros(2)


def test_maps_behind_maps_and_sums_are_multiplied_out_exactly() -> None:
    graph = line(
        g.Dense("a", "x", W, B),
        g.Dense("b", "x", 2 * W, ZERO),
        g.Sum("s", ("a", "b", "a")),
        g.Dense("c", "s", W, B),
        g.Spiking("n", "c", IF()),
        g.Readout("r", "n", Rate()),
        g.Output("y", "r"),
    )
    made = fold(graph)
    assert [type(node).__name__ for node in made.nodes] == ["Input", "Dense", "Spiking", "Dense", "Readout", "Output"]
    np.testing.assert_array_equal(made["c"].weight, W @ (4 * W))  # type: ignore[union-attr]
    np.testing.assert_array_equal(made["c"].bias, W @ (2 * B) + B)  # type: ignore[union-attr]
    x = {"x": np.random.default_rng(0).uniform(-1, 1, (20, 2))}
    np.testing.assert_array_equal(run(made, x).output, run(graph, x).output)


def test_delays_add_up_and_what_cannot_be_said_is_refused_by_name() -> None:
    def delayed(bias: np.ndarray, delay: int) -> g.Graph:
        return line(
            g.Dense("in", "x", W, ZERO),
            g.Spiking("m", "in", IF()),
            g.Dense("a", "m", W, bias, 2),
            g.Dense("c", "a", W, B, delay),
            g.Spiking("n", "c", IF()),
            g.Readout("r", "n", Rate()),
            g.Output("y", "r"),
        )

    made = fold(delayed(ZERO, 1))
    assert made["c"].delay == 3  # type: ignore[union-attr]
    x = {"x": np.random.default_rng(0).uniform(-1, 1, (20, 2))}
    np.testing.assert_array_equal(run(made, x).output, run(delayed(ZERO, 1), x).output)
    with pytest.raises(UnsupportedNode, match=r"'c'.*delays 'a', whose bias"):
        fold(delayed(B, 1))
    with pytest.raises(UnsupportedNode, match=r"'c'.*delays by 64 steps"):
        fold(delayed(ZERO, 62))


def test_what_no_output_depends_on_is_left_out_with_a_warning() -> None:
    graph = line(
        g.Dense("a", "x", W, B),
        g.Spiking("n", "a", IF()),
        g.Dense("unread", "n", W, B),
        g.Readout("r", "n", Rate()),
        g.Output("y", "r"),
    )
    with pytest.warns(NeurokitWarning, match="no output depends on unread; left out"):
        made = fold(graph)
    assert "unread" not in [node.name for node in made.nodes]
    quantize(made)


def test_what_has_its_form_already_is_kept_as_it_is() -> None:
    dense = g.Dense("a", "x", W, B)
    graph = line(
        dense,
        g.Spiking("n", "a", IF()),
        g.Dense("o", "n", W, B),
        g.Readout("r", "o", Rate()),
        g.Output("y", "r"),
    )
    made = fold(graph)
    assert [node.name for node in made.nodes] == [node.name for node in graph.nodes]
    assert made["a"].weight is dense.weight  # type: ignore[union-attr]
