"""fit and evaluate: deterministic, honest about failure, and able to learn."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from neurokit.data.data import PointData, Split, TripleData  # noqa: E402
from neurokit.data.metrics import relative_l2  # noqa: E402
from neurokit.data.poisson import Poisson  # noqa: E402
from neurokit.errors import OutOfRange, TrainingDiverged, UnsupportedNode  # noqa: E402
from neurokit.gradients.backprop import Backprop  # noqa: E402
from neurokit.gradients.closed_form import ClosedFormReadout  # noqa: E402
from neurokit.gradients.estimator import Batch, Estimate, Estimator  # noqa: E402
from neurokit.gradients.forward import ForwardGradient  # noqa: E402
from neurokit.gradients.local_loss import LocalLoss, LocalReadouts  # noqa: E402
from neurokit.gradients.scopes import Layerwise  # noqa: E402
from neurokit.hw_configs import load_chip  # noqa: E402
from neurokit.networks import MLP, DeepONet  # noqa: E402
from neurokit.neurons.models import IF, CubaLIF  # noqa: E402
from neurokit.neurons.parameters import Trainable  # noqa: E402
from neurokit.simulator import Twin  # noqa: E402
from neurokit.targets.lava.target import LavaCPU  # noqa: E402
from neurokit.targets.support import runs_on  # noqa: E402
from neurokit.training.loop import Observer, Samples, Settings, Tell, Training, evaluate, fit, predict, schedule  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def poisson() -> Split:
    return Poisson(sensors=11, locations=13, train=60, test=20).generate(seed=0)


def operator() -> DeepONet:
    return DeepONet(sensors=11, coordinates=1, hidden=(12,), features=8, steps=16)


def bump(count: int = 200) -> PointData:
    x = np.random.default_rng(0).uniform(-1, 1, (count, 2))
    return PointData(x, np.exp(-4 * np.sum(x**2, axis=1, keepdims=True)), {"x": (-1, 1)})


ESTIMATORS = [
    pytest.param(Backprop(), 0.12, id="backprop"),
    pytest.param(ForwardGradient(Layerwise(), directions=16), 0.45, id="layerwise"),
    pytest.param(ClosedFormReadout(ForwardGradient(Layerwise(), directions=8)), 0.12, id="closed form"),
]


@pytest.mark.parametrize(("estimator", "error"), ESTIMATORS)
def test_every_estimator_learns_the_poisson_operator(poisson: Split, estimator: Estimator, error: float) -> None:
    """Errors twice what this short run reaches, for its last bits are the machine's; answering zero has one of 1."""
    model = operator()
    history = fit(model, poisson.train, estimator, iterations=300, batch_size=30, learning_rate=5e-3)
    assert history.loss.shape == (300,)
    assert history.loss[-20:].mean() < history.loss[:20].mean() / 2
    assert evaluate(model, poisson.test).overall < error


def test_the_same_loop_trains_a_regression() -> None:
    data, model = bump(), MLP(inputs=2, hidden=(16, 16), outputs=1)
    fit(model, data, Backprop(), iterations=300, batch_size=100, learning_rate=1e-2)
    error = evaluate(model, data)
    assert error.overall < 0.15
    assert error.mean == pytest.approx(error.overall, rel=1e-12)  # all points are one sample


@pytest.mark.parametrize("estimator", [p.values[0] for p in ESTIMATORS])
def test_a_seed_means_the_same_weights(poisson: Split, estimator: Estimator) -> None:
    def weights(seed: int) -> torch.Tensor:
        model = operator()
        fit(model, poisson.train, estimator, iterations=10, batch_size=20, learning_rate=1e-2, seed=seed)
        return torch.cat([p.detach().flatten() for p in model.parameters()])

    torch.manual_seed(1)
    first = weights(0)
    torch.manual_seed(2)  # the global state must not matter
    assert torch.equal(first, weights(0))
    assert not torch.equal(first, weights(1))


def test_closed_form_is_concluded_on_all_training_data(poisson: Split) -> None:
    model, again = operator(), operator()
    estimator = ClosedFormReadout(Backprop())
    fit(model, poisson.train, estimator, iterations=5, batch_size=20, learning_rate=1e-2)
    again.load_state_dict(model.state_dict())
    estimator.conclude(again, Samples(poisson.train, again).all())
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), again.parameters(), strict=True))


def test_progress_is_told_of_every_iteration(poisson: Split) -> None:
    told: list[tuple[int, float]] = []
    history = fit(
        operator(),
        poisson.train,
        Backprop(),
        iterations=4,
        batch_size=60,
        learning_rate=1e-3,
        observers=[Tell(lambda step, loss: told.append((step, loss)))],
    )
    assert told == list(zip([1, 2, 3, 4], history.loss, strict=True))


