"""fold: however another tool writes its currents, `quantize` takes what is read, and answers stay what they were."""

from __future__ import annotations

import re
import warnings
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from neurokit.compilers.exchange.dialects import plain
from neurokit.compilers.exchange.folding import fold
from neurokit.compilers.exchange.nir_import import Reading, from_nir
from neurokit.compilers.exchange.time_step import Euler
from neurokit.compilers.quantization.quantize import quantize
from neurokit.errors import NeurokitWarning, OutOfRange, UnsupportedNode
from neurokit.ir import graph as g
from neurokit.ir.interpreter import run
from neurokit.neurons.models import IF
from neurokit.neurons.readouts import Rate

STEPS = 12


def drawn_node(kind: str, size: int, rng: np.random.Generator) -> Any:
    """A node of NIR; resistances of either sign and thresholds differ from line to line. No number is round, so that
    no membrane comes to stand at its threshold."""
    nir = pytest.importorskip("nir")
    sign = rng.choice([-1.0, 1.0], size)
    zero, r, threshold = np.zeros(size), sign * rng.uniform(0.7, 1.9, size), rng.uniform(0.4, 1.1, size)
    shared = {"r": r, "v_threshold": threshold, "v_reset": zero}
    tau = np.full(size, rng.uniform(1.5, 4.0))
    made = {
        "Affine": lambda: nir.Affine(weight=rng.normal(size=(size, size)), bias=rng.normal(size=size)),
        "Linear": lambda: nir.Linear(weight=rng.normal(size=(size, size))),
        "Scale": lambda: nir.Scale(scale=sign * rng.uniform(0.4, 2.1, size)),
        "IF": lambda: nir.IF(**shared),
        "LIF": lambda: nir.LIF(tau=tau, v_leak=rng.normal(size=size) / 4, **shared),
        "CubaLIF": lambda: nir.CubaLIF(
            tau_syn=tau / 1.3, tau_mem=tau, w_in=rng.choice([-1.2, 0.8], size), v_leak=zero, **shared
        ),
    }
    return made[kind]()


NEURONS = ("IF", "LIF", "CubaLIF")


@st.composite
def nir_graphs(draw: Any) -> tuple[Any, list[str], int]:
    """Linear maps, scales, sums and neurons in any order, read or not: a NIR graph, its names in order, its width."""
    nir = pytest.importorskip("nir")
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size = draw(st.integers(1, 4))
    nodes: dict[str, Any] = {"input": nir.Input({"input": np.array([size])})}
    edges: list[tuple[str, str]] = []
    kinds = draw(st.lists(st.sampled_from(["Affine", "Linear", "Scale", *NEURONS]), min_size=2, max_size=7))
    for i, kind in enumerate([*kinds, draw(st.sampled_from(NEURONS))]):
        before = draw(st.lists(st.sampled_from(list(nodes)), min_size=1, max_size=3, unique=True))
        nodes[f"{kind}{i}"] = drawn_node(kind, size, rng)
        edges += [(source, f"{kind}{i}") for source in before]
    spiking = [name for name in nodes if name.startswith(NEURONS)]
    last = draw(st.sampled_from([spiking[-1], draw(st.sampled_from(spiking))]))
    for name in ("Affine", "Scale")[: draw(st.integers(0, 2))]:  # a readout of spikes, or of one or two maps of them
        nodes[f"{name}.last"] = drawn_node(name, size, rng)
        edges.append((last, f"{name}.last"))
        last = f"{name}.last"
    nodes["output"] = nir.Output({"output": np.array([size])})
    edges.append((last, "output"))
    if draw(st.booleans()):
        nodes["output.readout"] = nir.Output({"output": np.array([size])})
        edges.append((draw(st.sampled_from(spiking)), "output.readout"))
    return nir.NIRGraph(nodes, edges, type_check=False), list(nodes), size


def simulate(graph: Any, order: list[str], x: np.ndarray) -> tuple[dict[str, np.ndarray], float]:
    """NIR's equations by the book, dt = 1, and how near to its threshold a membrane came.

    What reaches the outputs, averaged over the window.
    """
    into = {name: [a for a, b in graph.edges if b == name] for name in order}
    v = {name: np.zeros_like(x) for name in order}
    j = {name: np.zeros_like(x) for name in order}
    total = {name: np.zeros_like(x) for name in order if type(graph.nodes[name]).__name__ == "Output"}
    nearest = np.inf
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
                total[name] += drive
            else:
                if kind == "IF":
                    v[name] = v[name] + node.r * drive
                elif kind == "LIF":
                    v[name] = v[name] + (node.v_leak - v[name] + node.r * drive) / node.tau
                else:
                    j[name] = j[name] + (-j[name] + node.w_in * drive) / node.tau_syn
                    v[name] = v[name] + (-v[name] + node.r * j[name]) / node.tau_mem
                nearest = min(nearest, float(np.abs(v[name] - node.v_threshold).min()))
                value[name] = (v[name] > node.v_threshold).astype(float)
                v[name] = np.where(value[name] > 0, 0.0, v[name])
    return {name: each / STEPS for name, each in total.items()}, nearest


