"""What `[problem]` can name: every problem that ships, files of one's own, and the choices inside them."""

from __future__ import annotations

from neurokit.problems.antiderivative import Antiderivative
from neurokit.problems.burgers import Burgers, FinalTime, SpaceTime
from neurokit.problems.burgers import Output as BurgersOutput
from neurokit.problems.data_files import DataFiles
from neurokit.problems.heat import Heat
from neurokit.problems.kernels import RBF, Kernel, Matern32, Matern52, PeriodicRBF
from neurokit.problems.mexican_hat import MexicanHat, OnGrid, Sampling, Uniform
from neurokit.problems.poisson import Poisson
from neurokit.problems.reaction_diffusion import ReactionDiffusion
from neurokit.runs.tables import Vocabulary

Problem = Poisson | Antiderivative | ReactionDiffusion | Heat | Burgers | MexicanHat | DataFiles

PROBLEMS = Vocabulary(
    "name",
    {
        "poisson": Poisson,
        "antiderivative": Antiderivative,
        "reaction-diffusion": ReactionDiffusion,
        "heat": Heat,
        "burgers": Burgers,
        "mexican-hat": MexicanHat,
        "npz": DataFiles,
    },
)

VOCABULARIES = {
    Problem: PROBLEMS,
    Kernel: Vocabulary("name", {"rbf": RBF, "matern32": Matern32, "matern52": Matern52, "periodic-rbf": PeriodicRBF}),
    Sampling: Vocabulary("name", {"uniform": Uniform, "on-grid": OnGrid}),
    BurgersOutput: Vocabulary("name", {"final-time": FinalTime, "space-time": SpaceTime}),
}
