"""emulators: convolutional and recurrent networks on the twin, on Lava and on nengo-loihi's emulator of Loihi 1.

Neurons integrate and reset to zero, which all of them can say, and every spike is held against the reference. Targets
take turns; their seconds are those of the run alone. nengo-loihi runs in an environment of its own, as a process that
this one starts, one sample at a time, its weights and thresholds such that its scaling to the chip's integers is exact;
it computes no readout, and its later windows begin in the states that the first has left.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

from neurokit.compilers.lava.forms import SoftIFForm
from neurokit.errors import OutOfRange, RunError, explain
from neurokit.experiments.bench import peers as scripts
from neurokit.experiments.bench.timing import machine
from neurokit.experiments.bench.twin import checked, in_turn, samples, timed
from neurokit.ir import interpreter as reference
from neurokit.ir.convolution import Convolution
from neurokit.ir.fixed_point import Widths
from neurokit.ir.interval_analysis import prove
from neurokit.ir.program import (
    Conv2d,
    Dense,
    Input,
    Output,
    Program,
    ProgramNode,
    Readout,
    Recurrent,
    Spiking,
    Synapses,
)
from neurokit.ir.target import Target
from neurokit.neurons.models import IF, ToZero
from neurokit.neurons.readouts import Rate
from neurokit.simulator import Twin
from neurokit.targets.lava.target import LavaCPU

#: Time steps; batches of the twin, and of Lava.
STEPS, BATCHES, LAVA_BATCH = 32, (1, 256), 4
#: Inputs of a network are integers up to this.
REACH = 15


def run(*, peers: Path | None = None, repetitions: int = 7, seed: int = 0) -> dict[str, Any]:
    """Measure both networks of `NETWORKS` on random samples; medians of `repetitions`, all rows taking turns.

    `peers` holds the environment `nengo_loihi` (`pip install nengo-loihi==1.1.0 "numpy<1.24"`); without it, or without
    Lava, a row says in `unavailable` why. Otherwise a row holds `network`, `neurons`, `synapses`, `target`, `batch`,
    `seconds`, `samples_per_second`, `spikes_compared` and `mismatches`.

    Raises OutOfRange for less than one repetition, RunError when nengo-loihi's process fails.
    """
    if repetitions < 1:
        raise OutOfRange(explain("bench emulators: repetitions", repetitions, "at least 1", "measure once or more"))
    rows: list[dict[str, Any]] = []
    ratios: dict[str, float] = {}
    for name, build in NETWORKS.items():
        found = _measured(build(np.random.default_rng(seed)), peers, repetitions, seed)
        speed = {(row["target"], row["batch"]): row["samples_per_second"] for row in found if "seconds" in row}
        best = speed["twin", BATCHES[-1]]
        ratios |= {
            f"{name}: twin, batch {BATCHES[-1]} / {target}, batch {batch}": best / other
            for (target, batch), other in speed.items()
            if (target, batch) != ("twin", BATCHES[-1])
        }
        rows += [{"network": name} | row for row in found]
    mismatches = sum(row.get("mismatches", 0) for row in rows)
    return {
        "name": "emulators",
        "machine": machine(),
        "repetitions": repetitions,
        "seed": seed,
        "rows": rows,
        "ratios": ratios,
        "bars": {
            "numbers that differ from the reference": {"value": mismatches, "bar": 0, "met": mismatches == 0},
        },
    }


def convolution(rng: np.random.Generator) -> Program:
    """Images of 16 x 16, two layers of 3 x 3 kernels: 8 channels, then 16 of half the side; ten readouts."""
    first, second = Convolution((1, 16, 16), padding=(1, 1)), Convolution((8, 16, 16), padding=(1, 1), stride=(2, 2))
    kernels = rng.integers(-20, 21, (8, 1, 3, 3)), rng.integers(-40, 41, (16, 8, 3, 3))
    return _proved(
        Input("x", np.full(256, -REACH), np.full(256, REACH), 1.0),
        Conv2d("0", "x", kernels[0], rng.integers(0, 60, 8), first),
        Spiking("0.spikes", "0", IF(255, reset=ToZero())),
        Conv2d("1", "0.spikes", kernels[1], np.zeros(16), second),
        Spiking("1.spikes", "1", IF(255, reset=ToZero())),
        Dense("out", "1.spikes", rng.integers(-127, 128, (10, 1024)), np.zeros(10)),
    )


def recurrent(rng: np.random.Generator) -> Program:
    """64 inputs, two layers of 128 neurons that each receive all of themselves, ten readouts."""

    def onto_itself() -> Recurrent:
        return Recurrent(rng.integers(-8, 9, (128, 128)))

    return _proved(
        Input("x", np.full(64, -REACH), np.full(64, REACH), 1.0),
        Dense("0", "x", rng.integers(-4, 5, (128, 64)), rng.integers(0, 60, 128)),
        Spiking("0.spikes", "0", IF(255, reset=ToZero()), recurrent=onto_itself()),
        Dense("1", "0.spikes", rng.integers(-60, 64, (128, 128)), np.zeros(128)),
        Spiking("1.spikes", "1", IF(255, reset=ToZero()), recurrent=onto_itself()),
        Dense("out", "1.spikes", rng.integers(-127, 128, (10, 128)), np.zeros(10)),
    )


#: Networks by name.
NETWORKS: Mapping[str, Callable[[np.random.Generator], Program]] = {
    "convolution": convolution,
    "recurrent": recurrent,
}


def _proved(*nodes: ProgramNode) -> Program:
    outputs = Readout("total", nodes[-1].name, Rate()), Output("y", "total")
    program = Program((*nodes, *outputs), STEPS, Widths(membrane=24))
    return replace(program, certificate=prove(program))


def _measured(program: Program, peers: Path | None, repetitions: int, seed: int) -> list[dict[str, Any]]:
    """The rows of one network."""
    pool = samples(program, np.random.default_rng(seed), max(*BATCHES, LAVA_BATCH))

    def first(count: int) -> dict[str, np.ndarray]:
        return {name: x[:count] for name, x in pool.items()}

    measured: list[tuple[Target, int]] = [(Twin(), batch) for batch in BATCHES]
    measured += [(LavaCPU(), LAVA_BATCH), (LavaCPU(form=SoftIFForm()), LAVA_BATCH)]
    rows = [checked(target, program, first(batch)) for target, batch in measured]
    calls = {
        i: timed(target, program, first(batch))
        for i, (target, batch) in enumerate(measured)
        if "unavailable" not in rows[i]
    }
    rows.append({"target": "nengo-loihi", "batch": 1})
    python = None if peers is None else peers / "nengo_loihi" / "bin" / "python"
    if python is None or not python.exists():
        rows[-1]["unavailable"] = f"no environment of nengo-loihi at {python}; give its folder with --peers"
    else:
        emulator = Emulator(python, program, first(1))
        rows[-1] |= emulator.compared(program, first(1))
        calls[len(measured)] = emulator.window
    for i, seconds in zip(calls, in_turn(list(calls.values()), repetitions), strict=True):
        rows[i] |= {"seconds": seconds, "samples_per_second": rows[i]["batch"] / seconds}
    size = {
        "neurons": sum(program.ports[node.name].size for node in program.spiking),
        "synapses": sum(_synapses(node) for node in program.nodes if isinstance(node, Synapses | Spiking)),
    }
    return [size | row for row in rows]


def _synapses(node: Synapses | Spiking) -> int:
    if isinstance(node, Spiking):
        return 0 if node.recurrent is None else int(node.recurrent.weight.size)
    return int(scipy.sparse.csr_array(node.matrix).nnz)


@dataclass
class Emulator:
    """nengo-loihi's emulator with the spiking layers of a Program and one sample; ends with this object."""

    python: Path
    program: Program
    inputs: Mapping[str, np.ndarray]
    process: subprocess.Popen[str] = field(init=False)
    version: str = field(init=False)

    def __post_init__(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "network.npz"
            np.savez(path, **layers(self.program, self.inputs))
            command = [str(self.python), str(Path(scripts.__file__).with_name("nengo_loihi_run.py")), str(path)]
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
            self.version = self._answer()["version"]

    def __del__(self) -> None:
        if hasattr(self, "process"):
            self.process.kill()
            self.process.wait()

    def window(self) -> float:
        """Seconds of one window."""
        return float(self._ask(self.program.steps)["seconds"])

    def compared(self, program: Program, inputs: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """How many spikes of the first window were held against the reference's, and differ."""
        trace = reference.run(program, inputs, record=True).trace
        assert trace is not None
        late = len(program.spiking) - 1  # a layer begins one step after the layer before it
        fired = self._ask(program.steps + late)["spikes"]
        compared = mismatches = 0
        for lag, (node, steps) in enumerate(zip(program.spiking, fired, strict=True)):
            expected = trace.spikes[node.name][0].astype(bool)
            found = np.zeros_like(expected)
            for t, neurons in enumerate(steps[lag : lag + program.steps]):
                found[t, neurons] = True
            compared, mismatches = compared + found.size, mismatches + int((found != expected).sum())
        return {"version": self.version, "spikes_compared": compared, "mismatches": mismatches}

    def _ask(self, steps: int) -> dict[str, Any]:
        assert self.process.stdin is not None, "a pipe"
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None, "a pipe"
        line = self.process.stdout.readline()
        if not line:
            raise RunError(explain("nengo-loihi", "its process ended", "an answer", f"start {self.python} by hand"))
        answer: dict[str, Any] = json.loads(line)
        return answer


def layers(program: Program, inputs: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The spiking layers of a chain as arrays: thresholds, the constant current of the first, weights by rows."""
    given: dict[str, Any] = {"layers": len(program.spiking)}
    for layer, node in enumerate(program.spiking):
        synapses = program[node.source]
        assert isinstance(synapses, Synapses), "a chain of synapses and neurons"
        size = program.ports[node.name].size
        given[f"{layer}.threshold"], given[f"{layer}.current"] = node.threshold, np.zeros(size, dtype=np.int64)
        if layer == 0:
            (x,) = program.encode(inputs).values()
            given["0.current"] = synapses.weigh(x)[0]
        else:
            given |= _rows(f"{layer}", synapses.matrix)
        if node.recurrent is not None:
            given |= _rows(f"{layer}.recurrent", node.recurrent.matrix)
    return given


def _rows(name: str, matrix: Any) -> dict[str, np.ndarray]:
    rows = scipy.sparse.csr_array(matrix)
    return {f"{name}.data": rows.data, f"{name}.indices": rows.indices, f"{name}.indptr": rows.indptr}
