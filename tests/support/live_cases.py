"""What the tests of forms and of live networks run in an interpreter of its own.

python cases.py CASE JSON                          prints one JSON object a set of arguments
python cases.py worker DIRECTORY SHM_PREFIX        a worker whose first sample decides: below 0 it fails, else it sleeps
python cases.py faulty FAULT SOCKET DIRECTORY SHM_PREFIX     a worker of a LiveNetwork that fails when asked for a step
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lava_networks as networks
import numpy as np
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava_processes.series import Series
from operators import operator
from random_programs import Seeded, build, proven

from neurokit.compilers.lava.forms import FusedForm, form_named
from neurokit.compilers.lava.ring_buffers import RingBuffer
from neurokit.compilers.lava.schedule import LAG, schedule
from neurokit.compilers.lava.timing import Cycle
from neurokit.errors import GraphError, LavaFailure, OutOfRange, UnsupportedNode
from neurokit.ir import interpreter as reference
from neurokit.ir.fixed_point import Decay12, Widths
from neurokit.ir.program import Dense, Input, Output, Product, Program, Readout, Spiking
from neurokit.neurons.models import IF, LIF, ToZero
from neurokit.neurons.readouts import MemMean, Rate
from neurokit.processes.network.process import Network
from neurokit.processes.ring_buffer.process import Recorder
from neurokit.targets.lava import live_worker, worker
from neurokit.targets.lava.job import Answer, Job
from neurokit.targets.lava.network import LavaNetwork


def small(factor: int = 1) -> Program:
    """Two branches, one of them with a hard reset and a leak, a product, two outputs, a bias of its own."""
    leaky = LIF(60, ToZero(), strict=True, beta=Decay12(3686))
    nodes = (
        Input("x", [-9, -9], [9, 9], 1.0),
        Input("z", [0], [9], 0.5),
        Dense("d", "x", factor * np.array([[5, 3], [-4, 7]]), [30, -5]),
        Spiking("s", "d", leaky),
        Dense("o", "s", [[3, -2], [1, 1]], [1, 2]),
        Readout("r", "o", MemMean()),
        Dense("e", "z", [[factor], [2]], [3, 0]),
        Spiking("u", "e", IF(16)),
        Dense("f", "u", [[1, 2], [2, -1]], [0, 0]),
        Readout("q", "f", Rate()),
        Product("p", "r", "q"),
        Output("y", "p", 0.5),
        Output("w", "q"),
    )
    return Program(nodes, 6)


def drawn(program: Program, count: int, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {n.name: rng.integers(n.low, n.high + 1, (count, n.low.size)) for n in program.inputs}


def every_node(seed: int) -> Program:
    """A random small Program of every kind of node and neuron that the stock form can run."""
    rng = np.random.default_rng(seed)
    while True:
        try:
            program = proven(build(Seeded(rng), widths=Widths(), largest=5))
            schedule(program)
        except (OutOfRange, UnsupportedNode):
            continue
        if len(program.nodes) <= 20:
            return program


def ones() -> Program:
    """Factors of -1, 0 and 1, whose products a stock ProdNeuron drops by default."""
    nodes = (
        Input("x", [-1], [1], 1.0),
        Input("z", [-1], [1], 1.0),
        Dense("d", "x", [[1], [-1]], [0, 0]),
        Spiking("s", "d", IF(1)),
        Dense("o", "s", [[1, -1]], [0]),
        Readout("r", "o", Rate()),
        Dense("e", "z", [[1], [-1]], [0, 0]),
        Spiking("u", "e", IF(1)),
        Dense("f", "u", [[1, -1]], [0]),
        Readout("q", "f", Rate()),
        Product("p", "r", "q"),
        Output("y", "p"),
    )
    return Program(nodes, 1)


PROGRAMS: dict[str, Callable[[int], Program]] = {
    "every node": every_node,
    "small": lambda seed: small(),
    "DeepONet": lambda seed: operator(1, 2, seed),
    "SepONet, d = 2": lambda seed: operator(2, 1, seed),
    "SepONet, d = 3": lambda seed: operator(3, 1, seed),
    "ones": lambda seed: ones(),
    "populations": networks.populations,
    "current based": networks.current_based,
    "synapses": networks.synapses,
    "repeated sources": networks.repeated,
}


def different(expected: Any, got: Any) -> dict[str, int]:
    """How many numbers of two traces differ, by kind and node."""
    found = {}
    for kind, arrays in vars(expected).items():
        assert arrays.keys() == getattr(got, kind).keys()
        for name, array in arrays.items():
            assert array.shape == getattr(got, kind)[name].shape
            if bad := int((array != getattr(got, kind)[name]).sum()):
                found[f"{kind} of {name}"] = bad
    return found


def programs(kind: str, seed: int, form: str, batch: int, samples: int, extra_period: int = 0) -> dict[str, Any]:
    """A Program in a form, in batches that the samples do not fill, against the reference."""
    program = PROGRAMS[kind](seed)
    values = drawn(program, samples, seed)
    final, trace = reference.interpret(program, values, record=True)
    assert trace is not None
    period = program.steps + 1 + extra_period
    with LavaNetwork(program, form_named(form, batch), record=True, period=period, deadline_s=120) as network:
        raw, got = network.run(values)
    wrong = different(trace, got)
    wrong |= {n.name: 1 for n in program.outputs if (raw[n.name] != final[n.source]).any()}
    return {"wrong": wrong, "fired": int(sum(s.sum() for s in trace.spikes.values()))}


def process(kind: str, seed: int, batch: int, moving: bool) -> dict[str, Any]:
    """A Network between two processes of somebody else's: both of its models, chip step by chip step."""
    program, windows, said = PROGRAMS[kind](seed), 3, []
    for stock in (False, True):
        network = Network(program=program, batch=batch, period=program.steps + 2)
        chip_steps = network.inputs.start + (windows + 3) * network.inputs.period
        rng = np.random.default_rng(seed)
        rows = np.zeros((chip_steps, *network.x.shape), dtype=np.int32)
        for n in range(chip_steps):
            window, t = network.inputs.local(n + 1)
            if network.inputs.covers(n + 1) and window < windows:
                if moving or t == 0:
                    sample = [rng.integers(i.low, i.high + 1, (batch, i.low.size)).ravel() for i in program.inputs]
                rows[n] = np.concatenate(sample)
        with tempfile.TemporaryDirectory() as folder:
            buffer = RingBuffer(Path(folder), "y", (1, chip_steps, *network.y.shape))
            buffer.blank()
            source = Series(rows=rows)
            recorder = Recorder(shape=network.y.shape, buffer=buffer, cycle=Cycle(1, chip_steps, chip_steps + 1))
            source.s_out.connect(network.x)
            network.y.connect(recorder.a_in)
            config = Loihi2SimCfg(select_tag="fixed_pt", select_sub_proc_model=stock)
            network.run(RunSteps(num_steps=chip_steps), run_cfg=config)
            network.stop()
            said.append(np.array(buffer.open()[0]))
    when = {name: [n for n in range(chip_steps) if c.covers(n + 1)] for name, c in network.outputs.items()}
    emitted = sorted({n for steps in when.values() for n in steps})
    silent = np.delete(said[0], emitted, axis=0)
    return {"bad": int((said[0] != said[1]).sum()), "said": int((said[0] != 0).sum()), "outside": int(silent.any())}


