"""place: every neuron on one core, every limit kept, as few cores as there can be on small networks."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurokit.compilers.chip.check import check
from neurokit.compilers.chip.cores import BOUNDLESS, Item, Room, legal
from neurokit.compilers.chip.lower_bound import bound
from neurokit.compilers.chip.packing import pack
from neurokit.compilers.chip.place import demand, place
from neurokit.compilers.chip.placement import RESOURCES, Placement, Slice, Use
from neurokit.compilers.chip.populations import populations
from neurokit.compilers.chip.synaptic_memory import Row, row_bytes, stored_bits, synapse_bytes
from neurokit.compilers.chip.traffic import traffic
from neurokit.errors import DoesNotFit, GraphError
from neurokit.hw_configs import Board, Chip, Choice, Limit, load_board, load_chip
from neurokit.ir.program import Dense, Input, Output, Product, Program, Readout, Spiking
from neurokit.neurons.models import IF, ToZero
from neurokit.neurons.readouts import Rate
from neurokit.plotting.core_map import core_map
from neurokit.plotting.figures import save

LOIHI1, LOIHI2 = load_chip("loihi1"), load_chip("loihi2")
BIG = load_board("hala-point")


def chip(base: Chip = LOIHI2, **values: int) -> Chip:
    made = {k: Limit(value=v, low=v, high=v, source=f"source of {k}", kind="inferred") for k, v in values.items()}
    return base.model_copy(update=made)


def branches(rng: np.random.Generator, widths: list[list[int]], lines: int = 3) -> Program:
    """Branches of spiking layers of the given widths, side by side, each with an output of its own."""
    nodes: list[Any] = [Input("x", np.full(lines, -1), np.full(lines, 1), 1.0)]
    for b, layers in enumerate(widths):
        source, size = "x", lines
        for i, width in enumerate(layers):
            weight = rng.integers(-9, 10, (width, size), dtype=np.int8)
            name = f"{b}.{i}"
            nodes += [Dense(name, source, weight, np.zeros(width)), Spiking(f"{name}.s", name, IF(64))]
            source, size = f"{name}.s", width
        nodes += [
            Dense(f"{b}.o", source, np.ones((2, size), dtype=np.int8), np.zeros(2)),
            Readout(f"{b}.r", f"{b}.o", Rate()),
        ]
        nodes += [Output(f"{b}.y", f"{b}.r")]
    return Program(tuple(nodes), 4)


def deeponet(rng: np.random.Generator, width: int) -> Program:
    nodes: list[Any] = []
    for name, lines in (("b", 20), ("t", 2)):
        nodes += [
            Input(name, np.full(lines, -1), np.full(lines, 1), 1.0),
            Dense(f"{name}.d", name, rng.integers(-9, 10, (width, lines)), rng.integers(-9, 10, width)),
            Spiking(f"{name}.s", f"{name}.d", IF(64)),
            Dense(f"{name}.o", f"{name}.s", rng.integers(-9, 10, (8, width)), np.zeros(8)),
            Readout(f"{name}.r", f"{name}.o", Rate(), offset=np.arange(8)),
        ]
    nodes += [Product("p", "b.r", "t.r", 4), Dense("sum", "p", np.ones((1, 8)), np.zeros(1)), Output("y", "sum")]
    return Program(tuple(nodes), 8)


def counted_anew(program: Program, placement: Placement, chip: Chip) -> tuple[list[Counter[str]], int]:
    """The use of every core and the traffic, from the definition: one synapse, line and neuron at a time."""
    where = {(s.layer, n): s.core for s in placement.slices for n in range(s.start, s.stop)}
    use = [Counter[str]() for _ in range(placement.cores)]
    rows: Counter[tuple[int, str, Any, str, int]] = Counter()  # synapses of one line to one layer on one core
    for population in populations(program):
        for n in range(population.size):
            core = where[population.name, n]
            use[core]["neurons"] += 1
            use[core]["axon_maps"] += 1
            for p in population.projections:
                for line in [n] if p.one_to_one else range(p.lines):
                    # One to one synapses of a line go to one neuron only, so every one has a row of its own.
                    rows[core, p.source, line, f"{population.name}/{p.layer}/{n if p.one_to_one else ''}", p.bits] += 1
                for line in range(p.biases):
                    rows[core, f"{p.layer} bias", line, population.name, 8] += 1
    for (core, *_, bits), count in rows.items():
        use[core]["synapse_bytes"] += row_bytes(chip, count, Row(stored_bits(chip, bits)))
    for core in range(placement.cores):
        use[core]["neuron_groups"] = len({s.layer for s in placement.slices if s.core == core})
    hearing = {(core, source, line) for core, source, line, *_ in rows}
    crossing = 0
    for core, source, line in hearing:
        use[core]["in_axons"] += 1
        home = where.get((source, line))
        if home is not None:
            use[home]["out_axons"] += 1
        crossing += home != core and not source.endswith("bias")
        crossing += source.endswith("bias")
    return use, crossing


def random_program(seed: int, largest: int) -> Program:
    rng = np.random.default_rng(seed)
    widths = [list(rng.integers(2, largest, rng.integers(1, 4))) for _ in range(rng.integers(1, 4))]
    return branches(rng, [[int(w) for w in layers] for layers in widths], int(rng.integers(1, 9)))


@pytest.mark.parametrize("base", [LOIHI1, LOIHI2], ids=["loihi1", "loihi2"])
@pytest.mark.parametrize("seed", range(6))
def test_every_neuron_has_one_core_and_every_limit_holds(seed: int, base: Chip) -> None:
    program = deeponet(np.random.default_rng(seed), 40) if seed < 2 else random_program(seed, 40)
    small = chip(base, neurons_per_core=24, synapse_bytes_per_core=1500)
    if base is LOIHI1:
        small = chip(small, in_axons_per_core=110, out_axons_per_core=150)
    placement = place(program, Board(name="b", chip=small, chips=BIG.chips))
    use, crossing = counted_anew(program, placement, small)
    for core, made in enumerate(placement.use):
        assert {name: made[name].used for name in RESOURCES} == {name: use[core][name] for name in RESOURCES}
        assert all(each.limit is None or each.used <= each.limit for each in made.values())
    assert placement.traffic == crossing
    sizes = {population.name: population.size for population in populations(program)}
    assert {layer: sum(s.size for s in parts) for layer, parts in placement.layers.items()} == sizes
    assert placement.bound <= placement.cores


def least_cores(items: list[Item], room: Room) -> int:
    """By trying every way to put neuron after neuron on a core that has one already or on a new one."""
    neurons = [i for i, item in enumerate(items) for _ in range(item.size)]
    best = len(neurons)

    def fits(core: Counter[int]) -> bool:
        if sum(core.values()) > room.neurons:
            return False
        return sum(items[i].bytes(room, n) for i, n in core.items()) <= room.bytes

    def put(position: int, cores: list[Counter[int]]) -> None:
        nonlocal best
        if len(cores) >= best:
            return
        if position == len(neurons):
            best = len(cores)
            return
        for core in [*cores, Counter[int]()]:
            new = not core
            core[neurons[position]] += 1
            if fits(core):
                put(position + 1, [*cores, core] if new else cores)
            core[neurons[position]] -= 1

    put(0, [])
    return best


@pytest.mark.parametrize("seed", range(60))
def test_small_networks_take_as_few_cores_as_exhaustive_search_finds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    items = [
        Item(int(rng.integers(1, 5)), ((8, int(rng.integers(1, 9))),), int(rng.integers(0, 3)))
        for _ in range(rng.integers(1, 4))
    ]
    # Rows as on Loihi 2, and in words as on Loihi 1.
    row = [n if seed % 2 else 2 * -(-n // 2) for n in range(6)]
    room = Room(neurons=int(rng.integers(2, 6)), bytes=int(rng.integers(20, 40)), row={8: row}, lines=[])
    cores = pack(items, room)
    assert cores is not None
    assert legal(items, room, cores)
    assert bound(items, room) <= len(cores) == least_cores(items, room)


def test_small_programs_take_as_few_cores_as_exhaustive_search_finds() -> None:
    for seed in range(12):
        rng = np.random.default_rng(seed)
        program = branches(rng, [[int(rng.integers(1, 4))], [int(rng.integers(1, 4))]], int(rng.integers(1, 4)))
        small = chip(neurons_per_core=int(rng.integers(2, 6)), synapse_bytes_per_core=4 * int(rng.integers(6, 16)))
        items, room = demand(populations(program), small)
        assert place(program, small).cores == least_cores(items, room)


def random_demand(seed: int, base: Chip) -> tuple[list[Item], Room]:
    rng = np.random.default_rng(seed)
    byte, most = row_bytes(base, 1, Row(8)), base.neurons_per_core.value
    items = [
        Item(int(rng.integers(10, 8000)), ((8, int(10 ** rng.uniform(0, 3.3))),), int(rng.integers(0, 2)) * byte)
        for _ in range(rng.integers(3, 40))
    ]
    row = [row_bytes(base, n, Row(8)) for n in range(most + 1)]
    return items, Room(most, base.synapse_bytes_per_core.value, {8: row}, [])


# On Loihi 1 synapses come in words, so that a core that mixes populations pays for broken ones.
@pytest.mark.parametrize(
    ("base", "seed"), [*((LOIHI2, s) for s in range(8)), *((LOIHI1, s) for s in (1, 6, 8, 11, 27))]
)
def test_random_networks_come_within_a_tenth_of_the_bound(base: Chip, seed: int) -> None:
    items, room = random_demand(seed, base)
    cores = pack(items, room)
    assert cores is not None
    assert legal(items, room, cores)
    assert len(cores) <= 1.1 * bound(items, room)


def test_the_bound_knows_what_spreading_costs() -> None:
    """Rows in words of four: ten neurons of one population take 12 bytes a line on one core, 4 + 8 on two, never 10."""
    row = {8: [4 * -(-n // 4) for n in range(11)]}
    items = [Item(10, ((8, 10),))]
    assert bound(items, Room(10, 120, row, [])) == 1
    assert bound(items, Room(10, 119, row, [])) == 2 == len(pack(items, Room(10, 119, row, [])) or [])


def test_columns_hold_every_neuron_and_no_more() -> None:
    """The greedy fillings of this one need 87 cores."""
    items, room = random_demand(6, LOIHI1)
    cores = pack(items, room)
    assert cores is not None
    assert len(cores) <= 78
    assert [sum(core.get(i, 0) for core in cores) for i in range(len(items))] == [item.size for item in items]


@pytest.mark.parametrize("seed", range(4))
def test_random_programs_on_loihi_1_come_within_a_tenth_of_the_bound_or_one_core(seed: int) -> None:
    """With its axons, of which 4096 a core let the layers below spread over few cores at once."""
    rng = np.random.default_rng(seed)
    widths = [[int(w) for w in rng.integers(50, 700, 3)] for _ in range(rng.integers(2, 5))]
    placement = place(branches(rng, widths, 40), chip(LOIHI1, cores=1000))
    assert placement.cores <= max(1.1 * placement.bound, placement.bound + 1)


def dense(bits: int) -> Program:
    """200 lines onto 256 neurons with a hard reset, weights of so many bits."""
    levels = np.random.default_rng(bits).integers(-(2 ** (bits - 1)), 2 ** (bits - 1), (256, 200))
    nodes: list[Any] = [
        Input("x", np.zeros(200), np.ones(200), 1.0),
        Dense("d", "x", (levels * 2 ** (8 - bits)).astype(np.int8), np.arange(256) * 200),
        Spiking("s", "d", IF(64, reset=ToZero())),
    ]
    nodes += [Dense("o", "s", np.ones((1, 256), dtype=np.int8), np.zeros(1)), Readout("r", "o", Rate())]
    return Program((*nodes, Output("y", "r")), 4)


@pytest.mark.parametrize("bits", [8, 7, 6, 4, 2])
def test_fewer_bits_take_less_memory_where_formats_are_known(bits: int) -> None:
    """By hand: on Loihi 1, 256 synapses are four blocks of 64, each with 10 bits of overhead in words of 64 bits; on
    Loihi 2 one of 255 and one of 1, two bits more a synapse and 10 of overhead in words of 32 bits."""
    (layer, *_) = populations(dense(bits))
    assert layer.projections[0].bits == bits
    stored = {7: 8}.get(bits, bits)
    line, digit = (4 * -(-(64 * each + 10) // 64) * 8 for each in (stored, 8))
    digits = layer.projections[0].biases
    assert synapse_bytes(LOIHI1, layer, 256) == 200 * line + digits * digit
    row = (-(-(255 * 10 + 10) // 32) + 1) * 4
    assert synapse_bytes(LOIHI2, layer, 256) == (200 + digits) * row, "no format of fewer bits is known"
    formats = Choice(values=(4, 8), source="a test's own chip", kind="inferred")
    own = LOIHI2.model_copy(update={"weight_formats": formats})
    few = (-(-(255 * ((4 if bits <= 4 else 8) + 2) + 10) // 32) + 1) * 4
    assert synapse_bytes(own, layer, 256) == 200 * few + digits * row


def test_an_exponent_that_cannot_fall_further_keeps_its_bits() -> None:
    """A level of 4 bits and step 1 is stored 16 times larger, under an exponent that is less by 4."""
    program = dense(4)
    node = program["d"]
    assert isinstance(node, Dense)
    for exponent, bits in ((0, 4), (-3, 4), (-4, 5), (-7, 8)):
        small = replace(node, weight=node.weight // 16, exponent=exponent)
        (layer, *_) = populations(replace(program, nodes=(program["x"], small, *program.nodes[2:])))
        assert layer.projections[0].bits == bits


@pytest.mark.parametrize(("base", "gain"), [(LOIHI1, True), (LOIHI2, False)], ids=["loihi1", "loihi2"])
def test_check_and_place_count_by_bits(base: Chip, gain: bool) -> None:
    few, many = dense(4), dense(8)
    (layer, *_) = populations(few)
    small = chip(base, synapse_bytes_per_core=20_000)
    assert (place(few, small).cores < place(many, small).cores) is gain
    bytes_of = [
        {each.layer: each.value for each in check(p, chip(base, synapse_bytes_per_core=10)) if "per_core" in each.rule}
        for p in (few, many)
    ]
    assert bytes_of[0]["d"] == synapse_bytes(base, layer, 256)
    assert (bytes_of[0]["d"] < bytes_of[1]["d"]) is gain


def test_moves_never_add_cores_and_pay_off() -> None:
    """Two chains on two cores: each chain lies on one core, so that nothing but the input crosses."""
    rng = np.random.default_rng(0)
    program = branches(rng, [[20, 20], [20, 20]])
    placement = place(program, chip(neurons_per_core=42))
    assert placement.cores == placement.bound == 2
    assert placement.traffic == 2 * 3


def test_the_same_program_gets_the_same_placement() -> None:
    program = random_program(5, 60)
    small = chip(neurons_per_core=16, cores=500)
    assert place(program, small) == place(program, small)


def test_a_large_network_is_placed_on_a_board() -> None:
    placement = place(branches(np.random.default_rng(0), [[8500]] * 12, 60), load_board("kapoho-point"))
    assert sum(part.size for part in placement.slices) == 12 * 8502
    assert placement.cores <= 1.1 * placement.bound
    assert placement.chips == 2


def test_what_fits_nowhere_is_refused_with_numbers() -> None:
    program = random_program(1, 30)
    with pytest.raises(
        DoesNotFit, match=r"cores needed is \d+ \(at least \d+\); legal is at most 1, the cores of Loihi 2"
    ):
        place(program, chip(neurons_per_core=4, cores=1))
    with pytest.raises(DoesNotFit, match="synapses of one neuron"):
        place(program, chip(synapse_bytes_per_core=2))
    with pytest.raises(DoesNotFit, match="fan-in"):
        place(program, chip(in_axons_per_core=1))
    with pytest.raises(DoesNotFit, match=r"respects its axons|fan-out"):
        place(program, chip(neurons_per_core=4, out_axons_per_core=2))


def test_a_placement_covers_its_layers() -> None:
    use = dict.fromkeys(RESOURCES, Use(1, None))
    right = Placement("c", (Slice("a", 0, 0, 3), Slice("a", 1, 3, 4)), (use, use), 8, 8, 2, 0)
    assert right.on(1) == (Slice("a", 1, 3, 4),)
    with pytest.raises(GraphError, match="without gaps"):
        replace(right, slices=(Slice("a", 0, 0, 3), Slice("a", 1, 2, 4)))
    with pytest.raises(GraphError, match="one for each core"):
        replace(right, use=(use,))


def test_traffic_counts_lines_that_cross() -> None:
    items = [Item(4, 2, groups=frozenset({0}), readers=(1,)), Item(2, 4, groups=frozenset({1}))]
    room = Room(6, 100, list(range(7)), [2, 4], BOUNDLESS, BOUNDLESS)
    assert traffic(items, room, [{0: 4, 1: 2}]) == 2
    assert traffic(items, room, [{0: 4}, {1: 2}]) == 2 + 4
    assert traffic(items, room, [{0: 4, 1: 1}, {1: 1}]) == 2 + 4


def test_the_map_of_the_cores_is_a_picture(tmp_path: Path) -> None:
    placement = place(random_program(3, 40), chip(neurons_per_core=8, cores=500))
    save(core_map(placement), tmp_path / "map.png")
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")


def test_the_command_writes_the_placement(tmp_path: Path) -> None:
    path = deeponet(np.random.default_rng(0), 12).save(tmp_path / "program.h5")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "neurokit",
            "place",
            path,
            "--chip",
            "oheo-gulch",
            "--picture",
            "map.png",
            "--json",
            "-",
        ],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert record["cores"] == record["bound"] == 1
    title = " ".join(done.stderr.split())
    assert ": 1 core of 128, at least 1 needed;" in title
    assert "between cores" not in title, "nothing crosses where there is one core; the host's lines arrive"
    assert "into a core from outside" in title
    assert record["utilisation"]["neurons"] == {"used": 2 * 12 + 2 * 8 + 8 + 1, "limit": 4096}
    assert record["utilisation"]["out_axons"]["limit"] is None
    assert (tmp_path / "map.png").exists()
