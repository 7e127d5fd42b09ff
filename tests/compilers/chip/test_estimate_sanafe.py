"""The estimate equals SANA-FE's on a shared Loihi 1 case: the same network, the same spikes, the same constants.

SANA-FE (PyPI: sanafe, GPL-3.0) is no dependency: it runs in an interpreter of its own, which NEUROKIT_SANAFE_PYTHON
names, and its constants are read from its own installed description.
"""

from __future__ import annotations

import json
import os
import subprocess
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from places import SUPPORT

from neurokit.compilers.chip.estimation.estimate import Estimate, estimate
from neurokit.compilers.chip.estimation.mesh import Mesh
from neurokit.compilers.chip.estimation.timing import TwoUnits
from neurokit.compilers.chip.place import place
from neurokit.compilers.chip.placement import Placement
from neurokit.compilers.lava.bias_digits import digits, lines
from neurokit.hw_configs import Chip, Limit, load_chip
from neurokit.hw_configs.quantities import Energies, Quantity, Times
from neurokit.ir import interpreter as reference
from neurokit.ir.program import Dense, Input, Output, Program, Readout, Spiking
from neurokit.neurons.models import IF
from neurokit.neurons.readouts import Rate

PYTHON = os.environ.get("NEUROKIT_SANAFE_PYTHON")
pytestmark = pytest.mark.skipif(
    PYTHON is None, reason="NEUROKIT_SANAFE_PYTHON names no Python with SANA-FE (GPL-3.0, pip install sanafe==2.2.9)"
)
SCRIPT = SUPPORT / "peers" / "sanafe_simulate.py"
ENTRY = 0


def few(value: int) -> Limit:
    return Limit(value=value, low=value, high=value, source="small, for the test", kind="inferred")


#: Small cores, numbered over a part of the mesh that is two routers wide, so that messages go both ways.
LOIHI1 = load_chip("loihi1").model_copy(update={"neurons_per_core": few(9), "mesh_columns": few(2)})


