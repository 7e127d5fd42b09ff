"""What Graph and Program share: named nodes in topological order, and what flows along their edges."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
from jaxtyping import Bool

from neurokit.errors import GraphError, OutOfRange, explain


class Signal(Enum):
    """How a value lives in time, within one window of `steps` time steps."""

    HELD = "held"  #: one value per sample, presented at every step (direct coding)
    SERIES = "series"  #: one value per step
    TOTAL = "total"  #: one value per sample, known when the window is over


class Port(NamedTuple):
    """The output of a node: number of lines and kind of signal."""

    size: int
    signal: Signal


class Node(Protocol):
    """A named operation with named sources."""

    @property
    def name(self) -> str: ...
    @property
    def sources(self) -> tuple[str, ...]: ...

    def port(self, sources: Sequence[Port]) -> Port:
        """Check the sources of this node and return what it emits; raises GraphError."""
        ...


N = TypeVar("N", bound=Node)


def wire_up(nodes: Iterable[Node]) -> dict[str, Port]:
    """Walk the nodes in order and infer every wire.

    Raises GraphError when a name is empty or used twice, when a source is missing or comes later (which is
    how a cycle shows), or when a node refuses its sources.
    """
    ports: dict[str, Port] = {}
    for node in nodes:
        if not node.name:
            raise GraphError(f"a {type(node).__name__} node has an empty name; give it one.")
        if node.name in ports:
            raise GraphError(f"two nodes are named {node.name!r}; names must be unique.")
        for source in node.sources:
            if source not in ports:
                raise GraphError(
                    f"node {node.name!r} reads {source!r}, which is not a node before it; "
                    f"nodes known so far: {', '.join(ports) or 'none'}. List nodes in topological order."
                )
        ports[node.name] = node.port([ports[s] for s in node.sources])
    return ports


def consumers(nodes: Iterable[Node]) -> dict[str, tuple[str, ...]]:
    """Names of the nodes that read each node."""
    nodes = tuple(nodes)
    readers: dict[str, list[str]] = {node.name: [] for node in nodes}
    for node in nodes:
        for source in dict.fromkeys(node.sources):
            readers[source].append(node.name)
    return {name: tuple(found) for name, found in readers.items()}


def require_unread(nodes: Iterable[Node], outputs: Iterable[Node]) -> None:
    """Raise GraphError when a node reads an output, which has left the network."""
    readers = consumers(nodes)
    for node in outputs:
        if readers[node.name]:
            raise GraphError(
                f"node {readers[node.name][0]!r} reads the output {node.name!r}; let it read {node.sources[0]!r}, "
                "which the output reads."
            )


def one_source(node: Node, sources: Sequence[Port], *allowed: Signal) -> Port:
    """The only source of `node`, whose signal must be one of `allowed`."""
    if len(sources) != 1:
        raise GraphError(f"node {node.name!r} ({type(node).__name__}) takes one source, not {len(sources)}.")
    if sources[0].signal not in allowed:
        legal = " or ".join(signal.value for signal in allowed)
        raise GraphError(
            f"node {node.name!r} ({type(node).__name__}) cannot read {node.sources[0]!r}: "
            f"its signal is {sources[0].signal.value}, legal is {legal}."
        )
    return sources[0]


def two_totals(node: Node, sources: Sequence[Port]) -> Port:
    """The common wire of the two sources of a product, which must be totals of one size."""
    left, right = sources
    if left != right or left.signal is not Signal.TOTAL:
        said = [
            f"{n!r} is {wire.size} lines of {wire.signal.value}" for n, wire in zip(node.sources, sources, strict=True)
        ]
        raise GraphError(
            f"node {node.name!r} ({type(node).__name__}) multiplies two totals of one size; {', '.join(said)}."
        )
    return left


def summed(node: Node, sources: Sequence[Port]) -> Port:
    """The wire of a sum of one or more sources of one size: totals, or held values and series."""
    totals = [wire.signal is Signal.TOTAL for wire in sources]
    if not sources or len({wire.size for wire in sources}) > 1 or any(totals) != all(totals):
        said = [
            f"{n!r} is {wire.size} lines of {wire.signal.value}" for n, wire in zip(node.sources, sources, strict=True)
        ]
        raise GraphError(
            f"node {node.name!r} ({type(node).__name__}) adds sources of one size, all of them totals or none; "
            f"{', '.join(said) or 'it has none'}."
        )
    series = any(wire.signal is Signal.SERIES for wire in sources)
    return Port(sources[0].size, Signal.SERIES if series else sources[0].signal)


def through(node: Node, shape: tuple[int, int], delay: int, sources: Sequence[Port]) -> Port:
    """What synapses `(out, in)` make of the only source of `node`: `in` lines of anything, if delayed of a series."""
    source = one_source(node, sources, *([Signal.SERIES] if delay else Signal))
    if source.size != shape[1]:
        raise GraphError(
            explain(
                f"layer {node.name!r}: weight",
                f"{shape[1]} wide",
                f"{source.size}, the size of {node.sources[0]!r}",
                "match the two",
            )
        )
    return Port(shape[0], source.signal)


def require_recurrent(node: Node, weight: np.ndarray | None, size: int) -> None:
    """Raise GraphError when a population of `size` neurons has recurrent weights of another size."""
    if weight is not None and len(weight) != size:
        raise GraphError(
            explain(
                f"layer {node.name!r}: recurrent weight",
                weight.shape,
                f"({size}, {size}), the size of {node.sources[0]!r}",
                "match the two",
            )
        )


#: One number for all columns of an input, or a read-only array with one for each.
PerColumn = Any


def per_column(values: PerColumn) -> PerColumn:
    """One number where all columns have it, else a read-only array, in float64."""
    values = np.asarray(values, dtype=np.float64)
    same = values.ndim == 0 or (values == values.flat[0]).all()
    return float(values.flat[0]) if same else frozen(values)


def frozen(array: np.ndarray) -> np.ndarray:
    """A read-only copy, so that an artefact cannot change after it was checked; what is read-only is not copied."""
    if array.base is None and not array.flags.writeable and array.flags.c_contiguous:
        return array
    array = np.array(array, copy=True, order="C")
    array.setflags(write=False)
    return array


def require_finite(subject: str, array: np.ndarray) -> None:
    """Raise OutOfRange at the first NaN or infinite entry of `array`."""
    remedy = "look for what produced it ({count} such entries), for example a diverged training run"
    refuse_first(~np.isfinite(array), subject, array, "a finite number", remedy)


def refuse_first(bad: Bool[np.ndarray, "..."], subject: str, array: np.ndarray, legal: str, remedy: str) -> None:
    """Raise OutOfRange at the first entry of `array` that is `bad`; `{count}` in `remedy` is how many there are."""
    places = np.argwhere(bad)
    if len(places):
        index = ", ".join(map(str, places[0]))
        value = array[tuple(places[0])]
        raise OutOfRange(explain(f"{subject}[{index}]", value, legal, remedy.format(count=len(places))))


def present(inputs: Mapping[str, np.ndarray], expected: Mapping[str, int], subject: str) -> dict[str, np.ndarray]:
    """Check the names and shapes of a sample batch against a network's inputs.

    Every array is `(..., size)`; the leading axes of all arrays must broadcast together, so that
    `branch (N1, 1, m)` with `trunk (1, N2, d)` means every pair.
    """
    unknown, missing = set(inputs) - set(expected), set(expected) - set(inputs)
    if unknown or missing:
        raise GraphError(
            f"{subject} takes the inputs {sorted(expected)}; "
            + (f"unknown: {sorted(unknown)}. " if unknown else "")
            + (f"missing: {sorted(missing)}." if missing else "")
        )
    arrays = {}
    for name, size in expected.items():
        array = np.asarray(inputs[name])
        if array.dtype.kind not in "fiu":
            raise GraphError(explain(f"input {name!r}: dtype", array.dtype, "a real or integer array", "convert it"))
        if array.ndim < 1 or array.shape[-1] != size:
            raise GraphError(
                explain(
                    f"input {name!r}: shape", array.shape, f"(..., {size})", f"put the {size} values on the last axis"
                )
            )
        if array.size == 0:
            raise GraphError(explain(f"input {name!r}: shape", array.shape, "at least one sample", "pass samples"))
        require_finite(f"input {name!r}", array)
        arrays[name] = array
    try:
        np.broadcast_shapes(*(a.shape[:-1] for a in arrays.values()))
    except ValueError:
        shapes = ", ".join(f"{name} {a.shape}" for name, a in arrays.items())
        raise GraphError(
            f"the leading axes of the inputs do not broadcast: {shapes}. For aligned samples give every input the "
            "same number of rows; for every pair give the shapes (N1, 1, m) and (1, N2, d)."
        ) from None
    return arrays
