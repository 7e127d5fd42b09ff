"""Compiled kernels have the numbers of the plain loop over time, for every neuron, reset, surrogate and depth."""

from __future__ import annotations

import copy
from itertools import product
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
numba = pytest.importorskip("numba")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from neurokit.errors import GraphError  # noqa: E402
from neurokit.gradients import compiled_nodes, node_perturbation  # noqa: E402
from neurokit.gradients.backprop import Backprop  # noqa: E402
from neurokit.gradients.estimator import Batch  # noqa: E402
from neurokit.gradients.forward import ForwardGradient  # noqa: E402
from neurokit.gradients.scopes import Global, Layerwise  # noqa: E402
from neurokit.gradients.tangent import JVPConfig, tangent  # noqa: E402
from neurokit.networks import MLP, DeepONet  # noqa: E402
from neurokit.networks import compiled as kernels  # noqa: E402
from neurokit.networks.compiled import compiled  # noqa: E402
from neurokit.networks.noise import noise_from  # noqa: E402
from neurokit.neurons.kernels.exponential import exponential  # noqa: E402
from neurokit.neurons.kernels.generated import kernels_of  # noqa: E402
from neurokit.neurons.kernels.population import Population  # noqa: E402
from neurokit.neurons.models import ALIF, IF, LIF, NEURONS, CubaLIF, Neuron, Subtract, ToZero  # noqa: E402
from neurokit.neurons.parameters import Trainable  # noqa: E402
from neurokit.neurons.readouts import MemMean, Rate  # noqa: E402
from neurokit.neurons.surrogates import ArcTan, FastSigmoid, Gaussian, StraightThrough, Triangle, WeakGaussian  # noqa: E402

pytestmark = pytest.mark.torch
#: Sums of some hundred terms in float64; what is left is the rounding of `exp` and of sums in another order.
CLOSE = {"rtol": 1e-9, "atol": 1e-10}


@st.composite
def neurons(draw: st.DrawFn) -> Neuron:
    kind = draw(st.sampled_from([*NEURONS.values()]))
    start = {"threshold": 0.4, "alpha": 0.3, "beta": 0.8, "rho": 0.9, "rise": 0.1}
    values: dict[str, Any] = {name: start[name] for name in kind.spans}
    if kind is LIF:
        values["beta"] = draw(st.sampled_from([0.0, 0.7, 1.0]))
    trained = [name for name, value in values.items() if 0 < value < 1]
    for name in draw(st.sets(st.sampled_from(trained))):
        values[name] = Trainable(values[name])
    reset = draw(st.sampled_from([Subtract, ToZero]))(draw(st.booleans()))
    return kind(reset=reset, strict=draw(st.booleans()), **values)


networks = st.builds(
    MLP,
    inputs=st.just(3),
    hidden=st.sampled_from([(5,), (5, 4), (5, 4, 3)]),
    outputs=st.just(2),
    steps=st.sampled_from([1, 2, 9]),
    neuron=neurons(),
    readout=st.sampled_from([Rate(), MemMean()]),
    surrogate=st.sampled_from(
        [Gaussian(0.4), WeakGaussian(0.4, 3), FastSigmoid(), ArcTan(), StraightThrough(), Triangle()]
    ),
    seed=st.integers(0, 99),
    dtype=st.just(torch.float64),
)


def batch_for(model: MLP, dtype=torch.float64, samples=7) -> Batch:  # type: ignore[no-untyped-def]
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(samples, model.inputs, generator=generator, dtype=torch.float64)
    y = torch.randn(samples, model.outputs, generator=generator, dtype=torch.float64)
    return Batch(((2 * x).to(dtype),), y.to(dtype))


def names_of(model: torch.nn.Module) -> list[str]:
    return [name for name, _ in model.named_parameters()]


def same(first, second, **close) -> None:  # type: ignore[no-untyped-def]
    for name in first:
        torch.testing.assert_close(first[name], second[name], **(close or CLOSE))


