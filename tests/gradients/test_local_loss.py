"""Local losses: no error crosses a layer, and every layer's gradient is that of its own loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor  # noqa: E402

from neurokit.errors import UnsupportedNode  # noqa: E402
from neurokit.gradients.backprop import Backprop  # noqa: E402
from neurokit.gradients.closed_form import ClosedFormReadout  # noqa: E402
from neurokit.gradients.directions import Hadamard  # noqa: E402
from neurokit.gradients.estimator import Batch, Estimator  # noqa: E402
from neurokit.gradients.forward import ForwardGradient  # noqa: E402
from neurokit.gradients.local_loss import LocalLoss, LocalReadouts  # noqa: E402
from neurokit.gradients.node_perturbation import NodePerturbation  # noqa: E402
from neurokit.gradients.scopes import Global, Layerwise  # noqa: E402
from neurokit.networks.deeponet import DeepONet  # noqa: E402
from neurokit.networks.mlp import MLP  # noqa: E402
from neurokit.networks.seponet import SepONet  # noqa: E402
from neurokit.networks.spike import firing  # noqa: E402
from neurokit.neurons.models import LIF  # noqa: E402
from neurokit.neurons.parameters import Trainable  # noqa: E402

pytestmark = pytest.mark.torch
Made = tuple[LocalReadouts, Batch]


def _mlp() -> Made:
    # Depth three has a layer in the middle, which has both a layer below and one above.
    network = MLP(inputs=2, hidden=(5, 4, 3), outputs=2, steps=9, dtype=torch.float64, seed=1)
    drawn = torch.Generator().manual_seed(0)
    x = torch.rand(11, 2, generator=drawn, dtype=torch.float64) * 3
    return LocalReadouts(network, seed=2), Batch((x,), torch.randn(11, 2, generator=drawn, dtype=torch.float64))


def _deeponet() -> Made:
    network = DeepONet(sensors=4, coordinates=1, hidden=(6, 5), features=3, steps=9, dtype=torch.float64, seed=1)
    drawn = torch.Generator().manual_seed(0)
    branch = torch.rand(7, 1, 4, generator=drawn, dtype=torch.float64) * 3
    trunk = torch.linspace(0, 3, 5, dtype=torch.float64)[None, :, None]
    return LocalReadouts(network, seed=2), Batch(
        (branch, trunk), torch.randn(7, 5, 1, generator=drawn, dtype=torch.float64)
    )


def _answers(model: LocalReadouts, inputs: tuple[Tensor, ...]) -> list[Tensor]:
    """The answers of every stage with errors cut between layers, written as the definition says: one pass, detached."""
    network = model.network
    stages = [*model.stages, network]
    if isinstance(network, MLP):
        return [stage.readout(phi) for stage, phi in zip(stages, _features(network, inputs[0]), strict=True)]
    branch, trunk = (
        [getattr(stage, name).readout(phi) for stage, phi in zip(stages, _features(part, x), strict=True)]
        for (name, part), x in zip(network.parts.items(), inputs, strict=True)
    )
    return [(b * t).sum(-1, keepdim=True) + stage.bias for b, t, stage in zip(branch, trunk, stages, strict=True)]


def _features(mlp: MLP, x: Tensor) -> list[Tensor]:
    """Time-weighted mean spikes of every layer; a layer's input is a constant to it."""
    fire = firing(mlp.drawn_surrogate)
    states = [mlp.neuron_at(i).start(0.0) for i in range(len(mlp.hidden))]
    sums: list[Tensor] = [torch.zeros((), dtype=x.dtype)] * len(states)
    for weight in mlp.rule.weights(mlp.steps).tolist():
        s = x
        for i, layer in enumerate(mlp.hidden):
            _, s, states[i] = mlp.neuron_at(i).step(states[i], layer(s.detach()), fire)
            sums[i] = sums[i] + weight * s
    return [total / mlp.rule.normaliser(mlp.steps) for total in sums]


@pytest.mark.parametrize("made", [_mlp, _deeponet])
@pytest.mark.parametrize("inner", [Backprop(), Backprop(compiled=False)])
def test_it_is_the_gradient_of_the_sum_of_detached_local_losses(made: Callable[[], Made], inner: Estimator) -> None:
    model, batch = made()
    estimator = LocalLoss(inner)
    losses = [(y - batch.target).square().mean() for y in _answers(model, batch.inputs)]
    names = [name for name, _ in model.named_parameters()]
    # What crosses no layer can be summed: the gradient of the sum is each layer's own.
    expected = dict(zip(names, torch.autograd.grad(sum(losses), list(model.parameters())), strict=True))
    loss, gradient = estimator.estimate(model, batch, torch.Generator(), estimator.trained(model))
    assert sorted(gradient) == sorted(names)
    assert loss == pytest.approx(float(losses[-1]), rel=1e-12)
    for name in names:
        torch.testing.assert_close(gradient[name], expected[name], rtol=1e-9, atol=1e-12)  # float64, sums reordered
    assert all(float(expected[name].abs().max()) > 0 for name in names if "weight" in name), "a claim about something"


