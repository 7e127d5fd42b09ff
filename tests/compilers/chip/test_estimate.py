"""estimate: operations counted as an independent count finds them, priced by published numbers, unknown ones named."""

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
from random_programs import random_inputs, random_program

from neurokit.compilers.chip.estimation.activity import Activity, measure, starts
from neurokit.compilers.chip.estimation.estimate import Range, estimate
from neurokit.compilers.chip.estimation.mesh import Mesh
from neurokit.compilers.chip.estimation.timing import InTurn, Overlapped, StepWork, TwoUnits
from neurokit.compilers.chip.place import place
from neurokit.compilers.chip.populations import populations
from neurokit.data.samples import draw
from neurokit.errors import OutOfRange
from neurokit.hw_configs import Board, Chip, Limit, load_chip
from neurokit.hw_configs.quantities import OPERATIONS, Energies, Quantity, Times
from neurokit.ir import interpreter as reference
from neurokit.ir.convolution import Convolution
from neurokit.ir.program import (
    Conv2d,
    Dense,
    Input,
    Output,
    Product,
    Program,
    Readout,
    Recurrent,
    Sparse,
    Spiking,
    Sum,
)
from neurokit.ir.sparse import Csr
from neurokit.neurons.models import IF, Subtract, ToZero
from neurokit.neurons.readouts import MemMean, Rate

LOIHI1, LOIHI2 = load_chip("loihi1"), load_chip("loihi2")


def number(value: int) -> Limit:
    return Limit(value=value, low=value, high=value, source="of the test", kind="inferred")


def quantity(low: float, high: float) -> Quantity:
    return Quantity(value=low, low=low, high=high, source="of the test", kind="inferred")


#: Three neurons a core and two cores a router, on chips of eight cores: small networks spread over several chips.
SMALL = LOIHI1.model_copy(
    update={
        "cores": number(8),
        "neurons_per_core": number(3),
        "mesh_columns": number(2),
        "mesh_rows": number(2),
        "cores_per_router": number(2),
    }
)
BOARD = Board(name="many", chip=SMALL, chips=number(100))


def operator(seed: int, width: int = 9) -> Program:
    """Branch and trunk of unequal depth, biases, a readout with an offset, a product and a sum of its lines."""
    rng = np.random.default_rng(seed)

    def dense(name: str, source: str, out: int, size: int) -> Dense:
        return Dense(name, source, rng.integers(-9, 12, (out, size)), rng.integers(-200, 200, out))

    nodes: list[Any] = [
        Input("b", np.full(4, -3), np.full(4, 3), 1.0),
        dense("b.d", "b", width, 4),
        Spiking("b.s", "b.d", IF(32, Subtract())),
        dense("b.d2", "b.s", width, width),
        Spiking("b.s2", "b.d2", IF(64, ToZero())),
        replace(dense("b.o", "b.s2", 3, width), bias=np.zeros(3)),
        Readout("b.r", "b.o", MemMean(), offset=np.array([5, 0, 200])),
        Input("t", np.full(2, -3), np.full(2, 3), 1.0),
        dense("t.d", "t", width, 2),
        Spiking("t.s", "t.d", IF(32, Subtract())),
        dense("t.o", "t.s", 3, width),
        Readout("t.r", "t.o", Rate()),
        Product("p", "b.r", "t.r", 4),
        Dense("sum", "p", np.ones((1, 3)), np.zeros(1)),
        Output("y", "sum"),
    ]
    return Program(tuple(nodes), 7)


