"""One suite for every neuron: the same step in NumPy, torch, dual numbers, Graphs and Programs, with the right
derivatives. On Lava, where one is deployable, test_support runs it.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from neurokit.compilers.frontend.trace import trace  # noqa: E402
from neurokit.compilers.quantization.quantize import quantize  # noqa: E402
from neurokit.errors import GraphError, OutOfRange, UnsupportedNode  # noqa: E402
from neurokit.gradients.backprop import Backprop  # noqa: E402
from neurokit.gradients.closed_form import ClosedFormReadout  # noqa: E402
from neurokit.gradients.directions import Bernoulli, Hadamard  # noqa: E402
from neurokit.gradients.dual import Dual  # noqa: E402
from neurokit.gradients.estimator import Batch  # noqa: E402
from neurokit.gradients.forward import ForwardGradient  # noqa: E402
from neurokit.gradients.node_perturbation import NodePerturbation  # noqa: E402
from neurokit.gradients.scopes import Global, Layerwise  # noqa: E402
from neurokit.gradients.tangent import JVPConfig, tangent  # noqa: E402
from neurokit.ir import graph as g  # noqa: E402
from neurokit.ir import interpreter as reference  # noqa: E402
from neurokit.ir import program as p  # noqa: E402
from neurokit.networks import MLP, DeepONet, load_model, save_model  # noqa: E402
from neurokit.neurons.models import (  # noqa: E402
    ALIF,
    IF,
    LIF,
    NEURONS,
    CubaLIF,
    Subtract,
    ToZero,
    decay,
    freeze_parameters,
    heaviside,
    states,
)
from neurokit.neurons.parameters import Fraction, Positive, Trainable  # noqa: E402
from neurokit.simulator import Twin  # noqa: E402
from neurokit.targets.support import FEATURES  # noqa: E402

pytestmark = pytest.mark.torch

START = {"threshold": 0.4, "alpha": 0.3, "beta": 0.8, "rho": 0.9, "rise": 0.1}
#: Every choice that a neuron has.
CHOICES = list(
    product(NEURONS.values(), (Subtract(), ToZero(), Subtract(attached=False), ToZero(attached=False)), (False, True))
)
FIXED = [make(threshold=0.4, reset=reset, strict=strict) for make, reset, strict in CHOICES]
#: The same with all values trained, and with some.
LEARNING = [
    make(**{name: Trainable(START[name]) for name in make.spans}, reset=reset, strict=strict)
    for make, reset, strict in CHOICES
] + [
    LIF(threshold=0.4, beta=Trainable(0.8), strict=True),
    CubaLIF(threshold=Trainable(0.4), alpha=0.3, beta=Trainable(0.9), reset=Subtract(attached=False)),
    ALIF(threshold=0.4, rho=Trainable(0.9), rise=Trainable(0.1), strict=True),
]


def words(neuron) -> str:  # type: ignore[no-untyped-def]
    reset = type(neuron.reset).__name__ + ("" if neuron.reset.attached else "Detached")
    learning = sum(isinstance(v, Trainable) for v in vars(neuron).values())
    return f"{type(neuron).__name__}-{reset}{'-strict' * neuron.strict}{f'-{learning}' * bool(learning)}"


fixed = pytest.mark.parametrize("neuron", FIXED, ids=words)
every = pytest.mark.parametrize("neuron", FIXED + LEARNING, ids=words)
learning = pytest.mark.parametrize("neuron", LEARNING, ids=words)


def randn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def equations(neuron, currents: np.ndarray) -> tuple[list[float], list[int]]:  # type: ignore[no-untyped-def]
    """The docstrings' equations, one neuron, in plain Python: membranes before the reset, and spikes."""
    i = u = b = 0.0
    membranes, spikes = [], []
    for a in currents.tolist():
        i = getattr(neuron, "alpha", 0.0) * i + a
        u = getattr(neuron, "beta", 1.0) * u + i
        level = neuron.threshold + b
        fires = u > level if neuron.strict else u >= level
        b = getattr(neuron, "rho", 0.0) * b + getattr(neuron, "rise", 0.0) * fires
        membranes.append(u)
        spikes.append(int(fires))
        if fires:
            u = u - neuron.threshold if isinstance(neuron.reset, Subtract) else 0.0
    return membranes, spikes