def live(form: str, batch: int) -> dict[str, Any]:
    """Samples, steps, new weights and refusals of one network."""
    program, wrong = small(), {}
    values = drawn(program, 3)
    expected, trace = reference.interpret(program, values, record=True)
    real = [{n.name: values[n.name][i] * n.scale for n in program.inputs} for i in range(3)]
    assert trace is not None
    refused = []
    with LavaNetwork(program, form_named(form, batch), record=True, deadline_s=60) as network:
        for name, call in {
            "early": lambda: network.total("p"),
            "early train": lambda: network.train("s"),
            "early output": lambda: network.output("y"),
            "unknown": lambda: network.output("nothing"),
            "input": lambda: network.spikes("d"),
            "no step": lambda: network.advance(0),
            "range": lambda: network.feed({"x": [99, 0], "z": [0]}),
            "batch": lambda: network.feed({"x": np.zeros((batch + 1, 2)), "z": [0]}),
        }.items():
            try:
                call()
            except (LavaFailure, OutOfRange, GraphError):
                refused.append(name)
        for i in (0, 1):  # sample by sample
            y = network.sample(real[i])
            if (y["y"] != 0.5 * expected["p"][i]).any() or (y["w"] != expected["q"][i]).any():
                wrong[f"sample {i}"] = 1
            if (network.train("s") != trace.spikes["s"][i]).any() or (
                network.states("s") != trace.states["s"][i]
            ).any():
                wrong[f"train {i}"] = 1
            if (network.total("r") != expected["r"][i]).any():
                wrong[f"total {i}"] = 1
        network.feed(real[2])  # step by step, from the middle of nowhere through two windows
        seen: dict[tuple[int, int], Any] = {}
        for _ in range(2 * network.schedule.period + network.schedule.start["s"]):
            network.advance()
            window, t = network.when("s")
            seen[window, t] = network.spikes("s")[0], network.state("s")[0]
        first = min(w for w, t in seen if t == 0)
        for window in (first, first + 1):
            for t in range(program.steps):
                spikes, states = seen[window, t]
                if (spikes != trace.spikes["s"][2, t]).any() or (states != trace.states["s"][2, t]).any():
                    wrong[f"step {window, t}"] = 1
        between = [said for (_, t), (said, _) in seen.items() if t >= program.steps]
        if any(said.any() for said in between):
            wrong["between windows"] = 1
        other = small(2)
        network.swap(other)
        after, _ = reference.interpret(other, values)
        raw, _ = network.run(values)
        if (raw["y"] != after["p"]).any():
            wrong["swapped"] = 1
        for name, bad in {
            "neuron": replace(other, nodes=tuple(_hotter(n) for n in other.nodes)),
            "steps": replace(other, steps=7),
            "overflow": replace(other, nodes=tuple(_overflowing(n) for n in other.nodes)),
        }.items():
            try:
                network.swap(bad)
            except (GraphError, OutOfRange):
                refused.append(name)
        if (network.run(values)[0]["y"] != after["p"]).any():
            wrong["after refusals"] = 1
    try:
        network.advance()
    except LavaFailure:
        refused.append("stopped")
    return {"wrong": wrong, "refused": refused, "fired": int(trace.spikes["s"].sum())}


