"""Rules against functions whose gradients are known, and integer optimizer against sums that are known."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from neurokit.errors import OutOfRange
from neurokit.learning.directions import Directions, Hadamard
from neurokit.learning.integer_optimizer import (
    Cosine,
    Halving,
    IntegerOptimizer,
    Residue,
    SharedDither,
    Stochastic,
    saturated,
)
from neurokit.learning.learner import Learner, Progress
from neurokit.learning.queries import Answer, Directional, Local, Losses, Query, Slopes
from neurokit.learning.rules import RFG, SPSA, Global, Layerwise, NodePerturbation, NodeRFG, Rule
from neurokit.simulator.plastic_weights import Field, Plastic, Weights

W = Plastic(0, "a", "a", Field.WEIGHT, (2, 3), 1, -128, 127)
B = Plastic(1, "a", "a", Field.BIAS, (2,), 4, -1000, 1000)
V = Plastic(2, "b", "b", Field.WEIGHT, (1, 2), 1, -128, 127)
TENSORS = (W, B, V)


@dataclass(frozen=True)
class Bowl:
    """The loss `sum of curvature (x / unit - aim)**2 / 2`: an Evaluator without a network."""

    aim: float = 10.0
    tensors: tuple[Plastic, ...] = TENSORS

    def loss(self, weights: Weights) -> float:
        return float(sum(0.5 * ((weights[t.name] / t.unit - self.aim) ** 2).sum() for t in self.tensors))

    def gradient(self, weights: Weights, tensor: Plastic) -> np.ndarray:
        return np.asarray(weights[tensor.name] / tensor.unit - self.aim)

    def answer(
        self, weights: Weights, queries: Sequence[Query], directions: Directions, step: int, rows: np.ndarray
    ) -> list[Answer]:
        found: list[Answer] = []
        drawn = {t.name: directions.of(step, t.channel, t.shape).astype(int) for t in self.tensors}
        for query in queries:
            if isinstance(query, Losses):
                copies = range(directions.count if query.amplitude else 1)
                found.append(
                    np.array(
                        [
                            self.loss(
                                {
                                    t.name: weights[t.name]
                                    + (query.amplitude * t.unit * drawn[t.name][k] if t.layer in query.layers else 0)
                                    for t in self.tensors
                                }
                            )
                            for k in copies
                        ]
                    )
                )
            elif isinstance(query, Slopes):
                found.append(
                    np.array(
                        [
                            sum(
                                float((self.gradient(weights, t) * drawn[t.name][k]).sum())
                                for t in self.tensors
                                if t.layer in query.layers
                            )
                            for k in range(directions.count)
                        ]
                    )
                )
            else:
                found.append({t.name: self.gradient(weights, t) for t in self.tensors})
        return found


def start() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {t.name: t.unit * rng.integers(-20, 20, t.shape).astype(np.int32) for t in TENSORS}


def estimate(rule: Rule, bowl: Bowl, weights: Weights, step: int) -> dict[str, np.ndarray]:
    answers = bowl.answer(weights, rule.ask(TENSORS), rule.directions, step, np.arange(1))
    made = rule.tell(TENSORS, step, answers)
    return {t.name: made.gradient_of(t) for t in TENSORS}


BASIS = Directions(8, 0, Hadamard())


@pytest.mark.parametrize(
    "rule",
    [SPSA(BASIS, 3, scope=Layerwise()), RFG(BASIS, Layerwise()), NodePerturbation(BASIS), NodeRFG(BASIS)],
    ids=["SPSA", "RFG", "node", "node RFG"],
)
def test_along_a_whole_basis_layer_by_layer_tensors_get_their_gradient(rule: Rule) -> None:
    # Two tensors of one layer share scalars, so only a layer with one tensor sees a basis; two-sided differences of a
    # parabola are exact.
    bowl, weights = Bowl(), start()
    assert np.allclose(estimate(rule, bowl, weights, 0)["b.weight"], bowl.gradient(weights, V), atol=1e-9)


@pytest.mark.parametrize(
    "rule",
    [
        SPSA(Directions(2, 5), 2),
        SPSA(Directions(2, 5), 2, two_sided=False, scope=Layerwise()),
        RFG(Directions(2, 5)),
        RFG(Directions(2, 5), Layerwise()),
    ],
    ids=repr,
)
def test_estimates_are_unbiased_on_a_parabola(rule: Rule) -> None:
    bowl, weights = Bowl(), start()
    draws = [estimate(rule, bowl, weights, step)["a.weight"] for step in range(400)]
    g = bowl.gradient(weights, W)
    spread = np.std(draws, axis=0).max()
    # One-sided differences err by half the curvature of the direction, a constant c n / 2 whose product with a random
    # sign has the mean zero too. Five standard errors of the mean.
    assert np.abs(np.mean(draws, axis=0) - g).max() < 5 * spread / np.sqrt(400)


def test_passes_are_counted_as_documented() -> None:
    d = Directions(4)
    counted = [
        SPSA(d).passes(TENSORS),
        SPSA(d, scope=Layerwise()).passes(TENSORS),
        SPSA(d, two_sided=False).passes(TENSORS),
        RFG(d, Global()).passes(TENSORS),
        RFG(d, Layerwise()).passes(TENSORS),
        NodePerturbation(d).passes(TENSORS),
        NodeRFG(d).passes(TENSORS),
        NodeRFG(d, Layerwise()).passes(TENSORS),
    ]
    assert counted == [8, 16, 5, 5, 9, 8, 5, 9]


def test_stochastic_rounding_is_right_on_average_and_shared_dither_too() -> None:
    v = np.arange(-700, 700, 7)
    for rounding in (Stochastic(3), SharedDither(3)):
        mean = np.mean([rounding.round(v, 8, None, step, 0).steps for step in range(600)], axis=0)
        assert np.abs(mean - v / 256).max() < 5 * 0.5 / np.sqrt(600)  # a coin's deviation is at most 1/2
    once = SharedDither(3).round(np.full(50, 77), 8, None, 0, 0).steps
    assert len(set(once.tolist())) == 1, "one number for the whole tensor"


def test_a_residue_loses_nothing() -> None:
    rng, residue, total = np.random.default_rng(0), None, np.zeros(20, int)
    sent = rng.integers(-300, 300, (100, 20))
    for step, v in enumerate(sent):
        moved = Residue().round(v, 8, residue, step, 0)
        residue, total = moved.residue, total + moved.steps
    assert residue is not None
    assert (256 * total + residue == sent.sum(axis=0)).all()


def test_what_is_sent_is_k_integers_within_the_limit_and_the_host_knows_their_power() -> None:
    made = Directional(0, Directions(3, 1), {W.name: np.array([0.5, -4.0, 0.01])})
    assert made.sent(W, 100.0, 127).tolist() == [50, -127, 1]
    d = Directions(3, 1).of(0, 0, W.shape).astype(int)
    assert (made.integers(W, 100.0, 127) == 50 * d[0] - 127 * d[1] + d[2]).all()
    assert np.isclose(made.power(W), 0.25 + 16 + 1e-4)


def test_rate_is_how_far_weights_move() -> None:
    optimizer, rng = IntegerOptimizer(0.25, rounding=Residue()), np.random.default_rng(0)
    state, squares = optimizer.start((W,)), []
    for step in range(200):
        gradient = Local(step, {W.name: rng.normal(size=W.shape)})
        scale = optimizer.scale((W,), gradient, state, 1.0)[W.name]
        squares.append((gradient.integers(W, scale, optimizer.limit) / 2**optimizer.fraction) ** 2)
    assert abs(np.sqrt(np.mean(squares)) - 0.25) < 0.02  # 1,200 normal numbers: two percent a standard deviation


def test_momentum_decays_by_its_shift_in_integers() -> None:
    optimizer = IntegerOptimizer(1.0, momentum=2, rounding=Residue())
    values, kept = np.zeros(W.shape, np.int32), {}
    for _ in range(60):
        values, _ = optimizer.apply(W, values, np.full(W.shape, 64), kept, 0)
    assert (np.abs(kept["velocity"] - 256) <= 4).all(), "64 / (1 - 3/4), to the floor of the shift"


def test_saturation_is_counted_not_hidden() -> None:
    values, beyond = saturated(W, np.array([[130, 0, -200], [127, -128, 1]]))
    assert beyond == 2
    assert values.tolist() == [[127, 0, -128], [127, -128, 1]]
    optimizer = IntegerOptimizer(rounding=Residue())
    moved, bound = optimizer.apply(
        W, np.full(W.shape, -127, np.int32), np.full(W.shape, 10 * 2**optimizer.fraction), {}, 0
    )
    assert bound == 6
    assert (moved == -128).all()


@pytest.mark.parametrize("rounding", [Stochastic(1), Residue(), SharedDither(1)], ids=repr)
def test_a_learner_gets_to_the_bottom_in_integers(rounding: object) -> None:
    optimizer = IntegerOptimizer(0.5, schedule=Cosine(), momentum=1, rounding=rounding)  # type: ignore[arg-type]
    learner = Learner(SPSA(Directions(4, 2), 1, scope=Layerwise()), optimizer, 200, 1)
    bowl, task = Bowl(), _Rows()
    progress = learner.run(learner.start(start(), bowl), bowl, task)  # type: ignore[arg-type]
    assert bowl.loss(progress.weights) < 0.05 * bowl.loss(start())
    assert progress.passes == 200 * 16


def test_a_run_that_was_cut_ends_in_the_same_integers() -> None:
    learner = Learner(RFG(Directions(2, 4)), IntegerOptimizer(0.5, schedule=Halving(3), momentum=2), 40, 1)
    bowl, task = Bowl(), _Rows()
    whole = learner.run(learner.start(start(), bowl), bowl, task)  # type: ignore[arg-type]
    half = learner.run(learner.start(start(), bowl), bowl, task, until=17)  # type: ignore[arg-type]
    again = learner.run(Progress.of_arrays(half.arrays()), bowl, task)  # type: ignore[arg-type]
    assert all((again.weights[t.name] == whole.weights[t.name]).all() for t in TENSORS)
    assert (again.step, again.passes) == (whole.step, whole.passes)


class _Rows:
    """A task of which a bowl needs nothing."""

    def batch(self, size: int, seed: int, step: int) -> np.ndarray:
        return np.zeros(size, int)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: SPSA(amplitude=0), "SPSA.amplitude"),
        (lambda: NodePerturbation(amplitude=2.0), "NodePerturbation.amplitude"),
        (lambda: IntegerOptimizer(0.0), "IntegerOptimizer.rate"),
        (lambda: IntegerOptimizer(limit=40_000), "IntegerOptimizer.limit"),
        (lambda: Learner(RFG(), steps=0), "Learner.steps"),
    ],
)
def test_numbers_that_make_no_rule_are_refused(make: object, said: str) -> None:
    assert callable(make)
    with pytest.raises(OutOfRange, match=said):
        make()


def test_the_room_has_its_names_without_torch_lava_and_numba() -> None:
    code = (
        "import sys; sys.modules.update(torch=None, lava=None, numba=None)\n"
        "import neurokit.learning as room, neurokit.experiments.learning as experiments\n"
        "print(all(hasattr(m, name) for m in (room, experiments) for name in m.__all__))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"
