"""Graph to NIR and back is the same Graph, and what NIR cannot say is refused by name."""

from __future__ import annotations

import sys
from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neurokit.compilers.exchange.dialects import plain
from neurokit.compilers.exchange.nir_export import Annotated, to_nir, write_nir
from neurokit.compilers.exchange.nir_import import Reading, from_nir, read_nir
from neurokit.compilers.exchange.nir_neurons import InResistance, InThreshold
from neurokit.compilers.exchange.time_step import Euler, Exponential, TimeStep
from neurokit.errors import GraphError, OutOfRange, TargetUnavailable, UnsupportedNode
from neurokit.ir import graph as g
from neurokit.ir import interpreter as reference
from neurokit.ir.convolution import Convolution
from neurokit.ir.sparse import Csr
from neurokit.neurons.models import IF, LIF, CubaLIF, Neuron, Subtract, ToZero
from neurokit.neurons.readouts import MemMean, Rate

nir = pytest.importorskip("nir")


def same(left: g.Graph, right: g.Graph) -> bool:
    """Whether two Graphs are equal to the last bit, node by node."""
    return left.steps == right.steps and [_content(n) for n in left.nodes] == [_content(n) for n in right.nodes]


def _content(node: g.GraphNode) -> list[Any]:
    values = [getattr(node, field.name) for field in fields(node)]
    return [type(node), *((v.tolist(), v.dtype) if isinstance(v, np.ndarray) else v for v in values)]


def neurons(resets: tuple[Any, ...]) -> st.SearchStrategy[Neuron]:
    common = {
        "threshold": st.floats(1e-3, 1e3),
        "reset": st.sampled_from(resets),
        "strict": st.booleans(),
    }
    kept = st.floats(1e-3, 0.999)
    return st.one_of(
        st.builds(IF, **common),
        st.builds(LIF, **common, beta=kept),
        st.builds(CubaLIF, **common, alpha=kept, beta=kept),
    )


def steps() -> st.SearchStrategy[TimeStep]:
    dt = st.sampled_from([1e-4, 1e-3, 0.5, 1.0])
    return st.one_of(st.builds(Euler, dt), st.builds(Exponential, dt))


@st.composite
def graphs(draw: st.DrawFn, resets: tuple[Any, ...] = (ToZero(), Subtract())) -> g.Graph:
    """Images or vectors, sums, branches, one to three layers of neurons, several outputs."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    nodes: list[g.GraphNode] = [g.Input("x", 32, -1.0, 2.5)]
    if draw(st.booleans()):
        plan = Convolution((2, 4, 4), stride=(1, 2), padding=(1, 0))
        nodes.append(g.Conv2d("conv", "x", rng.normal(size=(3, 2, 2, 2)), rng.normal(size=3), plan))
        nodes.append(g.Spiking("seen", "conv", draw(neurons(resets))))
    for depth in range(draw(st.integers(1, 2))):
        late = draw(st.sampled_from([0, 0, 1, 3])) if isinstance(nodes[-1], g.Spiking) else 0  # inputs are held
        source, size = nodes[-1].name, g.Graph((*nodes, *_ending(nodes[-1].name)), 1).ports[nodes[-1].name].size
        nodes.append(g.Dense(f"a.{depth}", source, rng.normal(size=(5, size)), rng.normal(size=5), late))
        if draw(st.booleans()):
            nodes.append(g.Dense(f"b.{depth}", source, rng.normal(size=(5, size)), rng.normal(size=5)))
            nodes.append(g.Sum(f"sum.{depth}", (f"b.{depth}", f"a.{depth}")))
        nodes.append(g.Spiking(f"fire.{depth}", nodes[-1].name, draw(neurons(resets))))
    nodes.append(g.Dense("last", nodes[-1].name, rng.normal(size=(2, 5)), rng.normal(size=2)))
    nodes += [g.Readout("mean", "last", draw(st.sampled_from([Rate(), MemMean()]))), g.Output("y", "mean", 2.5, -1.0)]
    if draw(st.booleans()):
        nodes.append(g.Output("z", "mean"))
    return g.Graph(tuple(nodes), steps=draw(st.integers(1, 20)))


def _ending(source: str) -> list[g.GraphNode]:
    """Makes a Graph of what there is so far, to ask it for sizes."""
    return [g.Spiking("_", source, IF()), g.Readout("__", "_", Rate()), g.Output("___", "__")]


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(graph=graphs(), time=steps(), gain=st.sampled_from([InResistance(), InThreshold()]))
def test_there_and_back_is_the_same_graph(
    graph: g.Graph, time: TimeStep, gain: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "graph.nir"
    write_nir(to_nir(graph, time, gain=gain, promise=Annotated()), path)
    assert same(from_nir(read_nir(path)), graph)


def test_units_of_inputs_go_into_the_layers_behind_them() -> None:
    """As those of a network that was trained on columns in other units, which NIR's Input has no place for."""
    rng = np.random.default_rng(0)
    units = {"scale": np.array([0.5, 1000.0]), "offset": np.array([0.25, 1.7e9])}
    nodes = (
        g.Input("x", 2, np.array([-0.25, 1.7e9 - 1000]), np.array([0.75, 1.7e9 + 1000]), **units),
        g.Dense("first", "x", rng.normal(size=(5, 2)), rng.uniform(0, 1, 5)),
        g.Spiking("fire", "first", IF(reset=ToZero())),
        g.Dense("last", "fire", rng.normal(size=(1, 5)), np.zeros(1)),
        g.Readout("mean", "last", Rate()),
        g.Output("y", "mean"),
    )
    graph = g.Graph(nodes, 12)
    back = from_nir(to_nir(graph, Euler(1.0)))
    x = {"x": rng.uniform(-1, 1, (40, 2)) * units["scale"] + units["offset"]}
    np.testing.assert_array_equal(reference.run(back, x).output, reference.run(graph, x).output)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(graph=graphs(resets=(ToZero(),)), gain=st.sampled_from([InResistance(), InThreshold()]))
