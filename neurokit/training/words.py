"""The words of a training run's configuration, for `neurokit train`, its TOML file and their help.

A problem, network, method, readout rule, distribution or surrogate of another package stands beside these when it is
installed; see `neurokit.system.registry`. Nothing is imported before its word is said.
"""

from __future__ import annotations

from neurokit.system.registry import Registry

#: A frozen dataclass with `generate(seed) -> Split`.
PROBLEMS = Registry(
    "neurokit.problems",
    {
        "poisson": "neurokit.data.poisson:Poisson",
        "antiderivative": "neurokit.data.antiderivative:Antiderivative",
        "reaction-diffusion": "neurokit.data.reaction_diffusion:ReactionDiffusion",
        "heat": "neurokit.data.heat:Heat",
        "burgers": "neurokit.data.burgers:Burgers",
        "mexican-hat": "neurokit.data.mexican_hat:MexicanHat",
        "npz": "neurokit.data.data_files:DataFiles",
    },
)
#: A frozen dataclass whose `build` gives the untrained network; see `neurokit.training.runs.networks`.
NETWORKS = Registry(
    "neurokit.networks",
    {
        "deeponet": "neurokit.training.runs.networks:DeepONetLayers",
        "seponet": "neurokit.training.runs.networks:SepONetLayers",
        "mlp": "neurokit.training.runs.networks:MLPLayers",
    },
)
#: A frozen dataclass whose `build` gives the gradient estimator, with the fields `local` and `compiled`.
METHODS = Registry(
    "neurokit.estimators",
    {
        "rfg-layerwise": "neurokit.training.runs.estimators:LayerwiseForward",
        "rfg-global": "neurokit.training.runs.estimators:GlobalForward",
        "node-perturbation": "neurokit.training.runs.estimators:Nodes",
        "backprop": "neurokit.training.runs.estimators:ThroughTime",
    },
)
#: A frozen readout rule; see `neurokit.neurons.readouts`.
READOUT_RULES = Registry(
    "neurokit.readouts",
    {"memmean": "neurokit.neurons.readouts:MemMean", "rate": "neurokit.neurons.readouts:Rate"},
)
#: A frozen distribution of directions; see `neurokit.gradients.directions`.
DISTRIBUTIONS = Registry(
    "neurokit.distributions",
    {
        "bernoulli": "neurokit.gradients.directions:Bernoulli",
        "normal": "neurokit.gradients.directions:Normal",
        "hadamard": "neurokit.gradients.directions:Hadamard",
        "orthonormal": "neurokit.gradients.directions:Orthonormal",
    },
)
#: A frozen surrogate derivative; see `neurokit.neurons.surrogates`.
SURROGATES = Registry(
    "neurokit.surrogates",
    {
        "gaussian": "neurokit.neurons.surrogates:Gaussian",
        "weak-gaussian": "neurokit.neurons.surrogates:WeakGaussian",
        "fast-sigmoid": "neurokit.neurons.surrogates:FastSigmoid",
        "arctan": "neurokit.neurons.surrogates:ArcTan",
        "straight-through": "neurokit.neurons.surrogates:StraightThrough",
        "triangle": "neurokit.neurons.surrogates:Triangle",
    },
)
