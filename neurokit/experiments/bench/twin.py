"""twin: samples per second of one network on every target, and the twin's time against bare matrix products.

The network is the demo's: DeepONet, 51 sensors and one coordinate, two layers of 32 neurons a side, 32 features, 32
time steps, memmean readouts. Every target's numbers are compared in the same run, spike by spike. A target's seconds
are its run alone, without building, starting or compiling; samples are pairs of one function and one location.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from neurokit.compilers.lava.forms import SoftIFForm
from neurokit.compilers.quantization.quantize import quantize
from neurokit.errors import OutOfRange, TargetUnavailable, explain
from neurokit.experiments.bench.timing import machine
from neurokit.ir.fixed_point import Widths
from neurokit.ir.graph import Dense, Graph, Input, Output, Product, Readout, Spiking
from neurokit.ir.graph import GraphNode as Node
from neurokit.ir.interval_analysis import prove
from neurokit.ir.program import Dense as IntegerDense
from neurokit.ir.program import Input as IntegerInput
from neurokit.ir.program import Output as IntegerOutput
from neurokit.ir.program import Program
from neurokit.ir.program import Readout as IntegerReadout
from neurokit.ir.program import Spiking as IntegerSpiking
from neurokit.ir.target import Reference, Target
from neurokit.neurons.models import IF
from neurokit.neurons.readouts import MemMean, Rate
from neurokit.simulator import Twin
from neurokit.targets.lava.target import LavaCPU
from neurokit.targets.verification.comparison import compare

#: Batch sizes of the twin, and of the reference.
BATCHES, REFERENCE_BATCH = (1, 64, 1024), 64
#: Samples per second of the twin at the largest batch, over those of Lava's stock processes.
BAR = 1000.0
#: Widths of the layers that are timed against matrix products.
WIDTHS = (32, 256, 1024)
#: Multiply-adds of such a product: large enough for BLAS to run at speed.
PRODUCT_WORK = 2**29
STEPS = 32


def run(
    program: Program | None = None, *, lava_samples: int = 16, repetitions: int = 7, seed: int = 0
) -> dict[str, Any]:
    """Measure `program` (by default `network(seed)`) on random samples, and compare with the bars.

    Lava streams `lava_samples` samples in every repetition; medians of the repetitions are reported, all rows taking
    turns. A row holds `target`, `batch`, median `seconds` and `samples_per_second`, and how many spikes were held
    against the reference (`spikes_compared`, `mismatches`); where Lava is missing, `unavailable` says why. Rows of
    `twin / sgemm` hold the time of one float32 BLAS product with the same number of multiply-adds beside the twin's.

    Raises OutOfRange for less than one sample or repetition, or when the Program cannot be proved.
    """
    for name, value in (("lava_samples", lava_samples), ("repetitions", repetitions)):
        if value < 1:
            raise OutOfRange(explain(f"bench twin: {name}", value, "at least 1", "measure once or more"))
    program = network(seed) if program is None else program
    prove(program)
    rng = np.random.default_rng(seed)
    # The reference comes first: it is what the others are held against.
    measured: list[tuple[Target, int]] = [(Reference(), REFERENCE_BATCH)]
    measured += [(Twin(), batch) for batch in BATCHES]
    measured += [(LavaCPU(), lava_samples), (LavaCPU(form=SoftIFForm()), lava_samples)]
    pool = samples(program, rng, max(batch for _, batch in measured))
    rows = [checked(target, program, {name: x[:batch] for name, x in pool.items()}) for target, batch in measured]
    available = [i for i, row in enumerate(rows) if "unavailable" not in row]
    seconds = in_turn(
        [timed(measured[i][0], program, {n: x[: measured[i][1]] for n, x in pool.items()}) for i in available],
        repetitions,
    )
    for i, taken in zip(available, seconds, strict=True):
        rows[i] |= {"seconds": taken, "samples_per_second": measured[i][1] / taken}
    speed = {(row["target"], row["batch"]): row["samples_per_second"] for row in rows if "unavailable" not in row}
    best = speed["twin", BATCHES[-1]]
    ratios = {
        f"twin, batch {BATCHES[-1]} / {target}, batch {batch}": best / slower
        for (target, batch), slower in speed.items()
        if target != "twin"
    }
    products = [_against_product(width, rng, repetitions) for width in WIDTHS]
    ratios |= {f"{row['target']}, width {row['width']}": row["seconds"] / row["product_seconds"] for row in products}
    stock = ratios.get(f"twin, batch {BATCHES[-1]} / lava, batch {lava_samples}")
    mismatches = sum(row["mismatches"] for row in rows if "unavailable" not in row)
    return {
        "name": "twin",
        "machine": {**machine(), "numpy": np.__version__, "kernels": rows[1]["kernels"]},
        "repetitions": repetitions,
        "seed": seed,
        "rows": [*rows, *products],
        "ratios": ratios,
        "bars": {
            f"twin, batch {BATCHES[-1]}, against Lava's stock processes": {
                "value": stock,
                "bar": BAR,
                "met": stock is not None and stock >= BAR,
            },
            "numbers that differ from the reference": {"value": mismatches, "bar": 0, "met": mismatches == 0},
        },
    }


def network(seed: int) -> Program:
    """A proven Program of the demo's shape with random weights, at which every layer fires now and then."""
    rng = np.random.default_rng(seed)
    nodes: list[Node] = []
    for side, size, low in (("branch", 51, -1.0), ("trunk", 1, 0.0)):
        nodes.append(Input(side, size, low, 1.0))
        for layer in (0, 1):
            weight = rng.normal(0.0, 1.5 / np.sqrt(size), (32, size))
            nodes.append(Dense(f"{side}.dense{layer}", nodes[-1].name, weight, rng.uniform(-0.1, 0.3, 32)))
            nodes.append(Spiking(f"{side}.spiking{layer}", nodes[-1].name, IF(1.0)))
            size = 32
        weight = rng.normal(0.0, 1 / np.sqrt(size), (32, size))
        nodes.append(Dense(f"{side}.out", nodes[-1].name, weight, rng.uniform(-0.1, 0.1, 32)))
        nodes.append(Readout(f"{side}.readout", nodes[-1].name, MemMean()))
    nodes.append(Product("product", "branch.readout", "trunk.readout"))
    nodes.append(Dense("sum", "product", np.ones((1, 32)), np.zeros(1)))
    nodes.append(Output("output", "sum"))
    return quantize(Graph(tuple(nodes), STEPS), provenance={"bench": "twin", "seed": str(seed)})