@pytest.mark.parametrize("scope", [Global(), Layerwise()])
@pytest.mark.parametrize("made", [_mlp, _deeponet])
def test_forward_gradients_with_every_hadamard_row_are_exact_in_each_local_loss(
    made: Callable[[], Made], scope: Global | Layerwise
) -> None:
    model, batch = made()
    exact, forward = (LocalLoss(inner) for inner in (Backprop(), ForwardGradient(scope, 128, Hadamard())))
    names = exact.trained(model)
    _, expected = exact.estimate(model, batch, torch.Generator(), names)
    _, found = forward.estimate(model, batch, torch.Generator().manual_seed(3), names)
    for name in names:
        torch.testing.assert_close(found[name], expected[name], rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("inner", [Backprop(), ForwardGradient(Layerwise(), 4), NodePerturbation(2)])
@pytest.mark.parametrize("made", [_mlp, _deeponet])
def test_nothing_above_a_layer_touches_its_gradient(made: Callable[[], Made], inner: Estimator) -> None:
    model, batch = made()
    estimator = LocalLoss(inner)
    names = estimator.trained(model)
    _, before = estimator.estimate(model, batch, torch.Generator().manual_seed(5), names)
    with torch.no_grad():
        for name, parameter in model.network.named_parameters():
            if "hidden.0" not in name:
                parameter.mul_(-1.7)
    _, after = estimator.estimate(model, batch, torch.Generator().manual_seed(5), names)
    for name in names:
        first = "hidden.0" in name or name.startswith("stages.0")
        assert torch.equal(before[name], after[name]) or not first, name
    last = [name for name in names if name.startswith("network.") and "hidden.0" not in name and "weight" in name]
    assert any(not torch.equal(before[name], after[name]) for name in last), "the change was felt where it may be"


def test_stages_share_hidden_layers_and_nothing_else() -> None:
    model, _ = _deeponet()
    (stage,) = model.stages
    assert isinstance(stage, DeepONet)
    assert isinstance(model.network, DeepONet)
    assert stage.branch.hidden[0].weight is model.network.branch.hidden[0].weight
    assert stage.branch.readout.weight is not model.network.branch.readout.weight
    assert stage.branch.widths == (6,)
    again = LocalReadouts(model.network, seed=2)
    assert torch.equal(stage.trunk.readout.weight, again.stages[0].trunk.readout.weight), "drawn from the seed"


def test_one_hidden_layer_has_no_loss_but_the_networks() -> None:
    network = MLP(inputs=2, hidden=(4,), outputs=1, steps=5)
    batch = Batch((torch.rand(6, 2),), torch.rand(6, 1))
    inner = ForwardGradient(Layerwise(), 3)
    plain = inner.estimate(network, batch, torch.Generator().manual_seed(0), inner.trained(network))
    model, local = LocalReadouts(network), LocalLoss(inner)
    found = local.estimate(model, batch, torch.Generator().manual_seed(0), local.trained(model))
    assert found.loss == plain.loss
    assert all(torch.equal(found.gradient[f"network.{name}"], g) for name, g in plain.gradient.items())


def test_values_of_neurons_belong_to_their_layer() -> None:
    neuron = replace(LIF(0.9), threshold=Trainable(1.0))
    model = LocalReadouts(MLP(inputs=2, hidden=(4, 3), outputs=1, steps=6, neuron=neuron, dtype=torch.float64))
    batch = Batch((torch.rand(6, 2, dtype=torch.float64) * 3,), torch.rand(6, 1, dtype=torch.float64))
    estimator = LocalLoss(Backprop())
    _, gradient = estimator.estimate(model, batch, torch.Generator(), estimator.trained(model))
    assert {"network.neurons.0.threshold", "network.neurons.1.threshold"} < set(gradient)


def test_closed_form_readouts_are_solved_for_in_every_stage() -> None:
    model, batch = _deeponet()
    estimator = LocalLoss(ClosedFormReadout(Backprop()))
    names = estimator.trained(model)
    assert all(".hidden." in name for name in names)
    before = model.stages[0].branch.readout.weight.clone()
    estimator.estimate(model, batch, torch.Generator(), names)
    assert not torch.equal(model.stages[0].branch.readout.weight, before)
    estimator.conclude(model, batch)


def test_what_has_no_local_readouts_is_refused() -> None:
    with pytest.raises(UnsupportedNode, match=r"LocalReadouts\(network\)"):
        LocalLoss(Backprop()).trained(MLP(inputs=1, hidden=(2,), outputs=1))
    with pytest.raises(UnsupportedNode):
        LocalReadouts(torch.nn.Linear(2, 2))


def test_separable_networks_have_stages_too() -> None:
    model = LocalReadouts(SepONet(sensors=3, coordinates=2, hidden=(4, 4), rank=2, steps=5))
    batch = Batch((torch.rand(5, 3), torch.rand(5, 2)), torch.rand(5, 1))
    estimator = LocalLoss(ForwardGradient(Layerwise(), 2))
    _, gradient = estimator.estimate(model, batch, torch.Generator().manual_seed(0), estimator.trained(model))
    assert set(gradient) == {name for name, _ in model.named_parameters()}
