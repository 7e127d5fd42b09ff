"""Stack: convolutional spiking networks of torch's own layers, and the Graph and Program that they become."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from neurokit.compilers.frontend.trace import trace  # noqa: E402
from neurokit.compilers.quantization.quantize import quantize  # noqa: E402
from neurokit.errors import GraphError  # noqa: E402
from neurokit.ir import graph as g  # noqa: E402
from neurokit.ir import program as p  # noqa: E402
from neurokit.ir.interpreter import run  # noqa: E402
from neurokit.networks.stack import Stack  # noqa: E402
from neurokit.neurons.models import IF, LIF, Neuron, ToZero  # noqa: E402
from neurokit.neurons.readouts import Rate  # noqa: E402
from neurokit.simulator import Twin  # noqa: E402

pytestmark = pytest.mark.torch


def network(neuron: Neuron = IF()) -> Stack:  # noqa: B008
    torch.manual_seed(0)
    layers = [
        nn.Conv2d(2, 4, 3, stride=2, padding=1),
        nn.Conv2d(4, 6, (2, 3), padding=(0, 1), groups=2, dilation=(1, 2), bias=False),
        nn.Linear(12, 5),
    ]
    stack = Stack((2, 5, 6), layers, nn.Linear(5, 3), steps=8, neuron=neuron, rule=Rate()).double()
    for parameter in stack.parameters():
        parameter.data *= 3  # loud enough that every layer fires
    return stack


@pytest.mark.parametrize("neuron", [IF(), LIF(0.7, ToZero(), beta=0.8)])
def test_the_graph_of_a_stack_is_the_stack(neuron: Neuron) -> None:
    stack = network(neuron)
    graph = trace(stack, {"x": (-1.0, 1.0)})
    assert [type(node) for node in graph.nodes[1:6:2]] == [g.Conv2d, g.Conv2d, g.Dense]
    x = np.random.default_rng(0).uniform(-1, 1, (20, 60))
    result = run(graph, {"x": x}, record=True)
    with torch.no_grad():
        np.testing.assert_allclose(result.output, stack(torch.tensor(x)).numpy(), atol=1e-12)  # rounding of sums
    assert result.trace is not None
    assert all(spikes.any() for spikes in result.trace.spikes.values())


def test_its_program_keeps_the_convolution_and_stays_near() -> None:
    stack = network()
    graph = trace(stack, {"x": (-1.0, 1.0)})
    program = quantize(graph)
    assert isinstance(program["1"], p.Conv2d)
    x = np.random.default_rng(1).uniform(-1, 1, (200, 60))
    real, whole = run(graph, {"x": x}).output, run(program, {"x": x})
    np.testing.assert_array_equal(whole.raw["y"], Twin().run(program, {"x": x}).raw["y"])
    # Weights of 8 bits move single spikes of eight steps: a few per cent of the answer, not tens.
    assert np.linalg.norm(whole.output - real) < 0.2 * np.linalg.norm(real)


def test_a_stack_learns() -> None:
    stack = network()
    optimiser = torch.optim.Adam(stack.parameters(), 0.02)
    x = torch.rand(64, 60, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 - 1
    wanted = x[:, :3]
    losses = []
    for _ in range(30):
        loss = ((stack(x) - wanted) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss))
    assert losses[-1] < 0.5 * losses[0]


REFUSED = {
    r"layers\[1\].in_features is 7; legal is 12 lines": [nn.Linear(4, 12), nn.Linear(7, 2)],
    r"layers\[0\] is Tanh; legal is nn.Linear or nn.Conv2d": [nn.Tanh()],
    r"layers\[0\]: padding is \('same', 'zeros'\)": [nn.Conv2d(1, 1, 3, padding="same")],
    r"shape of the kernel is \(1, 2, 1, 1\)": [nn.Conv2d(2, 1, 1)],
    r"\(steps, layers\) is \(32, 0\)": [],
}


@pytest.mark.parametrize("message", REFUSED)
def test_layers_that_are_no_stack_are_refused(message: str) -> None:
    with pytest.raises(GraphError, match=message):
        Stack((1, 2, 2), REFUSED[message], nn.Linear(2, 1))
