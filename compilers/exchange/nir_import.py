"""from_nir: NIR graph -> Graph; what a Graph cannot say, and what a file leaves open, is refused by name.

A graph that neurokit wrote is read by its notes. Any other needs a Reading: the dialect of its writer, the window, the
range of its inputs and the readout, none of which NIR knows. Its inputs are held over the window.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from neurokit.compilers.exchange import nir_notes
from neurokit.compilers.exchange.dialects import Dialect
from neurokit.compilers.exchange.folding import MOST_WEIGHTS, fold
from neurokit.compilers.exchange.nir_edges import in_order
from neurokit.compilers.exchange.nir_neurons import read
from neurokit.compilers.exchange.nir_package import nir_package
from neurokit.errors import GraphError, OutOfRange, UnsupportedNode, explain
from neurokit.ir import graph as g
from neurokit.ir.convolution import Convolution
from neurokit.neurons.readouts import RULES, Rate, ReadoutRule
from neurokit.system.file_kinds import recognise


@dataclass(frozen=True)
class Reading:
    """What a foreign graph does not say.

    steps      of the window
    low, high  range of every input value
    rule       readout of every output
    """

    dialect: Dialect
    steps: int
    low: float
    high: float
    rule: ReadoutRule = Rate()  # noqa: RUF009 (frozen)


def read_nir(path: str | Path) -> Any:
    """The `nir.NIRGraph` in a file; raises GraphError when there is none that can be read."""
    nir = nir_package()
    try:
        # Some writers leave shapes open that their own types then contradict; `from_nir` checks what it uses.
        read_graph = nir.read(Path(path), type_check=False)
    except FileNotFoundError:
        raise GraphError(f"there is no file {str(path)!r}; give the path of a NIR graph (.nir).") from None
    except Exception as error:  # whatever the package's reading runs into
        kind = recognise(Path(path))
        found = f"no NIR graph ({error!r})" if kind is None else f"no NIR graph but {kind.what}"
        remedy = "write it again" if kind is None else kind.remedy("write it again")
        raise GraphError(explain(f"{path}", found, "a .nir file", remedy)) from error
    if not isinstance(read_graph, nir.NIRGraph):
        raise GraphError(explain(f"{path}", f"a {type(read_graph).__name__}", "a NIRGraph", "wrap it in a graph"))
    return read_graph


def from_nir(nir_graph: Any, reading: Reading | None = None) -> g.Graph:
    """The Graph of a `nir.NIRGraph`; `reading` says what a graph of another writer leaves open.

    The currents of another writer's graph are multiplied out (`neurokit.compilers.exchange.folding`), so that
    `quantize` takes it. Raises UnsupportedNode for a node that a Graph cannot say, GraphError for a missing or
    superfluous Reading, dangling, repeated or cyclic edges and shapes that do not fit, OutOfRange for numbers without
    meaning.
    """
    own = nir_notes.KEY in nir_graph.metadata
    if own == (reading is not None):
        found, remedy = ("notes of neurokit", "leave the Reading out") if own else ("none", "say how to read it")
        legal = "a Reading for a graph of another writer, notes for one of neurokit"
        raise GraphError(explain("what NIR leaves open", found, legal, remedy))
    if reading is not None:
        dialect, steps, order = reading.dialect, reading.steps, list[str]()
    else:
        dialect, steps, order = nir_notes.dialect(nir_graph.metadata)
    reader = _Reader(nir_graph, dialect, reading)
    for each in in_order(nir_graph):
        reader.add(each, nir_graph.nodes[each])
    if reading is not None:
        return fold(g.Graph(tuple(reader.nodes), steps))
    nodes = {node.name: node for node in reader.nodes}
    if set(order) != set(nodes):
        either = sorted(set(order) ^ set(nodes))
        remedy = "remove neurokit's notes from a graph that was changed, and give a Reading"
        raise GraphError(explain("nodes in the graph or its notes alone", either, "none", remedy))
    return g.Graph(tuple(nodes[each] for each in order), steps)


@dataclass
class _Reader:
    """The Graph while it grows.

    stands  the Graph node that a NIR node is: itself, or what a Flatten or a Delay reads
    images  shapes of what is no plain vector
    late    steps by which a NIR node is later than the Graph node that it is, where it is
    """

    source: Any
    dialect: Dialect
    reading: Reading | None
    nodes: list[g.GraphNode] = field(default_factory=list)
    stands: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    images: dict[str, tuple[int, ...]] = field(default_factory=dict)
    late: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, node: Any) -> None:
        """Add what one NIR node is."""
        kind = type(node).__name__
        sources = [before for before, after in self.source.edges if after == name]
        if kind == "Input":
            self._input(name, node)
            return
        if not sources:
            raise GraphError(explain(f"node {name!r}: sources", "none", "at least one", "connect it, or remove it"))
        if len(sources) == 1:
            source = self.stands[sources[0]]
        else:
            source = self._sum(name, node, [self.stands[before] for before in sources])
        rule = _RULES.get(kind)
        if rule is None:
            raise UnsupportedNode(name, kind, "a Graph", "it has no such node", "Write the network without it.")
        delays = [before for before in sources if before in self.late]
        if delays and (len(sources) > 1 or kind not in _DELAYED):
            reason = f"{delays[0]!r} delays what it reads, and only synapses do that"
            raise UnsupportedNode(name, kind, "a Graph", reason, "Put a Linear between the two.")
        if delays:
            self.late[name] = self.late[delays[0]]
        rule(self, name, node, source)
        if kind in _SYNAPSES:
            self.late.pop(name, None)  # the Graph's node has the delay

    def keep(self, node: g.GraphNode, size: int, image: tuple[int, ...] | None = None) -> None:
        self.nodes.append(node)
        self.stands[node.name], self.sizes[node.name] = node.name, size
        if image is not None:
            self.images[node.name] = image

    def fresh(self, name: str) -> str:
        """A name for a node that the file does not have."""
        while name in self.source.nodes or name in self.stands:
            name += "'"
        return name

    def _input(self, name: str, node: Any) -> None:
        shape = _shape(name, node.input_type)
        if self.reading is None:
            notes = nir_notes.noted(f"input {name!r}", node.metadata, "low", "high")
        else:
            notes = {"low": self.reading.low, "high": self.reading.high}
        size = int(np.prod(shape))
        self.keep(g.Input(name, size, notes["low"], notes["high"]), size, shape if len(shape) > 1 else None)

    def _sum(self, name: str, node: Any, sources: list[str]) -> str:
        if self.reading is None:
            name = str(nir_notes.noted(f"node {name!r}", node.metadata, "sum")["sum"])
        else:
            name = self.fresh(f"{name}.sum")
        self.keep(g.Sum(name, tuple(sources)), self.sizes[sources[0]], self.images.get(sources[0]))
        return name

    def affine(self, name: str, node: Any, source: str) -> None:
        weight = np.asarray(node.weight, dtype=np.float64)
        if weight.ndim != 2:
            legal, remedy = "(out, in)", "write a matrix for plain vectors"
            raise GraphError(explain(f"node {name!r}: shape of weight", weight.shape, legal, remedy))
        bias = np.asarray(getattr(node, "bias", np.zeros(len(weight))), dtype=np.float64).reshape(-1)
        self.keep(g.Dense(name, source, weight, bias, self.late.get(name, 0)), len(weight))

    def scale(self, name: str, node: Any, source: str) -> None:
        factors = np.asarray(node.scale, dtype=np.float64).reshape(-1)
        if factors.size == 1:  # some writers give one number for all
            factors = np.broadcast_to(factors, (self.sizes[source],))
        written = _diagonal(name, source, factors, np.zeros(factors.size), self.late.get(name, 0))
        self.keep(written, factors.size, self.images.get(source))

    def conv2d(self, name: str, node: Any, source: str) -> None:
        kernel = np.asarray(node.weight, dtype=np.float64)
        image = self.images.get(source)
        if image is None or len(image) != 3:
            legal, remedy = "(channels, rows, columns)", "give its Input that shape"
            raise GraphError(explain(f"node {name!r}: shape of its source", image, legal, remedy))
        if isinstance(node.padding, str):
            reason = f"its padding is {node.padding!r}"
            raise UnsupportedNode(name, "Conv2d", "a Graph", reason, "Write the padding as two numbers.")
        pairs = {key: _pair(getattr(node, key)) for key in ("stride", "padding", "dilation")}
        convolution = Convolution(image, **pairs, groups=int(node.groups))
        bias = np.asarray(node.bias, dtype=np.float64)
        written = g.Conv2d(name, source, kernel, bias, convolution, self.late.get(name, 0))
        self.keep(written, written.shape[0], written.image)

    def flatten(self, name: str, node: Any, source: str) -> None:
        # Lines are in the order channel, row, column already, so flattening all of them changes nothing.
        image = self.images.get(source, (self.sizes[source],))
        whole = int(node.start_dim) in (0, -len(image)) and int(node.end_dim) in (-1, len(image) - 1)
        if len(image) > 1 and not whole:
            reason = f"it flattens dimensions {node.start_dim}..{node.end_dim} of {image}"
            raise UnsupportedNode(name, "Flatten", "a Graph", reason, "Flatten all of them.")
        self.stands[name] = source

    def delay(self, name: str, node: Any, source: str) -> None:
        times = np.asarray(node.delay, dtype=np.float64)
        steps = times / self.dialect.time.dt
        whole = np.rint(steps)
        # A delay was a whole number of steps, up to rounding in the file, or it is none.
        if not times.size or (whole != whole.flat[0]).any() or (np.abs(steps - whole) > 1e-6).any():
            legal = f"one whole number of steps of {self.dialect.time.dt:g} for all lines"
            raise OutOfRange(explain(f"node {name!r}: delay", times, legal, "take another time step, or other delays"))
        self.stands[name] = source
        self.late[name] = self.late.get(name, 0) + int(whole.flat[0])

    def neuron(self, name: str, node: Any, source: str) -> None:
        found = read(name, node, self.sizes[source], self.dialect)
        image = self.images.get(source)
        if (found.row != 1).any() or found.current.any():
            source = self._rescaled(name, source, found.row, found.current)
        neuron = found.neuron
        if self.reading is None:
            neuron = nir_notes.restored(name, neuron, node.metadata)
        self.keep(g.Spiking(name, source, neuron), self.sizes[source], image)

    def _rescaled(self, name: str, source: str, row: np.ndarray, current: np.ndarray) -> str:
        """The current of a neuron with what differs between its lines: in the Dense before it, or in one of its own."""
        readers = [after for before, after in self.source.edges if self.stands.get(before) == source]
        at = next(i for i, node in enumerate(self.nodes) if node.name == source)
        synapses = self.nodes[at]
        if isinstance(synapses, g.Dense) and readers == [name]:
            weight, bias = synapses.weight * row[:, None], synapses.bias * row + current
            self.nodes[at] = replace(synapses, weight=weight, bias=bias)
            return source
        gain = self.fresh(f"{name}.gain")
        self.keep(_diagonal(gain, source, row, current), len(row))
        return gain

    def output(self, name: str, node: Any, source: str) -> None:
        if self.reading is not None:
            notes: Mapping[str, Any] = {"readout": self.fresh(f"{name}.readout"), "scale": 1.0, "offset": 0.0}
            rule = self.reading.rule
        else:
            notes = nir_notes.noted(f"output {name!r}", node.metadata, "readout", "rule", "scale", "offset")
            if notes["rule"] not in RULES:
                legal = f"one of {sorted(RULES)}"
                raise GraphError(explain(f"output {name!r}: rule", notes["rule"], legal, "mend its notes"))
            rule = RULES[notes["rule"]]
        readout = str(notes["readout"])
        if readout not in self.stands:
            self.keep(g.Readout(readout, source, rule), self.sizes[source])
        self.keep(g.Output(name, readout, float(notes["scale"]), float(notes["offset"])), self.sizes[source])


_RULES = {
    "Affine": _Reader.affine,
    "Linear": _Reader.affine,
    "Scale": _Reader.scale,
    "Conv2d": _Reader.conv2d,
    "Flatten": _Reader.flatten,
    "Delay": _Reader.delay,
    "IF": _Reader.neuron,
    "LIF": _Reader.neuron,
    "CubaLIF": _Reader.neuron,
    "Output": _Reader.output,
}


#: Kinds that become synapses, and those that may stand behind a Delay.
_SYNAPSES = frozenset({"Affine", "Linear", "Scale", "Conv2d"})
_DELAYED = _SYNAPSES | {"Flatten", "Delay"}


def _diagonal(name: str, source: str, factors: np.ndarray, bias: np.ndarray, delay: int = 0) -> g.Dense:
    """Synapses from every line to the line of its number."""
    if factors.size**2 > MOST_WEIGHTS:
        reason = f"its {factors.size} factors are a matrix of more than {MOST_WEIGHTS} weights"
        raise UnsupportedNode(name, "Scale", "a Graph", reason, "Multiply them into the weights before it.")
    return g.Dense(name, source, np.diag(factors), bias, delay)


def _shape(name: str, types: Mapping[str, Any]) -> tuple[int, ...]:
    (values,) = types.values()
    if values is None:
        raise GraphError(explain(f"input {name!r}: shape", None, "a shape", "write the graph with one"))
    return tuple(int(n) for n in np.atleast_1d(values))


def _pair(value: Any) -> tuple[int, int]:
    rows, columns = np.broadcast_to(np.asarray(value), (2,))
    return int(rows), int(columns)
