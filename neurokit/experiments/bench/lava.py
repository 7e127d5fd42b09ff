"""lava: what Lava costs on a CPU, in every form, against depth, width and processes; and where the time goes.

Three kinds of rows. `samples_per_second` on the demo's network (see `bench twin`), all ways taking turns, runs alone
without starting or building; every output is held against the reference. `cpu_ms_per_step` on chains of layers of one
width: processor time of all processes of the network, split into the models (Python and arithmetic), sending and
receiving, and Lava's bookkeeping, beside the arithmetic alone, which is what the compiled twin takes for the same
steps: the floor. And what a grid of functions and locations takes, pair by pair and factored.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from neurokit.compilers.lava.forms import Form, FusedForm, SoftIFForm, StockForm
from neurokit.errors import OutOfRange, explain
from neurokit.experiments.bench.timing import machine
from neurokit.experiments.bench.twin import network, samples
from neurokit.ir import interpreter as reference
from neurokit.ir.fixed_point import Widths
from neurokit.ir.interval_analysis import prove
from neurokit.ir.program import Dense, Input, Output, Program, ProgramNode, Readout, Spiking
from neurokit.ir.target import Target
from neurokit.neurons.models import IF
from neurokit.neurons.readouts import Rate
from neurokit.plotting import figures
from neurokit.simulator import Twin
from neurokit.targets.factored import Factored
from neurokit.targets.lava.job import Job
from neurokit.targets.lava.supervisor import supervise
from neurokit.targets.lava.target import LavaCPU, require_lava

#: Samples per second of the fused form, 64 at a time, over those of the stock form.
BAR = 100.0
STEPS, BATCH = 32, 64
#: A worker that measures; see there.
METER = ("neurokit.targets.lava.meter",)


def run(
    *,
    stock_samples: int = 8,
    windows: int = 8,
    repetitions: int = 3,
    depths: Sequence[int] = (1, 2, 4, 8),
    widths: Sequence[int] = (32, 128, 512),
    grid: tuple[int, int] = (6, 5),
    seed: int = 0,
    deadline_s: float = 600.0,
    picture: Path | None = None,
) -> dict[str, Any]:
    """Measure, and compare with the bar.

    The stock form streams `stock_samples` samples, the fused form `windows` batches of 64; medians of `repetitions` are
    reported. Chains have `depths` layers of the first width, and the last depth but one of all `widths`. `grid` is
    functions and locations. `picture` (.png, .pdf or .svg) shows the growth. Raises OutOfRange for numbers below 1,
    TargetUnavailable without Lava, and what a run on Lava raises.
    """
    counts = [("stock_samples", stock_samples), ("windows", windows), ("repetitions", repetitions)]
    for name, value in counts + [("depths", depth) for depth in depths] + [("widths", width) for width in widths]:
        if value < 1:
            raise OutOfRange(explain(f"bench lava: {name}", value, "at least 1", "measure once or more"))
    require_lava()
    program = network(seed)
    speeds = _speeds(program, stock_samples, windows, repetitions, seed, deadline_s)
    shapes = [(depth, widths[0]) for depth in depths]
    shapes += [(depths[min(1, len(depths) - 1)], width) for width in widths[1:]]
    forms: tuple[Form, ...] = (StockForm(), SoftIFForm(), FusedForm(1), FusedForm(BATCH))
    costs = [_cost(depth, width, form, seed, deadline_s) for depth, width in shapes for form in forms]
    if picture is not None:
        _draw(costs, depths, widths, picture)
    per_second = {row["way"]: row["samples_per_second"] for row in speeds}
    stock, fused = per_second["stock"], f"fused, batch {BATCH}"
    wrong = sum(row["mismatches"] for row in speeds)
    grids = _grids(program, grid, seed, deadline_s)
    ratio = per_second[fused] / stock
    return {
        "name": "lava",
        "machine": {**machine(), "numpy": np.__version__},
        "repetitions": repetitions,
        "seed": seed,
        "rows": [*speeds, *costs, *grids],
        "ratios": {f"{way} / stock": speed / stock for way, speed in per_second.items() if way != "stock"},
        "bars": {
            f"{fused} / stock, samples per second": {"value": ratio, "bar": BAR, "met": ratio >= BAR},
            "numbers that differ from the reference": {"value": wrong, "bar": 0, "met": wrong == 0},
        },
    }


def chain(depth: int, width: int, rng: np.random.Generator) -> Program:
    """`depth` spiking layers of one width with random weights, and a readout of one line; proven."""
    reach = min(127, max(2, 256 // int(np.sqrt(width))))
    # The first layer receives integers up to 15, the others spikes: the more of them, the less each may move a
    # membrane.
    exponent = -max(3, math.ceil(math.log2(math.sqrt(width) / 2)))
    nodes: list[ProgramNode] = [Input("x", np.full(width, -15), np.full(width, 15), 1.0)]
    for layer in range(depth):
        weight = rng.integers(-reach, reach + 1, (width, width))
        bias = rng.integers(0, 64, width)
        nodes.append(Dense(f"dense{layer}", nodes[-1].name, weight, bias, exponent if layer == 0 else 0))
        nodes.append(Spiking(f"spiking{layer}", nodes[-1].name, IF(255)))
    nodes.append(Dense("out", nodes[-1].name, rng.integers(-9, 10, (1, width)), np.zeros(1)))
    nodes += [Readout("readout", "out", Rate()), Output("y", "readout")]
    program = Program(tuple(nodes), STEPS, Widths(membrane=18))
    return replace(program, certificate=prove(program))


def _speeds(
    program: Program, stock_samples: int, windows: int, repetitions: int, seed: int, deadline_s: float
) -> list[dict[str, Any]]:
    """Samples per second of the demo's network, all ways taking turns."""
    many = windows * BATCH

    def lava(form: Form, workers: int = 1) -> Target:
        return LavaCPU(form, deadline_s, workers)

    ways: dict[str, tuple[Target, int]] = {
        "stock": (lava(StockForm()), stock_samples),
        "stock, batch 8": (lava(StockForm(8)), 8 * max(1, stock_samples // 4)),
        "softif": (lava(SoftIFForm()), stock_samples),
        "fused, batch 1": (lava(FusedForm(1)), stock_samples),
        f"fused, batch {BATCH}": (lava(FusedForm(BATCH)), many),
        f"fused, batch {BATCH}, 2 workers": (lava(FusedForm(BATCH), 2), many),
        "twin": (Twin(), many),
    }
    pool = samples(program, np.random.default_rng(seed), max(count for _, count in ways.values()))
    expected = reference.run(program, pool).raw["output"]
    taken: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    wrong = dict.fromkeys(ways, 0)
    steps = dict.fromkeys(ways, 0)
    for _ in range(repetitions):
        for way, (target, count) in ways.items():
            began = time.perf_counter()
            result = target.run(program, {name: x[:count] for name, x in pool.items()})
            taken[way].append((result.seconds, time.perf_counter() - began - result.seconds))
            wrong[way] += int((result.raw["output"] != expected[:count]).sum())
            steps[way] = result.steps
    rows = []
    for way, (_, count) in ways.items():
        seconds, rest = np.median(taken[way], axis=0)
        rows.append(
            {
                "way": way,
                "samples": count,
                "seconds": float(seconds),
                "samples_per_second": count / float(seconds),
                "ms_per_step": 1e3 * float(seconds) / steps[way],
                "start_and_stop_seconds": float(rest),
                "mismatches": wrong[way],
            }
        )
    return rows


def _cost(depth: int, width: int, form: Form, seed: int, deadline_s: float) -> dict[str, Any]:
    """Processor time of a chain of layers, by where it goes."""
    rng = np.random.default_rng(seed)
    program = chain(depth, width, rng)
    # As many windows as give the clock something to count, and no more.
    count = form.batch * (8 if isinstance(form, FusedForm) else 2)
    values = program.encode(samples(program, rng, count))
    found = supervise(Job(program, values, form, False), deadline_s, (sys.executable, "-m", *METER))
    steps = int(found.notes["chip_steps"])
    spent = {key: 1e3 * float(found.notes[key]) / steps for key in ("all", "model", "ports")}
    floor = 1e3 * _arithmetic(program, rng) * form.batch / (program.steps + 1)
    return {
        "form": f"{form.name}, batch {form.batch}",
        "depth": depth,
        "width": width,
        "processes": int(found.notes["processes"]),
        "build_seconds": found.timing.build_s,
        "stop_seconds": float(found.notes["stop"]),
        "ms_per_step": 1e3 * found.timing.run_s / steps,
        "cpu_ms_per_step": spent["all"],
        "models": spent["model"],
        "channels": spent["ports"],
        "bookkeeping": spent["all"] - spent["model"] - spent["ports"],
        "arithmetic": floor,
    }


def _arithmetic(program: Program, rng: np.random.Generator) -> float:
    """Seconds of the processor a sample on the compiled twin, many samples at a time."""
    twin, inputs = Twin(threads=1), samples(program, rng, 2048)
    twin.run(program, inputs)  # compiles, plans
    began = time.process_time()
    twin.run(program, inputs)
    return (time.process_time() - began) / 2048


def _grids(program: Program, grid: tuple[int, int], seed: int, deadline_s: float) -> list[dict[str, Any]]:
    """Every function at every location: all pairs through one network, or each axis once and the rest on the host."""
    functions, locations = grid
    rng = np.random.default_rng(seed)
    branch, trunk = (
        samples(program, rng, count)[name] for name, count in (("branch", functions), ("trunk", locations))
    )
    inputs = {"branch": branch[:, None], "trunk": trunk[None, :]}
    expected = reference.run(program, inputs).output
    rows = []
    for form in (StockForm(), FusedForm(BATCH)):
        for target in (LavaCPU(form, deadline_s), Factored(LavaCPU(form, deadline_s))):
            result = target.run(program, inputs)
            assert (result.output == expected).all(), "the targets' tests say otherwise"
            rows.append(
                {
                    "grid": f"{functions} x {locations}",
                    "target": target.name,
                    "batch": form.batch,
                    "chip_steps": result.steps,
                    "run_seconds": result.seconds,
                    "pairs_per_second": functions * locations / result.seconds,
                }
            )
    return rows


def _draw(costs: list[dict[str, Any]], depths: Sequence[int], widths: Sequence[int], picture: Path) -> None:
    """Processor time a step against depth and against width, a line a form, and the arithmetic alone."""
    figure = figures.new(9.0, 3.8)
    axes = figure.subplots(1, 2, sharey=True)
    fixed = depths[min(1, len(depths) - 1)]
    for one, by, keep in ((axes[0], "depth", ("width", widths[0])), (axes[1], "width", ("depth", fixed))):
        for form in dict.fromkeys(row["form"] for row in costs):
            rows = [row for row in costs if row["form"] == form and row[keep[0]] == keep[1]]
            rows.sort(key=lambda row: row[by])
            line = one.plot([row[by] for row in rows], [row["cpu_ms_per_step"] for row in rows], "o-", label=form)
            floor = [row["arithmetic"] for row in rows]
            one.plot([row[by] for row in rows], floor, ":", color=line[0].get_color())
        one.set(xscale="log", yscale="log", xlabel=f"{by} ({keep[0]} {keep[1]})")
        one.set_xticks(depths if by == "depth" else widths, labels=depths if by == "depth" else widths)
        one.minorticks_off()
    axes[0].set_ylabel("processor ms per chip step")
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside right upper", title="dotted: arithmetic alone", fontsize="small")
    figures.save(figure, picture)