def test_a_reader_of_nir_alone_sees_the_same_spikes(graph: g.Graph, gain: Any) -> None:
    """NIR's own numbers, without the notes: equal but for rounding, so on inputs that are not at a threshold."""
    written = to_nir(graph, Euler(1.0), gain=gain)
    written.metadata = {}
    for node in written.nodes.values():
        node.metadata = {}
    output = graph.outputs[0]
    rule = graph[output.source].rule
    bare = from_nir(written, Reading(plain(Euler(1.0)), graph.steps, -1.0, 2.5, rule))
    x = {"x": np.random.default_rng(0).uniform(-1, 2.5, (3, 32))}
    expected, got = (reference.run(network, x, record=True).trace for network in (graph, bare))
    assert expected is not None
    assert got is not None
    for name, spikes in expected.spikes.items():
        assert (got.spikes[name] == spikes).all()


def test_delays_of_other_writers_are_whole_steps_before_synapses() -> None:
    """Delays one behind the other add up; what is no step, differs between lines or has no synapses is refused."""

    def read(*nodes: Any) -> g.Graph:
        names = [f"n{i}" for i in range(len(nodes))]
        ends = nir.Input(input_type={"input": np.array([2])}), nir.Output(output_type={"output": np.array([2])})
        by_name = {
            "in": ends[0],
            "w": nir.Linear(weight=np.eye(2)),
            "s": nir.IF(r=np.ones(2), v_threshold=np.ones(2)),
            **dict(zip(names, nodes, strict=True)),
            "out": ends[1],
        }
        edges = list(pairwise(by_name))
        return from_nir(nir.NIRGraph(nodes=by_name, edges=edges), Reading(plain(Euler(1e-3)), 9, -1.0, 1.0))

    late, matrix = nir.Delay(delay=np.full(2, 2e-3)), nir.Linear(weight=np.eye(2))
    dense = read(late, nir.Delay(delay=np.full(2, 1e-3)), matrix)["n2"]
    assert isinstance(dense, g.Dense)
    assert (dense.source, dense.delay) == ("s", 3)
    with pytest.raises(OutOfRange, match=r"'n0': delay .* one whole number of steps"):
        read(nir.Delay(delay=np.array([1e-3, 2e-3])), matrix)
    with pytest.raises(OutOfRange, match=r"'n0': delay .* one whole number of steps"):
        read(nir.Delay(delay=np.full(2, 1.5e-3)), matrix)
    with pytest.raises(UnsupportedNode, match=r"'n1' \(IF\).*'n0' delays what it reads"):
        read(late, nir.IF(r=np.ones(2), v_threshold=np.ones(2)))


X = g.Input("x", 2, -1.0, 1.0)
D = g.Dense("d", "x", np.eye(2), np.zeros(2))
S = g.Spiking("s", "d", IF(1.0, ToZero()))
R = g.Readout("r", "s", Rate())
Y = g.Output("y", "r")