def test_schedule_warms_up_and_ends_at_one_percent() -> None:
    factors = np.array([schedule(step, 1000) for step in range(1000)])
    assert factors[0] == pytest.approx(1 / 20)
    assert factors[19] == factors.max() == 1.0
    assert factors[-1] == pytest.approx(0.01)
    assert (np.diff(factors[20:]) < 0).all()
    assert schedule(0, 1) == 1.0


def test_weight_decay_shrinks_weights_and_not_biases() -> None:
    class Nothing(Estimator):
        def estimate(self, model, batch, generator, trained):  # type: ignore[no-untyped-def]
            return Estimate(0.0, {name: torch.zeros_like(p) for name, p in model.named_parameters()})

    model = MLP(inputs=2, hidden=(3,), outputs=1)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    fit(model, bump(), Nothing(), iterations=1, batch_size=1, learning_rate=0.1, weight_decay=0.5)
    for name, p in model.named_parameters():
        torch.testing.assert_close(p.detach(), before[name] * (0.95 if p.ndim > 1 else 1.0))


def test_divergence_names_step_and_parameter() -> None:
    class Breaks(Backprop):
        def estimate(self, model: torch.nn.Module, batch: Batch, generator, trained) -> Estimate:  # type: ignore[no-untyped-def]
            loss, gradient = super().estimate(model, batch, generator, trained)
            self.seen.append(loss)
            if len(self.seen) == 3:
                gradient["hidden.0.bias"][1] = float("nan")
            return Estimate(loss, gradient)

        seen: list[float] = []  # noqa: RUF012

    with pytest.raises(TrainingDiverged, match=r"iteration 3: the gradient of 'hidden\.0\.bias'"):
        fit(MLP(inputs=2, hidden=(3,), outputs=1), bump(), Breaks(), iterations=5, batch_size=8, learning_rate=1e-2)

    model = MLP(inputs=2, hidden=(3,), outputs=1)
    with torch.no_grad():
        model.readout.bias.fill_(float("inf"))
    with pytest.raises(TrainingDiverged, match=r"iteration 1: the loss is inf .*'readout\.bias'"):
        fit(model, bump(), Backprop(), iterations=5, batch_size=8, learning_rate=1e-2)


def test_a_parameter_that_overflows_is_named_in_the_iteration_that_broke_it() -> None:
    """A neuron under a NaN current is silent, so that the loss alone might stay finite."""
    model = MLP(inputs=2, hidden=(3,), outputs=1)
    with torch.no_grad():
        model.hidden[0].weight.fill_(3.3e38)  # float32 ends at 3.4e38
    with pytest.raises(TrainingDiverged, match=r"iteration 1: the parameter 'hidden\.0\.weight' after the step"):
        fit(model, bump(), Steady(), iterations=1, batch_size=8, learning_rate=3e37)


class Steady(Estimator):
    """A gradient of -1 for every parameter."""

    def estimate(self, model, batch, generator, trained):  # type: ignore[no-untyped-def]
        return Estimate(0.0, {name: -torch.ones_like(p) for name, p in model.named_parameters()})


def test_a_matrix_that_cannot_be_solved_for_is_divergence_too(poisson: Split) -> None:
    class Unsolvable(Backprop):
        def estimate(self, model: torch.nn.Module, batch: Batch, generator, trained) -> Estimate:  # type: ignore[no-untyped-def]
            torch.linalg.cholesky(-torch.eye(2))
            raise AssertionError("the line above raises")

    with pytest.raises(TrainingDiverged, match="iteration 1: a matrix of the estimator"):
        fit(operator(), poisson.train, Unsolvable(), iterations=1, batch_size=8, learning_rate=1e-2)


@pytest.mark.parametrize("estimator", [p.values[0] for p in ESTIMATORS])
def test_a_run_carried_over_is_the_run_that_never_stopped(poisson: Split, estimator: Estimator) -> None:
    settings = Settings(iterations=9, batch_size=20, learning_rate=1e-2, weight_decay=0.1, seed=3)
    whole = Training(operator(), poisson.train, estimator, settings)
    for _ in range(4):
        whole.iterate()
    state = copy.deepcopy(whole.state())
    continued = Training(operator(), poisson.train, estimator, settings)
    continued.restore(state)
    for training in (whole, continued):
        while not training.finished:
            training.iterate()
        training.conclude(training.model)
    assert np.array_equal(whole.loss, continued.loss)
    for p, q in zip(whole.model.parameters(), continued.model.parameters(), strict=True):
        assert torch.equal(p, q)