def counted_anew(program: Program, hardware: Board, samples: dict[str, np.ndarray]) -> Counter[str]:
    """From the definitions: one sample, one step, one line, one synapse at a time."""
    placement = place(program, hardware)
    where = {(s.layer, n): s.core for s in placement.slices for n in range(s.start, s.stop)}
    mesh = Mesh.of(hardware.chip, placement.cores_per_chip)
    assert mesh is not None
    made = {population.name: population for population in populations(program)}
    trace = reference.run(program, samples, record=True).trace
    assert trace is not None
    encoded = program.encode(samples)
    begin = starts(program)
    count = Counter[str]()
    for sample in range(len(samples["b"])):
        says: dict[tuple[str, int], set[int]] = {}  # (source, line) -> steps in which it sends

        def say(source: str, line: int, step: int, says: dict[tuple[str, int], set[int]] = says) -> None:
            says.setdefault((source, line), set()).add(step)

        for node in program.nodes:
            for t in range(program.steps):
                if isinstance(node, Input):
                    for line in np.flatnonzero(encoded[node.name][sample]):
                        say(node.name, int(line), t)
                if isinstance(node, Spiking):
                    for line in np.flatnonzero(trace.spikes[node.name][sample, t]):
                        say(node.name, int(line), begin[node.name] + t)
            if isinstance(node, (Readout, Product)):
                for line in np.flatnonzero(trace.totals[node.name][sample]):
                    say(node.name, int(line), begin[node.name])
        for population in made.values():
            receives = begin[population.name]
            if isinstance(program[population.name], Readout):
                receives -= program.steps - 1
            for p in population.projections:
                for digit in range(p.biases):
                    last = receives + program.steps - 2
                    for step in [last] if p.lines == 0 else range(receives - 1, last + 1):
                        say(f"{p.layer} bias", digit, step)
        steps = 1 + max(
            begin[name] + (program.steps - 1 if name in trace.spikes else 0) for name in made if name != "sum"
        )
        steps = max(steps, begin["sum"] + 1)
        for (source, line), when in says.items():
            synapses = Counter[int]()
            for population in made.values():
                for p in population.projections:
                    if (p.source == source and line < p.lines) or (source == f"{p.layer} bias"):
                        for n in range(population.size):
                            if not p.one_to_one or n == line:
                                synapses[where[population.name, n]] += 1
            for core, met in synapses.items():
                count["message_in"] += len(when)
                count["synop"] += met * len(when)
                home = where.get((source, line))
                if home is None:
                    count["from_outside"] += len(when)
                    continue
                count["message_out"] += len(when)
                (x0,), (y0,) = mesh.router(np.array([placement.sites[home]]))
                (x1,), (y1,) = mesh.router(np.array([placement.sites[core]]))
                if placement.chip(home) != placement.chip(core):
                    count["between_chips"] += len(when)
                else:
                    count["hop_east_west"] += int(abs(x0 - x1)) * len(when)
                    count["hop_north_south"] += int(abs(y0 - y1)) * len(when)
                    count["within_tile"] += (x0, y0) == (x1, y1) and len(when)
            if source in made:
                count["spike"] += len(when)
        count["barrier"] += steps
        count["neurons"] += steps * sum(population.size for population in made.values())
    return count


@pytest.mark.parametrize("seed", range(3))
def test_operations_are_those_of_a_count_one_by_one(seed: int) -> None:
    program = operator(seed)
    samples = draw(program, 3, seed)
    found = estimate(program, BOARD, samples)
    expected = counted_anew(program, BOARD, samples)
    made = {name: round(count * 3) for name, count in found.operations.items()}
    assert made["neuron_idle"] + made["neuron_active"] == expected["neurons"]
    for name in set(OPERATIONS) - {"neuron_idle", "neuron_active"}:
        assert made[name] == expected[name], name
    assert round(found.from_outside * 3) == expected["from_outside"] > 0
    assert min(made["between_chips"], made["hop_east_west"], made["hop_north_south"]) > 0
    assert found.chips > 1


def test_neurons_are_active_where_something_reaches_them_or_their_state_is_not_zero() -> None:
    """Two neurons of threshold 4 that receive the constants 3 and 0, through one line that emits in every step."""
    nodes = (
        Input("x", np.array([1]), np.array([1]), 1.0),
        Dense("d", "x", np.array([[3], [0]]), np.zeros(2)),
        Spiking("s", "d", IF(4, ToZero())),
        Dense("o", "s", np.array([[1, 1]]), np.zeros(1)),
        Readout("r", "o", Rate()),
        Output("y", "r"),
    )
    activity = measure(Program(nodes, 4), {"x": np.array([[1.0]])})
    awake = activity.awake["s"].dense()[0]
    # x emits in steps 0..3 and is received in 1..4. The first neuron is at 3, fires to 0, is at 3, fires in step 4.
    assert awake.tolist() == [[0, 0], [1, 1], [1, 1], [1, 1], [1, 1], [0, 0]]
    assert activity.sent["s"].dense()[0].tolist() == [[0, 0], [1, 0], [0, 0], [1, 0]]
    assert (activity.sent["s"].start, activity.steps) == (1, 6)
    # The readout receives a spike in steps 3 and 5, and holds the first from then on.
    assert activity.awake["r"].dense()[0, :, 0].tolist() == [0, 0, 0, 1, 1, 1]