@pytest.mark.parametrize(
    ("nodes", "names"),
    [
        ((X, D, replace(S, neuron=IF()), R, Y), r"'s' \(IF\).*subtracts its threshold.*Annotated"),
        ((X, D, S, R, g.Product("p", "r", "r"), g.Output("y", "p")), r"'r'.*p computes with it"),
        ((X, g.Sparse("d", "x", Csr.of(np.eye(2)), np.zeros(2)), S, R, Y), r"'d' \(Sparse\).*Replace it by a Dense"),
        ((X, D, replace(S, recurrent=g.Recurrent(np.eye(2))), R, Y), r"'s' \(Recurrent\).*how late a spike comes back"),
        ((X, D, replace(S, name="s/1"), replace(R, source="s/1"), Y), "'s/1'.*HDF5"),
        ((X, D, replace(S, name="d.delay"), replace(R, source="d.delay"), Y), "'d'.*Rename 'd.delay'"),
        ((X, D, S, g.Sum("sum", ("s", "d")), replace(R, source="sum"), Y), "'sum'.*read by r"),
        ((X, D, S, R, g.Dense("e", "r", np.eye(2), np.zeros(2)), g.Output("y", "e")), "'r'.*e computes with it"),
    ],
)
def test_what_nir_cannot_say_is_refused_by_name(nodes: tuple[g.GraphNode, ...], names: str) -> None:
    with pytest.raises(UnsupportedNode, match=names):
        to_nir(g.Graph(nodes, 4), Euler(1e-3))


@pytest.mark.parametrize("neuron", [LIF(1.0, ToZero(), beta=1.0), CubaLIF(1.0, ToZero(), alpha=0.5, beta=1.0)])
def test_a_state_that_keeps_all_has_no_time_constant(neuron: Neuron) -> None:
    with pytest.raises(OutOfRange, match="'s': what a state keeps in a step is 1"):
        to_nir(g.Graph((X, D, replace(S, neuron=neuron), R, Y), 4), Euler(1e-3))


def foreign(**neuron: Any) -> Any:
    """A graph of another writer: two lines, one layer."""
    arrays = {"tau": [2.0, 2.0], "r": [2.0, 2.0], "v_leak": [0.0, 0.0], "v_threshold": [1.0, 1.0], **neuron}
    nodes = {
        "input": nir.Input(input_type={"input": np.array([2])}),
        "fc": nir.Linear(weight=np.array([[1.0, 2.0], [3.0, 4.0]])),
        "lif": nir.LIF(**{k: np.array(v) for k, v in arrays.items()}),
        "output": nir.Output(output_type={"output": np.array([2])}),
    }
    return nir.NIRGraph(nodes=nodes, edges=[("input", "fc"), ("fc", "lif"), ("lif", "output")])


READING = Reading(plain(Euler(1.0)), steps=9, low=-1.0, high=1.0)


def test_what_differs_between_neurons_goes_into_the_weights() -> None:
    """`v <- v/2 + (v_leak + r x)/2`, fires above v_threshold: in units of the threshold per line."""
    graph = from_nir(foreign(r=[2.0, 4.0], v_leak=[0.5, 0.0], v_threshold=[1.0, 4.0]), READING)
    dense, spiking = graph["fc"], graph["lif"]
    assert isinstance(dense, g.Dense)
    assert isinstance(spiking, g.Spiking)
    assert spiking.neuron == LIF(1.0, ToZero(), True, beta=0.5)
    np.testing.assert_array_equal(dense.weight, [[1.0, 2.0], [1.5, 2.0]])
    np.testing.assert_array_equal(dense.bias, [0.25, 0.0])


@pytest.mark.parametrize(
    ("graph", "error", "names"),
    [
        (foreign(tau=[2.0, 3.0]), UnsupportedNode, "'lif'.*different time constants"),
        (foreign(v_reset=[0.0, 0.1]), UnsupportedNode, "'lif'.*v_reset is not 0"),
        (foreign(r=[1.0, 0.0]), OutOfRange, "'lif': v_threshold per unit of drive is .* gain of 0 in line 1"),
        (foreign(tau=[0.5, 0.5]), OutOfRange, "'lif': tau is 0.5"),
    ],
)
def test_foreign_numbers_without_a_place_are_refused_by_name(graph: Any, error: type[Exception], names: str) -> None:
    with pytest.raises(error, match=names):
        from_nir(graph, READING)


