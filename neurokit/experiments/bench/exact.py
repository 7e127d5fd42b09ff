"""exact: what a training step with exact gradients costs, ours compiled and plain, beside jaxsnn's.

A step is the gradient of one batch of Yin-Yang and Adam's step with it, in float64 (jaxsnn: float32) on one thread; the
network, batch and ratio of time constants are those of jaxsnn's example, neurons fall silent after one spike. Processor
seconds are compared, taken in turn; jaxsnn compiles before the first of them. A step of the network for MNIST is
measured beside them, on digits made of noise with as much ink as MNIST's.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from neurokit.data.mnist import PIXELS
from neurokit.data.yin_yang import YinYang
from neurokit.errors import OutOfRange, RunError, explain
from neurokit.events import compiled
from neurokit.events.estimator import slopes_of
from neurokit.events.eventprop import EventProp
from neurokit.events.events import SimulationWindow
from neurokit.events.lif import CurrentLIF
from neurokit.events.losses import FirstSpikeCrossEntropy
from neurokit.events.network import Population, SpikeTimeNetwork
from neurokit.events.training import LabelledEvents
from neurokit.experiments.bench.baselines import Library, Network, Peer
from neurokit.experiments.bench.timing import machine
from neurokit.experiments.papers.exact_mnist import MnistTask

NETWORK = Network((5, 100, 3), 64, 1)
JAXSNN = Library("jaxsnn", ("jaxsnn",), "LIF, single spike, analytic crossing")
#: Duration of a trial, twice that of the inputs.
HORIZON = 4.0
#: Samples of an epoch of Yin-Yang.
EPOCH = 5000
SPEED_BAR, BACKWARD_BAR, FLAT_BAR, LINEAR_BAR = 5.0, 0.6, 1.1, 1.2
#: Digits of an epoch of MNIST, and pixels with ink of a digit: 150.1 on average in the first 50,000.
DIGITS, INKED = 60_000, 150
#: Steps in a row, and those before the first that counts.
LAPS, WARM_UP = 5, 2


def run(repetitions: int = 7, *, peers: Path | None = None) -> dict[str, Any]:
    """Measure, and compare with the bars; a jaxsnn that is not there has a row that says why, and no bar.

    `peers` is a folder of environments as for `bench train`. Raises OutOfRange for less than one repetition.
    """
    if repetitions < 1:
        raise OutOfRange(explain("bench exact: repetitions", repetitions, "at least 1", "measure once or more"))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        steps = [*_steps(repetitions, peers), _mnist_step(repetitions)]
        passes = _passes(repetitions)
    finally:
        torch.set_num_threads(threads)
    bytes_, events = _kept(_network())
    more_bytes, more_events = _kept(_network(single_spike=False, scale=2.0))
    longer_bytes, _ = _kept(_network(4 * HORIZON))
    yin_yang = [row for row in steps if row["network"] == NETWORK.name]
    cpu = {row["method"]: row["cpu_seconds"] for row in yin_yang if "cpu_seconds" in row}
    ratios = {
        "EventProp, plain / compiled": cpu["EventProp, plain"] / cpu["EventProp, compiled"],
        "backward / forward, both layers": passes["backward_s"] / passes["forward_s"],
        "events, all spikes / first spikes": more_events / events,
        "bytes kept, all spikes / first spikes": more_bytes / bytes_,
        "bytes kept, 4 times the duration": longer_bytes / bytes_,
    }
    bars = {
        "backward / forward": _at_most(ratios["backward / forward, both layers"], BACKWARD_BAR),
        "growth of memory over growth of events": _at_most(more_bytes / bytes_ / (more_events / events), LINEAR_BAR),
        "memory at 4 times the duration": _at_most(longer_bytes / bytes_, FLAT_BAR),
    }
    if JAXSNN.name in cpu:
        ratios["jaxsnn / EventProp, compiled"] = faster = cpu[JAXSNN.name] / cpu["EventProp, compiled"]
        bars["times faster than jaxsnn"] = {"value": faster, "bar": SPEED_BAR, "met": faster >= SPEED_BAR}
    rows = [*steps, {"pass of": "both layers, batch 64", **passes}]
    return {"name": "exact", "machine": machine(), "rows": rows, "ratios": ratios, "bars": bars}


def _at_most(value: float, bar: float) -> dict[str, Any]:
    return {"value": value, "bar": bar, "met": value <= bar}


def _network(horizon: float = HORIZON, single_spike: bool = True, scale: float = 1.0) -> SpikeTimeNetwork:
    inputs, *sizes = NETWORK.widths
    populations = [Population(CurrentLIF(2.0, 1.0), size, single_spike=single_spike) for size in sizes]
    net = SpikeTimeNetwork(inputs, populations, horizon)
    with torch.no_grad():
        for layer, mean, deviation in zip(net.stack(), (1.5, 0.1), (0.8, 0.3), strict=True):
            layer.weight.mul_(deviation * len(layer.weight) ** 0.5).add_(mean).mul_(scale)
    return net


def _batch() -> LabelledEvents:
    return YinYang(NETWORK.batch).generate(0)


def _step(compiled: bool) -> Callable[[], float]:
    net = _network()
    net.compiled = compiled
    return _training_step(net, _batch(), FirstSpikeCrossEntropy(0.2, virtual=1.0))


def _training_step(net: SpikeTimeNetwork, data: LabelledEvents, loss: FirstSpikeCrossEntropy) -> Callable[[], float]:
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3)

    def step() -> float:
        found = EventProp().estimate(net, data.events, lambda outcome: loss(outcome, data.label))
        for name, parameter in net.named_parameters():
            parameter.grad = found.gradient[name]
        optimiser.step()
        return found.loss

    return step


def _steps(repetitions: int, peers: Path | None) -> list[dict[str, Any]]:
    ours = {"EventProp, compiled": _step(True), "EventProp, plain": _step(False)}
    seconds: dict[str, list[float]] = {name: [] for name in ours}
    missing: list[dict[str, Any]] = []
    peer: Peer | None = None
    try:
        peer = Peer(JAXSNN, peers, NETWORK)
        seconds[JAXSNN.name] = []
        peer.run(WARM_UP)
    except RunError as error:
        missing.append({"network": NETWORK.name, "method": JAXSNN.name, "unavailable": str(error)})
    try:
        for _ in range(WARM_UP):
            ours["EventProp, compiled"]()
        for _ in range(repetitions):
            for name, step in ours.items():
                seconds[name] += [_cpu(step) for _ in range(LAPS if name == "EventProp, compiled" else 1)]
            if peer is not None:
                seconds[JAXSNN.name] += peer.run(LAPS).cpu
    finally:
        if peer is not None:
            peer.close()
    batches = EPOCH / NETWORK.batch
    rows = [
        {
            "network": NETWORK.name, "method": name,
            "version": peer.version if peer is not None and name == JAXSNN.name else "this checkout",
            "cpu_seconds": float(np.median(taken)), "cpu_seconds_an_epoch": float(np.median(taken)) * batches,
        }
        for name, taken in seconds.items()
    ]  # fmt: skip
    return [*rows, *missing]


def _mnist_step(repetitions: int) -> dict[str, Any]:
    """The compiled step of the row `mnist/784-400-10` with its untrained weights."""
    task, random = MnistTask(), np.random.default_rng(0)
    pixels = np.zeros((task.batch_size, PIXELS), np.uint8)
    inked = random.random(pixels.shape).argsort(1)[:, :INKED]
    np.put_along_axis(pixels, inked, random.integers(1, 256, inked.shape, dtype=np.uint8), 1)
    label = torch.from_numpy(random.integers(0, 10, task.batch_size))
    step = _training_step(
        task.network(0), LabelledEvents(task.events(pixels), label), FirstSpikeCrossEntropy(task.softmax, virtual=1.0)
    )
    for _ in range(WARM_UP):
        step()
    taken = float(np.median([_cpu(step) for _ in range(LAPS * repetitions)]))
    return {
        "network": f"{PIXELS}-{task.hidden}-10, batch {task.batch_size}", "method": "EventProp, compiled",
        "version": "this checkout", "cpu_seconds": taken,
        "cpu_seconds_an_epoch": taken * DIGITS / task.batch_size,
    }  # fmt: skip


def _cpu(call: Callable[[], object]) -> float:
    started = time.process_time()
    call()
    return time.process_time() - started


@torch.no_grad()
def _passes(repetitions: int) -> dict[str, float]:
    """Least CPU seconds of the compiled passes of both layers, forward and back: what disturbs them only adds."""
    net, data = _network(), _batch()
    logs, layers = net.log(data.events), net.stack()
    slopes = slopes_of(net, logs, lambda outcome: outcome.last.spikes.first(3, outcome.horizon).sum())
    given = [data.events, logs[0].spikes()]
    # What the loss is to the hidden layer: slopes by the times of its spikes.
    above = compiled.back(layers[1], logs[1], given[1], slopes.times[1], slopes.finals[1], net.horizon).input_times
    place, real = logs[0].spike_places()
    times = [slopes.times[0].scatter_add(-1, place, torch.where(real, above, 0.0)), slopes.times[1]]
    trial = SimulationWindow(net.horizon, single_spike=True)

    def back() -> None:
        for k, layer in enumerate(layers):
            compiled.back(layer, logs[k], given[k], times[k], slopes.finals[k], net.horizon)

    calls = {"forward_s": lambda: [compiled.simulate(*pair, trial) for pair in zip(layers, given, strict=True)],
             "backward_s": back}  # fmt: skip
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(LAPS * repetitions):
        for name, call in calls.items():
            taken[name].append(_cpu(call))
    return {name: min(seconds) for name, seconds in taken.items()}


@torch.no_grad()
def _kept(net: SpikeTimeNetwork) -> tuple[float, float]:
    """Bytes that EventProp keeps between the passes, and the number of events."""
    logs = net.log(_batch().events)
    parts = [part for log in logs for part in (log.time, log.source, log.input, log.spiker, log.final)]
    return float(sum(part.numel() * part.element_size() for part in parts)), float(
        sum(log.time.numel() for log in logs)
    )
