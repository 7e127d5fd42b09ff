"""What two processes are held against: the same training in one and in several, in float64. Run by torchrun."""

from __future__ import annotations

import sys

import numpy as np
import torch

from neurokit.data.data import OperatorData
from neurokit.errors import RunError
from neurokit.gradients.alternating import AlternatingReadout
from neurokit.gradients.closed_form import ClosedFormReadout
from neurokit.gradients.directions import Hadamard
from neurokit.gradients.estimator import Estimator
from neurokit.gradients.forward import ForwardGradient
from neurokit.gradients.scopes import Global, Layerwise
from neurokit.networks import DeepONet
from neurokit.neurons.surrogates import Gaussian, Surrogate, WeakGaussian
from neurokit.training.loop import fit
from neurokit.training.runs.process_group import ProcessGroup, join_group
from neurokit.training.runs.spread import SpreadData, SpreadDirections, spread

ITERATIONS = 15
#: Five directions do not divide by two; neither do the 17 samples of a batch.
ESTIMATORS: dict[str, Estimator] = {
    "layerwise": ForwardGradient(Layerwise(), directions=5),
    "global": ForwardGradient(Global(), directions=5),
    "hadamard": ForwardGradient(Layerwise(), directions=4, distribution=Hadamard()),
    "closed form": ClosedFormReadout(ForwardGradient(Layerwise(), directions=5)),
}
KINDS: dict[str, type[SpreadDirections] | type[SpreadData]] = {"directions": SpreadDirections, "data": SpreadData}


#: Noise of a random surrogate comes from the same generator as directions and batches.
RANDOM = AlternatingReadout(ForwardGradient(Layerwise(), directions=5))


def network(surrogate: Surrogate | WeakGaussian = Gaussian()) -> DeepONet:  # noqa: B008 (frozen)
    return DeepONet(
        sensors=7, coordinates=1, hidden=(6,), features=5, steps=8, surrogate=surrogate, dtype=torch.float64
    )


def samples() -> OperatorData:
    """Data of the same bits in every process: those of a problem depend on the threads of linear algebra."""
    branch, x = np.random.default_rng(0).uniform(-1, 1, (40, 7)), np.linspace(-1, 1, 9)
    answers = branch[:, :1] * np.sin(2 * x + branch[:, 1:2])
    return OperatorData(branch, x[:, None], answers, {"branch": (-1, 1), "trunk": (-1, 1)})


def train(estimator: Estimator, model: DeepONet | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """All weights and all losses of a short training run."""
    model = model or network()
    history = fit(model, samples(), estimator, iterations=ITERATIONS, batch_size=17, learning_rate=1e-3)
    return torch.cat([p.detach().flatten() for p in model.parameters()]), torch.from_numpy(history.loss)


def outcomes(group: ProcessGroup) -> dict[str, object]:
    """For every case what training gave and how many bytes an iteration sent."""
    results: dict[str, object] = {}
    for name, estimator in ESTIMATORS.items():
        for kind_name, kind in KINDS.items():
            before = group.sent
            weights, losses = train(spread(estimator, kind, group))
            results[f"{name}, {kind_name}"] = (weights, losses, (group.sent - before) // ITERATIONS)
    for kind_name, kind in KINDS.items():
        results[f"random, {kind_name}"] = train(spread(RANDOM, kind, group), network(WeakGaussian()))[0]
    model = network()
    group.require_agreement(model)
    with torch.no_grad():
        model.bias += group.rank * 1e-300  # the smallest difference is one too
    try:
        group.require_agreement(model)
    except RunError as error:
        results["disagreement"] = str(error)
    return results


if __name__ == "__main__":
    with join_group() as group:
        torch.save(outcomes(group), f"{sys.argv[1]}/{group.rank}.pt")