@fixed
def test_the_step_is_its_equations(neuron) -> None:  # type: ignore[no-untyped-def]
    currents = np.random.default_rng(0).normal(0.2, 0.4, 200)
    state, rows = neuron.start(np.zeros(1)), []
    for a in currents:
        before, s, state = neuron.step(state, np.array([a]), heaviside)
        rows.append((before[0], s[0]))
    membranes, spikes = equations(neuron, currents)
    assert 10 < sum(spikes) < 190
    assert [s for _, s in rows] == spikes
    np.testing.assert_allclose([u for u, _ in rows], membranes, rtol=0, atol=1e-12)


@pytest.mark.parametrize("make", NEURONS.values())
def test_only_a_strict_threshold_holds_what_is_on_it(make) -> None:  # type: ignore[no-untyped-def]
    for strict, on in ((False, 1), (True, 0)):
        neuron = make(threshold=0.5, strict=strict)
        spikes = [neuron.step(neuron.start(np.zeros(1)), np.array([a]), heaviside)[1][0] for a in (0.25, 0.5, 0.75)]
        assert spikes == [0, on, 1]


def test_leaks_that_do_not_leak_are_if() -> None:
    currents = np.random.default_rng(0).normal(0.3, 0.4, (50, 9))
    trains = []
    for neuron in (IF(), LIF(beta=1.0), CubaLIF(alpha=0.0, beta=1.0)):
        state, train = neuron.start(np.zeros(9)), []
        for a in currents:
            _, s, state = neuron.step(state, a, heaviside)
            train.append(s)
        trains.append(np.stack(train))
    np.testing.assert_array_equal(trains[0], trains[1])
    np.testing.assert_array_equal(trains[0], trains[2])


@fixed
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_shapes_and_dtypes_are_kept(neuron, dtype) -> None:  # type: ignore[no-untyped-def]
    a = np.ones((2, 3), dtype=dtype)
    before, s, state = neuron.step(neuron.start(np.zeros_like(a)), a, heaviside)
    for array in (before, s, *states(state)):
        assert (array.shape, array.dtype) == (a.shape, a.dtype)
    model = MLP(inputs=3, hidden=(4,), outputs=2, steps=5, neuron=neuron, dtype=getattr(torch, np.dtype(dtype).name))
    assert model(torch.from_numpy(a)).dtype is model.readout.weight.dtype


def smooth(x):  # type: ignore[no-untyped-def]
    """A differentiable stand-in for the step, so that finite differences exist."""
    return torch.sigmoid(6 * x) if isinstance(x, torch.Tensor) else Dual(smooth(x.value), _bell(x.value) * x.tangent)


def _bell(x):  # type: ignore[no-untyped-def]
    y = torch.sigmoid(6 * x)
    return 6 * y * (1 - y)


@every
def test_the_steps_derivatives_are_those_of_finite_differences(neuron) -> None:  # type: ignore[no-untyped-def]
    """With a smooth `fire`: by autograd and by dual numbers, in the current and in every value of the neuron."""
    names = list(neuron.spans)
    values = [torch.tensor(0.4 if n == "threshold" else 0.7, dtype=torch.float64) for n in names]
    z, steps = randn(5, seed=3) * 0.5, 7

    def total(neuron, z, zero=0.0):  # type: ignore[no-untyped-def]
        state, kept = neuron.start(zero), []
        for _ in range(steps):
            before, s, state = neuron.step(state, z, smooth)
            kept.append(before * s)
        return sum(kept[1:], start=kept[0])

    def run(z, *values):  # type: ignore[no-untyped-def]
        return total(replace(neuron, **dict(zip(names, values, strict=True))), z).sum()

    point = [z, *values]
    of_autograd = torch.autograd.functional.jacobian(run, tuple(point))
    for k, gradient in enumerate(of_autograd):
        duals = [Dual(v, torch.ones_like(v) if j == k else torch.zeros_like(v)) for j, v in enumerate(point)]
        of_duals = total(replace(neuron, **dict(zip(names, duals[1:], strict=True))), duals[0]).tangent.sum()
        torch.testing.assert_close(of_duals, gradient.sum(), rtol=1e-10, atol=1e-12)
        if neuron.reset.attached:  # a detached reset is not the derivative of anything
            h = 1e-6
            shifted = [[v + sign * h * (j == k) for j, v in enumerate(point)] for sign in (1, -1)]
            slope = (run(*shifted[0]) - run(*shifted[1])) / (2 * h)
            torch.testing.assert_close(gradient.sum(), slope, rtol=1e-6, atol=1e-8)  # h**2 and eps / h