def quantised(graph: g.Graph) -> str:
    """What quantize says of numbers that do not fit, or that it took the Graph."""
    try:
        quantize(graph)
    except OutOfRange as error:
        return str(error)
    return "taken"


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(nir_graphs(), st.integers(0, 2**32 - 1))
def test_what_is_read_answers_like_nir_and_can_be_quantised(made: tuple[Any, list[str], int], seed: int) -> None:
    nir_graph, order, size = made
    x = np.random.default_rng(seed).uniform(-1, 1, (3, size))
    expected, nearest = simulate(nir_graph, order, x)
    assume(nearest > 1e-9)  # the order of sums moves a membrane by 1e-12 or so
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NeurokitWarning)
        graph = from_nir(nir_graph, Reading(plain(Euler(1.0)), STEPS, -1.0, 1.0))
        answers = run(graph, {"input": x}).outputs
        assert answers.keys() == expected.keys()
        for name, each in expected.items():
            np.testing.assert_allclose(answers[name], each, atol=1e-9)  # no spike differs, of answers near 1
        assert re.search("^taken$|does not fit|no scale|can reach", quantised(graph)), "refused for widths alone"


def test_gains_of_neurons_behind_anything_are_multiplied_out() -> None:
    """Images, spikes and shared maps in front of neurons whose resistances have either sign; scales keep an image."""
    nir = pytest.importorskip("nir")
    rng = np.random.default_rng(3)

    def conv(channels: int, made: int) -> Any:
        kernel = rng.normal(size=(made, channels, 2, 2))
        pairs = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}
        return nir.Conv2d(input_shape=None, weight=kernel, bias=rng.normal(size=made), **pairs)

    def neurons(*shape: int) -> Any:
        r = rng.choice([-1.1, 0.9], shape)
        return nir.IF(r=r, v_threshold=rng.uniform(0.5, 1.0, shape), v_reset=np.zeros(shape))

    nodes = {
        "input": nir.Input({"input": np.array([1, 4, 4])}),
        "scale": nir.Scale(scale=rng.uniform(0.5, 1.5, (1, 4, 4))),
        "conv": conv(1, 2),
        "n": neurons(2, 3, 3),
        "all": nir.Scale(scale=np.array(-0.7)),
        "conv2": conv(2, 1),
        "m": neurons(1, 2, 2),
        "k": neurons(1, 2, 2),
        "output": nir.Output({"output": np.array([1, 2, 2])}),
    }
    edges = list(pairwise(nodes))
    edges = [edge for edge in edges if edge != ("m", "k")] + [("conv2", "k"), ("m", "k")]
    graph = from_nir(nir.NIRGraph(nodes, edges, type_check=False), Reading(plain(Euler(1.0)), STEPS, -1.0, 1.0))
    x = rng.uniform(-1, 1, (4, 16))
    answers = run(graph, {"input": x}).output

    def convolve(node: Any, image: np.ndarray) -> np.ndarray:
        rows, columns = image.shape[-2] - 1, image.shape[-1] - 1
        shifts = [(a, b) for a in (0, 1) for b in (0, 1)]
        parts = [
            np.einsum("oi,birc->borc", node.weight[:, :, a, b], image[..., a : a + rows, b : b + columns])
            for a, b in shifts
        ]
        return np.asarray(sum(parts) + node.bias[:, None, None])

    v = {"n": np.zeros((4, 2, 3, 3)), "m": np.zeros((4, 1, 2, 2)), "k": np.zeros((4, 1, 2, 2))}
    total = np.zeros((4, 1, 2, 2))

    def fire(name: str, drive: np.ndarray) -> np.ndarray:
        v[name] = v[name] + nodes[name].r * drive
        spikes = v[name] > nodes[name].v_threshold
        v[name] = np.where(spikes, 0.0, v[name])
        return spikes.astype(float)

    for _ in range(STEPS):
        spikes = fire("n", convolve(nodes["conv"], x.reshape(4, 1, 4, 4) * nodes["scale"].scale))
        current = convolve(nodes["conv2"], -0.7 * spikes)
        total += fire("k", current + fire("m", current))
    np.testing.assert_allclose(answers, total.reshape(4, 4) / STEPS, atol=1e-9)
    assert total.any()
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
