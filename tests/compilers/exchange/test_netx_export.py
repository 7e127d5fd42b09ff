"""A netx file holds a Program's layers: spike for spike, in Lava and in a plain reading of the file, or not at all."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from places import SUPPORT
from random_programs import Choices, Drawn, Seeded, pick, proven, random_inputs

from neurokit.compilers.exchange.netx_file import export_netx
from neurokit.compilers.exchange.netx_form import LARGEST_WEIGHT, NetxNetwork
from neurokit.errors import GraphError, OutOfRange, UnsupportedNode
from neurokit.ir import interpreter as reference
from neurokit.ir.fixed_point import Decay12, Widths
from neurokit.ir.program import Dense, Input, Output, Product, Program, ProgramNode, Readout, Recurrent, Spiking
from neurokit.ir.result import Trace
from neurokit.neurons.models import IF, LIF, CubaLIF, Neuron, Subtract, ToZero
from neurokit.neurons.readouts import MemMean, Rate
from neurokit.simulator import Twin

RUNS = SUPPORT / "netx_runs.py"


def build(choose: Choices, *, largest: int, rounding: bool = True) -> Program:
    """A chain with one to three layers of neurons; the exponent of the first Dense may round, the others' do not."""
    size, reach = choose.integer(1, largest), pick(choose, (1, 40, 2000))
    nodes: list[ProgramNode] = [Input("x", [-reach] * size, [reach] * size, scale=pick(choose, (1.0, 1 / 300)))]
    for depth in range(choose.integer(1, 3)):
        width, loudness = choose.integer(1, largest), pick(choose, (1, 30, 127))
        exponent = choose.integer(-7 if rounding and depth == 0 else 0, 1)
        weight = choose.integers(-loudness, loudness, (width, size))
        bias = choose.integers(-4 * loudness, 4 * loudness, (width,)) * choose.integer(0, 1)
        nodes.append(Dense(f"dense{depth}", nodes[-1].name, weight, bias, exponent))
        recurrent = Recurrent(choose.integers(-loudness, loudness, (width, width)), choose.integer(0, 1))
        chosen = recurrent if choose.integer(0, 3) == 0 else None
        nodes.append(Spiking(f"spiking{depth}", f"dense{depth}", population(choose), recurrent=chosen))
        size = width
    nodes.append(Dense("last", nodes[-1].name, choose.integers(-9, 9, (2, size)), choose.integers(-9, 9, (2,))))
    nodes.append(Readout("total", "last", pick(choose, (Rate(), MemMean()))))
    return Program((*nodes, Output("y", "total")), steps=choose.integer(1, 12))


def population(choose: Choices) -> Neuron:
    """Any neuron that netx can say."""
    kind = choose.integer(0, 5)
    threshold = pick(choose, (1, 6, 64, 127, 255, 256, 300, 510))
    kept = Decay12(pick(choose, (0, 1, 2000, 4000, 4096)))
    if kind == 0:
        return CubaLIF(threshold, ToZero(), True, alpha=Decay12(pick(choose, (0, 100, 3000))), beta=kept)
    if kind == 1:
        return LIF(threshold, ToZero(), True, beta=kept)
    if kind == 2:  # threshold * numerator is a multiple of 4096
        return LIF(64 * choose.integer(1, 5), Subtract(), True, beta=Decay12(64 * choose.integer(1, 64)))
    return IF(threshold, Subtract() if kind < 5 else ToZero())


def read_plainly(path: Path, drive: np.ndarray, steps: int) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Loihi's neuron over the layers of a netx file: spikes of every layer `(steps, lines)`, u and v of the last."""
    with h5py.File(path) as file:
        layers = [file[f"layer/{i}"] for i in range(1, len(file["layer"]))]
        stack = [{key: item[()] for key, item in layer.items() if isinstance(item, h5py.Dataset)} for layer in layers]
        neurons = [{key: item[()] for key, item in layer["neuron"].items()} for layer in layers]
    series = np.zeros((steps, len(drive)), dtype=np.int64)
    series[: steps - len(stack)] = drive
    spikes = []
    for layer, neuron in zip(stack, neurons, strict=True):
        size = int(layer["shape"][0])
        u = v = last = np.zeros(size, dtype=np.int64)
        rows = []
        for t in range(steps):
            a = layer["weight"].astype(np.int64) @ series[t - 1] if t else np.zeros(size, dtype=np.int64)
            if "weight_rec" in layer:
                a = a + layer["weight_rec"].astype(np.int64) @ last
            u = toward_zero(u * (4096 - neuron["iDecay"])) + 64 * a
            u = (u + 2**23) % 2**24 - 2**23
            v = np.clip(toward_zero(v * (4096 - neuron["vDecay"])) + u, -(2**23) + 1, 2**23 - 1)
            last = (v > 64 * neuron["vThMant"]).astype(np.int64)
            v = v * (1 - last)
            rows.append(last)
        series = np.array(rows)
        spikes.append(series)
    return spikes, u // 64, v // 64


