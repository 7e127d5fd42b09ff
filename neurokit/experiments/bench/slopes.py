"""slopes: tangents in fixed point, tangents in floating point, and SPSA's two passes, as estimates of one gradient.

For an integer MLP 2-16-16-1 (337 integers, 32 time steps) on a batch of the Mexican hat, a slope along each of many
random directions is received by every method. The gradient that fits them best is compared with that of the tangents in
floating point, which is the surrogate gradient; `rest` is the share of the slopes that no gradient explains, which for
SPSA is the loss's own roughness, and for tangents their rounding. `spread` is the relative variance of an estimate from
one direction, which for n integers and slopes without a rest is n - 1.

    python -m neurokit.experiments.bench.slopes [forward passes of learning]
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from neurokit.data.mexican_hat import MexicanHat
from neurokit.experiments.learning.networks import error_of, integer_mlp
from neurokit.learning.directions import Directions
from neurokit.learning.integer_optimizer import Cosine, IntegerOptimizer, Stochastic
from neurokit.learning.learner import Learner
from neurokit.learning.perturbed_batch import PerturbedBatchEvaluator
from neurokit.learning.queries import Evaluator, Losses, Slopes
from neurokit.learning.rules import RFG, SPSA, Rule
from neurokit.learning.tangent_evaluator import TangentEvaluator
from neurokit.learning.tangent_program import tangents
from neurokit.learning.task import Task
from neurokit.simulator.plastic_weights import plastic, weights

#: Amplitudes of SPSA, in units of the integers.
AMPLITUDES = (1, 2, 4, 8)


def compare(seeds: Sequence[int], learned: int = 0, directions: int = 1200, batch: int = 100) -> list[dict[str, Any]]:
    """How well the slopes of each method agree with the surrogate gradient, after so many steps of learning."""
    rows = []
    for seed in seeds:
        split = MexicanHat(train=1000).generate(seed)
        program = integer_mlp(2, (16, 16), 1.0, seed)
        tensors = plastic(program)
        copies = PerturbedBatchEvaluator(program, tensors, Task.of(split.train))
        fixed = TangentEvaluator(copies, tangents(program, tensors))
        layers = tuple(dict.fromkeys(t.layer for t in tensors))
        drawn = Directions(directions, seed)
        along = np.concatenate(
            [drawn.of(0, t.channel, t.shape).reshape(directions, -1) for t in tensors], axis=1
        ).astype(np.float64)

        learner = Learner(RFG(Directions(8, seed)), IntegerOptimizer(0.1, schedule=Cosine()), max(1, learned), 50, seed)
        progress = learner.start(weights(program, tensors), copies)
        own = learner.run(progress, copies, copies.task, until=learned).weights
        rows_of = np.arange(batch)
        truth = _received(copies.answer(own, [Slopes(layers)], drawn, 0, rows_of))[0]
        found = {"tangents, floating point": truth}
        found["tangents, fixed point"] = _received(fixed.answer(own, [Slopes(layers)], drawn, 0, rows_of))[0]
        for c in AMPLITUDES:
            up, down = _received(copies.answer(own, [Losses(layers, c), Losses(layers, -c)], drawn, 0, rows_of))
            found[f"SPSA, amplitude {c}"] = (up - down) / (2 * c)
        gradient = np.linalg.lstsq(along, truth, rcond=None)[0]
        for method, slopes in found.items():
            fit = np.linalg.lstsq(along, slopes, rcond=None)[0]
            size = along.shape[1]
            rest = ((slopes - along @ fit) ** 2).sum() / (slopes**2).sum() * directions / (directions - size)
            rows.append(
                {
                    "method": method,
                    "seed": seed,
                    "learned": learned,
                    "cosine": float(fit @ gradient / np.linalg.norm(fit) / np.linalg.norm(gradient)),
                    "length": float(np.linalg.norm(fit) / np.linalg.norm(gradient)),
                    "rest": float(rest),
                    "spread": float(size * (slopes**2).mean() / (fit @ fit) - 1),
                }
            )
    return rows


def _received(answers: Sequence[Any]) -> list[np.ndarray]:
    return [np.asarray(answer) for answer in answers]


def learn(seeds: Sequence[int], passes: int, count: int = 8, batch: int = 50) -> list[dict[str, Any]]:
    """Test errors after equal numbers of forward passes from scratch; a tangent counts as one pass."""
    rows = []
    for seed in seeds:
        split = MexicanHat(train=1000).generate(seed)
        program = integer_mlp(2, (16, 16), 1.0, seed)
        tensors = plastic(program)
        train, test = (PerturbedBatchEvaluator(program, tensors, Task.of(part)) for part in (split.train, split.test))
        fixed = TangentEvaluator(train, tangents(program, tensors))
        directions = Directions(count, seed)
        methods: dict[str, tuple[Rule, Evaluator]] = {
            "tangents, floating point": (RFG(directions), train),
            "tangents, fixed point": (RFG(directions), fixed),
            "SPSA, amplitude 2": (SPSA(directions, 2), train),
            "SPSA, amplitude 8": (SPSA(directions, 8), train),
        }
        for method, (rule, evaluator) in methods.items():
            steps = passes // rule.passes(tensors)
            optimizer = IntegerOptimizer(0.1, schedule=Cosine(), rounding=Stochastic(seed))
            learner = Learner(rule, optimizer, steps, batch, seed)
            progress = learner.start(weights(program, tensors), evaluator)
            learner.run(progress, evaluator, train.task)
            rows.append(
                {"method": method, "seed": seed, "steps": steps, "error": float(error_of(test)(progress.weights))}
            )
    return rows


if __name__ == "__main__":
    spent = int(sys.argv[1]) if len(sys.argv) > 1 else 1600
    for row in [*compare((0, 1, 2)), *compare((0, 1, 2), 600), *learn((0, 1, 2), spent)]:
        print({key: round(x, 4) if isinstance(x, float) else x for key, x in row.items()}, flush=True)