@settings(max_examples=60, deadline=None)
@given(networks)
def test_backpropagation_has_the_plain_numbers(model: MLP) -> None:
    batch, names = batch_for(model), names_of(model)
    plain, fast = (
        Backprop(way).estimate(model, batch, torch.Generator().manual_seed(3), names) for way in (False, True)
    )
    assert fast.loss == pytest.approx(plain.loss, rel=1e-12)
    same(fast.gradient, plain.gradient)


@settings(max_examples=60, deadline=None)
@given(networks, st.sampled_from([Global(), Layerwise()]), st.sampled_from([1, 3]), st.data())
def test_tangents_have_the_plain_numbers(model: MLP, scope, count: int, data: st.DataObject) -> None:  # type: ignore[no-untyped-def]
    (x,), names = batch_for(model).inputs, names_of(model)
    moved = data.draw(st.sets(st.sampled_from(names), min_size=1))
    generator = torch.Generator().manual_seed(2)
    directions = {
        name: torch.randn(count, *p.shape, generator=generator, dtype=p.dtype)
        for name, p in model.named_parameters()
        if name in moved
    }
    found = []
    for way in (False, True):
        with noise_from(torch.Generator().manual_seed(3), model):
            found.append(tangent(model, (x,), directions, JVPConfig(scope, way)))
    plain, fast = found
    torch.testing.assert_close(fast.value, plain.value, **CLOSE)
    torch.testing.assert_close(fast.tangent, plain.tangent, **CLOSE)


@pytest.mark.parametrize("hidden", [(5, 4), (5, 4, 3)])
@pytest.mark.parametrize("neuron", [IF(0.4), CubaLIF(0.4, ToZero(False), alpha=0.3, beta=0.8), ALIF(0.4)])
@pytest.mark.parametrize("surrogate", [Gaussian(0.4), WeakGaussian(0.4, 3)])
@pytest.mark.parametrize("count", [1, 3])
def test_disturbed_nodes_have_the_plain_numbers(hidden, neuron, surrogate, count) -> None:  # type: ignore[no-untyped-def]
    model = MLP(inputs=3, hidden=hidden, outputs=2, steps=9, neuron=neuron, surrogate=surrogate, dtype=torch.float64)
    batch, names = batch_for(model), names_of(model)
    plain, fast = (
        node_perturbation.NodePerturbation(count, compiled=way).estimate(
            model, batch, torch.Generator().manual_seed(3), names
        )
        for way in (False, True)
    )
    same(fast.gradient, plain.gradient)


@pytest.mark.parametrize("make", [IF, LIF, CubaLIF])
@pytest.mark.parametrize("reset", [Subtract(), ToZero(), Subtract(False), ToZero(False)])
@pytest.mark.parametrize("held", [False, True])
def test_the_adjoint_that_is_written_by_hand_is_the_generated_one(make, reset, held: bool) -> None:  # type: ignore[no-untyped-def]
    """Of more lanes than a block has, and of a part of one."""
    layer = Population(make(threshold=0.4, reset=reset), Gaussian(0.4), MemMean(), 9, np.float64)
    generated = copy.copy(layer)
    generated._by_hand = ()
    rng = np.random.default_rng(0)
    a, ls = rng.normal(0.2, 0.4, (1 if held else 9, 700)), rng.normal(size=(9, 700))
    tape = a if held else layer.distances(a)
    by_hand, of_hand = layer.pull_spikes(tape, ls, held=held, fields=True)
    made, of_made = generated.pull_spikes(a, ls, held=held, fields=True)
    np.testing.assert_allclose(made, by_hand, rtol=1e-9, atol=1e-10)
    for name, value in of_made.items():
        assert value == pytest.approx(of_hand[name], rel=1e-9)
        assert abs(value) > 1e-3


def test_no_two_neurons_have_generated_functions_of_one_name() -> None:
    """Compiled code from numba's cache is linked by name: one of two with the same would be run for both."""
    names: list[str] = []
    for kind, reset in product(NEURONS.values(), (Subtract, ToZero)):
        loop = kernels_of(kind, reset).forward.py_func
        names += [loop.__qualname__, loop.__globals__["_step"].py_func.__qualname__]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("neuron", [IF(), LIF(strict=True), CubaLIF(reset=ToZero()), ALIF()])
