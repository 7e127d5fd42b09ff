"""Learning on the chip's terms: the integers of a Program move, by rules that need no backward pass and no copy in
floating point. NumPy only; numba makes the evaluation of many copies fast.

Experiments, those that ship and one's own, are in `neurokit.experiments.learning`.
"""

from neurokit.learning.counter_rng import CounterRNG
from neurokit.learning.directions import Bernoulli, Directions, Hadamard, LowRank
from neurokit.learning.integer_optimizer import (
    Constant,
    Cosine,
    Halving,
    IntegerOptimizer,
    Residue,
    SharedDither,
    Stochastic,
)
from neurokit.learning.learner import Learner, Progress
from neurokit.learning.perturbed_batch import PerturbedBatchEvaluator
from neurokit.learning.queries import (
    CurrentLosses,
    CurrentSlopes,
    Directional,
    Estimate,
    Evaluator,
    Local,
    Losses,
    Query,
    Slopes,
)
from neurokit.learning.rules import RFG, SPSA, Global, Layerwise, NodePerturbation, NodeRFG, Rule
from neurokit.learning.tangent_bounds import TangentWidths
from neurokit.learning.tangent_evaluator import TangentEvaluator
from neurokit.learning.tangent_program import TangentProgram, tangents
from neurokit.learning.tangent_twin import TangentTwin
from neurokit.learning.task import MeanSquare, RelativeSquare, Task
from neurokit.simulator.device_mismatch import Mismatch, Nominal
from neurokit.simulator.plastic_weights import Field, Plastic, plastic, weights, with_weights

__all__ = [
    "RFG",
    "SPSA",
    "Bernoulli",
    "Constant",
    "Cosine",
    "CounterRNG",
    "CurrentLosses",
    "CurrentSlopes",
    "Directional",
    "Directions",
    "Estimate",
    "Evaluator",
    "Field",
    "Global",
    "Hadamard",
    "Halving",
    "IntegerOptimizer",
    "Layerwise",
    "Learner",
    "Local",
    "Losses",
    "LowRank",
    "MeanSquare",
    "Mismatch",
    "NodePerturbation",
    "NodeRFG",
    "Nominal",
    "PerturbedBatchEvaluator",
    "Plastic",
    "Progress",
    "Query",
    "RelativeSquare",
    "Residue",
    "Rule",
    "SharedDither",
    "Slopes",
    "Stochastic",
    "TangentEvaluator",
    "TangentProgram",
    "TangentTwin",
    "TangentWidths",
    "Task",
    "plastic",
    "tangents",
    "weights",
    "with_weights",
]