@pytest.mark.parametrize("make", NEURONS.values())
@pytest.mark.parametrize("reset", [Subtract, ToZero])
def test_detaching_changes_gradients_and_nothing_else(make, reset) -> None:  # type: ignore[no-untyped-def]
    batch, estimates, answers = Batch((randn(9, 4),), randn(9, 3, seed=1)), [], []
    for attached in (True, False):
        neuron = make(threshold=0.4, reset=reset(attached=attached))
        model = MLP(inputs=4, hidden=(7,), outputs=3, steps=12, neuron=neuron, dtype=torch.float64)
        estimates.append(
            Backprop(compiled=False).estimate(model, batch, torch.Generator(), ["hidden.0.weight"]).gradient
        )
        answers.append(model(*batch.inputs))
    assert torch.equal(*answers)
    assert not torch.allclose(*(e["hidden.0.weight"] for e in estimates), rtol=1e-3)


def network(neuron, hidden=(7, 6), kind="MLP"):  # type: ignore[no-untyped-def]
    common = {"hidden": hidden, "steps": 12, "neuron": neuron, "dtype": torch.float64, "seed": 2}
    if kind == "MLP":
        return MLP(inputs=4, outputs=3, **common), Batch((randn(9, 4),), randn(9, 3, seed=1))
    model = DeepONet(sensors=4, coordinates=2, features=5, **common)
    return model, Batch((randn(6, 1, 4), randn(1, 8, 2, seed=2)), randn(6, 8, 1, seed=1))


@every
@pytest.mark.parametrize(("hidden", "scope"), [((7,), Layerwise()), ((7, 6), Global()), ((7, 6), Layerwise())])
def test_tangents_are_gradient_dot_direction(neuron, hidden, scope) -> None:  # type: ignore[no-untyped-def]
    model, batch = network(neuron, hidden)
    generator = torch.Generator().manual_seed(1)
    everything = [name for name, _ in model.named_parameters()]
    gradient = Backprop(compiled=False).estimate(model, batch, torch.Generator(), everything).gradient
    some = [[n for n in everything if "neurons" in n], [n for n in everything if "weight" not in n], everything[:1]]
    for names in (everything, *filter(None, some)):
        directions = {
            n: Bernoulli().draw((3, gradient[n].numel()), generator, gradient[n]).reshape(3, *gradient[n].shape)
            for n in names
        }
        y, dy = tangent(model, batch.inputs, directions, JVPConfig(scope))
        assert dy is not None
        slopes = 2 * torch.einsum("k...,...->k", dy, y - batch.target) / y.numel()
        slopes = slopes.reshape(-1, 3).sum(0)  # layers' rows together are the global tangent
        expected = sum(torch.einsum("k...,...->k", directions[n], gradient[n]) for n in names)
        torch.testing.assert_close(slopes, expected, rtol=1e-10, atol=1e-10)


@learning
@pytest.mark.parametrize("kind", ["MLP", "DeepONet"])
def test_a_full_set_of_directions_finds_the_gradient_of_trained_values(neuron, kind) -> None:  # type: ignore[no-untyped-def]
    model, batch = network(neuron, (7, 6), kind)
    names = [name for name, _ in model.named_parameters()]
    own = [name for name in names if ".neurons." in f".{name}"]
    assert len(own) == sum(isinstance(v, Trainable) for v in vars(neuron).values()) * (2 if kind == "MLP" else 4)
    exact = Backprop(compiled=False).estimate(model, batch, torch.Generator(), names).gradient
    full = 1 << (sum(q.numel() for q in model.parameters()) - 1).bit_length()
    for scope in (Global(), Layerwise()):
        estimate = ForwardGradient(scope, full, Hadamard()).estimate(model, batch, torch.Generator(), names).gradient
        for name in names:
            torch.testing.assert_close(estimate[name], exact[name], rtol=1e-7, atol=1e-11)
    assert all(exact[name].abs() > 1e-9 for name in own)
    if kind == "DeepONet":
        assert set(own) <= set(ClosedFormReadout(Backprop(compiled=False)).trained(model))
    with pytest.raises(UnsupportedNode, match="NodePerturbation"):
        NodePerturbation().estimate(model, batch, torch.Generator(), names)


@fixed
def test_node_perturbation_with_a_row_a_neuron_is_backpropagation(neuron) -> None:  # type: ignore[no-untyped-def]
    model, batch = network(neuron, (8,), "DeepONet")
    names = [name for name, _ in model.named_parameters()]
    exact = Backprop(compiled=False).estimate(model, batch, torch.Generator(), names).gradient
    nodes = NodePerturbation(8, Hadamard()).estimate(model, batch, torch.Generator(), names).gradient
    for name in names:
        torch.testing.assert_close(nodes[name], exact[name], rtol=1e-9, atol=1e-12)


