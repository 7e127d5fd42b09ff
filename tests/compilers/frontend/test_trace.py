"""trace: the Graph computes what the torch network computes, spike for spike."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from neurokit.compilers.frontend.trace import trace  # noqa: E402
from neurokit.errors import GraphError, OutOfRange, UnsupportedNode  # noqa: E402
from neurokit.ir import graph as g  # noqa: E402
from neurokit.ir import interpreter as reference  # noqa: E402
from neurokit.networks import MLP, DeepONet  # noqa: E402
from neurokit.neurons.models import IF, Subtract, ToZero  # noqa: E402
from neurokit.neurons.readouts import MemMean, Rate  # noqa: E402

pytestmark = pytest.mark.torch
DOMAIN = {"branch": (-6.0, 6.0), "trunk": (-1.0, 1.0)}

parts = [
    pytest.param(hidden, readout, reset, id=f"{len(hidden)}-{readout.name}-{type(reset).__name__}")
    for hidden in ((9,), (9, 6), (9, 6, 5))
    for readout in (Rate(), MemMean())
    for reset in (Subtract(), ToZero())
]


@pytest.mark.parametrize(("hidden", "readout", "reset"), parts)
def test_deeponet_and_its_graph_agree(hidden, readout, reset) -> None:  # type: ignore[no-untyped-def]
    model = DeepONet(
        sensors=6,
        coordinates=2,
        hidden=hidden,
        features=4,
        steps=16,
        neuron=IF(threshold=0.5, reset=reset),
        readout=readout,
        seed=1,
        dtype=torch.float64,
    )
    with torch.no_grad():
        model.bias.fill_(0.3)
    rng = np.random.default_rng(0)
    branch, trunk = rng.normal(size=(5, 1, 6)), rng.uniform(-1, 1, (1, 7, 2))
    result = reference.run(trace(model, DOMAIN), {"branch": branch, "trunk": trunk}, record=True)
    inputs = torch.from_numpy(branch), torch.from_numpy(trunk)
    assert result.trace is not None
    for name, part, x in (("branch", model.branch, inputs[0]), ("trunk", model.trunk, inputs[1])):
        for i, train in enumerate(part.spikes(x)):
            np.testing.assert_array_equal(result.trace.spikes[f"{name}.{i}.spikes"], train.numpy())
            assert 0 < train.mean() < 1, "a comparison of silent neurons would prove nothing"
    # Sums of some hundred numbers of order one, in two orders.
    np.testing.assert_allclose(result.output, model(*inputs).detach().numpy(), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("hidden", "readout", "reset"), parts)
def test_mlp_and_its_graph_agree(hidden, readout, reset) -> None:  # type: ignore[no-untyped-def]
    model = MLP(
        inputs=2,
        hidden=hidden,
        outputs=3,
        steps=16,
        neuron=IF(threshold=0.5, reset=reset),
        readout=readout,
        dtype=torch.float64,
    )
    x = np.random.default_rng(0).uniform(-1, 1, (20, 2))
    result = reference.run(trace(model, {"x": (-1, 1)}), {"x": x}, record=True)
    assert result.trace is not None
    for i, train in enumerate(model.spikes(torch.from_numpy(x))):
        np.testing.assert_array_equal(result.trace.spikes[f"{i}.spikes"], train.numpy())
    np.testing.assert_allclose(result.output, model(torch.from_numpy(x)).detach().numpy(), rtol=0, atol=1e-12)


def test_names_ranges_and_contraction() -> None:
    model = DeepONet(sensors=6, coordinates=1, hidden=(5, 4), features=3, steps=8)
    with torch.no_grad():
        model.bias.fill_(0.25)
    graph = trace(model, DOMAIN)
    part = ["0", "0.spikes", "1", "1.spikes", "readout", "readout.total"]
    assert [n.name for n in graph.nodes] == [
        "branch", "trunk", *(f"branch.{n}" for n in part), *(f"trunk.{n}" for n in part), "product", "contraction", "u",
    ]  # fmt: skip
    assert [(n.name, n.low, n.high) for n in graph.inputs] == [("branch", -6, 6), ("trunk", -1, 1)]
    contraction = graph["contraction"]
    assert isinstance(contraction, g.Dense)
    np.testing.assert_array_equal(contraction.weight, np.ones((1, 3)))
    np.testing.assert_array_equal(contraction.bias, [0.25])
    assert graph.steps == 8


def test_a_graph_does_not_follow_later_training() -> None:
    model = MLP(inputs=1, hidden=(2,), outputs=1)
    graph = trace(model, {"x": (0, 1)})
    layer = graph["0"]
    assert isinstance(layer, g.Dense)
    before = layer.weight.copy()
    with torch.no_grad():
        model.hidden[0].weight.add_(1.0)
    np.testing.assert_array_equal(layer.weight, before)


def test_unknown_modules_and_domains_are_refused() -> None:
    with pytest.raises(UnsupportedNode, match="Linear"):
        trace(torch.nn.Linear(1, 1), {"x": (0, 1)})
    with pytest.raises(GraphError, match="domain"):
        trace(MLP(inputs=1, hidden=(2,), outputs=1), DOMAIN)


def test_weights_that_diverged_are_refused() -> None:
    model = MLP(inputs=1, hidden=(2,), outputs=1)
    with torch.no_grad():
        model.hidden[0].weight[1, 0] = float("nan")
    with pytest.raises(OutOfRange, match=r"layer '0': weight\[1, 0\] is nan"):
        trace(model, {"x": (0, 1)})
