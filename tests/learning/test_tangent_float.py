"""The fixed-point tangent pass against the training's own, in floating point, on a network of the same numbers."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from neurokit.gradients.scopes import Global  # noqa: E402
from neurokit.gradients.tangent import JVPConfig, tangent  # noqa: E402
from neurokit.ir.fixed_point import Widths  # noqa: E402
from neurokit.ir.program import Dense, Input, Output, Program, ProgramNode, Readout, Spiking  # noqa: E402
from neurokit.learning.tangent_program import tangents  # noqa: E402
from neurokit.learning.tangent_reference import Moves  # noqa: E402
from neurokit.learning.tangent_twin import TangentTwin  # noqa: E402
from neurokit.networks.mlp import MLP  # noqa: E402
from neurokit.neurons.models import IF  # noqa: E402
from neurokit.neurons.readouts import MemMean  # noqa: E402
from neurokit.neurons.surrogates import Gaussian  # noqa: E402
from neurokit.simulator.plastic_weights import plastic  # noqa: E402

STEPS = 32


def pair(hidden: tuple[int, ...], seed: int) -> tuple[Program, MLP]:
    """A Program without floors, and the same network in torch with thresholds of 1."""
    rng = np.random.default_rng(seed)
    nodes: list[ProgramNode] = [Input("x", np.full(2, -40), np.full(2, 40), 1 / 40)]
    model = MLP(
        inputs=2, hidden=hidden, outputs=1, steps=STEPS, surrogate=Gaussian(0.3), readout=MemMean(), dtype=torch.float64
    )
    size, source = 2, "x"
    with torch.no_grad():
        for i, width in enumerate(hidden):
            spread, threshold = (60, 2**11) if i == 0 else (90, 2**7)
            weight = rng.integers(-spread, spread + 1, (width, size))
            bias = rng.integers(0, 16 * spread if i == 0 else 30, width)
            nodes += [Dense(f"d{i}", source, weight, bias), Spiking(f"s{i}", f"d{i}", IF(threshold))]
            model.hidden[i].weight.copy_(torch.tensor(weight / threshold))
            model.hidden[i].bias.copy_(torch.tensor(bias / threshold))
            size, source = width, f"s{i}"
        weight = rng.integers(-90, 91, (1, size))
        nodes += [Dense("out", source, weight, np.zeros(1)), Readout("r", "out", MemMean()), Output("y", "r")]
        model.readout.weight.copy_(torch.tensor(weight * float(MemMean().normaliser(STEPS))))
        model.readout.bias.zero_()
    return Program(tuple(nodes), STEPS, Widths(membrane=22)), model


def in_torch(program: Program, moves: Moves) -> dict[str, torch.Tensor]:
    found = {}
    layers = len(program.spiking)
    for i in range(layers):
        threshold = program.spiking[i].threshold
        found[f"hidden.{i}.weight"] = torch.tensor(moves[f"d{i}.weight"] / threshold)
        found[f"hidden.{i}.bias"] = torch.tensor(moves[f"d{i}.bias"] / threshold)
    found["readout.weight"] = torch.tensor(moves["out.weight"] * float(MemMean().normaliser(STEPS)))
    found["readout.bias"] = torch.tensor(moves["r.offset"] * 1.0)
    return found


@pytest.mark.parametrize(("hidden", "tolerance"), [((12,), 0.01), ((12, 12), 0.03), ((8, 8, 8), 0.12)])
def test_derivatives_are_those_of_the_training(hidden: tuple[int, ...], tolerance: float) -> None:
    """Root mean square over 8 directions and 16 samples. What is left is the table (8 bits, 128 bins) and the rounding
    of tangent spikes, which grows with depth, since every layer's proof takes bits."""
    program, model = pair(hidden, seed=len(hidden))
    made = tangents(program, plastic(program), surrogate=Gaussian(0.3), anywhere=False)
    rng = np.random.default_rng(0)
    encoded = {"x": rng.integers(-40, 41, (16, 2))}
    moves = {t.name: t.unit * rng.choice([-1, 1], (8, *t.shape)) for t in made.tensors}
    pushed = TangentTwin().jvp(made, encoded, moves)
    value, wanted = tangent(
        model, (torch.tensor(encoded["x"] * 1.0),), in_torch(program, moves), JVPConfig(Global(), compiled=False)
    )
    assert wanted is not None
    # The same spikes first: thresholds are powers of two, so nothing rounds in torch.
    np.testing.assert_allclose(pushed.values["y"], value.numpy(), rtol=1e-12, atol=1e-9)
    found, wanted = pushed.derivatives["y"], wanted.numpy()
    assert np.sqrt((wanted**2).mean()) > 100  # there is a slope to be found
    assert np.sqrt(((found - wanted) ** 2).mean()) <= tolerance * np.sqrt((wanted**2).mean())
