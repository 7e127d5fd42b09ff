"""traffic: what crosses between cores, and moves of slices that lessen it."""

from __future__ import annotations

from collections.abc import Sequence

from neurokit.compilers.chip.cores import BOUNDLESS, Counts, Item, Room, legal

#: Moves that the improvement of traffic may look at.
MOVES = 20_000


def traffic(items: Sequence[Item], room: Room, cores: Counts) -> int:
    """Pairs of a shared line and a core that receives it, less those where the line's own core receives it."""
    received = 0
    for counts in cores:
        received += sum(room.lines[g] for g in set().union(*(items[i].groups for i in counts)))
        for i, count in counts.items():
            if any(r in counts for r in items[i].readers):
                received -= count
    return received


def improve(items: Sequence[Item], room: Room, cores: Counts) -> Counts:
    """Move slices between cores as long as that saves traffic; the number of cores never grows."""
    cores = [dict(counts) for counts in cores]
    looked, better = 0, True
    kin = [{i, *item.readers} for i, item in enumerate(items)]
    for i, item in enumerate(items):
        for reader in item.readers:
            kin[reader].add(i)
    holders: list[set[int]] = [set() for _ in items]
    for number, counts in enumerate(cores):
        for i in counts:
            holders[i].add(number)

    def local(*numbers: int) -> int:
        return traffic(items, room, [cores[n] for n in numbers])

    while better and looked < MOVES:
        better = False
        for here in range(len(cores)):
            for i in list(cores[here]):
                for there in sorted(set().union(*(holders[j] for j in kin[i])) - {here}):
                    if i not in cores[here] or not kin[i] & cores[there].keys():
                        continue
                    looked += 1 if room.out_axons == BOUNDLESS else len(cores)
                    if looked >= MOVES:
                        break
                    before, old, new = local(here, there), dict(cores[here]), dict(cores[there])
                    cores[there][i] = cores[there].get(i, 0) + cores[here].pop(i)
                    fits = legal(items, room, cores if room.out_axons < BOUNDLESS else [cores[there]])
                    if not fits or local(here, there) >= before:
                        cores[here], cores[there] = old, new
                    else:
                        better = True
                        holders[i] = holders[i] - {here} | {there}
    return [counts for counts in cores if counts]
