"""What the Lava tests run in an interpreter of its own, where nothing else was imported or forked before.

python cases.py CASE JSON        prints one JSON object on its last line
python cases.py worker FAULT DIRECTORY SHM_PREFIX
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from multiprocessing import shared_memory
from pathlib import Path
from typing import Any

import lava_networks as networks
import numpy as np
import psutil
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava_processes.misfits import Misfit, Series
from limit_programs import seeded_edge
from random_programs import Seeded, build, proven

from neurokit.compilers.lava import layout
from neurokit.compilers.lava.bias_digits import lines
from neurokit.compilers.lava.forms import FORMS, StockForm
from neurokit.compilers.lava.ring_buffers import RingBuffer
from neurokit.compilers.lava.schedule import LAG, schedule
from neurokit.compilers.lava.timing import Cycle
from neurokit.errors import LavaFailure, NeurokitError, OutOfRange, UnsupportedNode
from neurokit.ir import interpreter as reference
from neurokit.ir.fixed_point import Widths
from neurokit.ir.program import Dense, Input, Output, Product, Program, Readout, Spiking, Sum
from neurokit.neurons.models import IF, Subtract, heaviside
from neurokit.neurons.readouts import RULES
from neurokit.processes.constant.process import Constant
from neurokit.processes.readout.process import Readout as ReadoutProcess
from neurokit.processes.ring_buffer.process import Probe, Recorder, Source
from neurokit.processes.soft_if.process import SoftIF
from neurokit.targets.lava import worker
from neurokit.targets.lava.job import Answer, Job, Timing
from neurokit.targets.lava.network import LavaNetwork

LIMIT = 2**17 - 1


def _currents(rng: np.random.Generator, threshold: int, steps: int, shape: tuple[int, ...]) -> np.ndarray:
    """Random series `(steps, *shape)` that drive membranes anywhere in +-LIMIT, often to its ends and to threshold."""
    u, rows = np.zeros(shape, dtype=np.int64), []
    neuron = IF(threshold)
    for _ in range(steps):
        aims = rng.choice([-LIMIT, LIMIT, threshold, threshold - 1, 0, 2 * threshold], shape)
        aims = np.where(rng.random(shape) < 0.4, np.clip(u + rng.integers(-300, 300, shape), -LIMIT, LIMIT), aims)
        rows.append(aims - u)
        _, _, u = neuron.step(u, aims - u, heaviside)
    return np.array(rows)


def soft_if(model: str, threshold: int, steps: int, period: int, start: int, samples: int, seed: int) -> dict[str, Any]:
    """Back-to-back windows of random currents through one SoftIF population; counts spikes and states that differ."""
    n, rng = 5, np.random.default_rng(seed)
    windows = _currents(rng, threshold, steps, (samples, n)).transpose(1, 0, 2)
    rows = np.zeros((start - 1 + samples * period, n), dtype=np.int32)
    for k, window in enumerate(windows):
        rows[start - 1 + k * period :][:steps] = window
    cycle = Cycle(start, steps, period)
    with tempfile.TemporaryDirectory() as folder:
        buffers = {name: RingBuffer(Path(folder), name, (samples, steps, n)) for name in ("spikes", "states")}
        for buffer in buffers.values():
            buffer.blank()
        source, neurons = Series(rows=rows), SoftIF(shape=(n,), threshold=threshold, cycle=cycle)
        recorder = Recorder(shape=(n,), buffer=buffers["spikes"], cycle=cycle)
        probe = Probe(shape=(n,), buffer=buffers["states"], cycle=cycle)
        source.s_out.connect(neurons.a_in)
        neurons.s_out.connect(recorder.a_in)
        probe.state.connect_var(neurons.u)
        tag = "floating_pt" if model == "float" else "fixed_pt"
        config = Loihi2SimCfg(select_tag=tag, select_sub_proc_model=model == "stock")
        neurons.run(RunSteps(num_steps=len(rows)), run_cfg=config)
        neurons.stop()
        spikes, states = (buffers[name].open() for name in ("spikes", "states"))
    u, bad_spikes, bad_states, reach = np.zeros((samples, n), dtype=np.int64), 0, 0, 0
    unit = StockForm().membrane_unit if model == "stock" else 1
    for t in range(steps):
        before, s, u = IF(threshold).step(u, windows[:, t], heaviside)
        bad_spikes += int((s != spikes[:, t]).sum())
        bad_states += int((before * unit != states[:, t]).sum())
        reach = max(reach, int(np.abs(before).max()))
    return {"spikes": int(spikes.sum()), "bad_spikes": bad_spikes, "bad_states": bad_states, "reach": reach}


def readout(form: str, rule: str, shift: int, steps: int, period: int, start: int, seed: int) -> dict[str, Any]:
    """Back-to-back windows of random currents through one Readout; every chip step of its output is compared."""
    n, samples, rng = 4, 5, np.random.default_rng(seed)
    bound = (2**23 - 1) // int(RULES[rule].weights(steps).sum())
    windows = rng.choice([-bound, bound, 0, 1, -1, bound // 3], (samples, steps, n))
    chip_steps = start + (samples + 2) * period
    rows = np.zeros((chip_steps, n), dtype=np.int32)
    expected = np.zeros((chip_steps, n), dtype=np.int64)
    for k, window in enumerate(windows):
        rows[start - 1 + k * period :][:steps] = window
        total = (RULES[rule].weights(steps)[:, None] * window).sum(axis=0) >> shift
        expected[start - 1 + k * period + steps - 1 + LAG[type(RULES[rule])]] = total
    with tempfile.TemporaryDirectory() as folder:
        buffer = RingBuffer(Path(folder), "y", (1, chip_steps, n))
        buffer.blank()
        source = Series(rows=rows)
        process = ReadoutProcess(shape=(n,), rule=RULES[rule], shift=shift, cycle=Cycle(start, steps, period))
        recorder = Recorder(shape=(n,), buffer=buffer, cycle=Cycle(1, chip_steps, chip_steps + 1))
        source.s_out.connect(process.a_in)
        process.s_out.connect(recorder.a_in)
        config = Loihi2SimCfg(select_tag="fixed_pt", select_sub_proc_model=FORMS[form].expanded)
        process.run(RunSteps(num_steps=chip_steps), run_cfg=config)
        process.stop()
        got = buffer.open()[0]
    return {"bad": int((got != expected).sum()), "largest": int(np.abs(expected).max())}


def constant(form: str, digits: int, steps: int, period: int, start: int) -> dict[str, Any]:
    """Every chip step of a Constant's output."""
    chip_steps = start + 3 * period
    cycle = Cycle(start, steps, period)
    with tempfile.TemporaryDirectory() as folder:
        buffer = RingBuffer(Path(folder), "y", (1, chip_steps, digits))
        buffer.blank()
        process = Constant(digits=digits, cycle=cycle)
        recorder = Recorder(shape=(digits,), buffer=buffer, cycle=Cycle(1, chip_steps, chip_steps + 1))
        process.s_out.connect(recorder.a_in)
        config = Loihi2SimCfg(select_tag="fixed_pt", select_sub_proc_model=FORMS[form].expanded)
        process.run(RunSteps(num_steps=chip_steps), run_cfg=config)
        process.stop()
        got = buffer.open()[0]
    expected = np.array([lines(digits) * cycle.covers(n) for n in range(1, chip_steps + 1)])
    return {"bad": int((got != expected).sum()), "spikes": int((expected > 0).sum())}