def test_in_single_precision_features_are_the_same_to_the_last_bit_of_a_sum(neuron: Neuron) -> None:
    """Spikes are the same unless a membrane lies within rounding of its threshold: in none of these 4 * 10**5."""
    model = MLP(inputs=3, hidden=(20, 20), outputs=2, steps=32, neuron=neuron)
    batch, names = batch_for(model, torch.float32, 300), names_of(model)
    with compiled(model), torch.no_grad():
        fast = model.features(*batch.inputs)
    torch.testing.assert_close(fast, model.features(*batch.inputs), rtol=1e-6, atol=0)
    plain, fast = (Backprop(way).estimate(model, batch, torch.Generator(), names) for way in (False, True))
    # 32 steps of products and sums over 300 samples in another order.
    same(fast.gradient, plain.gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_exponential_is_within_two_units_in_the_last_place(dtype: type[np.floating]) -> None:
    @numba.njit
    def over(y, out):  # type: ignore[no-untyped-def]
        for i in range(y.size):
            out[i] = exponential(y[i])

    floor = -87.0 if dtype is np.float32 else -708.0
    y = np.concatenate([np.linspace(floor, 0, 20_001), -np.logspace(-12, 1, 2001), [0.0]]).astype(dtype)
    out = np.empty_like(y)
    over(y, out)
    exact = np.exp(y.astype(np.longdouble))
    assert np.max(abs(out - exact) / np.spacing(exact.astype(dtype))) < 2
    assert out[-1] == 1
    over(np.array([-1e4, -np.inf], dtype), out[:2])
    assert (out[:2] < 1e-37).all()
    assert (out[:2] >= 0).all()


@pytest.mark.parametrize("surrogate", [Gaussian(), WeakGaussian(0.3, 4)])
@pytest.mark.parametrize("directions", [1, 3])
@pytest.mark.parametrize("hidden", [(6,), (6, 5), (6, 5, 4)])
def test_a_batch_in_parts_gives_what_it_gives_at_once(monkeypatch, hidden, directions, surrogate) -> None:  # type: ignore[no-untyped-def]
    model = MLP(inputs=3, hidden=hidden, outputs=2, steps=9, surrogate=surrogate, dtype=torch.float64)
    batch, names = batch_for(model, samples=11), names_of(model)

    def estimates():  # type: ignore[no-untyped-def]
        with compiled(model), torch.no_grad():
            yield {"answer": model(*batch.inputs)}
        for estimator in (ForwardGradient(Layerwise(), directions), node_perturbation.NodePerturbation(directions)):
            yield estimator.estimate(model, batch, torch.Generator().manual_seed(0), names).gradient

    whole = list(estimates())
    monkeypatch.setattr(kernels, "PART", 4 * 9 * 6)
    for once, parts in zip(whole, estimates(), strict=True):
        same(parts, once)


@pytest.mark.parametrize("surrogate", [Gaussian(), WeakGaussian(0.3, 4)])
@pytest.mark.parametrize("trained", [["hidden.1.weight"], ["neurons.1.threshold"], ["hidden.0.bias", "readout.bias"]])
def test_gradients_of_some_parameters_alone_are_the_plain_ones(surrogate, trained) -> None:  # type: ignore[no-untyped-def]
    """Random derivatives are drawn only where something trained moves, by either way."""
    neuron = IF(Trainable(0.4))
    model = MLP(inputs=3, hidden=(6, 5, 4), outputs=2, steps=9, neuron=neuron, surrogate=surrogate, dtype=torch.float64)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in trained)
    batch = batch_for(model)
    plain, fast = (
        Backprop(way).estimate(model, batch, torch.Generator().manual_seed(3), trained) for way in (False, True)
    )
    same(fast.gradient, plain.gradient)
    assert all(g.abs().max() > 0 for g in fast.gradient.values()), "a comparison of zeros would prove nothing"