def stack(width: int, rng: np.random.Generator) -> Program:
    """Two spiking layers of one width with random weights, without a product behind them; proven."""
    reach = min(127, max(2, 256 // math.isqrt(width)))

    def dense(name: str, source: str, exponent: int) -> IntegerDense:
        weight = rng.integers(-reach, reach + 1, (width, width))
        return IntegerDense(name, source, weight, rng.integers(0, 64, width), exponent)

    program = Program(
        (
            IntegerInput("x", np.full(width, -15), np.full(width, 15), 1.0),
            dense("dense0", "x", -3),
            IntegerSpiking("spiking0", "dense0", IF(255)),
            dense("dense1", "spiking0", 0),
            IntegerSpiking("spiking1", "dense1", IF(255)),
            IntegerReadout("readout", "spiking1", Rate()),
            IntegerOutput("y", "readout"),
        ),
        STEPS,
        Widths(membrane=24),
    )
    return replace(program, certificate=prove(program))


def samples(program: Program, rng: np.random.Generator, count: int) -> dict[str, np.ndarray]:
    """`count` aligned samples, uniform over the Program's declared ranges."""
    return {
        node.name: node.decode(rng.integers(node.low, node.high + 1, (count, node.low.size))) for node in program.inputs
    }


def checked(target: Target, program: Program, inputs: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """A row without times: what was compared with the reference, number by number."""
    row = {"target": target.name, "batch": len(next(iter(inputs.values())))}
    if isinstance(target, Reference):
        return row | {"spikes_compared": 0, "mismatches": 0}
    try:
        found, results = compare(program, inputs, [Reference(), target])
    except TargetUnavailable as error:
        return row | {"unavailable": str(error)}
    row |= {"spikes_compared": found.spikes_compared, "mismatches": found.mismatches}
    return row | {key: value for key, value in results[target.name].provenance.items() if key == "kernels"}


def timed(target: Target, program: Program, inputs: Mapping[str, np.ndarray]) -> Callable[[], float]:
    """A call that runs the target and returns the seconds of the run alone."""
    return lambda: target.run(program, inputs).seconds


def in_turn(calls: list[Callable[[], float]], repetitions: int) -> list[float]:
    """Median of the seconds that every call returns; the calls take turns, so that all meet the same disturbances."""
    taken = [[call() for call in calls] for _ in range(repetitions)]
    return [float(np.median(column)) for column in zip(*taken, strict=True)]


def _against_product(width: int, rng: np.random.Generator, repetitions: int) -> dict[str, Any]:
    """The twin on a stack of `width` beside one float32 product with as many multiply-adds, both on all cores."""
    program = stack(width, rng)
    # The first layer is held: one product per sample; the second is one per step.
    batch = max(1, PRODUCT_WORK // (width * width * (1 + STEPS)))
    inputs = samples(program, rng, batch)
    trace = Twin().run(program, inputs, record=True).trace
    assert trace is not None
    left = rng.normal(size=(batch * (1 + STEPS), width)).astype(np.float32)
    right = rng.normal(size=(width, width)).astype(np.float32)
    out = np.empty_like(left)

    def product() -> float:
        started = time.perf_counter()
        np.matmul(left, right, out=out)
        return time.perf_counter() - started

    product()
    ours, theirs = in_turn([timed(Twin(), program, inputs), product], repetitions)
    return {
        "target": "twin / sgemm",
        "batch": batch,
        "seconds": ours,
        "samples_per_second": batch / ours,
        "width": width,
        "spike_rate": float(np.mean([train.mean() for train in trace.spikes.values()])),
        "multiply_adds": batch * (1 + STEPS) * width * width,
        "product_seconds": theirs,
    }
