"""Load: the operations of every core in every step, from Activity and Routes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse
from jaxtyping import Bool, Float64, Int64

from neurokit.compilers.chip.estimation.activity import Activity
from neurokit.compilers.chip.estimation.links import Links, links_of
from neurokit.compilers.chip.estimation.mesh import Mesh
from neurokit.compilers.chip.estimation.routes import OUTSIDE, Route, routes
from neurokit.compilers.chip.placement import Placement
from neurokit.compilers.chip.populations import Population

#: Bytes of counts that are held at a time.
CHUNK_BYTES = 2**26

#: Operations by sample, chip step and core.
PerCore = Int64[np.ndarray, "samples steps cores"]


@dataclass(frozen=True, eq=False)
class Ways:
    """One source's messages, by segment: the cores that receive a line, and the hops to all; 0 without a mesh."""

    cores: Int64[np.ndarray, " segments"]
    east_west: Int64[np.ndarray, " segments"]
    north_south: Int64[np.ndarray, " segments"]
    within_tile: Int64[np.ndarray, " segments"]
    between_chips: Int64[np.ndarray, " segments"]
    #: Of every pair of a segment and a core: the segment, and its hops.
    single: tuple[np.ndarray, np.ndarray, np.ndarray]

    def longest(self, east_west: float, north_south: float) -> Float64[np.ndarray, " segments"]:
        """The time of each segment's longest way, from the times of a hop."""
        segment, across, along = self.single
        found = np.zeros(len(self.cores))
        np.maximum.at(found, segment, across * east_west + along * north_south)
        return found


@dataclass(frozen=True, eq=False)
class Load:
    """Operations of some samples. Arrays are `(samples, steps, cores)`, totals are of all samples together.

    neurons   on each core
    awake     of them, those awake
    spikes    neurons that send a message, or would if a core received them
    sent      messages that leave the core
    received  messages that enter it
    synops    synapses that they meet
    """

    neurons: Int64[np.ndarray, " cores"]
    awake: PerCore
    spikes: PerCore
    sent: PerCore
    received: PerCore
    synops: PerCore
    from_outside: int
    within_tile: int
    east_west: int
    north_south: int
    between_chips: int
    #: By source: chip step of the first entry, segments that emit, and their ways.
    emitting: tuple[tuple[int, Bool[np.ndarray, "samples window segments"], Ways], ...]
    #: Links, and the messages that each of them carries.
    links: Links
    carried: Int64[np.ndarray, "samples steps links"]

    def busiest_link(self, price: Mapping[str, float]) -> Float64[np.ndarray, "samples steps"]:
        """The time that the busiest link needs in every step, its messages one after the other."""
        if not self.links.ends:
            return np.zeros(self.awake.shape[:2])
        longest: np.ndarray = (self.carried * self.links.seconds(price)).max(axis=-1)
        return longest

    def path(self, east_west: float, north_south: float) -> Float64[np.ndarray, "samples steps"]:
        """The time of the longest way that a message takes in every step."""
        found = np.zeros(self.awake.shape[:2])
        for start, emits, ways in self.emitting:
            longest = ways.longest(east_west, north_south)
            if longest.any():
                window = found[:, start : start + emits.shape[1]]
                np.maximum(window, (emits * longest).max(axis=-1), out=window)
        return found


