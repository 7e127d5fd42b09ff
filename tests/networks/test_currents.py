"""spread_currents: currents of a first layer lie where they were said to; nonsense is refused."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from neurokit.errors import OutOfRange, UnsupportedNode  # noqa: E402
from neurokit.networks import MLP  # noqa: E402
from neurokit.networks.currents import CurrentSpread, spread_currents  # noqa: E402
from neurokit.neurons.models import IF, LIF  # noqa: E402

pytestmark = pytest.mark.torch


def network(neuron: IF | LIF = IF(threshold=0.8)) -> MLP:  # noqa: B008 (frozen)
    return MLP(inputs=3, hidden=(40, 5), outputs=1, steps=4, neuron=neuron, seed=1, dtype=torch.float64)


def inputs(*shape: int) -> torch.Tensor:
    return 5 + 3 * torch.randn(*shape, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_without_scatter_every_neuron_has_the_mean_and_deviation_named() -> None:
    part, x = network(), inputs(7, 1, 30)
    deeper = part.hidden[1].weight.clone()
    spread_currents(part, x, CurrentSpread(0.1, 0.2), seed=0)
    z = part.hidden[0](x.reshape(-1, 3)).detach()
    torch.testing.assert_close(z.mean(0), torch.full((40,), 0.4, dtype=torch.float64), rtol=0, atol=1e-12)
    deviation = z.std(0, correction=0) / 0.8
    assert 0.1 <= deviation.min() < deviation.max() <= 0.2
    assert deviation.max() - deviation.min() > 0.05  # 40 draws from U(0.1, 0.2) leave out half the interval never
    assert torch.equal(part.hidden[1].weight, deeper)


def test_with_scatter_every_neuron_is_centred_on_an_input() -> None:
    part, x = network(), inputs(30)
    before = part.hidden[0].weight.clone()
    spread_currents(part, x, CurrentSpread(0.5, 0.5, scatter=1), seed=0)
    z = part.hidden[0](x).detach()
    nearest = (z - 0.4).abs().min(0)
    assert nearest.values.max() < 1e-12
    assert len(set(nearest.indices.tolist())) > 10
    torch.testing.assert_close(
        torch.nn.functional.cosine_similarity(before, part.hidden[0].weight), torch.ones(40, dtype=torch.float64)
    )


def test_the_seed_decides() -> None:
    weights = []
    for seed in (0, 0, 1):
        part = network()
        spread_currents(part, inputs(30), CurrentSpread(0.1, 0.5, scatter=1), seed)
        weights.append(part.hidden[0].weight)
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_nonsense_is_refused() -> None:
    for low, high in ((0.0, 1.0), (0.2, 0.1), (0.1, float("inf")), (float("nan"), 1.0)):
        with pytest.raises(OutOfRange, match="low, high"):
            CurrentSpread(low, high)
    with pytest.raises(OutOfRange, match="scatter"):
        CurrentSpread(0.1, 0.1, scatter=2)
    with pytest.raises(OutOfRange, match="current of neuron"):
        spread_currents(network(), torch.zeros(4, 3, dtype=torch.float64), CurrentSpread(0.1, 0.1), seed=0)
    with pytest.raises(UnsupportedNode, match="LIF"):
        spread_currents(network(LIF(beta=0.9)), inputs(4), CurrentSpread(0.1, 0.1), seed=0)