def test_foreign_nodes_and_edges_without_a_place_are_refused_by_name(tmp_path: Path) -> None:
    graph = foreign()
    graph.nodes["lif"] = nir.LI(tau=np.ones(2), r=np.ones(2), v_leak=np.zeros(2))
    with pytest.raises(UnsupportedNode, match=r"'lif' \(LI\)"):
        from_nir(graph, READING)
    graph = foreign()
    graph.edges.append(("lif", "fc"))
    with pytest.raises(GraphError, match=r"cycle is \['fc', 'lif', 'output'\]"):
        from_nir(graph, READING)
    graph.edges[-1] = ("lif", "gone")
    with pytest.raises(GraphError, match=r"edge is \('lif', 'gone'\)"):
        from_nir(graph, READING)
    (tmp_path / "text.nir").write_text("no HDF5")
    with pytest.raises(GraphError, match=r"text\.nir is no NIR graph"):
        read_nir(tmp_path / "text.nir")
    with pytest.raises(GraphError, match=r"no file '.*nowhere\.nir'"):
        read_nir(tmp_path / "nowhere.nir")


def test_notes_that_contradict_the_numbers_are_refused() -> None:
    written = to_nir(g.Graph((X, D, S, R, Y), 4), Euler(1e-3))
    written.nodes["s"].v_threshold = written.nodes["s"].v_threshold * 2
    with pytest.raises(GraphError, match=r"'s': threshold by its notes is 1\.0; legal is about 2"):
        from_nir(written)
    with pytest.raises(GraphError, match=r"what NIR leaves open is notes of neurokit.*leave the Reading out"):
        from_nir(written, READING)


def test_without_the_package_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nir", None)
    with pytest.raises(TargetUnavailable, match=r"pip install 'neurokit-loihi\[exchange\]'"):
        to_nir(g.Graph((X, D, S, R, Y), 4), Euler(1e-3))


def test_an_edge_that_is_there_twice_is_refused_as_nir_does() -> None:
    graph = foreign(r=[1.0, 1.0])
    graph.edges.append(("fc", "lif"))
    with pytest.raises(GraphError, match=r"edge is \('fc', 'lif'\); legal is there once"):
        from_nir(graph, READING)


@pytest.mark.parametrize("kind", ["IF", "LIF", "CubaLIF"])
def test_a_negative_gain_is_a_change_of_sign_of_the_weights(kind: str) -> None:
    """By NIR's own equation, step by step; x drives the membrane down where it is positive."""
    one = np.ones(1)
    shared = {"v_threshold": 0.5 * one, "v_reset": 0 * one}
    node = {
        "IF": lambda: nir.IF(r=-one, **shared),
        "LIF": lambda: nir.LIF(tau=4 * one, r=-one, v_leak=0.25 * one, **shared),
        "CubaLIF": lambda: nir.CubaLIF(tau_syn=2 * one, tau_mem=4 * one, r=one, w_in=-one, v_leak=0 * one, **shared),
    }[kind]()
    nodes = {
        "input": nir.Input({"input": np.array([1])}),
        "w": nir.Linear(np.eye(1)),
        "n": node,
        "output": nir.Output({"output": np.array([1])}),
    }
    graph = from_nir(nir.NIRGraph(nodes, [("input", "w"), ("w", "n"), ("n", "output")], type_check=False), READING)
    x = np.array([-1.0, -0.6, -0.2, 0.3, 1.0])
    v, j, count = np.zeros(5), np.zeros(5), np.zeros(5)
    for _ in range(READING.steps):
        if kind == "IF":
            v = v - x
        elif kind == "LIF":
            v = v + (0.25 - v - x) / 4
        else:
            j = j + (-j - x) / 2
            v = v + (-v + j) / 4
        count += v > 0.5
        v = np.where(v > 0.5, 0.0, v)
    assert count.any()
    np.testing.assert_allclose(reference.run(graph, {"input": x[:, None]}).output[:, 0], count / READING.steps)


@pytest.mark.parametrize("threshold", [0.0, -0.5])
@pytest.mark.parametrize("r", [1.0, -1.0])
def test_a_threshold_that_is_not_above_rest_is_refused(threshold: float, r: float) -> None:
    with pytest.raises(OutOfRange, match=rf"'lif': v_threshold is {threshold:g} .*legal is a number > 0"):
        from_nir(foreign(r=[1.0, r], v_threshold=[1.0, threshold]), READING)