def random_program(seed: int) -> Program:
    """A random legal Program: one or two branches of depth 1 to 4, joined by a Product, any exponents and biases."""
    rng = np.random.default_rng(seed)
    pick = rng.integers
    while True:
        steps = int(pick(1, 65)) if rng.random() < 0.15 else int(pick(1, 12))
        nodes: list[Any] = []
        last: list[str] = []
        lines_out = int(pick(1, 9))
        shared = rng.random() < 0.3
        for branch in range(int(pick(1, 3))):
            if branch == 0 or not shared:
                low = pick(-120, 60, int(pick(1, 20)))
                nodes.append(Input(f"x{branch}", low, low + pick(0, 100, low.size), 1.0))
            source, size = (nodes[0].name, nodes[0].low.size) if shared else (f"x{branch}", nodes[-1].low.size)
            sharp = 127 if rng.random() < 0.5 else 12
            depth = int(pick(1, 5))
            for layer in range(depth):
                width = int(pick(1, 65)) if rng.random() < 0.2 else int(pick(1, 12))
                if layer or rng.random() < 0.9:  # now and then neurons sit on their source without a Dense
                    reach = int(rng.choice([0, 60, 5000, 2**20]))
                    name, exponent = f"d{branch}.{layer}", int(pick(-7, 3))
                    weight, bias = pick(-sharp, sharp + 1, (width, size)), pick(min(1 - reach, 0), max(reach, 1), width)
                    nodes.append(Dense(name, source, weight.astype(np.int8), bias, exponent))
                    source, size = name, width
                    if rng.random() < 0.1:  # two synapses in a row
                        weight = pick(-3, 4, (size, size)).astype(np.int8)
                        nodes.append(Dense(f"{name}'", source, weight, pick(-9, 10, size), int(pick(-2, 2))))
                        source = f"{name}'"
                threshold = int(rng.choice([1, 2, 127, 128, 199, 254, 255])) << int(pick(0, 8))
                nodes.append(Spiking(f"s{branch}.{layer}", source, IF(threshold)))
                source = f"s{branch}.{layer}"
            weight, bias = pick(-20, 21, (lines_out, size)), pick(-200, 201, lines_out)
            nodes.append(Dense(f"o{branch}", source, weight.astype(np.int8), bias, int(pick(-2, 2))))
            rule = RULES[str(rng.choice(sorted(RULES)))]
            nodes.append(Readout(f"r{branch}", f"o{branch}", rule, int(pick(0, 8))))
            last.append(f"r{branch}")
            if rng.random() < 0.3:
                weight = pick(-9, 10, (lines_out, lines_out)).astype(np.int8)
                nodes.append(Dense(f"q{branch}", f"r{branch}", weight, pick(-99, 99, lines_out), int(pick(-3, 1))))
                last[-1] = f"q{branch}"
        source = last[0]
        if len(last) == 2:
            nodes.append(Product("product", *last, int(pick(0, 16))))
            source = "product"
        nodes.append(Dense("sum", source, np.ones((1, lines_out), dtype=np.int8), pick(-500, 500, 1), 0))
        nodes.append(Output("y", "sum", 0.5, 1.0))
        try:
            program = Program(tuple(nodes), steps)
            schedule(program)
        except OutOfRange:  # this one could overflow; draw another
            continue
        return program


