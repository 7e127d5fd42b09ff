"""to_nir: Graph -> NIR graph; what NIR cannot say is refused by name.

    Input            Input
    Dense            Affine
    Conv2d           Conv2d, and a Flatten where a Dense reads an image
    delays           a Delay before the synapses, of so many time steps
    IF LIF CubaLIF   the same, in time constants (`neurokit.compilers.exchange.time_step`)
    Sum              several edges into one node
    Output           Output: the series that the Readout before it averages. The average itself is in the notes.

NIR resets to a value. A neuron that subtracts its threshold is refused unless `Annotated()` is asked for: then NIR's
part says reset to zero, and only a reader of the notes (`neurokit.compilers.exchange.nir_notes`) knows better.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import singledispatch
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from neurokit._version import __version__
from neurokit.compilers.exchange import nir_notes
from neurokit.compilers.exchange.nir_neurons import Gain, InResistance, write
from neurokit.compilers.exchange.nir_package import nir_package
from neurokit.compilers.exchange.time_step import TimeStep
from neurokit.compilers.quantization.input_columns import in_real_numbers
from neurokit.errors import OutOfRange, UnsupportedNode
from neurokit.ir import graph as g
from neurokit.ir.signals import Signal, consumers
from neurokit.neurons.models import Subtract, ToZero
from neurokit.system.atomic import replacing

_TARGET = "NIR"


class Promise(Protocol):
    """What a foreign reader of the graph may rely on."""

    @property
    def resets_alike(self) -> bool: ...


@dataclass(frozen=True)
class Faithful:
    """Every neuron is what NIR's own equations say."""

    resets_alike: bool = field(default=True, init=False)


@dataclass(frozen=True)
class Annotated:
    """Neurons that subtract are written as neurons that reset to zero, with a note that foreign readers do not see."""

    resets_alike: bool = field(default=False, init=False)


def to_nir(
    graph: g.Graph,
    time: TimeStep,
    *,
    gain: Gain = InResistance(),  # noqa: B008 (frozen)
    promise: Promise = Faithful(),
) -> Any:
    """The `nir.NIRGraph` of a Graph, its decays as time constants for the given step.

    Scales and offsets of Inputs go into the layers behind them, but for convolutions.

    Raises UnsupportedNode for a node, reset or shape that NIR cannot say, OutOfRange for a decay without a time
    constant, TargetUnavailable when the package nir is not installed.
    """
    nir = nir_package()
    graph = in_real_numbers(graph)
    writer = _Writer(graph, time, gain, promise, nir)
    for node in graph.nodes:
        if "/" in node.name or node.name in (".", ".."):
            raise _refused(node, "its name has no place in an HDF5 file", "Rename it.")
        write_node(node, writer)
    notes = {
        "format": nir_notes.FORMAT,
        "version": __version__,
        "steps": graph.steps,
        "dt": time.dt,
        "scheme": time.name,
        "nodes": "\n".join(node.name for node in graph.nodes),
    }
    return nir.NIRGraph(nodes=writer.nodes, edges=writer.edges, metadata={nir_notes.KEY: notes})


def write_nir(nir_graph: Any, path: str | Path) -> Path:
    """Write a NIR graph as HDF5, whole or not at all."""
    image = io.BytesIO()  # the HDF5 library crashes on a disk that is full, so the bytes go there from memory
    nir_package().write(image, nir_graph)
    with replacing(Path(path)) as temporary:
        temporary.write_bytes(image.getvalue())
    return Path(path)


