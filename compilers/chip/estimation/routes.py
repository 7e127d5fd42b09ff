"""Routes: which cores receive a line, and how many synapses a message from it meets there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse
from jaxtyping import Int64, UInt8

from neurokit.compilers.chip.placement import Placement, Slice
from neurokit.compilers.chip.populations import Population, Projection

#: The home of lines that come from outside the cores.
OUTSIDE = -1


@dataclass(frozen=True, eq=False)
class Route:
    """Where the messages of one source go. Lines of a segment, `edges[i] .. edges[i + 1] - 1`, behave alike.

    home      core of each segment, or OUTSIDE
    synapses  `(segments, cores)`, sparse: synapses that one message of a line meets on a core; only cores that receive
    it
    """

    source: str
    edges: Int64[np.ndarray, " segments_plus_1"]
    home: Int64[np.ndarray, " segments"]
    synapses: scipy.sparse.csr_array

    def count(self, sent: UInt8[np.ndarray, "*batch lines"]) -> Int64[np.ndarray, "*batch segments"]:
        """How many lines of each segment emit."""
        counted: np.ndarray = np.add.reduceat(sent, self.edges[:-1], axis=-1, dtype=np.int64)
        return counted


def bias_lines(layer: str) -> str:
    """The name of the constant lines that carry the bias of a layer."""
    return f"{layer} (bias)"


def routes(made: Sequence[Population], placement: Placement) -> dict[str, Route]:
    """The Route of every source of the populations, those from outside included."""
    received: dict[str, list[tuple[Projection, tuple[Slice, ...]]]] = {}
    width: dict[str, int] = {}
    for population in made:
        width[population.name] = population.size
    for population in made:
        parts = placement.layers[population.name]
        for p in population.projections:
            if p.lines:
                received.setdefault(p.source, []).append((p, parts))
                width[p.source] = p.lines
            if p.biases:
                name = bias_lines(p.layer)
                received.setdefault(name, []).append((Projection(p.layer, name, p.biases), parts))
                width[name] = p.biases
    return {source: _route(source, width[source], received.get(source, []), placement.layers) for source in width}


def _route(
    source: str,
    lines: int,
    readers: list[tuple[Projection, tuple[Slice, ...]]],
    layers: Mapping[str, tuple[Slice, ...]],
) -> Route:
    own = layers.get(source, ())
    marks = {0, lines, *(part.start for part in own)}
    if any(p.reach is not None for p, _ in readers):
        marks = set(range(lines + 1))
    for p, parts in readers:
        if p.one_to_one:
            marks |= {part.start for part in parts}
    edges = np.array(sorted(marks), dtype=np.int64)
    home = np.full(len(edges) - 1, OUTSIDE, dtype=np.int64)
    for part in own:
        home[np.searchsorted(edges, part.start) : np.searchsorted(edges, part.stop)] = part.core
    cores = 1 + max(part.core for parts in layers.values() for part in parts)
    entries = list(_entries(readers, edges))
    where = [np.concatenate([entry[i] for entry in entries]) for i in range(3)] if entries else [np.zeros(0, int)] * 3
    segment, core, count = where
    synapses = scipy.sparse.csr_array((count, (segment, core)), shape=(len(edges) - 1, cores), dtype=np.int64)
    synapses.sum_duplicates()
    return Route(source, edges, home, synapses)


def _entries(
    readers: Iterable[tuple[Projection, tuple[Slice, ...]]], edges: Int64[np.ndarray, " _"]
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """`(segments, cores, synapses)` of every projection on every core."""
    for p, parts in readers:
        for part in parts:
            if p.one_to_one:
                inside = np.arange(np.searchsorted(edges, part.start), np.searchsorted(edges, part.stop))
                count = np.ones(len(inside), dtype=np.int64)
            elif p.reach is not None:
                count = np.bincount(p.reach[part.start : part.stop].indices, minlength=p.lines)
                inside = np.flatnonzero(count)
                count = count[inside]
            else:
                inside = np.arange(len(edges) - 1)
                count = np.full(len(inside), part.size)
            yield inside, np.full(len(inside), part.core), count
