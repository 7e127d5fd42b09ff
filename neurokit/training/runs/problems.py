"""What `[problem]` can name: every problem that ships, files of one's own, and the choices inside them."""

from __future__ import annotations

from neurokit.data.antiderivative import Antiderivative
from neurokit.data.burgers import Burgers, FinalTime, SpaceTime
from neurokit.data.burgers import Output as BurgersOutput
from neurokit.data.data_files import DataFiles
from neurokit.data.heat import Heat
from neurokit.data.kernels import RBF, Kernel, Matern32, Matern52, PeriodicRBF
from neurokit.data.mexican_hat import MexicanHat, OnGrid, Sampling, Uniform
from neurokit.data.poisson import Poisson
from neurokit.data.reaction_diffusion import ReactionDiffusion
from neurokit.training import words
from neurokit.training.runs.tables import Vocabulary

Problem = Poisson | Antiderivative | ReactionDiffusion | Heat | Burgers | MexicanHat | DataFiles

PROBLEMS = Vocabulary("name", words.PROBLEMS)

VOCABULARIES = {
    Problem: PROBLEMS,
    Kernel: Vocabulary("name", {"rbf": RBF, "matern32": Matern32, "matern52": Matern52, "periodic-rbf": PeriodicRBF}),
    Sampling: Vocabulary("name", {"uniform": Uniform, "on-grid": OnGrid}),
    BurgersOutput: Vocabulary("name", {"final-time": FinalTime, "space-time": SpaceTime}),
}
