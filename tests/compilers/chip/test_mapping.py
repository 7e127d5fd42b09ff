"""mapping: which cores share a chip, held against a partitioner of networkx and against cuts known by hand."""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np
import pytest
import scipy.sparse

from neurokit.compilers.chip.estimation.estimate import estimate
from neurokit.compilers.chip.estimation.links import KINDS, links_of
from neurokit.compilers.chip.estimation.mesh import Mesh
from neurokit.compilers.chip.estimation.routes import routes
from neurokit.compilers.chip.estimation.timing import InTurn, Overlapped, StepWork
from neurokit.compilers.chip.mapping import between, chips_of
from neurokit.compilers.chip.place import place
from neurokit.compilers.chip.placement import Placement, Slice, Use
from neurokit.compilers.chip.populations import populations
from neurokit.errors import GraphError
from neurokit.hw_configs import Board, Chip, Limit, Quantity, load_board, load_chip
from neurokit.ir.program import Dense, Input, Output, Program, Readout, Spiking
from neurokit.neurons.models import IF, ToZero
from neurokit.neurons.readouts import Rate

LOIHI2 = load_chip("loihi2")
Flow = scipy.sparse.csr_array


def limit(value: int) -> Limit:
    return Limit(value=value, low=value, high=value, source="a test's own", kind="inferred")


def second_opinion(flow: Flow, room: int) -> int:
    """The best cut of three runs of networkx's Kernighan and Lin, in halves again and again."""
    both = scipy.sparse.csr_array(flow + flow.T)
    cuts = []
    for seed in range(3):
        home = np.zeros(flow.shape[0], dtype=np.int64)
        waiting = [np.arange(flow.shape[0])]
        part = 0
        while waiting:
            held = waiting.pop()
            if len(held) <= room:
                home[held] = part
                part += 1
                continue
            graph = nx.from_scipy_sparse_array(both[held][:, held])
            halves = nx.algorithms.community.kernighan_lin_bisection(graph, weight="weight", seed=seed, max_iter=20)
            waiting += [held[np.array(sorted(half))] for half in halves]
        cuts.append(between(flow, home))
    return min(cuts)


def shuffled(dense: np.ndarray, rng: np.random.Generator) -> Flow:
    order = rng.permutation(len(dense))
    return scipy.sparse.csr_array(dense[order][:, order].astype(np.int64))


def layered(rng: np.random.Generator) -> Flow:
    sizes = rng.integers(2, 16, 8)
    ends = np.cumsum([0, *sizes])
    flow = np.zeros((ends[-1], ends[-1]), dtype=np.int64)
    for i in range(7):
        flow[ends[i] : ends[i + 1], ends[i + 1] : ends[i + 2]] = rng.integers(1, 100)
    return shuffled(flow, rng)


def grid(rng: np.random.Generator) -> Flow:
    side = int(rng.integers(6, 12))
    return shuffled(nx.to_numpy_array(nx.grid_2d_graph(side, side)), rng)


def scattered(rng: np.random.Generator) -> Flow:
    n = int(rng.integers(20, 90))
    return shuffled(rng.integers(1, 100, (n, n)) * (rng.random((n, n)) < 0.1), rng)


