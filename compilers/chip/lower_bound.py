"""lower_bound: how many cores every filling needs at the least."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from neurokit.compilers.chip.cores import Core, Item, Room
from neurokit.compilers.chip.hull import spread_bound


def bound(items: Sequence[Item], room: Room) -> int:
    """No filling has fewer cores: dual feasible functions of Fekete and Schepers 2001, DOI 10.1007/s101070100243.

    Each neuron takes a share `x` of a core's neurons, of its bytes (at the count where they are least) and of its
    outgoing axons; if `u` is dual feasible, the shares on one core sum to at most one after `u` too. What the spreading
    of a population over cores costs in bytes is added by `spread_bound`.
    """
    least = [_least_fan_out(items, room, item) for item in items]
    shares = [
        [Fraction(1, room.neurons) for _ in items],
        [item.least_bytes(room) / room.bytes for item in items],
        [Fraction(fan_out, room.out_axons) for fan_out in least],
    ]
    best = 0
    for each in shares:
        neurons: dict[Fraction, int] = {}  # by share
        for item, x in zip(items, each, strict=True):
            neurons[x] = neurons.get(x, 0) + item.size
        cuts = sorted(x for x in neurons if x <= Fraction(1, 2))[:32]
        for cut in [Fraction(0), *cuts]:
            lifted = [Fraction(1) if x > 1 - cut else Fraction(0) if x < cut else x for x in neurons]
            for k in range(25):
                values = lifted if k == 0 else [_stepped(x, k) for x in lifted]
                total = sum((n * value for n, value in zip(neurons.values(), values, strict=True)), Fraction(0))
                best = max(best, -(-total.numerator // total.denominator))
            if max(neurons) <= Fraction(1, 50):
                break  # grains so fine that rounding them gains nothing
    return spread_bound(items, room, best)


def _stepped(x: Fraction, k: int) -> Fraction:
    """`u_k(x) = x` where `(k + 1) x` is whole, else `floor((k + 1) x) / k`."""
    scaled = (k + 1) * x
    return x if scaled.denominator == 1 else Fraction(scaled.numerator // scaled.denominator, k)


def _least_fan_out(items: Sequence[Item], room: Room, item: Item) -> int:
    """Cores that its neurons send to at the least: those that its largest reader fills."""
    needed = [
        -(-items[r].size // max(1, Core().most(r, items[r], room, 0, items[r].size))) for r in item.readers
    ]  # a reader that listens line by line may share a core with the others
    return max(needed, default=min(item.ones, 1))