def loads(
    made: Sequence[Population], placement: Placement, activity: Activity, mesh: Mesh | None, entry: int | None
) -> Iterator[Load]:
    """The Load of the samples, some at a time. Lines from outside enter at the core `entry`, or, if None, anywhere."""
    found = routes(made, placement)
    sites = np.array(placement.sites, dtype=np.int64)
    ways = {name: _ways(route, mesh, entry, sites) for name, route in found.items()}
    links = Links((), {}) if mesh is None else links_of(found, mesh, sites)
    each = 8 * activity.steps * (5 * placement.cores + len(links.ends))
    chunk = max(1, CHUNK_BYTES // each)
    for start in range(0, activity.samples, chunk):
        yield _load(made, placement, activity, found, ways, links, entry, slice(start, start + chunk))


def _load(
    made: Sequence[Population],
    placement: Placement,
    activity: Activity,
    found: Mapping[str, Route],
    ways: Mapping[str, Ways],
    links: Links,
    entry: int | None,
    some: slice,
) -> Load:
    samples = len(range(*some.indices(activity.samples)))
    cores = placement.cores

    def zeros() -> PerCore:
        return np.zeros((samples, activity.steps, cores), dtype=np.int64)

    awake, spikes, sent, received, synops = (zeros() for _ in range(5))
    carried = np.zeros((samples, activity.steps, len(links.ends)), dtype=np.int64)
    neurons = np.zeros(cores, dtype=np.int64)
    totals = dict.fromkeys(("from_outside", "within_tile", "east_west", "north_south", "between_chips"), 0)
    emitting = []
    for population in made:
        parts = placement.layers[population.name]
        counted = np.add.reduceat(
            activity.awake[population.name].dense(some), [part.start for part in parts], axis=-1, dtype=np.int64
        )
        for i, part in enumerate(parts):
            neurons[part.core] += part.size
            awake[..., part.core] += counted[..., i]
    for source, route in found.items():
        raster, way = activity.sent[source], ways[source]
        count = route.count(raster.dense(some))[:, : activity.steps - raster.start]
        window = slice(raster.start, raster.start + count.shape[1])
        flat = count.reshape(-1, count.shape[-1])
        reached = (route.synapses > 0).astype(np.int64)
        received[:, window] += (reached.T @ flat.T).T.reshape(*count.shape[:2], -1)
        synops[:, window] += (route.synapses.T @ flat.T).T.reshape(*count.shape[:2], -1)
        outside = route.home == OUTSIDE
        if outside.any():
            totals["from_outside"] += int((flat @ way.cores).sum())
            if entry is not None:
                sent[:, window, entry] += count @ way.cores
        else:
            at_home = _at(route.home, cores)
            spikes[:, window] += (at_home.T @ flat.T).T.reshape(*count.shape[:2], -1)
            sent[:, window] += (at_home.T @ (flat * way.cores).T).T.reshape(*count.shape[:2], -1)
            if source in links.crossed:
                carried[:, window] += links.loads(source, count)
        for name in ("within_tile", "east_west", "north_south", "between_chips"):
            totals[name] += int((flat @ getattr(way, name)).sum())
        emitting.append((raster.start, count > 0, way))
    return Load(
        neurons, awake, spikes, sent, received, synops, **totals, emitting=tuple(emitting), links=links, carried=carried
    )


def _at(home: Int64[np.ndarray, " segments"], cores: int) -> scipy.sparse.csr_array:
    """`(segments, cores)` with a one where a segment is at home."""
    ones = np.ones(len(home), dtype=np.int64)
    return scipy.sparse.csr_array((ones, (np.arange(len(home)), home)), shape=(len(home), cores))


def _ways(route: Route, mesh: Mesh | None, entry: int | None, sites: Int64[np.ndarray, " cores"]) -> Ways:
    segments = len(route.home)
    pairs = route.synapses.tocoo()
    segment, target = pairs.coords if hasattr(pairs, "coords") else (pairs.row, pairs.col)
    cores = np.bincount(segment, minlength=segments)
    home = route.home[segment]
    if entry is not None:
        home = np.where(home == OUTSIDE, entry, home)
    known = home != OUTSIDE
    if mesh is None or not known.any():
        none = np.zeros(segments, dtype=np.int64)
        return Ways(cores, none, none, none, none, (segment[:0], none[:0], none[:0]))
    segment, target = segment[known], target[known]
    way = mesh.way(sites[home[known]], sites[target])

    def summed(values: np.ndarray) -> np.ndarray:
        return np.bincount(segment, weights=values, minlength=segments).astype(np.int64)

    return Ways(
        cores=cores,
        east_west=summed(way.east_west),
        north_south=summed(way.north_south),
        within_tile=summed(way.within_tile),
        between_chips=summed(way.between_chips),
        single=(segment, way.east_west, way.north_south),
    )