@dataclass
class _Writer:
    """The NIR graph while it grows; `images` are the shapes of what is no plain vector."""

    graph: g.Graph
    time: TimeStep
    gain: Gain
    promise: Promise
    nir: Any
    nodes: dict[str, Any] = field(default_factory=dict)
    edges: list[tuple[str, str]] = field(default_factory=list)
    images: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def shape(self, name: str) -> tuple[int, ...]:
        return self.images.get(name, (self.graph.ports[name].size,))

    def sources(self, source: str) -> tuple[tuple[str, ...], dict[str, Any]]:
        """The NIR nodes that `source` stands for, and the note on its reader."""
        node = self.graph[source]
        return (node.sources, {"sum": node.name}) if isinstance(node, g.Sum) else ((source,), {})

    def add(self, node: g.GraphNode, written: Any, source: str | None = None, **notes: Any) -> None:
        """Add a node with its edges."""
        self.put(node.name, written, () if source is None else (source,), **notes)

    def put(self, name: str, written: Any, sources: tuple[str, ...], **notes: Any) -> None:
        """Add a NIR node; HDF5 has no empty groups of notes."""
        for source in sources:
            before, summed = self.sources(source) if source not in self.nodes else ((source,), {})
            notes |= summed
            self.edges += [(each, name) for each in before]
        if notes:
            written.metadata = {nir_notes.KEY: notes}
        self.nodes[name] = written

    def synapses(self, node: g.Dense | g.Conv2d, written: Any, flat: bool) -> None:
        """Add synapses, behind a Delay if they have one and, with `flat`, a Flatten of what is an image."""
        source, shape = node.source, self.shape(node.source)
        for taken in {f"{node.name}.delay", f"{node.name}.flatten"} & self.graph.ports.keys():
            raise _refused(node, f"NIR may need a node {taken!r} of its own", f"Rename {taken!r}.")
        if node.delay:
            late = self.nir.Delay(delay=np.full(shape, node.delay * self.time.dt))
            self.put(f"{node.name}.delay", late, (source,))
            source = f"{node.name}.delay"
        if flat and len(shape) > 1:
            flatten = self.nir.Flatten(input_type={"input": np.array(shape)}, start_dim=0, end_dim=-1)
            self.put(f"{node.name}.flatten", flatten, (source,))
            source = f"{node.name}.flatten"
        self.put(node.name, written, (source,))


@singledispatch
def write_node(node: Any, writer: _Writer) -> None:
    """Add one Graph node to the NIR graph."""
    raise _refused(node, "it has no NIR node", _REMEDIES.get(type(node), "Replace it."))


_REMEDIES: Mapping[type, str] = {
    g.Product: "Export the networks before the product one by one: NIR's edges have no ports, so it has no product.",
    g.Sparse: "Replace it by a Dense.",
}


@write_node.register
def _(node: g.Input, writer: _Writer) -> None:
    convolutions = [
        reader for reader in writer.graph.nodes if isinstance(reader, g.Conv2d) and reader.source == node.name
    ]
    if convolutions:
        writer.images[node.name] = convolutions[0].convolution.image
    if np.any(node.scale != 1) or np.any(node.offset):
        reason = "it scales or shifts what it reads, and NIR's Input does not"
        raise UnsupportedNode(node.name, "Input", "NIR", reason, "Train it with normalize=False.")
    shape = np.array(writer.shape(node.name))
    low, high = (np.asarray(end).tolist() for end in (node.low, node.high))
    writer.add(node, writer.nir.Input(input_type={"input": shape}), low=low, high=high)


@write_node.register
def _(node: g.Dense, writer: _Writer) -> None:
    _require_series(node, writer)
    writer.synapses(node, writer.nir.Affine(weight=node.weight.copy(), bias=node.bias.copy()), flat=True)


@write_node.register
def _(node: g.Conv2d, writer: _Writer) -> None:
    _require_series(node, writer)
    plan = node.convolution
    if writer.shape(node.source) != plan.image:
        raise _refused(node, f"it takes {writer.shape(node.source)} lines for an image {plan.image}", "Read an image.")
    if plan.groups != 1 or node.kernel.shape[2] != node.kernel.shape[3]:
        reason = "the package nir infers a wrong shape for groups and for kernels that are not square"
        raise _refused(node, reason, "Use one group and a square kernel.")
    writer.images[node.name] = node.image
    written = writer.nir.Conv2d(
        input_shape=plan.image[1:],
        weight=node.kernel.copy(),
        stride=plan.stride,
        padding=plan.padding,
        dilation=plan.dilation,
        groups=plan.groups,
        bias=node.bias.copy(),
    )
    writer.synapses(node, written, flat=False)