def network(seed: int) -> Program:
    """Two layers of neurons and a readout, on four tiles of cores with nine neurons each.

    No current exceeds a threshold, so that nobody has a spike left when the window ends: on Lava a gate would hold it
    back, which SANA-FE's network does not have.
    """
    rng = np.random.default_rng(seed)
    sizes = [6, *(int(n) for n in rng.integers(54, 62, 2)), 3]
    nodes: list[Any] = [Input("x", np.full(6, -3), np.full(6, 3), 1.0)]
    source = "x"
    for i, (before, size) in enumerate(pairwise(sizes[:-1])):
        weight, bias = rng.integers(-9, 14, (size, before)), rng.integers(-50, 150, size)
        reach = int((3 * abs(weight).sum(axis=1) if i == 0 else np.maximum(weight, 0).sum(axis=1)).max())
        threshold = 32 * -(-(reach + 150) // 32)
        nodes += [Dense(f"d{i}", source, weight, bias), Spiking(f"s{i}", f"d{i}", IF(threshold))]
        source = f"s{i}"
    nodes += [Dense("o", source, rng.integers(-9, 10, (3, sizes[-2])), np.zeros(3))]
    return Program((*nodes, Readout("r", "o", Rate()), Output("y", "r")), 32)


def as_asked(
    program: Program, placement: Placement, x: np.ndarray, steps: int
) -> tuple[dict[str, Any], dict[str, int]]:
    """The network for SANA-FE: a neuron per line of the input, of the biases and of every population."""
    mesh = Mesh.of(LOIHI1, placement.cores_per_chip)
    assert mesh is not None
    columns, rows = mesh.router(np.arange(placement.cores))
    # SANA-FE numbers tiles down the columns of its mesh, four rows each.
    where = [[int(c) * 4 + int(r), core % 4] for core, (c, r) in enumerate(zip(columns, rows, strict=True))]
    neurons: list[dict[str, Any]] = []
    edges: list[list[float]] = []
    first: dict[str, int] = {}

    def outside(name: str, start: int, emits: np.ndarray) -> None:
        first[name] = len(neurons)
        for line in emits:
            train = [False] * start + [bool(line)] * program.steps
            neurons.append({"core": where[ENTRY], "spikes": train})

    def populated(name: str, threshold: float) -> None:
        first[name] = len(neurons)
        for part in placement.layers[name]:
            neurons.extend([{"core": where[part.core], "threshold": threshold}] * part.size)

    def connect(source: str, target: str, weight: np.ndarray) -> None:
        for i, j in np.ndindex(weight.shape):
            edges.append([first[source] + j, first[target] + i, float(weight[i, j])])

    outside("x", 0, x != 0)
    for layer, node in enumerate(node for node in program.nodes if isinstance(node, Dense)):
        reader = f"s{layer}" if node.name != "o" else "r"
        populated(reader, program[reader].threshold - 0.5 if node.name != "o" else 2.0**40)
        connect(node.source, reader, node.weight * x if node.source == "x" else node.weight)
        if node.bias.any():
            bias = digits(node.bias)
            outside(f"{node.name} bias", layer, np.ones(bias.shape[1]))
            connect(f"{node.name} bias", reader, bias * lines(bias.shape[1]))
        if reader != "r":
            connect_self = [first[reader] + n for n in range(len(node.bias))]
            edges.extend([n, n, -float(program[reader].threshold)] for n in connect_self)
    return {"steps": steps, "neurons": neurons, "edges": edges}, first


def priced(constants: dict[str, float], tiles: int) -> Chip:
    """Loihi 1 with SANA-FE's constants; its table of barriers holds the number of tiles in use."""

    def of(costs: type[Any], unit: float, **values: float) -> Any:
        made = {
            name: Quantity(value=v * unit, low=v * unit, high=v * unit, source="SANA-FE", kind="fitted-loihi1")
            for name, v in values.items()
        }
        return costs(**made)

    def common(what: str) -> dict[str, float]:
        idle, extra = (constants[f"loihi_lif.{what}_{act}_neuron"] for act in ("access", "update"))
        return {
            "neuron_idle": idle,
            "neuron_active": idle + extra,
            "spike": constants[f"loihi_lif.{what}_spike_out"],
            "message_out": constants[f"loihi_out.{what}_message_out"],
            "message_in": constants[f"loihi_in.{what}_message_in"],
            "synop": constants[f"loihi_dense_synapse.{what}_process_spike"],
            "within_tile": 0.0,
            "hop_east_west": constants[f"loihi_tile.{what}_east_hop"],
            "hop_north_south": constants[f"loihi_tile.{what}_north_hop"],
        }

    return LOIHI1.model_copy(
        update={
            "energy_pj": of(Energies, 1e12, **common("energy"), barrier=0.0),
            "time_ns": of(Times, 1e9, **common("latency"), barrier=constants[f"sync.{tiles}"]),
        }
    )


def ask(asked: dict[str, Any]) -> dict[str, Any]:
    assert PYTHON is not None
    done = subprocess.run(
        [PYTHON, str(SCRIPT)], input=json.dumps(asked), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


@pytest.mark.parametrize("seed", range(3))
def test_counts_energy_and_time_are_those_of_sana_fe(seed: int) -> None:
    program = network(seed)
    placement = place(program, LOIHI1)
    x = np.random.default_rng(seed).integers(-3, 4, (1, 6)).astype(float)
    measured = estimate(program, LOIHI1, {"x": x}, placement=placement, entry=ENTRY)
    asked, first = as_asked(program, placement, x[0], measured.steps)
    answer = ask(asked)
    trace = reference.run(program, {"x": x}, record=True).trace
    assert trace is not None
    ours = {
        (first[name] + int(n), int(t) + layer + 1)
        for layer, name in enumerate(("s0", "s1"))
        for t, n in np.argwhere(trace.spikes[name][0])
    }
    assert ours == {(neuron, step) for neuron, step in answer["spikes"]}
    assert len(ours) > 100

    tiles = {neuron["core"][0] for neuron in asked["neurons"]}
    chip = priced(answer["constants"], len(tiles))
    mine: Estimate = estimate(program, chip, {"x": x}, placement=placement, timing=TwoUnits(), entry=ENTRY)
    counts, made = answer["counts"], mine.operations
    assert mine.unknown == ()
    assert made["spike"] == len(ours)
    assert made["message_out"] == made["message_in"] == counts["messages"]
    assert made["synop"] == counts["synops"]
    assert made["hop_east_west"] + made["hop_north_south"] == counts["hops"]
    assert min(made["hop_east_west"], made["hop_north_south"], made["within_tile"]) > 0
    assert made["neuron_idle"] > 0
    # Sums of the same floats, in another order.
    equal = {"rel": 1e-12, "abs": 0.0}
    energy = {name: each.low for name, each in mine.by_operation.items()}
    soma = energy["neuron_idle"] + energy["neuron_active"] + energy["spike"]
    assert soma == pytest.approx(answer["energy_j"]["soma"], **equal)
    assert energy["synop"] == pytest.approx(answer["energy_j"]["synapse"], **equal)
    network_energy = energy["message_out"] + energy["message_in"] + energy["hop_east_west"] + energy["hop_north_south"]
    assert network_energy == pytest.approx(answer["energy_j"]["network"], **equal)
    assert mine.dynamic_j.low == mine.dynamic_j.high == pytest.approx(answer["energy_j"]["total"], **equal)
    assert mine.time_s.low == mine.time_s.high == pytest.approx(answer["time_s"], **equal)
