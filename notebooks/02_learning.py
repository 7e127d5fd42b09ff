# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A rule and an experiment of one's own
#
# A deployed Program can learn in its own integers: 8-bit weights move by integer steps along directions that are
# generated from counters, never stored. What to perturb and what to conclude is a *rule*; a network, the samples and
# what happens to it are an *experiment*. Both are small classes, and neither needs PyTorch or Lava. See
# `docs/learning.md`.

# %%
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from neurokit.data.data import PointData
from neurokit.experiments.learning import Bar, LearningCurves, Phase, Setup, error_of, integer_mlp, mean_of, run
from neurokit.learning import (
    SPSA,
    Cosine,
    Directional,
    Directions,
    IntegerOptimizer,
    Layerwise,
    Learner,
    Losses,
    PerturbedBatchEvaluator,
    Task,
    plastic,
)

# %% [markdown]
# ## A rule
#
# It compares the loss on either side of the weights, as SPSA does, but sends no more than the *sign* of the difference:
# one bit for each direction and layer. `ask` says what to evaluate, `tell` what gradient that means.


# %%
@dataclass(frozen=True)
class OneBit:
    directions: Directions
    amplitude: int = 4

    def ask(self, tensors):
        layers = dict.fromkeys(tensor.layer for tensor in tensors)
        return tuple(Losses((layer,), c) for layer in layers for c in (self.amplitude, -self.amplitude))

    def tell(self, tensors, step, answers):
        signs = [np.sign(up - down) for up, down in zip(answers[::2], answers[1::2], strict=True)]
        of_layer = dict(zip(dict.fromkeys(tensor.layer for tensor in tensors), signs, strict=True))
        return Directional(step, self.directions, {tensor.name: of_layer[tensor.layer] for tensor in tensors})

    def passes(self, tensors):
        return 2 * self.directions.count * len({tensor.layer for tensor in tensors})


# %% [markdown]
# ## An experiment
#
# Numbers are fields, and become the config that is written beside the results. The setup is a network of integers that
# has learned nothing, and a function to learn; the learners are the rule above and SPSA.


# %%
@dataclass(frozen=True)
class Ripple(LearningCurves):
    steps: int = 150
    name = "ripple"
    title = "sin(3 x), learned with one bit a direction"

    def setup(self, seed: int) -> Setup:
        def samples(x: np.ndarray) -> Task:
            return Task.of(PointData(x, np.sin(3 * x), {"x": (-1.0, 1.0)}))

        program = integer_mlp(1, (16,), unit=2.0, seed=seed, steps=16)
        tensors = plastic(program)
        train = PerturbedBatchEvaluator(program, tensors, samples(np.random.default_rng(seed).uniform(-1, 1, (500, 1))))
        test = PerturbedBatchEvaluator(program, tensors, samples(np.linspace(-1, 1, 101)[:, None]))
        return Setup(program, tensors, (Phase(1.0, train, error_of(test)),), {})

    def learners(self, seed: int) -> Mapping[str, Learner]:
        directions, optimizer = Directions(8, seed), IntegerOptimizer(1.0, schedule=Cosine(), momentum=2)
        rules = {"one bit": OneBit(directions), "SPSA": SPSA(directions, 4, scope=Layerwise())}
        return {name: Learner(rule, optimizer, self.steps, 50, seed) for name, rule in rules.items()}

    def shortened(self, budget: float):
        return replace(self, steps=max(1, round(budget * self.steps)))

    def bars(self, rows: Sequence[dict]) -> dict[str, Bar]:
        return {"one bit: error": Bar.at_most(mean_of(rows, "one bit", lambda row: row["after"]), 0.4)}


# %% [markdown]
# ## Run it
#
# `run` does what `neurokit learn` does: every method and seed in a folder of its own, resumable, with a record and a
# picture.

# %%
folder = Path(tempfile.mkdtemp())
record = run(Ripple(), seeds=2, folder=folder)
for row in record["rows"]:
    print(f"{row['method']:8} seed {row['seed']}: {row['before']:.3f} -> {row['after']:.3f} in {row['passes']} passes")
print(record["bars"])

# %%
from IPython.display import Image  # noqa: E402

Image(filename=str(folder / "curve.png"), width=560)

# %%
assert all(row["after"] < 0.5 * row["before"] for row in record["rows"]), "both rules learn"
