"""What is packed and into what: populations as items, the room of a core, and a core while it is filled."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any

#: Stands for a limit that is not known.
BOUNDLESS = 2**62
#: Neurons by item, for every core.
Counts = list[dict[int, int]]


@dataclass(frozen=True)
class Item:
    """A population, as packing sees it.

    size     neurons
    dense    kinds of rows of synapses (`synaptic_memory.Row`), and how many of each its neurons on a core have together
    single   bytes of synapses that each neuron has to itself
    axons    lines that each neuron has to itself; counted apart even where they are also among the shared ones
    groups   the shared lines, by number in `Room.lines`
    readers  items all of whose cores receive each neuron
    ones     further cores that receive each neuron, at most
    """

    size: int
    dense: tuple[tuple[Hashable, int], ...]
    single: int = 0
    axons: int = 0
    groups: frozenset[int] = frozenset()
    readers: tuple[int, ...] = ()
    ones: int = 0

    def bytes(self, room: Room, count: int) -> int:
        """Synaptic bytes of so many of its neurons on one core."""
        return self.shared_bytes(room, count) + self.single * count

    def shared_bytes(self, room: Room, count: int) -> int:
        """The same without what each neuron has to itself."""
        total = 0
        for kind, rows in self.dense:
            total += rows * room.row[kind][count]
        return total

    def least_bytes(self, room: Room) -> Fraction:
        """No neuron of it takes fewer, however many lie on one core."""
        most = max(1, Core().most(-1, self, room, 0, self.size))
        return sum((rows * room.cheapest[kind][most] for kind, rows in self.dense), Fraction(self.single))


@dataclass(frozen=True)
class Room:
    """What one core has.

    row      bytes of one row of synapses to 0, 1, ... neurons, by its kind
    lines    of each group
    holders  items of which it may hold neurons
    """

    neurons: int
    bytes: int
    row: Mapping[Any, Sequence[int]]
    lines: Sequence[int]
    in_axons: int = BOUNDLESS
    out_axons: int = BOUNDLESS
    holders: int = BOUNDLESS

    @cached_property
    def cheapest(self) -> dict[Hashable, list[Fraction]]:
        """The least of `row[m] / m` over `1 <= m <= n`, by kind and n."""
        found = {}
        for kind, row in self.row.items():
            best = [Fraction(row[1])]
            for n in range(1, self.neurons + 1):
                best.append(min(best[-1], Fraction(row[n], n)))
            found[kind] = best
        return found


@dataclass
class Core:
    """A core while it is filled."""

    counts: dict[int, int] = field(default_factory=dict)
    neurons: int = 0
    bytes: int = 0
    in_axons: int = 0
    out_axons: int = 0
    groups: set[int] = field(default_factory=set)

    def most(self, number: int, item: Item, room: Room, fan_out: int, wanted: int) -> int:
        """How many neurons of an item can be added, up to `wanted`."""
        there = self.counts.get(number, 0)
        if not there and len(self.counts) >= room.holders:
            return 0
        lines = sum(room.lines[g] for g in item.groups if g not in self.groups)
        axons = room.in_axons - self.in_axons - lines
        if axons < 0:
            return 0
        wanted = min(wanted, room.neurons - self.neurons)
        if item.axons:
            wanted = min(wanted, axons // item.axons)
        if fan_out:
            wanted = min(wanted, (room.out_axons - self.out_axons) // fan_out)
        if wanted <= 0:
            return 0
        left, before = room.bytes - self.bytes, item.bytes(room, there)
        if item.single:
            wanted = min(wanted, left // item.single)

        def fits(count: int) -> bool:
            return item.bytes(room, there + count) - before <= left

        if fits(wanted):
            return wanted
        low, high = 0, wanted - 1
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if fits(middle) else (low, middle - 1)
        return low

    def add(self, number: int, item: Item, room: Room, fan_out: int, count: int) -> None:
        there = self.counts.get(number, 0)
        new = item.groups - self.groups
        self.counts[number] = there + count
        self.neurons += count
        self.bytes += item.bytes(room, there + count) - item.bytes(room, there)
        self.in_axons += sum(room.lines[g] for g in new) + item.axons * count
        self.out_axons += fan_out * count
        self.groups |= new


def fan_outs(items: Sequence[Item], cores: Counts) -> list[int]:
    """Cores that each neuron of an item sends to, at most."""
    on: list[set[int]] = [set() for _ in items]
    for number, counts in enumerate(cores):
        for i in counts:
            on[i].add(number)
    return [len(set().union(*(on[r] for r in item.readers))) + item.ones for item in items]


def legal(items: Sequence[Item], room: Room, cores: Counts) -> bool:
    """Whether a filling respects every limit, fan-outs as they are."""
    spread = fan_outs(items, cores) if room.out_axons < BOUNDLESS else [0] * len(items)
    for counts in cores:
        core = Core()
        for i, count in counts.items():
            if core.most(i, items[i], room, spread[i], count) < count:
                return False
            core.add(i, items[i], room, spread[i], count)
    return True
