"""Experiments of `neurokit learn`, what they are made of, and what one's own is made of."""

from neurokit.experiments.learning.curves import LearningCurves
from neurokit.experiments.learning.networks import deployed, error_of, integer_mlp, trained
from neurokit.experiments.learning.records import run
from neurokit.experiments.learning.setup import Bar, Experiment, Phase, Row, Setup, mean_of

__all__ = [
    "Bar",
    "Experiment",
    "LearningCurves",
    "Phase",
    "Row",
    "Setup",
    "deployed",
    "error_of",
    "integer_mlp",
    "mean_of",
    "run",
    "trained",
]