def _differences(expected: Any, got: Any) -> dict[str, int]:
    """How many numbers of two traces differ, by kind and node."""
    found = {}
    for kind in ("spikes", "states", "totals"):
        assert getattr(expected, kind).keys() == getattr(got, kind).keys()
        for name, array in getattr(expected, kind).items():
            assert array.shape == getattr(got, kind)[name].shape
            if bad := int((array != getattr(got, kind)[name]).sum()):
                found[f"{kind} of {name}"] = bad
    return found


def every_node(seed: int) -> Program:
    """A random Program of the kinds of nodes and neurons that the format knows, which the stock form can run."""
    rng = np.random.default_rng(seed)
    while True:
        program = build(Seeded(rng), widths=Widths(), largest=7)
        try:
            program = proven(program)
            schedule(program)
        except (OutOfRange, UnsupportedNode):
            continue
        if max(map(len, (program.spiking, program.nodes))) <= 24 and not _plain(program):
            return program


def at_a_limit(seed: int) -> Program:
    """A random Program at the edge of one of the chip's widths, which the stock form can run."""
    for draw in range(1000):
        program = seeded_edge(1000 * seed + draw, widths=Widths()).within
        try:
            schedule(program)
        except UnsupportedNode:
            continue
        if len(program.nodes) <= 16:
            return program
    raise AssertionError(f"no seed from {1000 * seed} on draws a Program that the stock form can run")