@pytest.mark.parametrize("chips", [2, 4])
@pytest.mark.parametrize("kind", [layered, grid, scattered])
@pytest.mark.parametrize("seed", range(3))
def test_no_cut_is_much_larger_than_that_of_another_partitioner(kind: Any, seed: int, chips: int) -> None:
    """Neither of two heuristics is the best on every graph: a tenth is what ours may lose."""
    flow = kind(np.random.default_rng(seed))
    room = -(-flow.shape[0] // chips)
    homes = chips_of(flow, room)
    assert np.bincount(homes).max() <= room
    assert homes.max() < chips
    assert between(flow, homes) <= 1.1 * second_opinion(flow, room)


def test_what_is_apart_stays_apart_on_chips_that_are_not_full() -> None:
    """Two networks of five cores each, side by side in number, on chips of six: 6 and 4 would cut one of them."""
    ring = np.roll(np.eye(5, dtype=np.int64), 1, axis=1)
    flow = shuffled(np.kron(np.eye(2, dtype=np.int64), ring), np.random.default_rng(0))
    homes = chips_of(flow, 6)
    assert between(flow, homes) == 0
    assert np.bincount(homes).tolist() == [5, 5]


def test_boards_are_told_apart_before_chips() -> None:
    """Four cliques of four cores, joined in pairs by many lines: a pair is a board, a clique a chip."""
    clique = np.ones((4, 4), dtype=np.int64) * 100
    flow = np.kron(np.eye(4, dtype=np.int64), clique)
    for a, b, lines in ((0, 1, 10), (2, 3, 10), (1, 2, 1)):
        flow[4 * a, 4 * b] = lines
    shuffled_flow = shuffled(flow, np.random.default_rng(1))
    homes = chips_of(shuffled_flow, 4, chips_per_board=2)
    assert between(shuffled_flow, homes) == 21
    assert between(shuffled_flow, homes // 2) == 1


def test_one_chip_needs_no_cut() -> None:
    assert chips_of(layered(np.random.default_rng(0)), 1000).max() == 0
    assert chips_of(scipy.sparse.csr_array((0, 0), dtype=np.int64), 4).size == 0


def side_by_side(branches: int, width: int, depth: int) -> Program:
    """Chains of layers, side by side, that only their inputs join."""
    rng = np.random.default_rng(0)
    nodes: list[Any] = [Input("x", np.zeros(8), np.ones(8), 1.0)]
    sources = dict.fromkeys(range(branches), ("x", 8))
    for layer in range(depth):
        for b in range(branches):
            source, size = sources[b]
            name = f"{b}.{layer}"
            weight = rng.integers(-9, 10, (width, size), dtype=np.int8)
            nodes += [Dense(name, source, weight, np.zeros(width)), Spiking(f"{name}.s", name, IF(64, reset=ToZero()))]
            sources[b] = f"{name}.s", width
    for b in range(branches):
        nodes += [Dense(f"{b}.o", sources[b][0], np.ones((1, width), dtype=np.int8), np.zeros(1))]
        nodes += [Readout(f"{b}.r", f"{b}.o", Rate()), Output(f"{b}.y", f"{b}.r")]
    return Program(tuple(nodes), 4)


@pytest.mark.parametrize("name", ["kapoho-point", "hala-point"])
def test_a_network_over_several_chips_crosses_between_few_of_them(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four chains that would each fit a chip, on the boards that ship; the order of the network cuts all of them."""
    flows: list[Flow] = []

    def noted(flow: Flow, room: int, chips_per_board: int | None) -> np.ndarray:
        flows.append(flow)
        return chips_of(flow, room, chips_per_board)

    monkeypatch.setattr("neurokit.compilers.chip.place.chips_of", noted)
    program = side_by_side(4, 800, 4)
    board = load_board(name)
    placement = place(program, board)
    assert placement.cores > board.cores_per_chip, "one chip is not enough"
    assert placement.chips == -(-placement.cores // board.cores_per_chip)
    homes = [placement.chip(core) for core in range(placement.cores)]
    assert homes == sorted(homes)
    assert max(np.bincount(homes)) <= board.cores_per_chip
    (flow,) = flows
    in_order = between(flow, np.arange(placement.cores) // board.cores_per_chip)
    assert placement.between_chips < 0.6 * in_order
    assert placement.between_chips <= 1.1 * second_opinion(flow, board.cores_per_chip)
    record = placement.to_json()
    assert record["traffic_between_chips"] == placement.between_chips
    assert len(record["sites"]) == placement.cores
    assert record["boards"] == 1


def test_boards_of_a_stack_are_counted() -> None:
    stack = Board(name="stack", chip=few_cores(2), chips=limit(8), chips_per_board=limit(2))
    placement = place(side_by_side(2, 100, 2), stack)
    assert placement.boards == -(-placement.chips // 2) > 1
    assert 0 < placement.between_boards <= placement.between_chips


def few_cores(cores: int) -> Chip:
    small = {"cores": limit(cores), "neurons_per_core": limit(50)}
    return LOIHI2.model_copy(update=small)


def test_two_cores_cannot_lie_at_one_site() -> None:
    use = {"neurons": Use(1, None)}
    parts = (Slice("a", 0, 0, 1), Slice("a", 1, 1, 2))
    with pytest.raises(GraphError, match="sites"):
        Placement("c", parts, (use, use), 8, 8, 2, 0, sites=(3, 3))
    assert Placement("c", parts, (use, use), 16, 8, 2, 0, sites=(3, 9)).chips == 2


def test_every_hop_is_a_link_and_the_busiest_one_is_counted() -> None:
    """One message from each line: links carry as many messages as hops were counted."""
    board = Board(name="b", chip=few_cores(12), chips=limit(8))
    program = side_by_side(2, 200, 3)
    placement = place(program, board)
    mesh = Mesh.of(board.chip, board.cores_per_chip)
    assert mesh is not None
    found = routes(populations(program), placement)
    sites = np.array(placement.sites)
    links = links_of(found, mesh, sites)
    hops = dict.fromkeys(KINDS, 0)
    carried = np.zeros(len(links.ends), dtype=np.int64)
    for source, route in found.items():
        lines = np.diff(route.edges)
        carried += links.loads(source, lines)
        pairs = route.synapses.tocoo()
        known = route.home[pairs.coords[0]] >= 0
        segments, targets = (each[known] for each in pairs.coords)
        way = mesh.way(sites[route.home[segments]], sites[targets])
        hops["hop_east_west"] += int((lines[segments] * way.east_west).sum())
        hops["hop_north_south"] += int((lines[segments] * way.north_south).sum())
        hops["between_chips"] += int((lines[segments] * way.between_chips).sum())
    assert placement.between_chips == hops["between_chips"] > 0
    for kind, name in enumerate(KINDS):
        assert sum(int(n) for n, end in zip(carried, links.ends, strict=True) if end[0] == kind) == hops[name]
    assert hops["hop_east_west"] > 0


def test_a_step_is_no_shorter_than_its_busiest_link() -> None:
    none = np.zeros((1, 2))
    work = StepWork(none[..., None], none[..., None], none, 1.0, np.array([[0.5, 7.0]]))
    assert Overlapped()(work).tolist() == [[1.0, 7.0]]
    assert InTurn()(work).tolist() == [[1.5, 8.0]]


def test_slow_links_between_chips_make_a_sample_longer() -> None:
    """Time grows by as much as the busiest link carries, where a message on one takes longer than all else."""
    program = side_by_side(1, 200, 3)
    samples = {"x": np.ones((2, 8))}

    def timed(nanoseconds: float | None) -> float:
        slow = None
        if nanoseconds is not None:
            slow = Quantity(
                value=nanoseconds, low=nanoseconds, high=nanoseconds, source="a test's own", kind="inferred"
            )
        chip = few_cores(4)
        chip = chip.model_copy(update={"time_ns": chip.time_ns.model_copy(update={"between_chips": slow})})
        found = estimate(program, Board(name="b", chip=chip, chips=limit(8)), samples).time_s.low
        assert found is not None
        return found

    assert timed(None) == timed(0.0)
    slow, twice = timed(1e6), timed(2e6)
    assert slow > 1e-3
    assert twice == pytest.approx(2 * slow, rel=1e-2), "all else is hidden behind the link, but in quiet steps"
