"""What learning costs on a running Lava network, relative to plain inference of the same batch in the same form.

Four networks of one Program, an MLP 2-h-1 with windows of 8 steps, one after the other, each held against its own
inference, in turn: plain, whose weights are swapped from outside; with layers that obey orders, learning by SPSA, and
by RFG with tangent neurons; and with Lava's model of the learning engine, learning by SPSA.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np

from neurokit.data.mexican_hat import MexicanHat
from neurokit.experiments.bench.timing import interleaved
from neurokit.experiments.learning.networks import integer_mlp
from neurokit.ir.program import Dense, Program
from neurokit.learning.integer_optimizer import IntegerOptimizer
from neurokit.learning.learner import Learner
from neurokit.learning.rules import RFG, SPSA, Rule
from neurokit.learning.tangent_program import tangents
from neurokit.learning.task import Task
from neurokit.simulator.plastic_weights import Field, plastic

#: Samples of a batch, and time steps of a window.
BATCH, WINDOW = 4, 8


def rows(widths: Sequence[int], repetitions: int) -> list[dict[str, Any]]:
    """A row for every network and width: milliseconds of an inference of the batch, of an update and of its parts."""
    task = Task.of(MexicanHat(train=100).generate(0).train)
    found = []
    for width in widths:
        program = integer_mlp(2, (width,), 1.0, 0, WINDOW)
        found += [
            _swapped(program, task, repetitions),
            _learning("orders, SPSA", program, task, SPSA(), repetitions),
            _learning("orders, RFG", program, task, RFG(), repetitions),
            _learning("learning engine, SPSA", program, task, SPSA(), repetitions),
        ]
        for row in found[-4:]:
            row["width"] = width
    return found


def _swapped(program: Program, task: Task, repetitions: int) -> dict[str, Any]:
    """Every weight sent to the running network: what perturbing from outside costs."""
    from neurokit.compilers.lava.forms import SoftIFForm
    from neurokit.targets.lava.network import LavaNetwork

    other = replace(program, nodes=tuple(_negated(node) for node in program.nodes))
    values, turn = _batch(program, task), count()
    with LavaNetwork(program, SoftIFForm()) as network:
        jobs = {
            "inference": lambda: network.run(values),
            "swap": lambda: network.swap((other, program)[next(turn) % 2]),
        }
        taken = interleaved(jobs, repetitions)
    return _row("plain network, weights swapped", sum(t.size for t in plastic(program)), taken)


def _learning(what: str, program: Program, task: Task, rule: Rule, repetitions: int) -> dict[str, Any]:
    from neurokit.learning.plastic_layer import Mode
    from neurokit.targets.lava.learning.engine_network import EngineNetwork
    from neurokit.targets.lava.learning.evaluator import LavaEvaluator
    from neurokit.targets.lava.learning.learning_network import LearningNetwork

    engine = what.startswith("learning engine")
    tensors = plastic(program, fields=(Field.WEIGHT,)) if engine else plastic(program)
    optimizer = IntegerOptimizer(0.5, fraction=0) if engine else IntegerOptimizer(0.1)
    learner = Learner(rule, optimizer, 10**6, BATCH)
    values, step = _batch(program, task), count(1)
    made = tangents(program, tensors) if isinstance(rule, RFG) else None
    parts = (program, tensors, rule.directions, optimizer)
    with EngineNetwork(*parts) if engine else LearningNetwork(*parts, tangents=made) as network:
        loop = LavaEvaluator(learner, network, task)
        jobs: dict[str, Callable[[], object]] = {"inference": lambda: network.run(values), "update": loop.step}
        if engine:  # an order of no amplitude, but for another direction: it rewrites the tags and moves nothing
            jobs["tags"] = lambda: network.order(Mode.PLAIN, 10**7 + next(step), 0, {})
        taken = interleaved(jobs, repetitions)
    return _row(what, sum(t.size for t in tensors), taken)


def _row(what: str, size: int, seconds: dict[str, float]) -> dict[str, Any]:
    row: dict[str, Any] = {"where": f"lava: {what}", "weights": size, "directions": 1, "batch": BATCH}
    row |= {f"{name}_ms": 1e3 * taken for name, taken in seconds.items()}
    row |= {
        f"{name} / inference": taken / seconds["inference"] for name, taken in seconds.items() if name != "inference"
    }
    if "update" in seconds:
        row["updates_per_s"] = 1 / seconds["update"]
    return row


def _batch(program: Program, task: Task) -> dict[str, np.ndarray]:
    return {name: x[:BATCH] for name, x in program.encode(task.inputs).items()}


def _negated(node: Any) -> Any:
    return replace(node, weight=np.maximum(-node.weight, -127)) if isinstance(node, Dense) else node