def _overflowing(node: Any) -> Any:
    return replace(node, bias=np.array([2**18, 0])) if node.name == "d" else node


def _hotter(node: Any) -> Any:
    return replace(node, neuron=replace(node.neuron, threshold=61)) if node.name == "s" else node


def moving(forms: list[tuple[str, int]]) -> dict[str, Any]:
    """Inputs that change in every step: what a layer says in its window, in several forms."""
    program, said = small(), []
    for name, batch in forms:
        rng, form = np.random.default_rng(3), form_named(name, batch)
        with LavaNetwork(program, form, record=frozenset({"s", "p"}), deadline_s=60) as network:
            # What the inputs say at local time t, whatever the chip step at which a form starts.
            start = network.schedule.start["x"] - (1 if isinstance(form, FusedForm) else 0)
            network.advance(start - 1)
            for _ in range(program.steps):
                x = {n.name: rng.integers(n.high // 3, n.high + 1) * n.scale for n in program.inputs}
                network.feed(x)
                network.advance()
            network.advance(network.schedule.start["p"] + 1 - network.chip_steps)
            said.append([network.total("p").tolist()[0], network.when("s")[0]])
            frames = network._frames(network._require_running().spikes["s"])
            said[-1].append(frames[0].reshape(program.steps, batch, -1)[:, 0].tolist())
    return {"same": all(each == said[0] for each in said), "fired": int(np.sum(said[0][2]))}


def long(form: str, batch: int, runs: int, samples: int, windows: int | None = None) -> dict[str, Any]:
    """What this process holds open, runs and stores, after a first run and after many."""
    import psutil

    from neurokit.compilers.lava import layout

    layout.WINDOWS = windows or layout.WINDOWS
    program = small()
    values = drawn(program, samples)
    expected = reference.interpret(program, values)[0]["p"]
    process, measured, wrong = psutil.Process(), [], 0
    with LavaNetwork(program, form_named(form, batch), record=frozenset({"s"}), deadline_s=600) as network:
        for _ in range(runs):
            wrong += int((network.run(values)[0]["y"] != expected).sum())
            family = [process, *process.children(recursive=True)]
            folder = network._directory
            assert folder is not None
            measured.append(
                {
                    "processes": len(family),
                    "files": sum(each.num_fds() for each in family),
                    "mib": sum(each.memory_info().rss - each.memory_info().shared for each in family) / 2**20,
                    "disk": sum(f.stat().st_blocks * 512 for f in folder.iterdir() if f.is_file()),
                }
            )
    return {"wrong": wrong, "measured": measured, "chip_steps": network.chip_steps}


def leaves(seed: int) -> dict[str, Any]:
    """Leaf models of Product and Readout by themselves, step by step, against their equations."""
    from neurokit.processes.product.models import PyProductFixed, PyProductFloat
    from neurokit.processes.readout.models import PyReadoutFloat

    rng, sent, wrong = np.random.default_rng(seed), [], {}
    out = SimpleNamespace(send=lambda y: sent.append(np.array(y)))

    def port(x: np.ndarray) -> Any:
        return SimpleNamespace(recv=lambda: x)

    for left, right in rng.integers(-(2**15), 2**15, (4, 2, 9)):
        for kind, expected in ((PyProductFixed, left * right >> 5), (PyProductFloat, left * right / 32)):
            model = kind({"shape": (9,), "shift": 5})
            model.left, model.right, model.s_out = port(left), port(right), out
            model.run_spk()
            if (sent.pop() != expected).any():
                wrong[kind.__name__] = 1
    model = PyProductFixed({"shape": (1,), "shift": 9})
    model.left, model.right, model.s_out = port(np.array([2**16])), port(np.array([2**16])), out
    try:
        model.run_spk()
        wrong["a product of 33 bits"] = 1
    except OutOfRange:
        pass
    cycle = Cycle(3, 4, 6)
    for rule in (Rate(), MemMean()):
        readout = PyReadoutFloat({"shape": (2,), "rule": rule, "shift": 1, "cycle": cycle})
        readout.s_out, currents = out, rng.normal(size=(30, 2))
        expected = np.zeros((30, 2))
        for n in range(1, 31):
            window, t = cycle.local(n)
            readout.a_in = port(currents[n - 1] * cycle.covers(n))
            readout.time_step = n
            readout.run_spk()
            due = n + LAG[type(rule)] - 1  # counted from the step after the window's last
            if window >= 0 and t == cycle.steps and due <= 30:
                weighed = rule.weights(4)[:, None] * currents[n - 5 : n - 1]
                expected[due - 1] = weighed.sum(axis=0) / 2
        if not np.allclose(np.array(sent), expected) or not expected.any():
            wrong[f"readout {rule.name}"] = 1
        sent.clear()
    return {"wrong": wrong}


def torn(job: Job) -> Answer:
    """Fails or sleeps, as its first sample says."""
    if job.inputs["x"][0, 0] < 0:
        time.sleep(0.5)  # let the others begin
        raise ValueError("torn on purpose")
    time.sleep(1e6)
    raise AssertionError


class Faulty(LavaNetwork):
    """A network that does not survive a step."""

    fault = ""

    def make_steps(self, chip_steps: int) -> None:
        if self.fault == "sleeps":
            time.sleep(1e6)
        if self.fault == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        raise ValueError("faulty on purpose")


CASES: dict[str, Callable[..., dict[str, Any]]] = {
    f.__name__: f for f in (programs, process, live, moving, long, leaves)
}

if __name__ == "__main__":
    if sys.argv[1] == "worker":
        worker.main(Path(sys.argv[2]), sys.argv[3], torn)
    elif sys.argv[1] == "faulty":
        import neurokit.targets.lava.network

        Faulty.fault = sys.argv[2]
        neurokit.targets.lava.network.LavaNetwork = Faulty  # type: ignore[misc]
        folder = Path(sys.argv[4])
        worker.main(folder, sys.argv[5], partial(live_worker.obey, int(sys.argv[3]), folder))
    else:
        for arguments in json.loads(sys.argv[2]):
            print("\n" + json.dumps(CASES[sys.argv[1]](**arguments)), flush=True)
