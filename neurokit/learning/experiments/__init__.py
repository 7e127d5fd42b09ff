"""Experiments of `neurokit learn`, what they are made of, and what one's own is made of."""

from neurokit.learning.experiments.curves import LearningCurves
from neurokit.learning.experiments.networks import deployed, error_of, integer_mlp, trained
from neurokit.learning.experiments.records import run
from neurokit.learning.experiments.scene import Bar, Experiment, Phase, Row, Scene, mean_of

__all__ = [
    "Bar",
    "Experiment",
    "LearningCurves",
    "Phase",
    "Row",
    "Scene",
    "deployed",
    "error_of",
    "integer_mlp",
    "mean_of",
    "run",
    "trained",
]
