"""Runs of the input coders, of the sample gate and of populations in floating point; see `cases.py`.

python coder_cases.py CASE JSON        prints one JSON object for each set of arguments
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava_processes.misfits import Series

from neurokit.compilers.lava.bias_digits import lines
from neurokit.compilers.lava.ring_buffers import RingBuffer
from neurokit.compilers.lava.timing import Cycle
from neurokit.errors import OutOfRange
from neurokit.ir.fixed_point import Decay12
from neurokit.ir.program import Recurrent, Spiking
from neurokit.ir.spike_time_grid import PARTS, Latency
from neurokit.neurons.models import IF, LIF, CubaLIF, Subtract, ToZero, heaviside
from neurokit.processes.constant.process import Constant
from neurokit.processes.graded_coder.process import GradedCoder
from neurokit.processes.latency_coder.process import LatencyCoder
from neurokit.processes.neurons.process import Neurons
from neurokit.processes.rate_coder.process import RateCoder
from neurokit.processes.ring_buffer.process import Recorder
from neurokit.processes.sample_gate.process import SampleGate

#: Lines of a coder, and windows that it codes.
LINES, WINDOWS = 6, 4


def received(process: Any, rows: np.ndarray | None, chip_steps: int, model: str) -> np.ndarray:
    """What a process says in each of the first `chip_steps` when it receives `rows`."""
    config = Loihi2SimCfg(
        select_tag="floating_pt" if model == "float" else "fixed_pt", select_sub_proc_model=model == "stock"
    )
    with tempfile.TemporaryDirectory() as folder:
        buffer = RingBuffer(Path(folder), "y", (1, chip_steps, *process.s_out.shape))
        buffer.blank()
        recorder = Recorder(shape=process.s_out.shape, buffer=buffer, cycle=Cycle(1, chip_steps, chip_steps + 1))
        process.s_out.connect(recorder.a_in)
        if rows is not None:
            source = Series(rows=rows)
            source.s_out.connect(process.a_in)
        process.run(RunSteps(num_steps=chip_steps), run_cfg=config)
        process.stop()
        return np.array(buffer.open()[0])


def noise(rng: np.random.Generator, cycle: Cycle, model: str) -> np.ndarray:
    """Something on every line in every step, for a coder to ignore."""
    rows = rng.integers(1, 2**15, (cycle.start - 1 + WINDOWS * cycle.period, LINES))
    return rows.astype(float if model == "float" else np.int32)


def latency(model: str, steps: int, period: int, start: int, seed: int) -> dict[str, Any]:
    """Random times against `ir.spike_time_grid`, in and beyond the window, at its ends and at the ends of steps."""
    rng, cycle = np.random.default_rng(seed), Cycle(start, steps, period)
    rows = noise(rng, cycle, model)
    expected = np.zeros(rows.shape, dtype=np.int64)
    for window in range(WINDOWS):
        x: np.ndarray = rng.choice([0, PARTS, PARTS * steps - PARTS, PARTS * steps - PARTS + 1, 2**16 - 1], LINES)
        free = rng.random(LINES) < 0.6
        x = np.where(free, rng.integers(0, PARTS * steps + 2, LINES), x)
        if model == "float":
            x = np.where(free, rng.uniform(0, PARTS * steps, LINES), x)
        first = start - 1 + window * period
        rows[first - 1] = x
        dt = 0.125  # the definition, in units of some network's time
        due = Latency(dt).steps(x * dt / PARTS)
        expected[first : first + steps] = due == np.arange(steps)[:, None]
    process = LatencyCoder(shape=(LINES,), cycle=cycle)
    got = received(process, rows, len(rows), model)
    return {"bad": int((got != expected).sum()), "spikes": int(expected.sum())}


def graded(model: str, steps: int, period: int, start: int, seed: int) -> dict[str, Any]:
    """A sample received once is said in all of its window."""
    rng, cycle = np.random.default_rng(seed), Cycle(start, steps, period)
    rows = noise(rng, cycle, model)
    expected = np.zeros(rows.shape, dtype=np.int64)
    for window in range(WINDOWS):
        x = rng.choice([-(2**22), 2**22, 0, 1, -1, 12345], LINES)
        first = start - 1 + window * period
        rows[first - 1], expected[first : first + steps] = x, x
    got = received(GradedCoder(shape=(LINES,), cycle=cycle), rows, len(rows), model)
    return {"bad": int((got != expected).sum()), "spikes": int((expected != 0).sum())}


def rate(model: str, steps: int, period: int, start: int, seed: int) -> dict[str, Any]:
    """Numbers in 0..steps give as many spikes, in the steps of the neuron; fractions less than one more."""
    rng, cycle = np.random.default_rng(seed), Cycle(start, steps, period)
    rows, wrong_counts = np.zeros_like(noise(rng, cycle, model)), 0
    expected = np.zeros(rows.shape, dtype=np.int64)
    for window in range(WINDOWS):
        x = rng.uniform(0, steps, LINES).round(2) if model == "float" else rng.integers(0, steps + 1, LINES)
        first, m = start - 1 + window * period, np.zeros(LINES)
        rows[first : first + steps] = x
        for t in range(steps):
            _, expected[first + t], m = IF(steps).step(m, x, heaviside)
        off = abs(expected[first : first + steps].sum(axis=0) - x)
        wrong_counts += int((off >= 1).sum()) if model == "float" else int((off > 0).sum())
    got = received(RateCoder(shape=(LINES,), levels=steps, cycle=cycle), rows, len(rows), model)
    return {"bad": int((got != expected).sum()) + wrong_counts, "spikes": int(expected.sum())}


def gate(model: str, steps: int, period: int, start: int, seed: int) -> dict[str, Any]:
    """Random spikes at a gate that is shut for `steps` steps of every period."""
    rng, shut = np.random.default_rng(seed), Cycle(start + 1, steps, period)
    rows = (rng.random((start + WINDOWS * period, LINES)) < 0.5).astype(np.int32)
    closed = np.array([shut.covers(n) for n in range(1, len(rows) + 1)])
    expected = rows * ~closed[:, None]
    got = received(SampleGate(shape=(LINES,), shut=shut), rows, len(rows), model)
    return {"bad": int((got != expected).sum()), "spikes": int(expected.sum())}


def bias(model: str, steps: int, period: int, start: int, seed: int) -> dict[str, Any]:
    """The lines of a bias; nothing is random."""
    cycle = Cycle(start, steps, period)
    got = received(Constant(digits=3, cycle=cycle), None, start + 2 * period, model)
    expected = np.array([lines(3) * cycle.covers(n) for n in range(1, len(got) + 1)])
    return {"bad": int((got != expected).sum()), "spikes": int((expected != 0).sum())}


def floating(neuron: str, seed: int) -> dict[str, Any]:
    """A recurrent population in floating point: every spike, and in the end the state, of `neuron.step`."""
    rng, n, cycle = np.random.default_rng(seed), 5, Cycle(2, 9, 11)
    beta, alpha = Decay12(3500), Decay12(2000)
    kinds = {
        "LIF subtract": LIF(100, Subtract(), True, beta),
        "CubaLIF zero": CubaLIF(100, ToZero(), True, alpha, beta),
    }
    chosen = kinds[neuron]
    recurrent = Recurrent(rng.integers(-50, 51, (n, n)).astype(np.int8), 1)
    chip_steps = 2 * cycle.period + 6  # in the middle of the third window
    rows = rng.uniform(-40, 120, (chip_steps, n))
    rows *= np.array([cycle.covers(k + 1) for k in range(chip_steps)])[:, None]
    exact = {key: float(value) for key, value in vars(chosen).items() if key in ("alpha", "beta", "threshold")}
    defined = type(chosen)(**{**vars(chosen), **exact})
    expected, state, s = np.zeros((chip_steps, n)), defined.start(np.zeros(n)), np.zeros(n)
    for k in range(chip_steps):
        if cycle.covers(k + 1):
            _, s, state = defined.step(state, rows[k] + s @ recurrent.weight.T * 2.0, heaviside)
            expected[k] = s
        else:
            state, s = defined.start(np.zeros(n)), np.zeros(n)
    process = Neurons(shape=(n,), spiking=Spiking("s", "a", chosen, 1.0, recurrent), guard_inhibition=0, cycle=cycle)
    got, v = _with_state(process, rows)
    membrane = state.u if isinstance(chosen, CubaLIF) else state
    return {"bad": int((got != expected).sum() + (v != membrane).sum()), "spikes": int(expected.sum())}


def refused() -> dict[str, Any]:
    """What no coder can say: each is one that was refused with OutOfRange, counted as `spikes`."""
    count = 0
    for coder, given in [
        (LatencyCoder, {"cycle": Cycle(3, 511, 512)}),
        (RateCoder, {"levels": 257, "cycle": Cycle(1, 2, 3)}),
        (RateCoder, {"levels": 0, "cycle": Cycle(1, 2, 3)}),
        (RateCoder, {"levels": 2**15, "cycle": Cycle(1, 2, 3)}),
    ]:
        try:
            coder(shape=(1,), **given)
        except OutOfRange:
            count += 1
    return {"bad": 4 - count, "spikes": count}


def _with_state(process: Neurons, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    with tempfile.TemporaryDirectory() as folder:
        buffer = RingBuffer(Path(folder), "y", (1, *rows.shape))
        buffer.blank()
        source = Series(rows=rows)
        recorder = Recorder(shape=process.s_out.shape, buffer=buffer, cycle=Cycle(1, len(rows), len(rows) + 1))
        source.s_out.connect(process.a_in)
        process.s_out.connect(recorder.a_in)
        process.run(RunSteps(num_steps=len(rows)), run_cfg=Loihi2SimCfg(select_tag="floating_pt"))
        v = np.array(process.v.get())
        process.stop()
        return np.array(buffer.open()[0]), v


CASES: dict[str, Callable[..., dict[str, Any]]] = {
    f.__name__: f for f in (latency, graded, rate, gate, bias, floating, refused)
}

if __name__ == "__main__":
    for case, arguments in json.loads(sys.argv[1]):
        print("\n" + json.dumps({"case": case, **arguments, **CASES[case](**arguments)}), flush=True)
