"""train: what a training step costs in time and memory, ours beside those of other libraries.

A step is a gradient of the mean square error over one batch, and Adam's step with it. All libraries train the same
shapes of network with the neuron that comes nearest to integrate-and-fire with soft reset, for 32 time steps, in
float32 on one thread; each runs in a process of its own and waits while the others have their turn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from neurokit.errors import OutOfRange, RunError, explain
from neurokit.experiments.bench.baselines import LIBRARIES, Laps, Network, Ours, Peer, matrix_products, training_step
from neurokit.experiments.bench.memory import METHODS, growth
from neurokit.experiments.bench.timing import machine
from neurokit.gradients.forward import ForwardGradient
from neurokit.gradients.node_perturbation import NodePerturbation

NETWORKS = (Network((2, 16, 16, 1), 500), Network((2, 64, 64, 1), 1000))
#: Steps that a baseline makes in a row, and those that it makes before the first measurement.
LAPS, WARM_UP = 5, 3
#: How many times faster than the fastest other library our compiled backpropagation must be.
SPEED_BAR = 5.0
#: How many times less memory RFG must need than backpropagation, and how much more at eight times the time steps.
MEMORY_BAR, STEPS_BAR = 20.0, 1.1
#: What the paper says that RFG saves of the cost of a step (Wan, Zhang, Karniadakis 2024, arXiv 2411.07057).
PAPER_SAVING = 0.66

#: Told how far a stage of the measurement is: its name, what is done of how much, a note.
Progress = Callable[[str, int, int, str], None]

OUR_METHODS = {
    **METHODS,
    "RFG K=16, compiled": ForwardGradient(directions=16),
    "node perturbation K=1, compiled": NodePerturbation(),
}
FAST, RFG = "backpropagation, compiled", "RFG K=1, compiled"
#: The floor of any backpropagation through time on one thread.
FLOOR = "dense products of backpropagation alone"


class Baseline(Protocol):
    """Something that makes training steps and says how long they took."""

    version: str

    def run(self, count: int) -> Laps: ...


def run(
    repetitions: int = 7,
    *,
    peers: Path | None = None,
    samples: int = 50_000,
    networks: Sequence[Network] = NETWORKS,
    progress: Progress = lambda stage, done, total, note: None,
) -> dict[str, Any]:
    """Measure our training steps and those of the libraries that are installed, and compare with the bars.

    `peers` is a folder with an environment for every other library (`baselines.Library.install` makes one). A row of
    time has the medians over `repetitions` rounds of 5 steps, wall-clock `seconds` and the processor's; ratios are of
    the latter, which other programs disturb less. A row of memory has the most by which a fresh process grows in one
    step at a batch of `samples`. A library that is not there has a row that says why.

    Raises OutOfRange for less than one repetition or sample, RunError when a process of ours fails.
    """
    for name, value in (("repetitions", repetitions), ("samples", samples)):
        if value < 1:
            raise OutOfRange(explain(f"bench train: {name}", value, "at least 1", "measure once or more"))
    rows: list[dict[str, Any]] = []
    ratios: dict[str, float] = {}
    bars: dict[str, dict[str, Any]] = {}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for network in networks:
            timed = _time(network, repetitions, peers, progress)
            rows += timed
            of_network, fastest = _compare(network, timed)
            ratios |= of_network
            bars[f"{network.name}: backpropagation against the fastest peer"] = {
                "value": fastest,
                "bar": SPEED_BAR,
                "met": fastest is not None and fastest >= SPEED_BAR,
            }
    finally:
        torch.set_num_threads(threads)
    remembered = _remember(networks[0]._replace(batch=samples), progress)
    grown = {(row["method"], row["steps"]): row["bytes"] for row in remembered}
    short, long = sorted({steps for _, steps in grown})
    less = grown["backpropagation, plain", short] / grown[RFG, short]
    more = grown[RFG, long] / grown[RFG, short]
    ratios["memory: backpropagation, plain / RFG, compiled"] = less
    ratios["memory: backpropagation, plain / RFG, plain"] = (
        grown["backpropagation, plain", short] / grown["RFG K=1, plain", short]
    )
    ratios[f"memory of RFG, compiled: T={long} / T={short}"] = more
    ratios[f"memory of RFG, plain: T={long} / T={short}"] = (
        grown["RFG K=1, plain", long] / grown["RFG K=1, plain", short]
    )
    ratios["RFG / backpropagation, as the paper has it"] = 1 - PAPER_SAVING
    bars["memory: backpropagation / RFG"] = {"value": less, "bar": MEMORY_BAR, "met": less >= MEMORY_BAR}
    bars[f"memory of RFG: T={long} / T={short}, at most"] = {"value": more, "bar": STEPS_BAR, "met": more <= STEPS_BAR}
    return {
        "name": "train",
        "machine": {**machine(), "torch": torch.__version__, "threads": "1"},
        "repetitions": repetitions,
        "rows": [*rows, *remembered],
        "ratios": ratios,
        "bars": bars,
    }


def _time(network: Network, repetitions: int, peers: Path | None, progress: Progress) -> list[dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    baselines: dict[str, Baseline] = {
        name: Ours(training_step(estimator, network)) for name, estimator in OUR_METHODS.items()
    }
    baselines[FLOOR] = Ours(matrix_products(network))
    missing = []
    with ExitStack() as stack:
        for library in LIBRARIES:
            try:
                baselines[f"{library.name}: {library.neuron}"] = stack.enter_context(Peer(library, peers, network))
            except RunError as error:
                missing.append({"network": network.name, "method": library.name, "unavailable": str(error)})
        for baseline in baselines.values():
            baseline.run(WARM_UP)
        wall: dict[str, list[float]] = {name: [] for name in baselines}
        cpu: dict[str, list[float]] = {name: [] for name in baselines}
        for done in range(repetitions):
            progress(network.name, done, repetitions, "")
            for name, baseline in baselines.items():
                laps = baseline.run(LAPS)
                wall[name] += laps.wall
                cpu[name] += laps.cpu
        progress(network.name, repetitions, repetitions, "")
        for name, baseline in baselines.items():
            rows[name] = {
                "network": network.name,
                "method": name,
                "version": baseline.version,
                "seconds": float(np.median(wall[name])),
                "cpu_seconds": float(np.median(cpu[name])),
            }
    return [*rows.values(), *missing]


def _compare(network: Network, rows: Sequence[Mapping[str, Any]]) -> tuple[dict[str, float], float | None]:
    """Ratios of processor time, and that of the fastest peer over our compiled backpropagation."""
    cpu = {row["method"]: row["cpu_seconds"] for row in rows if "cpu_seconds" in row}
    theirs = {name: cpu[name] / cpu[FAST] for name in cpu if name not in OUR_METHODS and name != FLOOR}
    ratios = {f"{network.name}: {name.partition(':')[0]} / backpropagation": value for name, value in theirs.items()}
    for kind in ("compiled", "plain"):
        ratios[f"{network.name}: RFG K=1 / backpropagation, both {kind}"] = (
            cpu[f"RFG K=1, {kind}"] / cpu[f"backpropagation, {kind}"]
        )
    ratios[f"{network.name}: backpropagation, plain / compiled"] = cpu["backpropagation, plain"] / cpu[FAST]
    ratios[f"{network.name}: dense products / backpropagation"] = cpu[FLOOR] / cpu[FAST]
    if theirs:
        ratios[f"{network.name}: fastest peer / dense products"] = min(theirs.values()) * cpu[FAST] / cpu[FLOOR]
    return ratios, min(theirs.values(), default=None)


def _remember(network: Network, progress: Progress) -> list[dict[str, Any]]:
    long = network._replace(steps=8 * network.steps)
    asked = [(method, network) for method in METHODS] + [(name, long) for name in METHODS if name.startswith("RFG")]
    rows = []
    for done, (method, which) in enumerate(asked):
        progress("memory", done, len(asked), method)
        rows.append({"memory of": which.name, "method": method, "steps": which.steps, "bytes": growth(method, which)})
    progress("memory", len(asked), len(asked), "")
    return rows
