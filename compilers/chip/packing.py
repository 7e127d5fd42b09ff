"""Packing: how many neurons of which population go on which core, in as few cores as can be.

Neurons of a population are alike, so a core's content is a count a population. Several greedy fillings are tried:
first fit with the neurons that have the most synapses first, and in the order of the network forwards and backwards.
Where none meets the lower bound, populations rich in synapses are paired with populations rich in neurons, so that both
run out together; where that leaves the bound far away, a linear program over contents of cores is tried (`columns`);
and where the network is small, an exhaustive search takes over.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from neurokit.compilers.chip.columns import columns
from neurokit.compilers.chip.cores import BOUNDLESS, Core, Counts, Item, Room, fan_outs, legal
from neurokit.compilers.chip.exhaustive import search
from neurokit.compilers.chip.lower_bound import bound
from neurokit.compilers.chip.traffic import improve, traffic

#: Populations rich in synapses, and as many poor ones, that are tried as pairs.
PAIRED = 8
#: A filling more than one part in so many above the bound is tried again by columns.
WIDE = 12


def pack(items: Sequence[Item], room: Room) -> Counts | None:
    """Counts by item for every core, or None where no filling satisfies the limits."""
    least = bound(items, room)
    found = [cores for cores in _in_order(items, room) if cores is not None]
    if not any(len(cores) == least for cores in found):
        found += [cores for cores in _in_pairs(items, room) if cores is not None]
    if found and WIDE * min(map(len, found)) > (WIDE + 1) * least:
        found += [cores for cores in [_in_columns(items, room, min(found, key=len))] if cores is not None]
    best = min(found, key=lambda cores: (len(cores), traffic(items, room, cores)), default=None)
    if best is None or len(best) > least:
        better = search(items, room, least, len(best) if best else sum(item.size for item in items) + 1)
        if better is not None and legal(items, room, better):
            best = better
    return None if best is None else improve(items, room, best)


def _in_order(items: Sequence[Item], room: Room) -> Iterator[Counts | None]:
    forwards = range(len(items))
    heavy = sorted(forwards, key=lambda i: -_share(items[i], room))
    for order in (heavy, forwards, forwards[::-1]):
        for gaps in (True, False):
            yield _settle(items, room, list(order), gaps)


def _in_pairs(items: Sequence[Item], room: Room) -> Iterator[Counts | None]:
    for sharpness in (1, 4):
        yield _settle(items, room, sharpness, True)


def _in_columns(items: Sequence[Item], room: Room, start: Counts) -> Counts | None:
    """The filling of `columns`, with fan-outs as they are in `start`; None where it breaks a limit."""
    guess = [0] * len(items) if room.out_axons == BOUNDLESS else fan_outs(items, start)

    def fill(rest: Sequence[Item]) -> Counts | None:
        heavy = sorted((i for i in range(len(rest)) if rest[i].size), key=lambda i: -_share(rest[i], room))
        fillings = [_first_fit(rest, room, heavy, guess, True), *(_patterned(rest, room, guess, n) for n in (1, 4))]
        return min((cores for cores in fillings if cores is not None), key=len, default=None)

    cores = columns(items, room, guess, start, fill)
    return cores if cores is not None and legal(items, room, cores) else None


def _share(item: Item, room: Room) -> Fraction:
    """The larger of the shares of a core that one neuron takes."""
    return max(item.least_bytes(room) / room.bytes, Fraction(1, room.neurons))


def _settle(items: Sequence[Item], room: Room, order: list[int] | int, gaps: bool) -> Counts | None:
    """Fill with guessed fan-outs, and again with those found, until they agree with the limits."""
    guess = [item.ones + (1 if item.readers else 0) for item in items]
    if room.out_axons == BOUNDLESS:
        guess = [0] * len(items)
    for _ in range(8):
        if isinstance(order, int):
            cores = _patterned(items, room, guess, order)
        else:
            cores = _first_fit(items, room, order, guess, gaps)
        if cores is None:
            return None
        if room.out_axons == BOUNDLESS or legal(items, room, cores):
            return cores
        guess = [max(old, new) for old, new in zip(guess, fan_outs(items, cores), strict=True)]
    return None


def _first_fit(items: Sequence[Item], room: Room, order: list[int], guess: list[int], gaps: bool) -> Counts | None:
    """Items in order; with `gaps` into whatever room there is, else only where all that remains of one fits."""
    cores: list[Core] = []
    unfilled: list[Core] = []
    for i in order:
        item, left = items[i], items[i].size
        whole = Core().most(i, item, room, guess[i], left)
        if whole == 0:
            return None
        least = item.bytes(room, 1)  # no core of these holds one of its neurons yet
        for core in unfilled:
            if core.bytes + least > room.bytes:
                continue
            if gaps or left <= whole:
                count = core.most(i, item, room, guess[i], left)
                if count and (gaps or count == left):
                    core.add(i, item, room, guess[i], count)
                    left -= count
                if not left:
                    break
            else:
                break
        while left:
            core = Core()
            if not gaps and left < whole:
                fitting = (old for old in unfilled if old.most(i, item, room, guess[i], left) == left)
                core = next(fitting, core)
            count = core.most(i, item, room, guess[i], left)
            if not core.counts:
                cores.append(core)
                unfilled.append(core)
            core.add(i, item, room, guess[i], count)
            left -= count
        unfilled = [core for core in unfilled if core.neurons < room.neurons and core.bytes < room.bytes]
    return [core.counts for core in cores]


def _patterned(items: Sequence[Item], room: Room, guess: list[int], sharpness: int) -> Counts | None:
    """Core by core, the pair of populations that uses most of what is scarce: bytes and neurons run out together.

    A resource counts by its share in what is left to place, to the power `sharpness`; bytes lost to packing count
    nothing. A content is repeated over as many cores as the better part of its populations allows.
    """
    cost = [item.least_bytes(room) for item in items]
    worth = [float(c) / room.bytes for c in cost]
    left = [item.size for item in items]
    order = sorted(range(len(items)), key=lambda i: -cost[i])
    cores: Counts = []
    while order:
        weight_neurons = (sum(left) / room.neurons) ** sharpness
        weight_bytes = sum(n * w for n, w in zip(left, worth, strict=True)) ** sharpness

        def value(counts: dict[int, int]) -> float:
            neurons = sum(counts.values()) / room.neurons
            return weight_neurons * neurons + weight_bytes * sum(n * worth[i] for i, n in counts.items())  # noqa: B023

        contents = (
            _content(items, room, guess, left, [(rich, most), (poor, left[poor])], order)
            for rich in order[:PAIRED]
            for poor in order[-PAIRED:]
            for most in _amounts(items, rich, poor, left, cost, room)
        )
        best = max(contents, key=value)
        if not best:
            return None
        times = max(1, min(left[i] // n for i, n in best.items()) // 2)
        for _ in range(times):
            cores.append(dict(best))
        for i, n in best.items():
            left[i] -= times * n
        order = [i for i in order if left[i]]
    return cores


def _amounts(
    items: Sequence[Item], rich: int, poor: int, left: list[int], cost: list[Fraction], room: Room
) -> set[int]:
    """How many neurons rich in synapses to take beside poor ones: all, as balances both, and that less its padding."""
    amounts = {left[rich]}
    if cost[rich] * room.neurons > room.bytes > cost[poor] * room.neurons:
        balanced = int((room.bytes - cost[poor] * room.neurons) / (cost[rich] - cost[poor]))
        padded = items[rich].shared_bytes(room, balanced)
        less = next((n for n in range(balanced - 1, 0, -1) if items[rich].shared_bytes(room, n) < padded), 0)
        amounts |= {n for n in (balanced, less) if 0 < n < left[rich]}
    return amounts


def _content(
    items: Sequence[Item], room: Room, guess: list[int], left: list[int], first: list[tuple[int, int]], order: list[int]
) -> dict[int, int]:
    """A core with `first`, (item, at most), and then whatever fits, poor items before rich ones."""
    core = Core()
    for i, most in [*first, *((i, left[i]) for i in reversed(order))]:
        if core.neurons == room.neurons or core.bytes == room.bytes:
            break
        if i not in core.counts and core.bytes + items[i].bytes(room, 1) > room.bytes:
            continue
        count = core.most(i, items[i], room, guess[i], min(most, left[i] - core.counts.get(i, 0)))
        if count:
            core.add(i, items[i], room, guess[i], count)
    return core.counts