def test_observers_begin_before_the_first_iteration_and_then_see_each(poisson: Split) -> None:
    class Sees(Observer):
        def __init__(self) -> None:
            self.seen: list[int] = []

        def begin(self, training: Training) -> None:
            self.seen.append(-training.done)

        def iterated(self, training: Training) -> None:
            self.seen.append(training.done)

    sees = Sees()
    fit(operator(), poisson.train, Backprop(), iterations=3, batch_size=9, learning_rate=1e-3, observers=[sees])
    assert sees.seen == [0, 1, 2, 3]


def test_threads_are_given_back(poisson: Split) -> None:
    before, during = torch.get_num_threads(), []
    fit(
        operator(),
        poisson.train,
        Backprop(),
        iterations=1,
        batch_size=2,
        learning_rate=1e-3,
        threads=2,
        observers=[Tell(lambda *_: during.append(torch.get_num_threads()))],
    )
    assert during == [2]
    assert torch.get_num_threads() == before


def test_evaluate_is_the_metric_of_the_predictions(poisson: Split) -> None:
    model = operator()
    answer = predict(model, poisson.test)
    assert answer.shape == (20, 13, 1)
    assert evaluate(model, poisson.test) == relative_l2(poisson.test.targets, answer[..., 0])


@pytest.mark.parametrize(
    "bad",
    [
        {"iterations": 0},
        {"iterations": 2.5},
        {"batch_size": 0},
        {"batch_size": 2.5},
        {"batch_size": 61},
        {"threads": 0},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"learning_rate": 1e38},  # Adam's steps would be beyond float32
        {"weight_decay": 1001.0},  # at this learning rate it would turn weights round
        {"weight_decay": -1.0},
        {"seed": -1},
        {"seed": 2**65},
    ],
)
def test_settings_that_cannot_train_are_refused(poisson: Split, bad: dict[str, float]) -> None:
    settings = {"iterations": 1, "batch_size": 4, "learning_rate": 1e-3} | bad
    with pytest.raises(OutOfRange, match=next(iter(bad))):
        fit(operator(), poisson.train, Backprop(), **settings)  # type: ignore[arg-type]


def test_what_could_never_run_is_refused_before_anything_is_computed(poisson: Split) -> None:
    class Never(Estimator):
        def estimate(self, model, batch, generator, trained):  # type: ignore[no-untyped-def]
            raise AssertionError("the network was refused")

    settings: dict[str, Any] = {"iterations": 1, "batch_size": 4, "learning_rate": 1e-3}
    hard = DeepONet(sensors=11, coordinates=1, hidden=(4,), features=3, neuron=CubaLIF())
    with pytest.raises(UnsupportedNode, match=r"'branch\.0\.spikes' \(CubaLIF subtract\) .* by lava: .*reset to zero"):
        fit(hard, poisson.train, Never(), admit=runs_on(LavaCPU()), **settings)
    with pytest.raises(UnsupportedNode, match=r"not supported by Loihi 1: its values are graded messages"):
        fit(operator(), poisson.train, Never(), admit=runs_on(load_chip("loihi1")), **settings)
    with pytest.raises(UnsupportedNode, match="trace"):
        fit(torch.nn.Linear(2, 1), bump(), Never(), admit=runs_on(Twin()), **settings)
    trained = DeepONet(sensors=11, coordinates=1, hidden=(4,), features=3, neuron=IF(threshold=Trainable(1.0)))
    for target in (Twin(), LavaCPU(), load_chip("loihi2")):
        fit(trained, poisson.train, Backprop(), admit=runs_on(target), **settings)
    local = LocalReadouts(MLP(inputs=2, hidden=(3, 3), outputs=1))
    fit(local, bump(), LocalLoss(Backprop()), admit=runs_on(LavaCPU()), **settings)


def test_aligned_triples_are_judged_as_one_sample() -> None:
    """A single point has no norm of its own to compare with: its truth may be zero."""
    rng = np.random.default_rng(0)
    triples = TripleData(
        branch=rng.uniform(-1, 1, (12, 5)),
        locations=rng.uniform(-1, 1, (12, 1)),
        targets=np.concatenate([np.zeros((1, 1)), rng.uniform(-1, 1, (11, 1))]),
        domain={"branch": (-1, 1), "trunk": (-1, 1)},
    )
    model = DeepONet(sensors=5, coordinates=1, hidden=(4,), features=3, steps=4)
    error = evaluate(model, triples)
    assert error.mean == pytest.approx(error.overall, rel=1e-12)
    expected = np.linalg.norm(predict(model, triples) - triples.answers) / np.linalg.norm(triples.answers)
    assert error.overall == pytest.approx(expected, rel=1e-12)
