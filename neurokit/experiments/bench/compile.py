"""compile: seconds and memory of every stage from a Graph to a Placement, against the size of the network.

Three families of networks, in which synapses grow as neurons do: `deep`, a chain of dense layers of one width that
grows in depth, as far as a Program's file has room for nodes; `sparse`, a few layers of a constant fan-in that grow in
width; and `convolution`, a few layers of 3 x 3 kernels whose image grows. Seconds are those of the process's own time
on one thread; every size runs in a process of its own, whose largest memory, less what it had before the Graph was
made, is reported beside the bytes of the Graph's own weights (on Linux; elsewhere it is 0).
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from neurokit.compilers.chip.check import check
from neurokit.compilers.chip.place import place
from neurokit.compilers.quantization.quantize import quantize
from neurokit.compilers.quantization.synapses import entries
from neurokit.errors import NeurokitError, OutOfRange, explain
from neurokit.experiments.bench.timing import machine
from neurokit.hw_configs import load_board
from neurokit.ir.convolution import Convolution
from neurokit.ir.graph import Conv2d, Dense, Graph, GraphNode, Input, Output, Readout, Sparse, Spiking, Synapses
from neurokit.ir.interval_analysis import prove
from neurokit.ir.program import Program
from neurokit.ir.program import Synapses as IntegerSynapses
from neurokit.ir.sparse import Csr
from neurokit.neurons.models import IF
from neurokit.neurons.readouts import Rate

#: Synapses of a neuron, which are also the neurons of a dense layer; time steps.
WIDTH, STEPS = 64, 8
#: Layers of the networks that grow in width, and the channels of their convolutions: 72 synapses a neuron.
LAYERS, CHANNELS = 8, 8
#: Neurons of the networks.
SIZES = (1_000, 10_000, 100_000, 1_000_000)
#: The largest network that only grows in depth: a Program's file holds 9,999 nodes, two for every layer.
DEEPEST = 300_000
#: Fewer neurons leave nothing for every layer.
SMALLEST = LAYERS * WIDTH
#: Growth of time and memory with synapses, as an exponent: one is linear, and a tenth is left to caches and noise.
BAR = 1.1
BOARD = "hala-point"
#: Where Linux says how much memory a process has, and where the record of the most is reset.
STATUS, PEAK = Path("/proc/self/status"), Path("/proc/self/clear_refs")
STAGES = ("quantize", "prove", "check", "place", "save", "load")


def run(*, sizes: Sequence[int] = SIZES, limit_s: float = 3600.0) -> dict[str, Any]:
    """Measure every size of every family; one row each, and the growth of each stage between a family's two largest.

    `deep` leaves out sizes beyond `DEEPEST`. What is too small to be seen (memory beneath that of the imports, say) has
    no growth.

    Raises OutOfRange for fewer than two sizes, or one below `SMALLEST`; NeurokitError when a size fails or takes longer
    than `limit_s` seconds.
    """
    if len(sizes) < 2 or min(sizes) < SMALLEST:
        raise OutOfRange(explain("bench compile: sizes", list(sizes), f"two or more, each >= {SMALLEST}", "give some"))
    rows: list[dict[str, Any]] = []
    ratios: dict[str, float] = {}
    for family in FAMILIES:
        found = [_apart(family, size, limit_s) for size in sorted(sizes) if family != "deep" or size <= DEEPEST]
        names = (*(f"{stage}_s" for stage in STAGES), "total_s", "memory_bytes")
        seen = [name for name in names if len(found) > 1 and found[-2][name] > 0 and found[-1][name] > 0]
        ratios |= {f"{family}: growth of {name}": _growth(found, name) for name in seen}
        rows += found
    judged = ("total_s", "memory_bytes")
    return {
        "name": "compile",
        "machine": machine(),
        "width": WIDTH,
        "rows": rows,
        "ratios": ratios,
        "bars": {
            name: {"value": value, "bar": BAR, "met": value <= BAR}
            for name, value in ratios.items()
            if name.endswith(judged)
        },
    }


def _growth(rows: Sequence[dict[str, Any]], name: str) -> float:
    """The exponent of growth with synapses, between the two largest sizes."""
    small, large = rows[-2:]
    return float(np.log(large[name] / small[name]) / np.log(large["synapses"] / small["synapses"]))


def _apart(family: str, neurons: int, limit_s: float) -> dict[str, Any]:
    """One size in a process of its own."""
    command = [sys.executable, "-m", "neurokit.experiments.bench.compile", family, str(neurons)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit_s, check=False)
    except subprocess.TimeoutExpired:
        raise NeurokitError(f"bench compile: {family}, {neurons:,} neurons took longer than {limit_s:g} s.") from None
    if done.returncode:
        raise NeurokitError(f"bench compile: {family}, {neurons:,} neurons failed:\n{done.stderr}")
    row: dict[str, Any] = json.loads(done.stdout)
    return row


def deep(neurons: int, rng: np.random.Generator) -> list[Dense]:
    """Dense layers of WIDTH neurons each, one or more."""
    return [
        Dense(f"{layer}", "", rng.normal(size=(WIDTH, WIDTH)) / 8, rng.normal(size=WIDTH) / 8)
        for layer in range(-(-neurons // WIDTH))
    ]


def sparse(neurons: int, rng: np.random.Generator) -> list[Sparse]:
    """LAYERS layers of equal width; a neuron has WIDTH synapses, one from each of as many parts of a layer."""
    part = -(-neurons // (LAYERS * WIDTH))
    width = part * WIDTH
    made = []
    for layer in range(LAYERS):
        columns = rng.integers(0, part, (width, WIDTH), dtype=np.int32) + np.arange(WIDTH, dtype=np.int32) * part
        weight = Csr(np.arange(width + 1) * WIDTH, columns.ravel(), rng.normal(size=width * WIDTH) / 8, width)
        made.append(Sparse(f"{layer}", "", weight, rng.normal(size=width) / 8))
    return made


def convolution(neurons: int, rng: np.random.Generator) -> list[Conv2d]:
    """LAYERS convolutions of CHANNELS square images by kernels of 3 x 3, at their borders padded with zeros."""
    side = math.ceil(math.sqrt(neurons / (LAYERS * CHANNELS)))
    slide = Convolution((CHANNELS, side, side), padding=(1, 1))
    shape = (CHANNELS, CHANNELS, 3, 3)
    return [
        Conv2d(f"{layer}", "", rng.normal(size=shape) / 8, rng.normal(size=CHANNELS) / 8, slide)
        for layer in range(LAYERS)
    ]


#: Synapses of a chain of spiking layers with at least so many neurons; their sources are set by `network`.
FAMILIES: dict[str, Callable[[int, np.random.Generator], Sequence[Dense | Sparse | Conv2d]]] = {
    "deep": deep,
    "sparse": sparse,
    "convolution": convolution,
}


def network(family: str, neurons: int, seed: int = 0) -> Graph:
    """A chain of spiking layers of a family with one output that listens to the first WIDTH neurons of the last."""
    rng = np.random.default_rng(seed)
    layers = FAMILIES[family](neurons, rng)
    nodes: list[GraphNode] = [Input("x", layers[0].shape[1], -1.0, 1.0)]
    for layer in layers:
        nodes += [replace(layer, source=nodes[-1].name), Spiking(f"{layer.name}.spikes", layer.name, IF())]
    received = Csr(np.array([0, WIDTH]), np.arange(WIDTH), rng.normal(size=WIDTH), layers[-1].shape[0])
    nodes.append(Sparse("readout", nodes[-1].name, received, np.zeros(1)))
    return Graph((*nodes, Readout("total", "readout", Rate()), Output("y", "total")), STEPS)


def measure(family: str, neurons: int) -> dict[str, Any]:
    """All stages of one size, in this process."""
    board = load_board(BOARD)
    _forget_peak()
    before = _memory("VmRSS")
    graph = network(family, neurons)
    seconds: dict[str, float] = {}

    def timed(stage: str, work: Callable[[], Any]) -> Any:
        started = time.process_time()
        result = work()
        seconds[f"{stage}_s"] = time.process_time() - started
        return result

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "program.h5"
        program: Program = timed("quantize", lambda: quantize(graph))
        timed("prove", lambda: prove(program))
        violations = timed("check", lambda: check(program, board, split=True))
        assert not violations, "the benchmark's network fits its board"
        placement = timed("place", lambda: place(program, board))
        timed("save", lambda: program.save(path))
        timed("load", lambda: Program.load(path))
    layers = [node for node in program.nodes if isinstance(node, IntegerSynapses)]
    return {
        "family": family,
        "neurons": sum(part.size for part in placement.slices),
        "synapses": sum(
            np.size(node.weight.values if isinstance(node.weight, Csr) else node.weight) for node in layers
        ),
        **seconds,
        "total_s": sum(seconds.values()),
        "memory_bytes": max(0, _memory("VmHWM") - before),
        "graph_bytes": sum(entries(node).nbytes for node in graph.nodes if isinstance(node, Synapses)),
        "cores": placement.cores,
        "bound": placement.bound,
    }


def _memory(field: str) -> int:
    """`VmRSS`, the memory that this process has, or `VmHWM`, the most since `_forget_peak`, in bytes; 0 off Linux."""
    for line in STATUS.read_text(encoding="utf-8").splitlines() if STATUS.exists() else ():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    return 0


def _forget_peak() -> None:
    """Begin to look for the largest memory anew: what imports took for a moment is not the network's."""
    if PEAK.exists():
        PEAK.write_text("5", encoding="ascii")


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