def test_chunks_and_single_samples_add_up() -> None:
    program = operator(4)
    samples = draw(program, 5, seed=1)
    whole = estimate(program, BOARD, samples)
    singles = [estimate(program, BOARD, {k: v[i : i + 1] for k, v in samples.items()}) for i in range(5)]
    for name in OPERATIONS:
        assert whole.operations[name] == pytest.approx(np.mean([one.operations[name] for one in singles]), rel=1e-12)
    low = np.mean([one.time_s.low or 0.0 for one in singles])
    assert whole.time_s.low == pytest.approx(low, rel=1e-12), "sums of the same floats in another order"
    assert estimate(program, BOARD, measure(program, samples)).to_json() == whole.to_json()


def test_every_shape_of_program_has_an_estimate() -> None:
    for seed in range(12):
        rng = np.random.default_rng(seed)
        program = random_program(rng, largest=12)
        found = estimate(program, LOIHI2, random_inputs(program, rng, (2,)))
        assert found.operations["synop"] >= 0
        assert found.time_s.low is not None
        assert found.time_s.high is not None
        assert found.time_s.low <= found.time_s.high


def test_scattered_recurrent_and_summed_synapses_are_counted_where_they_are() -> None:
    """One core: a message meets as many synapses as its line has weights stored, in each of its readers."""
    rng = np.random.default_rng(3)
    mask = rng.random((6, 9)) < 0.4
    mask[:, 0] = True
    sparse = Sparse("sp", "a.s", Csr.of(np.where(mask, rng.integers(1, 9, (6, 9)), 0)), np.zeros(6), delay=2)
    kernel = rng.integers(1, 9, (2, 1, 2, 2))
    conv = Conv2d("cv", "a.s", kernel, np.zeros(2), Convolution((1, 3, 3), stride=(1, 1), padding=(0, 0)))
    nodes: list[Any] = [
        Input("x", np.full(2, 1), np.full(2, 3), 1.0),
        Dense("a", "x", rng.integers(0, 9, (9, 2)), np.zeros(9)),
        Spiking("a.s", "a", IF(16, ToZero())),
        sparse,
        Dense("d", "a.s", rng.integers(0, 5, (6, 9)), np.zeros(6)),
        Sum("both", ("sp", "d")),
        Spiking("b.s", "both", IF(64, ToZero()), recurrent=Recurrent(rng.integers(-3, 4, (6, 6)))),
        conv,
        Spiking("c.s", "cv", IF(32, ToZero())),
        Dense("o", "b.s", np.ones((1, 6)), np.zeros(1)),
        Readout("r", "o", Rate()),
        Dense("o2", "c.s", np.ones((1, 8)), np.zeros(1)),
        Readout("r2", "o2", Rate()),
        Output("y", "r"),
        Output("z", "r2"),
    ]
    program = Program(tuple(nodes), 10)
    samples = draw(program, 4, 0)
    trace = reference.run(program, samples, record=True).trace
    assert trace is not None
    fired = {name: train.sum(axis=(0, 1)) for name, train in trace.spikes.items()}
    assert min(count.sum() for count in fired.values()) > 0
    from_a = mask.sum(axis=0) + 6 + (conv.matrix.toarray() != 0).sum(axis=0)
    expected = fired["a.s"] @ from_a + fired["b.s"].sum() * (6 + 1) + fired["c.s"].sum() + 4 * 10 * 2 * 9
    found = estimate(program, LOIHI2, samples)
    assert round(found.operations["synop"] * 4) == expected
    assert found.cores == 1


def test_a_delayed_message_wakes_its_neuron_when_it_arrives() -> None:
    nodes = (
        Input("x", np.array([1]), np.array([1]), 1.0),
        Dense("d", "x", np.array([[4]]), np.zeros(1)),
        Spiking("s", "d", IF(16, ToZero())),
        Dense("e", "s", np.array([[1]]), np.zeros(1), delay=2),
        Spiking("t", "e", IF(1, ToZero())),
        Dense("o", "t", np.array([[1]]), np.zeros(1)),
        Readout("r", "o", Rate()),
        Output("y", "r"),
    )
    activity = measure(Program(nodes, 8), {"x": np.array([[1.0]])})
    # s fires at its local times 3 and 7, in steps 4 and 8; t receives the first one step and two delays later.
    assert np.flatnonzero(activity.awake["t"].dense()[0]).tolist() == [7]
    assert np.flatnonzero(activity.sent["t"].dense()[0]).tolist() == [7 - activity.sent["t"].start]


def priced(**per_operation: float) -> Chip:
    """Loihi 2 with a made-up price for each operation, from x to 3 x."""
    made = {name: quantity(x, 3 * x) for name, x in per_operation.items()}
    return LOIHI2.model_copy(update={"energy_pj": Energies(**made), "time_ns": Times(**made)})