def test_kernels_serve_inside_a_network_of_the_users_own() -> None:
    torch.manual_seed(0)
    spiking = MLP(inputs=4, hidden=(6, 5), outputs=3, steps=9, dtype=torch.float64)
    model = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Tanh(), spiking, torch.nn.Linear(3, 1)).double()
    x = torch.randn(5, 4, 2, dtype=torch.float64, requires_grad=True)
    batch = Batch((x,), torch.randn(5, 4, 1, dtype=torch.float64))
    plain, fast = (Backprop(way).estimate(model, batch, torch.Generator(), names_of(model)) for way in (False, True))
    same(fast.gradient, plain.gradient)
    of_plain = torch.autograd.grad(model(x).sum(), x)[0]
    with compiled(model):
        of_fast = torch.autograd.grad(model(x).sum(), x)[0]
    torch.testing.assert_close(of_fast, of_plain, **CLOSE)
    assert not spiking.compiled


def test_derivatives_of_derivatives_are_refused_not_wrong() -> None:
    model = MLP(inputs=2, hidden=(5,), outputs=1, dtype=torch.float64)
    x = torch.ones(3, 2, dtype=torch.float64, requires_grad=True)
    with compiled(model):
        (slope,) = torch.autograd.grad(model(x).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.square().sum().backward()


def test_noise_is_asked_for_by_kernels_too() -> None:
    model = MLP(inputs=2, hidden=(5, 4), outputs=1, surrogate=WeakGaussian(), dtype=torch.float64)
    with compiled(model):
        answer = model(torch.ones(3, 2, dtype=torch.float64)).sum()
    with pytest.raises(GraphError, match="noise_from"):
        answer.backward()


@pytest.mark.parametrize("estimator", [ForwardGradient(directions=2), node_perturbation.NodePerturbation(2)])
def test_what_has_no_kernel_takes_the_plain_loop(monkeypatch, estimator) -> None:  # type: ignore[no-untyped-def]
    class Leaky(IF):
        def step(self, u, a, fire):  # type: ignore[no-untyped-def]
            return super().step(u * 0.9, a, fire)

    model = MLP(inputs=3, hidden=(5, 4), outputs=2, steps=9, neuron=Leaky(0.4), dtype=torch.float64)
    batch, names = batch_for(model), names_of(model)
    assert not kernels.has_kernels(model, batch.inputs[0])
    plain, default = (Backprop(way).estimate(model, batch, torch.Generator(), names) for way in (False, True))
    same(default.gradient, plain.gradient, rtol=0, atol=0)
    monkeypatch.setattr(compiled_nodes, "layers_of", None)
    estimator.estimate(model, batch, torch.Generator(), names)


@pytest.mark.parametrize("hidden", [(5,), (5, 4)])
@pytest.mark.parametrize("surrogate", [Gaussian(), WeakGaussian(0.3, 4)])
def test_every_tensor_of_the_plain_path_is_on_the_devices_side(hidden, surrogate) -> None:  # type: ignore[no-untyped-def]
    """PyTorch's meta device computes shapes only and refuses tensors of another device, as a GPU does."""
    model = DeepONet(sensors=4, coordinates=2, hidden=hidden, features=3, steps=4, surrogate=surrogate).to("meta")
    inputs = (torch.empty(6, 1, 4, device="meta"), torch.empty(1, 8, 2, device="meta"))
    assert not kernels.has_kernels(model.branch, inputs[0])
    directions = {name: torch.empty(3, *p.shape, device="meta") for name, p in model.named_parameters()}
    with noise_from(torch.Generator(), model):
        answer = model(*inputs)
        assert all(g.is_meta for g in torch.autograd.grad(answer.sum(), list(model.parameters())))
        for scope in (Global(), Layerwise()):
            y, dy = tangent(model, inputs, directions, JVPConfig(scope))
            assert y.shape == answer.shape
            assert dy is not None
            assert dy.is_meta
