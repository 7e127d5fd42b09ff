"""Learning on the chip's terms: the integers of a Program move, by rules that need no backward pass and no copy in
floating point. NumPy only; numba makes the evaluation of many copies fast.

Experiments, those that ship and one's own, are in `neurokit.experiments.learning`.
"""

from neurokit.learning.copies import Copies
from neurokit.learning.counters import Counters
from neurokit.learning.descent import Constant, Cosine, Halving, IntegerDescent, Residue, SharedDither, Stochastic
from neurokit.learning.directions import Bernoulli, Directions, Hadamard, LowRank
from neurokit.learning.learner import Learner, Progress
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
from neurokit.learning.rules import RFG, SPSA, Apart, NodePerturbation, NodeRFG, Rule, Together
from neurokit.learning.tangent_bounds import TangentWidths
from neurokit.learning.tangent_copies import TangentCopies
from neurokit.learning.tangent_program import TangentProgram, tangents
from neurokit.learning.tangent_twin import TangentTwin
from neurokit.learning.task import MeanSquare, RelativeSquare, Task
from neurokit.simulator.device_mismatch import Mismatch, Nominal
from neurokit.simulator.plastic_weights import Field, Plastic, plastic, weights, with_weights

__all__ = [
    "RFG",
    "SPSA",
    "Apart",
    "Bernoulli",
    "Constant",
    "Copies",
    "Cosine",
    "Counters",
    "CurrentLosses",
    "CurrentSlopes",
    "Directional",
    "Directions",
    "Estimate",
    "Evaluator",
    "Field",
    "Hadamard",
    "Halving",
    "IntegerDescent",
    "Learner",
    "Local",
    "Losses",
    "LowRank",
    "MeanSquare",
    "Mismatch",
    "NodePerturbation",
    "NodeRFG",
    "Nominal",
    "Plastic",
    "Progress",
    "Query",
    "RelativeSquare",
    "Residue",
    "Rule",
    "SharedDither",
    "Slopes",
    "Stochastic",
    "TangentCopies",
    "TangentProgram",
    "TangentTwin",
    "TangentWidths",
    "Task",
    "Together",
    "plastic",
    "tangents",
    "weights",
    "with_weights",
]