def test_energy_is_the_sum_of_operations_and_static_power_times_time() -> None:
    program, every = operator(0), {name: float(i + 1) for i, name in enumerate(OPERATIONS)}
    found = estimate(program, priced(**every), draw(program, 4, 0))
    expected = sum(found.operations[name] * price for name, price in every.items()) * 1e-12
    assert found.dynamic_j.low == pytest.approx(expected, rel=1e-12)
    assert found.dynamic_j.high == pytest.approx(3 * expected, rel=1e-12)
    power = LOIHI2.static_power_mw
    assert power is not None
    assert found.time_s.low is not None
    assert found.static_j.low == pytest.approx(power.low * 1e-3 * found.time_s.low, rel=1e-12)
    assert found.unknown == ()


def test_time_is_a_sum_of_the_busiest_cores_and_not_of_all() -> None:
    work = StepWork(
        np.array([[1.0, 5.0], [2.0, 0.0]]), np.array([[4.0, 1.0], [0.5, 3.0]]), np.array([0.25, 0.5]), 0.125
    )
    assert Overlapped()(work).tolist() == [5.0, 3.0]
    assert TwoUnits()(work).tolist() == [5.125, 3.125]
    assert InTurn()(work).tolist() == [6.375, 3.625]
    assert Overlapped()(work._replace(barrier=4.0)).tolist() == [5.0, 4.0]


def test_what_nobody_has_published_is_named_and_left_out() -> None:
    program = operator(0)
    samples = draw(program, 4, 0)
    plain = estimate(program, LOIHI2, samples)
    assert plain.partial
    assert set(plain.by_operation) == {"synop", "barrier"}, "fitted to measurements; the others are in them"
    assert "energy of neuron_active" in plain.unknown
    assert "energy of synop" not in plain.unknown
    bare = estimate(program, LOIHI2.model_copy(update={"energy_pj": Energies()}), samples)
    assert (bare.dynamic_j, bare.by_operation) == (Range(None, None), {})
    assert "energy of synop" in bare.unknown
    assert "time of synop" not in bare.unknown
    borrowed = estimate(program, LOIHI2, samples, stand_in="loihi1")
    assert borrowed.dynamic_j.low is not None
    assert "energy of neuron_active" not in borrowed.unknown
    assert "energy of spike" in borrowed.unknown, "Davies et al. have none either"
    assert any(
        "energy of neuron_active" in said and "taken from Loihi 1 as asked" in said for said in borrowed.assumptions
    )
    assert borrowed.by_operation["synop"] == plain.by_operation["synop"], "Loihi 2's own prices are not replaced"
    assert borrowed.time_s == plain.time_s


def test_an_input_core_adds_the_way_from_it() -> None:
    program = operator(0)
    samples = draw(program, 2, 0)
    plain, entered = estimate(program, BOARD, samples), estimate(program, BOARD, samples, entry=0)
    assert entered.operations["message_out"] == plain.operations["message_out"] + plain.from_outside
    assert entered.operations["synop"] == plain.operations["synop"]
    with pytest.raises(OutOfRange, match="entry is -1; legal is 0"):
        estimate(program, BOARD, samples, entry=-1)


def test_an_activity_of_another_program_is_refused() -> None:
    program = operator(0)
    with pytest.raises(OutOfRange, match="measured on this Program"):
        estimate(program, LOIHI2, Activity(1, 3, {}, {}))


def test_neighbours_in_number_are_neighbours_on_the_mesh() -> None:
    mesh = Mesh.of(LOIHI2, 128)
    assert mesh is not None
    cores = np.arange(128)
    column, row = mesh.router(cores)
    assert len(set(zip(column.tolist(), row.tolist(), strict=True))) == 32
    steps = mesh.way(cores[:-1], cores[1:])
    assert (steps.east_west + steps.north_south).max() == 1
    assert (steps.east_west + steps.north_south).sum() == 31
    assert mesh.way(np.array([0]), np.array([200])).between_chips.all()


def test_the_command_writes_what_the_design_promises(tmp_path: Path) -> None:
    path = operator(0).save(tmp_path / "program.h5")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "neurokit",
            "estimate",
            path,
            "--samples",
            "3",
            "--prices-from",
            "loihi1",
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
    for found in (record["time_s"], record["energy_j"]["static"], record["energy_j"]["dynamic"]):
        assert 0 < found["low"] <= found["high"]
    assert record["samples"] == 3
    assert record["partial"] is True
    assert set(record["operations"]) == set(OPERATIONS)
    assert all(isinstance(said, str) for said in record["assumptions"])