def toward_zero(x: np.ndarray) -> np.ndarray:
    return np.sign(x) * (np.abs(x) >> 12)


def differences(
    network: NetxNetwork, spikes: Sequence[np.ndarray], u: np.ndarray, v: np.ndarray, trace: Trace, sample: int
) -> int:
    """Spikes and readout sums of one run that are not the Program's."""
    wrong = 0
    for i, layer in enumerate(network.layers):
        if network.readout and layer is network.layers[-1]:
            total = (u if layer.voltage_decay else v) * layer.unit
            wrong += int((total != trace.totals[layer.name][sample]).sum())
        else:
            said = np.asarray(spikes[i])[i + 1 :][: network.steps, : layer.neurons]
            wrong += int((said != trace.spikes[layer.name][sample]).sum())
    return wrong


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), seed=st.integers(0, 2**32 - 1))
def test_the_neurons_of_the_file_fire_as_the_program_s(
    data: st.DataObject, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    program = proven(build(Drawn(data.draw), largest=6))
    path = tmp_path_factory.getbasetemp() / "chain.net"
    readout = data.draw(st.booleans())
    try:
        network = export_netx(program, path, readout=readout)
    except UnsupportedNode:  # no weights at all, or a current that grows under a bias: see below
        empty = any(isinstance(node, Dense) and not node.weight.any() for node in program.nodes)
        assert empty or any(node.leaky for node in program.spiking)
        assume(False)
    samples = random_inputs(program, np.random.default_rng(seed), (3,), corners=True)
    trace = reference.run(program, samples, record=True).trace
    assert trace is not None
    for sample, drive in enumerate(network.present(samples["x"])):
        assert np.abs(drive).max() < 2 ** (network.message_bits - 1)
        spikes, u, v = read_plainly(path, drive, program.steps + len(network.layers))
        assert differences(network, spikes, u, v, trace, sample) == 0
    for layer in network.layers:
        assert max(np.abs(w).max() for w in (layer.weight, layer.recurrent) if w is not None) <= LARGEST_WEIGHT or (
            layer is network.layers[0]
        )


@pytest.mark.lava
@pytest.mark.skipif(find_spec("lava") is None, reason="Lava needs Python 3.10")
def test_lava_dl_loads_the_file_and_lava_fires_spike_for_spike_as_the_twin(tmp_path: Path) -> None:
    """Both resets, one to three layers, biases, first layers in the file and with the sender, both readouts."""
    asked: list[dict[str, Any]] = []
    expected: list[tuple[NetxNetwork, Trace, int]] = []
    for seed, rounding in ((74, True), (1, False), (57, False)):
        program = proven(build(Seeded(np.random.default_rng(seed)), largest=6, rounding=rounding))
        path = tmp_path / f"{seed}.net"
        network = export_netx(program, path, readout=True)
        samples = random_inputs(program, np.random.default_rng(seed), (1,), corners=True)
        trace = Twin().run(program, samples, record=True).trace
        assert trace is not None
        for sample, drive in enumerate(network.present(samples["x"])):
            rows, steps = [drive.tolist()] * program.steps, program.steps + len(network.layers)
            asked.append({"path": str(path), "message_bits": network.message_bits, "drive": rows, "steps": steps})
            expected.append((network, trace, sample))
    done = subprocess.run([sys.executable, RUNS], input=json.dumps(asked), capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(answers) == len(asked)
    for answer, (network, trace, sample) in zip(answers, expected, strict=True):
        u, v = np.array(answer["u"]) // 64, np.array(answer["v"]) // 64  # Lava keeps six bits of fraction
        assert differences(network, answer["spikes"], u, v, trace, sample) == 0
    # The claim is worth something only if neurons of all kinds fired, and the networks differed in form.
    networks = [network for network, _, _ in expected]
    assert sum(int(s.sum()) for _, trace, _ in expected for s in trace.spikes.values()) > 50
    assert {network.sent is None for network in networks} == {True, False}
    assert {layer.recurrent is None for network in networks for layer in network.layers[:-1]} == {True, False}
    assert {layer.voltage_decay for network in networks for layer in network.layers[-1:]} == {0, 4096}


def program_of(*hidden: ProgramNode, inputs: int = 1, **arguments: Any) -> Program:
    sources = [Input(name, [-4], [4], 1.0) for name in "xz"[:inputs]]
    tail = [Readout("total", hidden[-1].name, Rate()), Output("y", "total")]
    return proven(Program((*sources, *hidden, *tail), steps=4, **arguments))


ONE = Dense("one", "x", [[3]], [1])
FIRE = Spiking("fire", "one", IF(5))


def test_the_branch_of_an_operator_network_is_a_file_of_its_own(tmp_path: Path) -> None:
    two = Dense("two", "z", [[2]], [0])
    last = [Readout("left", "fire", Rate()), Readout("right", "again", Rate()), Product("product", "left", "right")]
    nodes = (*(Input(name, [-4], [4], 1.0) for name in "xz"), ONE, two, FIRE, Spiking("again", "two", IF(6, ToZero())))
    program = proven(Program((*nodes, *last, Output("y", "product")), steps=4))
    with pytest.raises(
        GraphError, match=r"one input of a netx file is not named; legal is one of \['x', 'z'\].*--input"
    ):
        export_netx(program, tmp_path / "x.net")
    with pytest.raises(GraphError, match="source is fire"):
        export_netx(program, tmp_path / "x.net", source="fire")
    assert [layer.name for layer in export_netx(program, tmp_path / "x.net", source="x").layers] == ["fire"]
    assert [layer.name for layer in export_netx(program, tmp_path / "z.net", source="z").layers] == ["again"]


@pytest.mark.parametrize(
    ("program", "readout", "error", "names"),
    [
        (
            program_of(ONE, FIRE, Dense("half", "fire", [[3]], [0], -1), Spiking("next", "half", IF(5))),
            False,
            UnsupportedNode,
            "'half' .*exponent -1 rounds.*multiples of 2",
        ),
        (program_of(ONE, FIRE, Dense("half", "fire", [[3]], [0], -1)), True, UnsupportedNode, "'half'.*readout=False"),
        (program_of(ONE, FIRE, Dense("none", "fire", [[0]], [0])), True, UnsupportedNode, "weights are all 0"),
        (
            program_of(ONE, Dense("two", "one", [[1]], [0]), Spiking("fire", "two", IF(5))),
            False,
            UnsupportedNode,
            "'two' .*reads other synapses",
        ),
        (
            program_of(ONE, FIRE, Dense("side", "fire", [[1]], [0]), Dense("main", "fire", [[1]], [0])),
            False,
            UnsupportedNode,
            "'fire'.*2 nodes read it: side, main",
        ),
        (
            program_of(
                Dense("one", "x", [[127]], [99], 6), Spiking("fire", "one", IF(255)), widths=Widths(membrane=24)
            ),
            False,
            OutOfRange,
            "'fire': membrane is up to",
        ),
        (
            Program(program_of(ONE, FIRE, Dense("loud", "fire", [[127]], [1])).nodes, steps=2000),
            True,
            OutOfRange,
            "'total': sum is up to .*readout=False",
        ),
    ],
)
def test_what_netx_cannot_say_exactly_is_refused_by_name(
    program: Program, readout: bool, error: type[Exception], names: str, tmp_path: Path
) -> None:
    path = tmp_path / "kept.net"
    path.write_text("an older file")
    with pytest.raises(error, match=names):
        export_netx(program, path, readout=readout)
    assert path.read_text() == "an older file"
    assert list(tmp_path.iterdir()) == [path]