@write_node.register
def _(node: g.Spiking, writer: _Writer) -> None:
    kind = type(node.neuron).__name__
    if not isinstance(node.neuron.reset, Subtract | ToZero):
        raise UnsupportedNode(node.name, kind, _TARGET, f"its reset is {node.neuron.reset}", "Use ToZero.")
    if isinstance(node.neuron.reset, Subtract) and writer.promise.resets_alike:
        reason = "it subtracts its threshold, and NIR resets to a value"
        remedy = (
            "Train with ToZero (`neurokit train --set neuron.reset=zero`), or ask for Annotated() (`neurokit export "
            "--annotate-resets`): then foreign readers reset to zero, and spikes differ."
        )
        raise UnsupportedNode(node.name, kind, _TARGET, reason, remedy)
    if node.recurrent is not None:
        reason = "NIR does not say how late a spike comes back along a cycle"
        raise UnsupportedNode(node.name, "Recurrent", _TARGET, reason, "Train without recurrent synapses.")
    shape = writer.shape(node.source)
    if len(shape) > 1:
        writer.images[node.name] = shape
    try:
        written = write(node.neuron, shape, writer.time, writer.gain, writer.nir)
    except OutOfRange as error:
        raise OutOfRange(f"node {node.name!r}: {error}") from None
    writer.add(node, written, node.source, **nir_notes.of_neuron(node.neuron))


@write_node.register
def _(node: g.Sum, writer: _Writer) -> None:
    readers = consumers(writer.graph.nodes)[node.name]
    if len(readers) != 1 or isinstance(writer.graph[readers[0]], g.Sum | g.Readout):
        remedy = "Give it one reader, synapses or neurons: in NIR a sum is several edges into one node."
        raise _refused(node, f"it is read by {', '.join(readers)}", remedy)
    if len({writer.shape(source) for source in node.sources}) > 1:
        raise _refused(node, "its sources have different shapes", "Sum vectors of one size.")
    if any(isinstance(writer.graph[source], g.Sum) for source in node.sources):
        raise _refused(node, "it sums a sum", "Join the two.")
    if len(writer.shape(node.sources[0])) > 1:
        writer.images[node.name] = writer.shape(node.sources[0])


@write_node.register
def _(node: g.Readout, writer: _Writer) -> None:
    others = [name for name in consumers(writer.graph.nodes)[node.name] if not isinstance(writer.graph[name], g.Output)]
    if others:
        reason = f"{others[0]} computes with it, and NIR has no values over a window"
        raise _refused(node, reason, "Export the part of the network before it.")


@write_node.register
def _(node: g.Output, writer: _Writer) -> None:
    readout = writer.graph[node.source]
    if not isinstance(readout, g.Readout):
        raise _refused(node, "it does not read a Readout", "Export the part of the network before its source.")
    shape = np.array(writer.shape(readout.source))
    notes = {"readout": readout.name, "rule": readout.rule.name, "scale": node.scale, "offset": node.offset}
    writer.add(node, writer.nir.Output(output_type={"output": shape}), readout.source, **notes)


def _require_series(node: g.Dense | g.Conv2d, writer: _Writer) -> None:
    if writer.graph.ports[node.source].signal is Signal.TOTAL:
        reason = "it reads a value over a window, and NIR has series only"
        raise _refused(node, reason, "Export the part of the network before it.")


def _refused(node: Any, reason: str, remedy: str) -> UnsupportedNode:
    return UnsupportedNode(node.name, type(node).__name__, _TARGET, reason, remedy)
