"""fold: a Graph whose currents are written in any way -> the same with one layer of synapses from neurons to neurons.

Other tools write a scale behind spikes, a linear map behind another, a sum before synapses. `quantize` wants synapses
that read an Input or neurons and that one population or one readout reads. Algebra makes one of the other:

    W2 (W1 x + b1) + b2 = (W2 W1) x + (W2 b1 + b2),    W (x + y) + b = W x + (W y + b),    x = I x

with the matrices multiplied in float64. Synapses that several nodes read are repeated for each, and what no output
depends on is left out.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from neurokit.errors import NeurokitWarning, UnsupportedNode
from neurokit.ir import graph as g
from neurokit.ir.fixed_point import DELAYS

#: Entries of a matrix that is multiplied out; more would be a layer that no chip has room for.
MOST_WEIGHTS = 2**26


class _Term(NamedTuple):
    """`weight @ x[t - delay]` of a current; `written` are the synapses that say just that, if a node does."""

    source: str
    weight: Float64[np.ndarray, "out in"] | None
    delay: int
    written: g.Dense | g.Sparse | g.Conv2d | None


@dataclass(frozen=True)
class _Current:
    """A sum of terms and a bias, known under the name of a node."""

    name: str
    terms: tuple[_Term, ...]
    bias: Float64[np.ndarray, " out"]


def fold(graph: g.Graph) -> g.Graph:
    """The Graph with its currents multiplied out.

    Parameters
    ----------
    graph
        Without products; its readouts read currents or spikes.

    Returns
    -------
    Graph
        Nodes that already have the form wanted are kept as they are. Answers are those of `graph` to the rounding of
        products of matrices.

    Raises
    ------
    UnsupportedNode
        For delayed synapses of a current that is there before the delay is over, matrices too large to multiply out,
        delays that add up to more than 62 steps, and a readout of currents from several sources.

    Warns
    -----
    NeurokitWarning
        Naming nodes that no output depends on.
    """
    needed = _needed(graph)
    left_out = [node.name for node in graph.nodes if node.name not in needed]
    if left_out:
        warnings.warn(f"no output depends on {', '.join(left_out)}; left out.", NeurokitWarning, stacklevel=3)
    nodes: list[g.GraphNode] = []
    taken = set(needed)
    used: set[str] = set()

    def named(name: str, reader: str) -> str:
        """A name for synapses: their own for the first reader, one after it for others."""
        if name not in used and not isinstance(graph.ports.get(name) and graph[name], g.Spiking | g.Input):
            used.add(name)
            return name
        fresh = f"{name}.{reader}"
        while fresh in taken:
            fresh += "'"
        taken.add(fresh)
        return fresh

    def current(reader: str, source: str) -> str:
        """Add the synapses of the current that `reader` reads, and return its name."""
        found = _current(graph, source)
        made = []
        for i, term in enumerate(found.terms):
            bias = found.bias if i == 0 else np.zeros_like(found.bias)
            written = term.written
            node: g.Dense | g.Sparse | g.Conv2d
            if written is not None and np.array_equal(bias, written.line_bias):
                node = replace(written, name=named(written.name, reader))
            else:
                name = written.name if written is not None else (source if len(found.terms) == 1 else term.source)
                node = g.Dense(named(name, reader), term.source, _matrix(graph, term), bias, term.delay)
            made.append(node.name)
            nodes.append(node)
        if len(made) == 1:
            return made[0]
        summed = named(source if isinstance(graph[source], g.Sum) else f"{source}.sum", reader)
        nodes.append(g.Sum(summed, tuple(made)))
        return summed

    for node in graph.nodes:
        if node.name not in needed or isinstance(node, g.Synapses | g.Sum):
            continue
        if isinstance(node, g.Readout) and len(_current(graph, node.source).terms) > 1:
            reason = f"it adds up {node.source!r} from several sources"
            raise UnsupportedNode(node.name, "Readout", "a Program", reason, "Put neurons before it, or one Linear.")
        if isinstance(node, g.Spiking | g.Readout):
            nodes.append(replace(node, source=current(node.name, node.source)))
        else:
            nodes.append(node)
    return replace(graph, nodes=tuple(nodes))


def _needed(graph: g.Graph) -> set[str]:
    """Names of the nodes that some output depends on."""
    found: set[str] = set()
    waiting = [node.name for node in graph.outputs]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += graph[name].sources
    return found


def _current(graph: g.Graph, name: str) -> _Current:
    """What a node sends to neurons, as a sum over inputs and spikes."""
    node = graph[name]
    size = graph.ports[name].size
    if isinstance(node, g.Sum):
        parts = [_current(graph, source) for source in node.sources]
        return _Current(name, _merged(graph, [t for part in parts for t in part.terms]), sum(p.bias for p in parts))  # type: ignore[arg-type]
    if not isinstance(node, g.Synapses):
        return _Current(name, (_Term(name, None, 0, None),), np.zeros(size))
    if not isinstance(graph[node.source], g.Synapses | g.Sum):
        return _Current(name, (_Term(node.source, None, node.delay, node),), node.line_bias)
    inner = _current(graph, node.source)
    if node.delay and inner.bias.any():
        reason = f"it delays {node.source!r}, whose bias is there before the delay is over"
        raise UnsupportedNode(name, type(node).__name__, "a Program", reason, "Delay the spikes before it.")
    if size * max(graph.ports[term.source].size for term in inner.terms) > MOST_WEIGHTS:
        reason = f"its product with {node.source!r} has more than {MOST_WEIGHTS} weights"
        raise UnsupportedNode(name, type(node).__name__, "a Program", reason, "Put neurons between the two.")
    terms = []
    for term in inner.terms:
        delay = term.delay + node.delay
        if delay not in DELAYS:
            reason = f"with {node.source!r} it delays by {delay} steps, more than {DELAYS[-1]}"
            raise UnsupportedNode(name, type(node).__name__, "a Program", reason, "Shorten the delays.")
        terms.append(_Term(term.source, np.asarray(node.matrix @ _matrix(graph, term)), delay, None))
    return _Current(name, tuple(terms), np.asarray(node.matrix @ inner.bias) + node.line_bias)


def _merged(graph: g.Graph, terms: list[_Term]) -> tuple[_Term, ...]:
    """Terms of one source and delay as one."""
    found: dict[tuple[str, int], _Term] = {}
    for term in terms:
        key = term.source, term.delay
        if key in found:
            weight = _matrix(graph, found[key]) + _matrix(graph, term)
            found[key] = _Term(*key[:1], weight, term.delay, None)
        else:
            found[key] = term
    return tuple(found.values())


def _matrix(graph: g.Graph, term: _Term) -> Float64[np.ndarray, "out in"]:
    """The weights of a term, all of them."""
    if term.weight is not None:
        return term.weight
    if term.written is None:
        return np.eye(graph.ports[term.source].size)
    matrix = term.written.matrix
    return np.asarray(matrix if isinstance(matrix, np.ndarray) else matrix.toarray(), dtype=np.float64)
