"""slopes: an operator network's short way gives the inner products of the residual with the rows of its tangent."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from neurokit.gradients.estimator import Batch  # noqa: E402
from neurokit.gradients.scopes import Global, Layerwise, Scope  # noqa: E402
from neurokit.gradients.slopes import slopes  # noqa: E402
from neurokit.gradients.tangent import JVPConfig, tangent  # noqa: E402
from neurokit.networks import SepONet  # noqa: E402

pytestmark = pytest.mark.torch


def randn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("scope", [Global(), Layerwise()])
@pytest.mark.parametrize("held", ["", "bias", "trunks.0"])
def test_slopes_are_those_of_the_tangent(scope: Scope, held: str) -> None:
    model = SepONet(sensors=4, coordinates=2, hidden=(8,), rank=5, steps=12, seed=2, dtype=torch.float64)
    batch = Batch((randn(6, 1, 1, 4), randn(1, 7, 1, 1, seed=1), randn(1, 1, 9, 1, seed=2)), randn(6, 7, 9, 1, seed=3))
    directions = {
        name: randn(3, *p.shape, seed=i)
        for i, (name, p) in enumerate(model.named_parameters())
        if not (held and name.startswith(held))
    }
    way = JVPConfig(scope)
    loss, rows = slopes(model, batch, directions, way)
    answer, moved = tangent(model, batch.inputs, directions, way)
    residual = answer - batch.target
    assert moved is not None
    assert loss == pytest.approx(float(residual.square().mean()), rel=1e-12)
    by_rows = (moved * residual).flatten(1).sum(1) * 2 / residual.numel()
    torch.testing.assert_close(rows, by_rows, rtol=1e-9, atol=1e-14)  # the same sums in another order
