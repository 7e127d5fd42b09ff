"""hull: a lower bound on cores from how bytes grow with the neurons of one population on one core.

Where synapses are packed in words, the first neurons of a population on a core may be cheaper than the next. On K cores
some core holds the mean of a population's neurons or more, so, with `f` the largest convex function below its bytes,

    sum over cores of bytes >= K f(size / K)            (Jensen's inequality)

and the sum of that over all populations must fit K cores. It falls as K grows, so the least such K is found by halving.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from fractions import Fraction
from itertools import pairwise

from neurokit.compilers.chip.cores import Core, Item, Room

#: Corners `(neurons, bytes)` of a convex function from (0, 0) to the most neurons that a core holds.
Corners = list[tuple[int, int]]
#: What decides a population's hull: `Item.dense`, `Item.single`, and the most neurons that a core holds.
Likeness = tuple[tuple[tuple[Hashable, int], ...], int, int]


def spread_bound(items: Sequence[Item], room: Room, least: int) -> int:
    """The least number of cores, `least` or more, on which all populations fit by the inequality above."""
    alike: dict[Likeness, Corners] = {}
    hulls = [(item.size, _known(item, room, alike)) for item in items if item.size]
    if not all(corners[-1][0] for _, corners in hulls):
        return least  # some neuron fits no core: there is nothing to bound

    def fits(cores: int) -> bool:
        if any(size > cores * corners[-1][0] for size, corners in hulls):
            return False
        return sum(_bytes(size, corners, cores) for size, corners in hulls) <= cores * room.bytes

    low, high = least - 1, max(1, least)
    while not fits(high):  # more cores always do
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    return high


def _known(item: Item, room: Room, alike: dict[Likeness, Corners]) -> Corners:
    """The hull of an item, made once for all that are alike."""
    most = Core().most(-1, item, room, 0, item.size)
    key = item.dense, item.single, most
    if key not in alike:
        alike[key] = _hull(item, room, most)
    return alike[key]


def _hull(item: Item, room: Room, most: int) -> Corners:
    """The lower convex hull of the bytes of 0, 1, ..., `most` neurons on one core."""
    corners: Corners = [(0, 0)]
    for n in range(1, most + 1):
        cost = item.bytes(room, n)
        if n < most and item.bytes(room, n + 1) == cost:
            continue  # the next one costs nothing
        while len(corners) > 1 and _turns_right(corners[-2], corners[-1], (n, cost)):
            corners.pop()
        corners.append((n, cost))
    return corners


def _turns_right(a: tuple[int, int], b: tuple[int, int], c: tuple[int, int]) -> bool:
    """Whether `b` lies on or above the line from `a` to `c`."""
    return (b[1] - a[1]) * (c[0] - a[0]) >= (c[1] - a[1]) * (b[0] - a[0])


def _bytes(size: int, corners: Corners, cores: int) -> Fraction:
    """`cores * f(size / cores)`."""
    for (a, low), (b, high) in pairwise(corners):
        if size <= cores * b:
            return cores * low + Fraction((size - cores * a) * (high - low), b - a)
    raise AssertionError("the last corner was checked")
