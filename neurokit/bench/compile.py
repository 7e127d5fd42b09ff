"""compile: seconds and memory of every stage from a Graph to a Placement, against the size of the network.

A chain of spiking layers of one width grows in depth, so that synapses grow as neurons do. Seconds are those of the
process's own time on one thread; every size runs in a process of its own, whose largest memory, less what it had before
the Graph was made, is reported beside the bytes of the Graph's own weights (on Linux; elsewhere it is 0).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from neurokit.bench.timing import machine
from neurokit.compilers.bounds import prove
from neurokit.compilers.check import check
from neurokit.compilers.place import place
from neurokit.compilers.quantize import quantize
from neurokit.errors import NeurokitError, OutOfRange, explain
from neurokit.graph import Dense, Graph, GraphNode, Input, Output, Readout, Spiking
from neurokit.hw_configs import load_board
from neurokit.neurons import IF
from neurokit.program import Program
from neurokit.readouts import Rate

#: Neurons of a layer, and time steps.
WIDTH, STEPS = 64, 8
#: Neurons of the networks.
SIZES = (1_000, 10_000, 100_000, 1_000_000)
#: Growth of time and memory with synapses, as an exponent: one is linear, and a tenth is left to caches and noise.
BAR = 1.1
BOARD = "hala-point"
#: Where Linux says how much memory a process has, and where the record of the most is reset.
STATUS, PEAK = Path("/proc/self/status"), Path("/proc/self/clear_refs")
STAGES = ("quantize", "prove", "check", "place", "save", "load")


def run(*, sizes: Sequence[int] = SIZES, limit_s: float = 3600.0) -> dict[str, Any]:
    """Measure every size; one row each, and the growth of each stage between the two largest sizes.

    What is too small to be seen (memory beneath that of the imports, say) has no growth.

    Raises OutOfRange for fewer than two sizes, or one below a layer; NeurokitError when a size fails or takes longer
    than `limit_s` seconds.
    """
    if len(sizes) < 2 or min(sizes) < WIDTH:
        raise OutOfRange(explain("bench compile: sizes", list(sizes), f"two or more, each >= {WIDTH}", "give some"))
    rows = [_apart(size, limit_s) for size in sorted(sizes)]
    names = (*(f"{stage}_s" for stage in STAGES), "total_s", "memory_bytes")
    ratios = {f"growth of {name}": _growth(rows, name) for name in names if rows[-2][name] > 0 and rows[-1][name] > 0}
    asked = {name: found for name in ("total_s", "memory_bytes") if (found := ratios.get(f"growth of {name}"))}
    return {
        "name": "compile",
        "machine": machine(),
        "width": WIDTH,
        "rows": rows,
        "ratios": ratios,
        "bars": {
            f"growth of {name}": {"value": value, "bar": BAR, "met": value <= BAR} for name, value in asked.items()
        },
    }


def _growth(rows: Sequence[dict[str, Any]], name: str) -> float:
    """The exponent of growth with synapses, between the two largest sizes."""
    small, large = rows[-2:]
    return float(np.log(large[name] / small[name]) / np.log(large["synapses"] / small["synapses"]))


def _apart(neurons: int, limit_s: float) -> dict[str, Any]:
    """One size in a process of its own."""
    command = [sys.executable, "-m", "neurokit.bench.compile", str(neurons)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit_s, check=False)
    except subprocess.TimeoutExpired:
        raise NeurokitError(f"bench compile: {neurons:,} neurons took longer than {limit_s:g} s.") from None
    if done.returncode:
        raise NeurokitError(f"bench compile: {neurons:,} neurons failed:\n{done.stderr}")
    row: dict[str, Any] = json.loads(done.stdout)
    return row


def network(neurons: int, seed: int = 0) -> Graph:
    """A chain of spiking layers of WIDTH neurons with one output, at least one layer and `neurons` neurons."""
    rng = np.random.default_rng(seed)
    nodes: list[GraphNode] = [Input("x", WIDTH, -1.0, 1.0)]
    source = "x"
    for layer in range(-(-neurons // WIDTH)):
        weight, bias = rng.normal(size=(WIDTH, WIDTH)) / 8, rng.normal(size=WIDTH) / 8
        nodes += [Dense(f"{layer}", source, weight, bias), Spiking(f"{layer}.spikes", f"{layer}", IF())]
        source = f"{layer}.spikes"
    nodes.append(Dense("readout", source, rng.normal(size=(1, WIDTH)), np.zeros(1)))
    return Graph((*nodes, Readout("total", "readout", Rate()), Output("y", "total")), STEPS)


def measure(neurons: int) -> dict[str, Any]:
    """All stages of one size, in this process."""
    board = load_board(BOARD)
    _forget_peak()
    before = _memory("VmRSS")
    graph = network(neurons)
    synapses = sum(node.weight.size for node in graph.nodes if isinstance(node, Dense))
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
    return {
        "neurons": sum(part.size for part in placement.slices),
        "synapses": synapses,
        **seconds,
        "total_s": sum(seconds.values()),
        "memory_bytes": max(0, _memory("VmHWM") - before),
        "graph_bytes": 8 * synapses,
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
    print(json.dumps(measure(int(sys.argv[1]))))