def _plain(program: Program) -> bool:
    """Whether it is one of those that `random_program` makes, or silent for lack of anything new."""
    soft = all(type(n.neuron) is IF and n.neuron.reset == Subtract() and n.recurrent is None for n in program.spiking)
    return soft and not any(isinstance(n, Sum) for n in program.nodes)


def programs(
    seeds: list[int], forms: list[str], extra_period: int = 0, kind: str = "random", room: int = layout.BYTES
) -> dict[str, Any]:
    """Programs of a kind, on corners of their input box and on a point inside it, against the reference.

    `room` are the bytes that buffers may take, without which they hold as few windows as they can.
    """
    wrong: dict[str, Any] = {}
    compared = fired = drain = 0
    layout.BYTES = room
    for seed in seeds:
        program = PROGRAMS[kind](seed)
        rng = np.random.default_rng(seed)
        corners = (0.5,) if kind == "random" else (0, 0.5, 1)
        values = {
            n.name: np.stack(
                [np.where(rng.random(n.low.size) < part, n.low, n.high) for part in corners]
                + [rng.integers(n.low, n.high + 1)]
            )
            for n in program.inputs
        }
        final, trace = reference.interpret(program, values, record=True)
        assert trace is not None
        fired += int(sum(s.sum() for s in trace.spikes.values()))
        for form in forms:
            period = program.steps + 1 + extra_period
            with LavaNetwork(program, FORMS[form], record=True, period=period) as network:
                raw, got = network.run(values, deadline_s=120)
                drain = max(drain, network.schedule.flush_windows)
            compared += sum(a.size for group in vars(trace).values() for a in group.values())
            outputs = {n.name: 1 for n in program.outputs if (raw[n.name] != final[n.source]).any()}
            if bad := _differences(trace, got) | outputs:
                wrong[f"{seed}, {form}"] = bad
    return {"wrong": wrong, "compared": compared, "fired": fired, "drain": drain}


PROGRAMS: dict[str, Callable[[int], Program]] = {
    "random": random_program,
    "every node": every_node,
    "populations": networks.populations,
    "current based": networks.current_based,
    "synapses": networks.synapses,
    "repeated sources": networks.repeated,
    "at a limit": at_a_limit,
}


def small() -> tuple[Program, dict[str, np.ndarray]]:
    """A Program that runs quickly, and samples for it."""
    nodes = (
        Input("x", [-9, -9], [9, 9], 1.0),
        Dense("d", "x", [[5, 3], [-4, 7]], [300, -5], 0),
        Spiking("s", "d", IF(199)),
        Dense("o", "s", [[3, -2]], [1], 0),
        Readout("r", "o", RULES["memmean"]),
        Output("y", "r"),
    )
    return Program(nodes, 6), {"x": np.array([[9, 9], [-9, 3], [0, 0], [1, -8]])}


def twice(form: str) -> dict[str, Any]:
    """Two runs of one network, of different lengths."""
    program, values = small()
    wrong, steps = {}, []
    with LavaNetwork(program, FORMS[form], record=True) as network:
        for run, rows in enumerate((slice(0, 3), slice(1, 4))):
            chosen = {name: x[rows] for name, x in values.items()}
            _, trace = reference.interpret(program, chosen, record=True)
            _, got = network.run(chosen, deadline_s=60)
            wrong |= {f"{run}: {k}": v for k, v in _differences(trace, got).items()}
            steps.append(network.chip_steps)
        modules = {type(p).__module__ for p in network._runtime._executable.proc_builders}
    return {"wrong": wrong, "chip_steps": steps, "modules": sorted(modules)}


class BrokenNetwork(LavaNetwork):
    """A LavaNetwork with a Misfit on its first input and a recorder behind it; `step` 0 is one in the second window."""

    fault = ""
    step = 0

    def _start(self) -> None:
        assert self._wiring is not None
        self.step = self.step or self._wiring.schedule.period + 2
        player = next(p for p in self._wiring.labels if isinstance(p, Source))
        misfit = Misfit(shape=player.s_out.shape, fault=self.fault, step=self.step)
        buffer = RingBuffer(self._directory or Path(), "misfit", (100, 1, *player.s_out.shape))
        buffer.blank()
        sink = Recorder(shape=player.s_out.shape, buffer=buffer, cycle=Cycle(1, 1, 2))
        player.s_out.connect(misfit.a_in)
        misfit.s_out.connect(sink.a_in)
        super()._start()


