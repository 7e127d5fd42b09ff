"""Gradient estimators: tangents equal backpropagation, estimates are unbiased, no autograd graph is built."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from neurokit.errors import OutOfRange, UnsupportedNode  # noqa: E402
from neurokit.gradients.backprop import Backprop  # noqa: E402
from neurokit.gradients.directions import Bernoulli, Hadamard, Normal, Orthonormal  # noqa: E402
from neurokit.gradients.estimator import Batch, Estimator  # noqa: E402
from neurokit.gradients.forward import ForwardGradient  # noqa: E402
from neurokit.gradients.hadamard import sylvester  # noqa: E402
from neurokit.gradients.scopes import Global, Layerwise  # noqa: E402
from neurokit.gradients.tangent import JVPConfig, features, features_and_gain, layers, tangent  # noqa: E402
from neurokit.networks import MLP, DeepONet  # noqa: E402
from neurokit.networks.noise import noise_from  # noqa: E402
from neurokit.neurons.models import IF, Subtract, ToZero  # noqa: E402
from neurokit.neurons.readouts import MemMean, Rate  # noqa: E402
from neurokit.neurons.surrogates import ArcTan, FastSigmoid, Gaussian, StraightThrough, Triangle, WeakGaussian  # noqa: E402

pytestmark = pytest.mark.torch
DEPTHS = ((7,), (7, 6), (7, 6, 5))
#: Tolerances; sums of some thousand terms of either precision stay well below them.
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}


def network(kind: str, hidden=(7,), readout=MemMean(), reset=Subtract(), dtype=torch.float64, threshold=0.4):  # type: ignore[no-untyped-def]  # noqa: B008
    common = {
        "hidden": hidden,
        "steps": 12,
        "neuron": IF(threshold=threshold, reset=reset),
        "readout": readout,
        "surrogate": Gaussian(0.3),
        "seed": 2,
        "dtype": dtype,
    }
    if kind == "MLP":
        return MLP(inputs=4, outputs=3, **common)
    return DeepONet(sensors=4, coordinates=2, features=5, **common)


def batch_for(model, seed=0) -> Batch:  # type: ignore[no-untyped-def]
    generator = torch.Generator().manual_seed(seed)
    dtype = next(model.parameters()).dtype
    shapes = [(9, 4)] if isinstance(model, MLP) else [(6, 1, 4), (1, 8, 2)]
    inputs = tuple(torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype) for shape in shapes)
    answer = model(*inputs).detach()
    noise = torch.randn(answer.shape, generator=generator, dtype=torch.float64).to(dtype)
    return Batch(inputs, answer + noise)


def draw(model, count: int, seed=1):  # type: ignore[no-untyped-def]
    generator = torch.Generator().manual_seed(seed)
    return {
        name: Bernoulli().draw((count, p.numel()), generator, p).reshape(-1, *p.shape)
        for name, p in model.named_parameters()
    }


def slopes_by_tangent(model, batch, directions, way):  # type: ignore[no-untyped-def]
    y, dy = tangent(model, batch.inputs, directions, way)
    assert dy is not None
    return 2 * torch.einsum("k...,...->k", dy, y - batch.target) / y.numel()


def slopes_by_backprop(model, batch, directions, names):  # type: ignore[no-untyped-def]
    gradient = Backprop(compiled=False).estimate(model, batch, torch.Generator(), names).gradient
    return sum(torch.einsum("k...,...->k", directions[name], gradient[name]) for name in names)


every_network = pytest.mark.parametrize(
    ("kind", "hidden", "readout", "reset"),
    [
        pytest.param(kind, hidden, readout, reset, id=f"{kind}-{len(hidden)}-{readout.name}-{type(reset).__name__}")
        for kind in ("MLP", "DeepONet")
        for hidden in DEPTHS
        for readout in (Rate(), MemMean())
        for reset in (Subtract(), ToZero())
    ],
)


@every_network
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("compiled", [True, False])
def test_tangent_is_gradient_dot_direction(kind, hidden, readout, reset, dtype, compiled) -> None:  # type: ignore[no-untyped-def]
    if compiled:
        pytest.importorskip("numba")
    model = network(kind, hidden, readout, reset, dtype)
    batch = batch_for(model)
    names = [name for name, _ in model.named_parameters()]
    # Directions of length one, so that the tolerance is relative to the gradient's own length.
    directions = {name: v / math.sqrt(sum(p.numel() for p in model.parameters())) for name, v in draw(model, 3).items()}
    expected = slopes_by_backprop(model, batch, directions, names)
    slopes = slopes_by_tangent(model, batch, directions, JVPConfig(Global(), compiled))
    assert expected.abs().max() > 1e-3, "a comparison of zeros would prove nothing"
    torch.testing.assert_close(slopes, expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


@pytest.mark.parametrize("kind", ["MLP", "DeepONet"])
@pytest.mark.parametrize("hidden", [(7,), (7, 6)])
@pytest.mark.parametrize(
    "surrogate",
    [WeakGaussian(0.3, 4), FastSigmoid(), ArcTan(), StraightThrough(), Triangle()],
    ids=lambda s: type(s).__name__,
)
def test_every_surrogate_has_the_same_tangent_and_gradient(kind, hidden, surrogate) -> None:  # type: ignore[no-untyped-def]
    """Of a random surrogate both are functions of the noise, which one seed gives to both."""
    model = network(kind, hidden)
    for part in model.modules():
        if isinstance(part, MLP):
            part.surrogate = surrogate
    batch, directions = batch_for(model), draw(model, 3)
    names = [name for name, _ in model.named_parameters()]
    gradient = Backprop(compiled=False).estimate(model, batch, torch.Generator().manual_seed(4), names).gradient
    with noise_from(torch.Generator().manual_seed(4), model):
        slopes = slopes_by_tangent(model, batch, directions, JVPConfig(Global()))
    expected = sum(torch.einsum("k...,...->k", directions[name], gradient[name]) for name in names)
    torch.testing.assert_close(slopes, expected, rtol=1e-10, atol=1e-10)


@every_network
def test_layerwise_tangents_sum_to_the_global_one(kind, hidden, readout, reset) -> None:  # type: ignore[no-untyped-def]
    model = network(kind, hidden, readout, reset)
    batch, directions = batch_for(model), draw(model, 3)
    groups = layers(model)
    rows = Layerwise().share(slopes_by_tangent(model, batch, directions, JVPConfig(Layerwise())), len(groups))
    for group, row in zip(groups, rows, strict=True):
        torch.testing.assert_close(row, slopes_by_backprop(model, batch, directions, group), rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(sum(rows), slopes_by_tangent(model, batch, directions, JVPConfig(Global())))


@pytest.mark.parametrize("kind", ["MLP", "DeepONet"])
def test_layers_name_every_parameter_once(kind: str) -> None:
    model = network(kind, (7, 6))
    assert [name for group in layers(model) for name in group] == [
        name for name, _ in sorted(model.named_parameters(), key=lambda item: _order(kind, item[0]))
    ]


def _order(kind: str, name: str) -> tuple[int, ...]:
    return (1 if name == "bias" else 0,)  # the torch module registers the bias first, its tangent comes last


@pytest.mark.parametrize("scope", [Global(), Layerwise()])
@pytest.mark.parametrize("hidden", DEPTHS)
def test_parameters_held_fixed_get_no_direction(hidden, scope) -> None:  # type: ignore[no-untyped-def]
    """Training only some layers estimates exactly their part of the gradient: with one parameter, exactly."""
    model = network("DeepONet", hidden)
    batch = batch_for(model)
    exact = Backprop(compiled=False).estimate(model, batch, torch.Generator(), ["bias"])
    estimate = ForwardGradient(scope).estimate(model, batch, torch.Generator(), ["bias"])
    assert set(estimate.gradient) == {"bias"}
    torch.testing.assert_close(estimate.gradient["bias"], exact.gradient["bias"], rtol=1e-10, atol=1e-12)
    layer = f"trunk.hidden.{len(hidden) - 1}"
    for moved in ([f"{layer}.weight", f"{layer}.bias"], [f"{layer}.weight"], ["branch.readout.bias"]):
        directions = {name: v for name, v in draw(model, 2).items() if name in moved}
        slopes = slopes_by_tangent(model, batch, directions, JVPConfig(scope))
        torch.testing.assert_close(slopes, slopes_by_backprop(model, batch, directions, moved), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", ["MLP", "DeepONet"])
@pytest.mark.parametrize("scope", [Global(), Layerwise()])
@pytest.mark.parametrize("distribution", [Hadamard(), Orthonormal()])
@pytest.mark.parametrize("more", [0, 37])
def test_a_full_set_of_orthogonal_directions_is_backpropagation(kind, scope, distribution, more) -> None:  # type: ignore[no-untyped-def]
    """K at least the number of parameters (for Hadamard: the power of two above it); more do no harm."""
    model = network(kind, (7, 6))
    batch = batch_for(model)
    names = [name for name, _ in model.named_parameters()]
    n = sum(p.numel() for p in model.parameters())
    directions = more + (1 << (n - 1).bit_length() if isinstance(distribution, Hadamard) else n)
    exact = Backprop(compiled=False).estimate(model, batch, torch.Generator(), names).gradient
    estimate = ForwardGradient(scope, directions, distribution).estimate(model, batch, torch.Generator(), names)
    for name in names:
        torch.testing.assert_close(estimate.gradient[name], exact[name], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("shape", [(1, 4), (3, 5), (5, 3), (8, 8), (13, 3), (1, 1), (4, 1)])
@pytest.mark.parametrize("distribution", [Hadamard(), Orthonormal()])
def test_joint_directions_are_orthogonal_and_unbiased(distribution, shape) -> None:  # type: ignore[no-untyped-def]
    """As many as there are dimensions are orthogonal, and `E[V^T V / K] = 1` for any number."""
    count, n = shape
    like, generator = torch.zeros(1, dtype=torch.float64), torch.Generator().manual_seed(0)
    draws = torch.stack([distribution.draw(shape, generator, like) for _ in range(4000)])
    assert draws.shape == (4000, *shape)
    moments = torch.einsum("rki,rkj->rij", draws, draws) / count
    # Five standard errors; an entry of V^T V / K deviates by sqrt(n) at most (one direction of length sqrt(n)).
    torch.testing.assert_close(moments.mean(0), torch.eye(n, dtype=torch.float64), atol=5 * math.sqrt(n / 4000), rtol=0)
    if count >= (1 << (n - 1).bit_length() if isinstance(distribution, Hadamard) else n):
        torch.testing.assert_close(moments, torch.eye(n, dtype=torch.float64).expand_as(moments))
    if count <= n and (isinstance(distribution, Orthonormal) or n == 8):
        products = torch.einsum("rki,rli->rkl", draws, draws)
        torch.testing.assert_close(products, (n * torch.eye(count, dtype=torch.float64)).expand_as(products))


def test_sylvesters_matrix_is_that_of_scipy() -> None:
    from scipy.linalg import hadamard

    for order in (1, 2, 4, 32, 64):
        for dtype in (np.int8, np.float64):
            rows = sylvester(np.arange(order)[::-1], order, dtype)
            assert rows.dtype == dtype
            assert (rows == hadamard(order)[::-1]).all()


@pytest.mark.parametrize("scope", [Global(), Layerwise()])
@pytest.mark.parametrize("distribution", [Bernoulli(), Normal()])
def test_estimates_are_unbiased(scope, distribution) -> None:  # type: ignore[no-untyped-def]
    """The mean of many directions meets the gradient within the error that theory gives it."""
    model = network("DeepONet")
    batch = batch_for(model)
    names = [name for name, _ in model.named_parameters()]
    exact = torch.cat(
        [
            g.flatten()
            for g in Backprop(compiled=False).estimate(model, batch, torch.Generator(), names).gradient.values()
        ]
    )
    count = 20_000
    estimator = ForwardGradient(scope, count, distribution)
    gradient = estimator.estimate(model, batch, torch.Generator().manual_seed(3), names).gradient
    mean = torch.cat([gradient[name].flatten() for name in names])
    # E|mean - g|^2 <= (n + 1) |g|^2 / K with a relative deviation near sqrt(2 / n) = 0.13; 1.5 is four of them.
    bound = math.sqrt(1.5 * (len(exact) + 1) / count) * exact.norm()
    assert (mean - exact).norm() < bound
    assert bound < 0.15 * exact.norm(), "the claim must be able to fail"


def variance(scope, directions=1, distribution=Bernoulli(), draws=400) -> tuple[float, int]:  # type: ignore[no-untyped-def]  # noqa: B008
    """`E|estimate - g|^2 / |g|^2` on a small network, and its number of parameters."""
    model = network("MLP")
    batch = batch_for(model)
    names = [name for name, _ in model.named_parameters()]
    exact = Backprop(compiled=False).estimate(model, batch, torch.Generator(), names).gradient
    generator = torch.Generator().manual_seed(0)
    estimator = ForwardGradient(scope, directions, distribution)
    errors = [
        sum(float((g - exact[name]).square().sum()) for name, g in estimate.items())
        for estimate in (estimator.estimate(model, batch, generator, names).gradient for _ in range(draws))
    ]
    square = sum(float(g.square().sum()) for g in exact.values())
    return sum(errors) / draws / square, sum(g.numel() for g in exact.values())


def test_variance_is_that_of_theory_and_layerwise_is_less() -> None:
    measured, n = variance(Global())
    # Errors are (n - 1)|g|^2 on average with a relative deviation near sqrt(2): 400 draws know it to 7 %; four of that.
    assert measured == pytest.approx(n - 1, rel=0.28)
    assert variance(Global(), distribution=Normal())[0] == pytest.approx(n + 1, rel=0.35)
    assert variance(Global(), directions=8)[0] == pytest.approx((n - 1) / 8, rel=0.28)
    assert variance(Layerwise())[0] < measured / 1.3


@pytest.mark.slow
def test_orthogonal_directions_have_the_variance_of_theory_and_less_than_independent_ones() -> None:
    _, n = variance(Global(), draws=1)
    order = 1 << (n - 1).bit_length()
    assert (n, order) == (59, 64)
    for k in (16, 48):
        independent = (n - 1) / k
        hadamard = (n - 1) * (order - k) / (k * (order - 1))
        # The relative deviation of an error is at most that of one direction, sqrt(2): four errors of 400 draws.
        assert variance(Global(), k, Hadamard())[0] == pytest.approx(hadamard, rel=0.28)
        assert variance(Global(), k, Orthonormal())[0] == pytest.approx(n / k - 1, rel=0.28)
        assert max(hadamard, n / k - 1) < independent


@pytest.mark.parametrize("hidden", DEPTHS)
@pytest.mark.parametrize("scope", [Global(), Layerwise()])
def test_no_autograd_graph_is_ever_built(hidden, scope) -> None:  # type: ignore[no-untyped-def]
    model = network("DeepONet", hidden)
    batch = batch_for(model)
    names = [name for name, _ in model.named_parameters()]
    saved = 0

    def count(tensor):  # type: ignore[no-untyped-def]
        nonlocal saved
        saved += 1
        return tensor

    def estimate(estimator: Estimator) -> dict[str, object]:
        return dict(estimator.estimate(model, batch, torch.Generator(), names).gradient)

    with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
        for compiled in (True, False):
            gradient = estimate(ForwardGradient(scope, 4, compiled=compiled))
            assert not any(g.requires_grad for g in gradient.values())  # type: ignore[attr-defined]
        assert saved == 0
        estimate(Backprop(compiled=False))
        assert saved > 12, "the counter works: backpropagation saves tensors in every step"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("reset", [Subtract(), ToZero()])
@pytest.mark.parametrize("threshold", [1.0, 0.37])
@pytest.mark.parametrize("readout", [Rate(), MemMean()])
def test_compiled_kernel_has_the_plain_loops_numbers(dtype, reset, threshold, readout) -> None:  # type: ignore[no-untyped-def]
    pytest.importorskip("numba")
    model = network("MLP", (500,), readout, reset, dtype, threshold)
    x = 3 * torch.randn(40, 4, generator=torch.Generator().manual_seed(0)).to(dtype)
    z = model.hidden[0](x).detach()
    phi, gain = features_and_gain(model, z, compiled=False)
    fast_phi, fast_gain = features_and_gain(model, z, compiled=True)
    assert torch.equal(fast_phi, phi)  # additions and comparisons in the same order
    assert torch.equal(features(model, x), model.features(x))
    # The two `exp` differ by some units in the last place, which the hard reset's products carry over 12 steps.
    tolerance = 200 * torch.finfo(dtype).eps
    torch.testing.assert_close(fast_gain, gain, rtol=tolerance, atol=tolerance * float(gain.abs().max()))


@pytest.mark.parametrize("hidden", DEPTHS)
@pytest.mark.parametrize("kind", ["MLP", "DeepONet"])
@pytest.mark.parametrize("readout", [Rate(), MemMean()])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_compiled_backpropagation_has_the_plain_numbers_and_a_small_tape(kind, hidden, readout, dtype) -> None:  # type: ignore[no-untyped-def]
    pytest.importorskip("numba")
    model = network(kind, hidden, readout, Subtract(), dtype)
    batch, names = batch_for(model), [name for name, _ in model.named_parameters()]
    saved = 0

    def count(tensor):  # type: ignore[no-untyped-def]
        nonlocal saved
        saved += tensor.numel()
        return tensor

    def estimate(compiled):  # type: ignore[no-untyped-def]
        nonlocal saved
        saved = 0
        with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
            return Backprop(compiled).estimate(model, batch, torch.Generator(), names), saved

    (plain, long), (fast, short) = estimate(False), estimate(True)
    assert short < long  # spikes and currents of deeper layers alone are kept for every step
    tolerance = TOLERANCE[dtype]
    assert fast.loss == pytest.approx(plain.loss, rel=tolerance)
    for name in names:
        assert fast.gradient[name].shape == plain.gradient[name].shape
        torch.testing.assert_close(fast.gradient[name], plain.gradient[name], rtol=tolerance, atol=tolerance)
    assert set(Backprop().estimate(model, batch, torch.Generator(), names[:1]).gradient) == {names[0]}


def test_a_neuron_without_a_kernel_takes_the_plain_loop() -> None:
    class Leaky(IF):
        def step(self, u, a, fire):  # type: ignore[no-untyped-def]
            return super().step(u * 0.9, a, fire)

    model = MLP(inputs=4, hidden=(7,), outputs=3, steps=12, neuron=Leaky(threshold=0.4), dtype=torch.float64)
    batch, directions = batch_for(model), draw(model, 2)
    names = [name for name, _ in model.named_parameters()]
    slopes = slopes_by_tangent(model, batch, directions, JVPConfig(Global(), compiled=True))
    torch.testing.assert_close(slopes, slopes_by_backprop(model, batch, directions, names), rtol=1e-10, atol=1e-10)
    assert torch.equal(features(model, batch.inputs[0]), model.features(batch.inputs[0]))


def test_without_numba_the_plain_loop_gives_the_same_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    model = network("DeepONet")
    batch, names = batch_for(model), [name for name, _ in model.named_parameters()]

    def estimate():  # type: ignore[no-untyped-def]
        return ForwardGradient(directions=3).estimate(model, batch, torch.Generator().manual_seed(0), names)

    first = estimate()
    monkeypatch.setattr("neurokit.networks.compiled._HAS_NUMBA", False)
    again = estimate()
    assert again.loss == pytest.approx(first.loss, rel=1e-14)
    for name in names:
        torch.testing.assert_close(again.gradient[name], first.gradient[name], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("distribution", [Bernoulli(), Normal()])
def test_directions_have_unit_covariance_and_follow_their_generator(distribution) -> None:  # type: ignore[no-untyped-def]
    like = torch.zeros(1, dtype=torch.float64)
    v = distribution.draw((50_000, 4), torch.Generator().manual_seed(0), like)
    again = distribution.draw((50_000, 4), torch.Generator().manual_seed(0), like)
    assert torch.equal(v, again)
    # Five standard errors of a sample covariance, at most sqrt(2 / count) each.
    torch.testing.assert_close(
        v.T @ v / 50_000, torch.eye(4, dtype=torch.float64), atol=5 * math.sqrt(2 / 50_000), rtol=0
    )


def test_nonsense_is_refused() -> None:
    with pytest.raises(OutOfRange, match="directions"):
        ForwardGradient(directions=0)
    model = torch.nn.Linear(2, 1)
    with pytest.raises(UnsupportedNode, match="Linear"):
        ForwardGradient().estimate(model, Batch((torch.ones(1, 2),), torch.ones(1, 1)), torch.Generator(), ["weight"])
    with pytest.raises(UnsupportedNode, match="Linear"):
        tangent(model, (torch.ones(1, 2),), {}, JVPConfig(Global()))
