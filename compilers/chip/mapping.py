"""mapping: which cores share a chip, and which chips a board, so that few messages travel between them.

The cores are split in two again and again, first over boards and then over chips. Each half starts from the order of
the network, and from those of the eigenvectors of the flow's Laplacian that vary least; single cores are then moved
across, the best first, and the best of all states on the way is kept (Fiduccia and Mattheyses 1982,
DOI 10.1109/DAC.1982.1585498). In the end chips between which most is sent are improved pair by pair in the same way.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator

import numpy as np
import scipy.sparse
import scipy.sparse.csgraph
import scipy.sparse.linalg
from jaxtyping import Int64

#: Cores beyond which only the order of the network counts, beyond which no eigenvector is asked for, and beyond which
#: only one is.
REFINED, SPECTRAL, DENSE = 20_000, 4_000, 256
#: Passes over all cores of a split at most, and pairs of chips that are improved.
PASSES, PAIRS = 8, 64

#: Of every core, its chip or board.
Homes = Int64[np.ndarray, " cores"]


def chips_of(flow: scipy.sparse.csr_array, room: int, chips_per_board: int | None = None) -> Homes:
    """The chip of every core: as few chips as hold them, and little flow between boards, then between chips.

    Parameters
    ----------
    flow : csr_array
        `(cores, cores)`, lines of one core that another one receives; its diagonal counts nothing.
    room : int
        Cores of a chip.
    chips_per_board : int, optional
        Chips of a board; without it all lie on one.

    Returns
    -------
    Homes
        Chips from 0; those of a board follow each other.
    """
    both = scipy.sparse.csr_array(flow + flow.T)
    cores = np.arange(both.shape[0])
    chip = np.zeros(len(cores), dtype=np.int64)
    if chips_per_board is None:
        chip[:] = _spread(both, cores, room)
        return chip
    boards = _spread(both, cores, room * chips_per_board)
    for board in range(int(boards.max(initial=0)) + 1):
        held = np.flatnonzero(boards == board)
        chip[held] = board * chips_per_board + _spread(both, held, room)
    return chip


def between(flow: scipy.sparse.csr_array, homes: Homes) -> int:
    """Lines that a core of another home receives."""
    pairs = flow.tocoo()
    rows, columns = pairs.coords if hasattr(pairs, "coords") else (pairs.row, pairs.col)
    return int(pairs.data[homes[rows] != homes[columns]].sum())


def _spread(both: scipy.sparse.csr_array, held: Int64[np.ndarray, " n"], room: int) -> Homes:
    """Parts of at most `room` of the cores `held`, as few as there can be."""
    inner = scipy.sparse.csr_array(both[held][:, held])
    parts = max(1, -(-len(held) // room))
    home = np.zeros(len(held), dtype=np.int64)
    _halve(inner, np.arange(len(held)), room, 0, parts, home)
    if parts > 2:
        _improve_pairs(inner, home, room, parts)
    return home


def _halve(
    both: scipy.sparse.csr_array, held: Int64[np.ndarray, " n"], room: int, first: int, parts: int, home: Homes
) -> None:
    """Write the parts `first .. first + parts - 1` of the cores `held` into `home`."""
    if parts == 1:
        home[held] = first
        return
    left = parts // 2
    limits = left * room, (parts - left) * room
    inner = scipy.sparse.csr_array(both[held][:, held])
    best, least = None, 0
    for start in _starts(inner, limits, left / parts):
        side = _moved(inner, start, limits)
        cut = _cut(inner, side)
        if best is None or cut < least:
            best, least = side, cut
    assert best is not None
    _halve(both, held[~best], room, first, left, home)
    _halve(both, held[best], room, first + left, parts - left, home)


def _starts(both: scipy.sparse.csr_array, limits: tuple[int, int], share: float) -> Iterator[np.ndarray]:
    """Which cores begin on the right: the later ones of an order, evenly or with the left as full as can be."""
    n = both.shape[0]
    lowest = max(0, n - limits[1])
    sizes = {min(limits[0], max(lowest, round(share * n))), min(limits[0], n), lowest}
    orders = [np.arange(n)]
    if 2 < n <= SPECTRAL and both.nnz:
        orders += _spectral(both)
    for order in orders:
        for size in sorted(sizes):
            side = np.ones(n, dtype=bool)
            side[order[:size]] = False
            yield side


def _spectral(both: scipy.sparse.csr_array) -> list[Int64[np.ndarray, " n"]]:
    """Cores in the order of the second eigenvector of the Laplacian, and of its mixtures with the third where they are
    few: the two are arbitrary where their eigenvalues are one."""
    n = both.shape[0]
    laplacian = scipy.sparse.csgraph.laplacian(both.astype(np.float64))
    if n <= DENSE:
        _, vectors = np.linalg.eigh(laplacian.toarray())
        second, third = vectors[:, 1], vectors[:, 2]
        mixed = [second, third, second + third, second - third]
    else:
        try:
            start = np.sin(np.arange(1, n + 1))  # deterministic, and orthogonal to nothing of interest
            _, vectors = scipy.sparse.linalg.eigsh(laplacian, k=2, sigma=-1e-3, which="LM", v0=start)
        except (scipy.sparse.linalg.ArpackError, RuntimeError):
            return []
        mixed = [vectors[:, 1]]
    return [np.argsort(np.round(each, 9), kind="stable") for each in mixed]


def _cut(both: scipy.sparse.csr_array, side: np.ndarray) -> int:
    return int((both @ side.astype(np.int64))[~side].sum())


def _moved(both: scipy.sparse.csr_array, start: np.ndarray, limits: tuple[int, int]) -> np.ndarray:
    """A split with moves of single cores, pass by pass, until a pass gains nothing."""
    side = start.copy()
    if len(side) > REFINED:
        return side
    for _ in range(PASSES):
        if not _one_pass(both, side, limits):
            break
    return side


def _one_pass(both: scipy.sparse.csr_array, side: np.ndarray, limits: tuple[int, int]) -> bool:
    """Move every core once at most, the best first, and keep the best legal state; whether it is better."""
    across = both @ side.astype(np.int64)
    degree = both @ np.ones(len(side), dtype=np.int64)
    gain = np.where(side, degree - 2 * across, 2 * across - degree)
    queues: tuple[list[tuple[int, int]], list[tuple[int, int]]] = ([], [])
    for core, value in enumerate(gain.tolist()):
        heapq.heappush(queues[int(side[core])], (-value, core))
    count = [int((~side).sum()), int(side.sum())]
    free = np.ones(len(side), dtype=bool)
    moves: list[int] = []
    total, best, kept = 0, 0, 0
    while True:
        # One core more than fits may lie on a side for a moment: full sides swap.
        able = [s for s in (0, 1) if queues[s] and count[1 - s] <= limits[1 - s]]
        if count[0] > limits[0] or count[1] > limits[1]:
            able = [s for s in (0, 1) if queues[s] and count[s] > limits[s]]
        candidates = []
        for s in able:
            while queues[s] and (not free[queues[s][0][1]] or -queues[s][0][0] != gain[queues[s][0][1]]):
                heapq.heappop(queues[s])
            if queues[s]:
                candidates.append((queues[s][0], s))
        if not candidates:
            break
        (value, core), s = min(candidates)
        heapq.heappop(queues[s])
        free[core], side[core] = False, not side[core]
        count[s] -= 1
        count[1 - s] += 1
        total -= value
        moves.append(core)
        for at in range(both.indptr[core], both.indptr[core + 1]):
            other, weight = both.indices[at], both.data[at]
            if other != core and free[other]:
                gain[other] += 2 * weight if side[other] != side[core] else -2 * weight
                heapq.heappush(queues[int(side[other])], (-int(gain[other]), int(other)))
        if total > best and count[0] <= limits[0] and count[1] <= limits[1]:
            best, kept = total, len(moves)
        if len(moves) - kept > 2000:
            break  # far downhill
    undone = moves[kept:]
    side[undone] = ~side[undone]
    return best > 0


def _improve_pairs(both: scipy.sparse.csr_array, home: Homes, room: int, parts: int) -> None:
    """Move cores between the pairs of parts that send each other most."""
    if len(home) > REFINED:
        return
    ones = scipy.sparse.csr_array((np.ones(len(home), np.int64), (np.arange(len(home)), home)), (len(home), parts))
    flow = scipy.sparse.triu(ones.T @ both @ ones, k=1).tocoo()
    order = np.argsort(-flow.data, kind="stable")[:PAIRS]
    for a, b in zip(flow.row[order].tolist(), flow.col[order].tolist(), strict=True):
        held = np.flatnonzero((home == a) | (home == b))
        inner = scipy.sparse.csr_array(both[held][:, held])
        side = _moved(inner, home[held] == b, (room, room))
        home[held] = np.where(side, b, a)
