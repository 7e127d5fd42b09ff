"""chip: samples a second and energy a sample of a DeepONet on Loihi 2, estimated, beside this CPU's time, measured.

The network has 100 sensors, one coordinate, two hidden layers a side and random weights (its accuracy says nothing; its
rates of activity are in the record). One of time steps, width and bits of a weight is varied at a time, around the
middle of the first two and the most of the last. The chip's numbers are those of `estimate`, one sample at a time; the
CPU runs such samples on the twin (integers) and in torch (float32), alone and in batches, taking turns. Its seconds are
the process's own, summed over its threads.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from neurokit.compilers.chip.estimation.estimate import estimate
from neurokit.compilers.frontend.trace import trace
from neurokit.compilers.quantization.quantize import quantize
from neurokit.errors import AccuracyWarning, OutOfRange, explain
from neurokit.experiments.bench.timing import interleaved, machine
from neurokit.ir.weight_grid import WeightGrid
from neurokit.networks.deeponet import DeepONet
from neurokit.plotting import figures
from neurokit.simulator import Twin

STEPS, WIDTHS, BITS = (8, 32, 128, 512), (32, 128, 512), (2, 4, 8)
SENSORS, LAYERS, FEATURES = 100, 2, 32
#: Samples on which activity is measured; a batch of the CPU.
SAMPLES, BATCH = 16, 256
#: Watts of a board of one chip with its processors (arXiv 2608.18341, 2609.32317; at second hand).
BOARD_W = (1.0, 1.78)
#: What is varied, as its axis is called.
VARIED = {"steps": "time steps", "width": "neurons a layer", "bits": "bits of a weight"}
CPU = {
    "twin_s": ("twin, one by one", "C1", "--"),
    "twin_batch_s": (f"twin, {BATCH} at once", "C1", "-"),
    "torch_s": ("torch float32, one by one", "C3", "--"),
    "torch_batch_s": (f"torch float32, {BATCH} at once", "C3", "-"),
}


def run(
    *,
    steps: Sequence[int] = STEPS,
    widths: Sequence[int] = WIDTHS,
    bits: Sequence[int] = BITS,
    repetitions: int = 7,
    seed: int = 0,
) -> dict[str, Any]:
    """Estimate and measure; one row for each network.

    Parameters
    ----------
    steps, widths, bits : sequence of int
        Time steps, neurons of every hidden layer, and bits of a weight, 2 to 8.
    repetitions : int
        Of the CPU's runs, taken in turn; medians are reported.
    seed : int
        Of weights and samples.

    Returns
    -------
    dict
        `rows` with seconds and joules of one sample on the chip, from and to, and seconds of one on the CPU.

    Raises
    ------
    OutOfRange
        For an empty list, or numbers that make no network.
    """
    for name, values in (("steps", steps), ("widths", widths), ("bits", bits)):
        if not values or min(values) < 1:
            raise OutOfRange(explain(f"bench chip: {name}", list(values), "one or more, each 1 or more", "give some"))
    base = sorted(steps)[(len(steps) - 1) // 2], sorted(widths)[(len(widths) - 1) // 2], max(bits)
    made = dict.fromkeys(
        [
            *((each, *base[1:]) for each in sorted(steps)),
            *((base[0], each, base[2]) for each in sorted(widths)),
            *((*base[:2], each) for each in sorted(bits)),
        ]
    )
    rows = [_row(*each, repetitions, seed) for each in made]
    middle = next(row for row in rows if (row["steps"], row["width"], row["bits"]) == base)
    return {
        "name": "chip",
        "machine": {**machine(), "torch": torch.__version__, "threads": str(torch.get_num_threads())},
        "repetitions": repetitions,
        "seed": seed,
        "base": dict(zip(VARIED, base, strict=True)),
        "rows": rows,
        "ratios": {
            f"{name} on the CPU / chip's {end} time, a sample of the middle network": middle[key]
            / middle[f"time_s_{end}"]
            for key, (name, _, _) in CPU.items()
            for end in ("low", "high")
        },
        "bars": {},
    }


def _row(steps: int, width: int, bits: int, repetitions: int, seed: int) -> dict[str, Any]:
    model = DeepONet(
        sensors=SENSORS, coordinates=1, hidden=(width,) * LAYERS, features=FEATURES, steps=steps, seed=seed
    ).eval()
    graph = trace(model, {"branch": (-3.0, 3.0), "trunk": (0.0, 1.0)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AccuracyWarning)  # random weights answer nothing that could be lost
        program = quantize(graph, grid=WeightGrid(bits), search=None)
    rng = np.random.default_rng(seed)
    many = {"branch": rng.uniform(-1, 1, (BATCH, SENSORS)), "trunk": rng.uniform(0, 1, (BATCH, 1))}
    few, one = ({name: values[:count] for name, values in many.items()} for count in (SAMPLES, 1))
    found = estimate(program, "loihi2", few)
    trace_of = Twin().run(program, few, record=True).trace
    assert trace_of is not None
    assert found.time_s.low is not None
    assert found.time_s.high is not None
    energy = [(each.low or 0.0, each.high or 0.0) for each in (found.static_j, found.dynamic_j)]
    taken = _on_this_cpu(model, program, one, many, repetitions)
    return {
        "steps": steps,
        "width": width,
        "bits": bits,
        "cores": found.cores,
        "rate": float(np.mean([spikes.mean() for spikes in trace_of.spikes.values()])),
        "time_s_low": found.time_s.low,
        "time_s_high": found.time_s.high,
        "energy_j_low": sum(low for low, _ in energy),
        "energy_j_high": sum(high for _, high in energy),
        "with_board_j_low": BOARD_W[0] * found.time_s.low + energy[1][0],
        "with_board_j_high": BOARD_W[1] * found.time_s.high + energy[1][1],
        **taken,
    }


def _on_this_cpu(
    model: DeepONet, program: Any, one: Mapping[str, np.ndarray], many: Mapping[str, np.ndarray], repetitions: int
) -> dict[str, float]:
    """Median seconds of a sample, the process's own: twin and torch, one sample and BATCH of them."""
    twin = Twin()

    def torch_on(inputs: Mapping[str, np.ndarray]) -> object:
        with torch.no_grad():
            return model(*tensors[len(inputs["branch"])])

    tensors = {
        len(each["branch"]): [torch.as_tensor(each[name], dtype=torch.float32) for name in ("branch", "trunk")]
        for each in (one, many)
    }
    seconds = interleaved(
        {
            "twin_s": lambda: twin.run(program, one),
            "twin_batch_s": lambda: twin.run(program, many),
            "torch_s": lambda: torch_on(one),
            "torch_batch_s": lambda: torch_on(many),
        },
        repetitions,
        time.process_time,
    )
    return {name: taken / (BATCH if "batch" in name else 1) for name, taken in seconds.items()}


