"""links: what every link between routers and between chips carries, and the busiest one of every step.

A message goes from router to router, first along its row and then along its column, over one link for each hop. Two
chips are taken to have a link of their own in either direction, since how chips are joined is not published; the way
to the edge of a chip is not counted, as in `mesh`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy.sparse
from jaxtyping import Float64, Int64

from neurokit.compilers.chip.estimation.mesh import Mesh
from neurokit.compilers.chip.estimation.routes import OUTSIDE, Route

#: Kinds of links, by the operation whose price a message pays there.
KINDS = ("hop_east_west", "hop_north_south", "between_chips")


@dataclass(frozen=True, eq=False)
class Links:
    """Links that messages of some sources use.

    Attributes
    ----------
    ends : tuple of (int, int, int)
        Of every link, in order: its kind in KINDS, and the routers or chips that it joins, by number.
    crossed : mapping of str to csr_array
        By source, `(segments, links)`: how often one message of a line of a segment, sent to all cores that receive it,
        crosses each link.
    """

    ends: tuple[tuple[int, int, int], ...]
    crossed: Mapping[str, scipy.sparse.csr_array]

    def loads(self, source: str, count: Int64[np.ndarray, "*batch segments"]) -> Int64[np.ndarray, "*batch links"]:
        """Messages on every link of the lines that emit, `count` of every segment of a source."""
        flat = count.reshape(-1, count.shape[-1])
        carried: np.ndarray = np.asarray((self.crossed[source].T @ flat.T).T, dtype=np.int64)
        return carried.reshape(*count.shape[:-1], len(self.ends))

    def seconds(self, price: Mapping[str, float]) -> Float64[np.ndarray, " links"]:
        """Seconds that a message takes on every link; 0 where nobody has published it."""
        return np.array([price.get(KINDS[kind], 0.0) for kind, _, _ in self.ends], dtype=np.float64)


def links_of(routes: Mapping[str, Route], mesh: Mesh, sites: Int64[np.ndarray, " cores"]) -> Links:
    """The links of the messages between cores.

    Parameters
    ----------
    routes : mapping of str to Route
        As of `routes.routes`. Lines from outside use no link: where they enter is not known.
    mesh : Mesh
    sites : ndarray
        Where every core lies (`Placement.sites`).

    Returns
    -------
    Links
    """
    number: dict[tuple[int, int, int], int] = {}
    entries: dict[str, list[tuple[int, int]]] = {}
    ways: dict[tuple[int, int], list[int]] = {}
    for source, route in routes.items():
        pairs = route.synapses.tocoo()
        segments, targets = pairs.coords if hasattr(pairs, "coords") else (pairs.row, pairs.col)
        found = entries.setdefault(source, [])
        for segment, target in zip(segments.tolist(), targets.tolist(), strict=True):
            home = int(route.home[segment])
            if home == OUTSIDE:
                continue
            way = int(sites[home]), int(sites[target])
            if way not in ways:
                ways[way] = [number.setdefault(link, len(number)) for link in _way(mesh, *way)]
            found += [(segment, link) for link in ways[way]]
    crossed = {}
    for source, found in entries.items():
        segments, numbers = np.array(found, dtype=np.int64).reshape(-1, 2).T
        shape = len(routes[source].home), len(number)
        crossed[source] = scipy.sparse.csr_array((np.ones(len(segments), np.int64), (segments, numbers)), shape=shape)
    return Links(tuple(number), crossed)


def _way(mesh: Mesh, source: int, target: int) -> list[tuple[int, int, int]]:
    """The links from one site to another, as their kinds and ends."""
    chips = source // mesh.cores_per_chip, target // mesh.cores_per_chip
    if chips[0] != chips[1]:
        return [(KINDS.index("between_chips"), *chips)]
    columns, rows = (each.tolist() for each in mesh.router(np.array([source, target])))
    (x, end), (y, last) = columns, rows
    first = chips[0] * mesh.columns * mesh.rows
    way = []
    while (x, y) != (end, last):
        kind = int(x == end)
        onward = (x, y + (1 if last > y else -1)) if kind else (x + (1 if end > x else -1), y)
        way.append((kind, first + y * mesh.columns + x, first + onward[1] * mesh.columns + onward[0]))
        x, y = onward
    return way
