"""exhaustive: the filling of cores with the fewest of them, for networks small enough to try every one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from neurokit.compilers.chip.cores import Core, Counts, Item, Room

#: Work that the exhaustive search may do, in partial fillings.
SEARCH = 200_000


def search(items: Sequence[Item], room: Room, least: int, most: int) -> Counts | None:
    """The filling with the fewest cores, fewer than `most`, by exhaustive search; None if there is none or it is long.

    Breadth first over what is left to place; a core is always filled until nothing more fits, and holds a neuron of
    the first item that is left, which loses no solution as long as outgoing axons do not bind.
    """
    states = 1
    for item in items:
        states *= item.size + 1
        if states > SEARCH:
            return None
    work = 0
    start = tuple(item.size for item in items)
    came: dict[tuple[int, ...], tuple[tuple[int, ...], dict[int, int]] | None] = {start: None}
    frontier = [start]
    for _ in range(most - 1):
        following: list[tuple[int, ...]] = []
        for state in frontier:
            for counts in _full_cores(items, room, state):
                work += 1
                if work > SEARCH:
                    return None
                rest = tuple(n - counts.get(i, 0) for i, n in enumerate(state))
                if rest not in came:
                    came[rest] = (state, counts)
                    following.append(rest)
                if not any(rest):
                    return _way(came, rest)
        frontier = following
    return None


def _way(came: dict[tuple[int, ...], tuple[tuple[int, ...], dict[int, int]] | None], state: tuple[int, ...]) -> Counts:
    cores: Counts = []
    while (step := came[state]) is not None:
        state, counts = step
        cores.append(counts)
    return cores[::-1]


def _full_cores(items: Sequence[Item], room: Room, left: tuple[int, ...]) -> Iterator[dict[int, int]]:
    """Every content of a core to which nothing that is left can be added, with a neuron of the first item left."""
    present = [i for i, n in enumerate(left) if n]

    def build(position: int, chosen: list[int]) -> Iterator[dict[int, int]]:
        core = Core()
        for i, count in zip(present, chosen, strict=False):
            if count:
                core.add(i, items[i], room, 0, count)
        if position == len(present):
            room_left = (
                core.most(i, items[i], room, 0, left[i] - count) for i, count in zip(present, chosen, strict=True)
            )
            if not any(room_left):
                yield {i: count for i, count in zip(present, chosen, strict=True) if count}
            return
        i = present[position]
        for count in range(core.most(i, items[i], room, 0, left[i]), -1 if position else 0, -1):
            yield from build(position + 1, [*chosen, count])

    return build(0, [])