def _broken(fault: str) -> type[BrokenNetwork]:
    return type("Broken", (BrokenNetwork,), {"fault": fault})


def _left_over(prefix: str) -> dict[str, Any]:
    gc.collect()  # a process object in a cycle holds a pipe open until then
    children = [p for p in psutil.Process().children(recursive=True) if "resource_tracker" not in " ".join(p.cmdline())]
    return {
        "children": [" ".join(p.cmdline()) for p in children],
        "segments": [p.name for p in Path("/dev/shm").glob(prefix + "*")],
        "folders": [p.name for p in Path(tempfile.gettempdir()).glob("neurokit-lava-*")],
        "files": len(os.listdir("/proc/self/fd")),
    }


def failure(fault: str, form: str) -> dict[str, Any]:
    """One fault inside a LavaNetwork in this interpreter: what is raised and what is left behind."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where a shell runs the tests in the background
    prefix = f"nk{os.getpid() % 10**5:05d}_"
    vars(shared_memory)["_SHM_NAME_PREFIX"] = f"/{prefix}"
    program, values = small()
    with LavaNetwork(program, FORMS[form]) as network:  # what Lava opens once for ever is open after this
        network.run(values, deadline_s=60)
    before = _left_over(prefix)
    if fault == "SIGCHLD ignored":
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        fault = "killed"
    told: dict[str, Any] = {"error": None, "traceback": ""}
    try:
        if fault == "interrupt build":
            _interrupt_in(0.3, group=False)
            network = _broken("sleeps")(program, FORMS[form])
            with network:
                network.run(values, deadline_s=60)
        elif fault in ("interrupt", "interrupt group"):
            with _broken("sleeps")(program, FORMS[form]) as network:
                _interrupt_in(1.0, group=fault.endswith("group"))
                network.run(values, deadline_s=60)
        else:
            with _broken(fault)(program, FORMS[form]) as network:
                network.run(values, deadline_s=4 if fault == "sleeps" else 60)
    except LavaFailure as error:
        told = {"error": type(error).__name__, "message": str(error), "traceback": error.child_traceback}
        network.stop()
    except KeyboardInterrupt:
        told = {"error": "KeyboardInterrupt", "traceback": ""}
    again = None
    try:
        network.run(values)
    except NeurokitError as error:
        again = type(error).__name__
    with LavaNetwork(program, FORMS[form]) as network:
        raw, _ = network.run(values, deadline_s=60)
    healthy = bool((raw["y"] == reference.interpret(program, values)[0]["r"]).all())
    return {**told, "before": before, "after": _left_over(prefix), "again": again, "healthy": healthy}


def _interrupt_in(seconds: float, *, group: bool) -> None:
    """Ctrl-C, some time from now."""

    def press() -> None:
        time.sleep(seconds)
        os.killpg(os.getpgid(0), signal.SIGINT) if group else os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press, daemon=True).start()


def broken_answer(fault: str) -> Callable[[Job], Answer]:
    """`worker.answer` with a network that has a fault."""

    def solve(job: Job) -> Answer:
        if fault == "exit":
            print("famous last words", flush=True)
            os._exit(3)
        with _broken(fault)(job.program, job.form, record=job.record) as network:
            (Path(tempfile.gettempdir()) / "built").touch()
            raw, trace = network.run(job.inputs, deadline_s=float("inf"))
        return Answer(raw, trace, Timing(0.0, 0.0, network.chip_steps, 0.0), "broken")

    return solve


CASES: dict[str, Callable[..., dict[str, Any]]] = {
    f.__name__: f for f in (soft_if, readout, constant, programs, twice, failure)
}

if __name__ == "__main__":
    if sys.argv[1] == "worker":
        worker.main(Path(sys.argv[3]), sys.argv[4], broken_answer(sys.argv[2]))
        sys.exit()
    for arguments in json.loads(sys.argv[2]):
        print("\n" + json.dumps(CASES[sys.argv[1]](**arguments)), flush=True)