def shaken(model) -> None:  # type: ignore[no-untyped-def]
    with torch.no_grad():  # as training would leave it: every layer's values its own
        for k, (_, parameter) in enumerate(model.named_parameters()):
            parameter.add_(0.01 * (k + 1))


@every
def test_the_graph_fires_as_the_network_does(neuron) -> None:  # type: ignore[no-untyped-def]
    model, _ = network(neuron)
    shaken(model)
    x = np.random.default_rng(0).uniform(-1, 1, (20, 4))
    graph = trace(model, {"x": (-1.0, 1.0)})
    result = reference.run(graph, {"x": x}, record=True)
    assert result.trace is not None
    for i, train in enumerate(model.spikes(torch.from_numpy(x))):
        assert 0 < train.mean() < 1, "a comparison of silent neurons would prove nothing"
        np.testing.assert_array_equal(result.trace.spikes[f"{i}.spikes"], train.numpy())
    np.testing.assert_allclose(result.output, model(torch.from_numpy(x)).detach().numpy(), rtol=0, atol=1e-12)
    if any(feature.refusal("twin") for feature in FEATURES if feature.found(graph["0.spikes"])):
        with pytest.raises(UnsupportedNode, match=r"node '0\.spikes'"):
            quantize(graph)
        return
    program = quantize(graph)
    assert program.spiking[0].neuron.reset.attached, "integers know no gradients"  # type: ignore[attr-defined]
    expected = reference.run(program, {"x": x}, record=True)
    np.testing.assert_array_equal(Twin().run(program, {"x": x}).output, expected.output)
    assert expected.trace is not None
    for name, train in result.trace.spikes.items():
        # Weights of 8 bits move a spike where a membrane is near its threshold, and what it moves in the next layer;
        # chance alone would differ in 2 p (1 - p) of the places, with the rate p of these trains.
        assert np.mean(train != expected.trace.spikes[name]) < 0.1 < train.mean() * (1 - train.mean()) * 2


@every
def test_files_keep_the_neuron_and_its_trained_values(neuron, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    model, batch = network(neuron)
    shaken(model)
    loaded = load_model(save_model(model, tmp_path / "model.pt", {"x": (-1, 1)})).network
    assert isinstance(loaded, MLP)
    assert loaded.neuron == neuron
    assert torch.equal(loaded(*batch.inputs), model(*batch.inputs))


@pytest.mark.parametrize(
    ("span", "values"), [(Positive(), (1e-3, 0.4, 1.0, 30.0)), (Fraction(), (0.01, 0.5, 0.9, 0.999))]
)
def test_spans_map_the_line_onto_themselves(span, values) -> None:  # type: ignore[no-untyped-def]
    for value in values:
        raw = torch.tensor(span.raw(value), dtype=torch.float64, requires_grad=True)
        mapped = span.value(raw)
        assert float(mapped) == pytest.approx(value, rel=1e-12)
        (slope,) = torch.autograd.grad(mapped, [raw])
        assert float(slope) == pytest.approx(float(span.slope(mapped)), rel=1e-12)


def test_a_time_constant_becomes_a_decay() -> None:
    """`u' = -u / tau` over n steps of dt leaves `exp(-n dt / tau)`."""
    neuron = LIF(threshold=1e9, beta=decay(tau=20e-3, dt=1e-3))
    u = np.ones(1)
    for _ in range(20):
        _, _, u = neuron.step(u, np.zeros(1), heaviside)
    assert u[0] == pytest.approx(np.exp(-1), rel=1e-12)


def test_nonsense_is_refused() -> None:
    for make in (
        lambda: LIF(beta=1.1),
        lambda: LIF(beta=-0.1),
        lambda: CubaLIF(alpha=float("nan")),
        lambda: LIF(beta=Trainable(1.0)),
        lambda: IF(threshold=Trainable(0.0)),
        lambda: CubaLIF(threshold=-1.0),
        lambda: decay(0.0, 1.0),
        lambda: decay(1.0, float("inf")),
    ):
        with pytest.raises(OutOfRange):
            make()
    with pytest.raises(GraphError, match="trace a trained network"):
        g.Spiking("s", "d", LIF(beta=Trainable(0.5)))
    assert freeze_parameters(IF(Trainable(2.0), Subtract(attached=False)), {"threshold": 3.0}) == IF(3.0)
    with pytest.raises(UnsupportedNode, match="strict"):
        p.Spiking("s", "d", IF(64, strict=True))