def draw(record: Mapping[str, Any], path: Path) -> None:
    """Above samples a second, below energy a sample, against steps, width and bits; bands are the chip's ranges."""
    figure = figures.new(12, 6.5)
    panels = figure.subplots(2, 3, sharey="row")
    base = record["base"]
    for column, (key, label) in enumerate(VARIED.items()):
        fixed = [name for name in VARIED if name != key]
        rows = sorted(
            (row for row in record["rows"] if all(row[name] == base[name] for name in fixed)), key=lambda row: row[key]
        )
        x = [row[key] for row in rows]

        def of(name: str, rows: Sequence[Mapping[str, Any]] = rows) -> np.ndarray:
            return np.array([row[name] for row in rows], dtype=np.float64)

        speed, energy = panels[:, column]
        speed.fill_between(
            x, 1 / of("time_s_high"), 1 / of("time_s_low"), color="C0", alpha=0.35, label="Loihi 2, estimate"
        )
        for name, (title, colour, line) in CPU.items():
            speed.plot(x, 1 / of(name), line, color=colour, marker="o", ms=3, label=f"{title}, measured")
        for name, colour, title in (
            ("energy_j", "C0", "neurocores of one Loihi 2"),
            ("with_board_j", "C7", "with a board of 1 to 1.78 W"),
        ):
            low, high = of(f"{name}_low"), of(f"{name}_high")
            energy.fill_between(x, low * 1e3, high * 1e3, color=colour, alpha=0.35, label=f"{title}, estimate")
        for axes in (speed, energy):
            axes.set(xscale="log", yscale="log", xlabel=label)
            axes.set_xticks(x, [str(value) for value in x])
            axes.minorticks_off()
            axes.grid(alpha=0.25, lw=0.4)
        speed.set_title(", ".join(f"{base[name]} {VARIED[name]}" for name in fixed), fontsize=9)
    panels[0, 0].set_ylabel(f"samples a second (CPU: {record['machine']['processor']})")
    panels[1, 0].set_ylabel("mJ a sample")
    for axes, place in ((panels[0, 0], "outside upper center"), (panels[1, 0], "outside lower center")):
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(handles, labels, loc=place, ncols=5, frameon=False, fontsize=8)
    figures.save(figure, path)
