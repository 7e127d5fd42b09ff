"""learn: what a learning step costs on the twin, relative to plain inference of the same batch, and how it grows.

An MLP 2-h-h-1 with 32 time steps on a batch of the Mexican hat. A direction of SPSA is two copies, one of RFG, of
weights or of currents ("node_rfg"), a tangent, one of node perturbation two passes; plain inference is a pass of the
same evaluator, so that ratios tell what copies cost, and one of `Twin`, so that they tell what the evaluator costs.
Times on the twin are CPU times. What updates cost on a running Lava network is told by
`neurokit.experiments.bench.learn_lava`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from neurokit.data.mexican_hat import MexicanHat
from neurokit.experiments.bench.timing import interleaved, machine
from neurokit.experiments.learning.networks import integer_mlp
from neurokit.learning.directions import Directions
from neurokit.learning.integer_optimizer import IntegerOptimizer
from neurokit.learning.learner import Learner
from neurokit.learning.perturbed_batch import PerturbedBatchEvaluator
from neurokit.learning.queries import Losses
from neurokit.learning.rules import RFG, SPSA, NodePerturbation, NodeRFG, Rule
from neurokit.learning.task import Task
from neurokit.simulator import Twin
from neurokit.simulator.plastic_weights import plastic, weights

#: A direction costs at most this many plain inferences of the twin: two for its two passes, and a margin.
BAR = 2.5
#: Hidden neurons of the networks on Lava.
LAVA_WIDTHS = (8, 64)


def run(
    *,
    repetitions: int = 7,
    counts: Sequence[int] = (1, 8, 32),
    widths: Sequence[int] = (16, 64),
    batch: int = 100,
    lava_updates: int = 0,
) -> dict[str, Any]:
    """Measure every rule for every number of directions and width; with `lava_updates` as many on Lava."""
    rows: list[dict[str, Any]] = []
    ratios: dict[str, float] = {}
    for width in widths:
        for count in counts:
            rows.append(_on_twin(width, count, batch, repetitions))
    first, last = rows[0], rows[len(counts) - 1]
    wide = rows[-1]
    for rule in ("spsa", "rfg", "node", "node_rfg"):
        grown = last[f"{rule}_ms"] / first[f"{rule}_ms"]
        ratios[f"{rule}: cost of {last['directions']} directions / cost of one, width {widths[0]}"] = grown
        each = last[f"{rule}_ms"] / last["directions"] / last["twin_ms"]
        ratios[f"{rule}: a direction / plain inference on the twin, width {widths[0]}"] = each
        growth = f"{rule}: {last['directions']} directions, {wide['weights']} weights / {last['weights']}"
        ratios[growth] = wide[f"{rule}_ms"] / last[f"{rule}_ms"]
    asked = ratios[f"spsa: a direction / plain inference on the twin, width {widths[0]}"]
    if lava_updates:
        from neurokit.experiments.bench import learn_lava

        found = learn_lava.rows(LAVA_WIDTHS, lava_updates)
        rows += found
        ratios |= {
            f"{row['where']}: an update / inference, width {row['width']}": row["update / inference"]
            for row in found
            if "update / inference" in row
        }
    return {
        "name": "learn",
        "machine": machine(),
        "rows": rows,
        "ratios": ratios,
        "bars": {"spsa: a direction / plain inference": {"value": asked, "bar": BAR, "met": asked <= BAR}},
    }


def _on_twin(width: int, count: int, batch: int, repetitions: int) -> dict[str, Any]:
    split = MexicanHat(train=1000).generate(0)
    program = integer_mlp(2, (width, width), 1.0, 0)
    tensors = plastic(program)
    evaluator = PerturbedBatchEvaluator(program, tensors, Task.of(split.train))
    own, twin, rows = weights(program, tensors), Twin(threads=1), np.arange(batch)
    inputs = {"x": split.train.x[rows]}
    directions = Directions(count)
    rules: dict[str, Rule] = {
        "spsa": SPSA(directions),
        "rfg": RFG(directions),
        "node": NodePerturbation(directions),
        "node_rfg": NodeRFG(directions),
    }
    learners = {name: Learner(rule, IntegerOptimizer(0.01), 10**6, batch) for name, rule in rules.items()}
    progress = {name: learner.start(own, evaluator) for name, learner in learners.items()}
    layers = tuple(dict.fromkeys(tensor.layer for tensor in tensors))
    seconds = interleaved(
        {
            "twin": lambda: twin.run(program, inputs),
            "pass": lambda: evaluator.answer(own, [Losses(layers, 0)], directions, 0, rows),
            **{
                name: lambda name=name: learners[name].step(progress[name], evaluator, evaluator.task)  # type: ignore[misc]
                for name in rules
            },
        },
        repetitions,
        time.process_time,
    )
    return {
        "where": "twin",
        "width": width,
        "weights": sum(tensor.size for tensor in tensors),
        "directions": count,
        **{f"{name}_ms": 1e3 * taken for name, taken in seconds.items()},
        **{f"{name}_updates_per_s": 1 / seconds[name] for name in rules},
    }
