"""Shapes and types at the border of the event-based core: the right result, or a refusal that names what is wrong."""

from __future__ import annotations

import math
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from neurokit.compilers.frontend.spike_times import deploy  # noqa: E402
from neurokit.errors import NeurokitError, OutOfRange  # noqa: E402
from neurokit.events.estimator import SpikeTimeBackprop, SpikeTimeEstimator  # noqa: E402
from neurokit.events.eventprop import EventProp  # noqa: E402
from neurokit.events.events import Events  # noqa: E402
from neurokit.events.forward_propagation import ForwardPropagation  # noqa: E402
from neurokit.events.grid import GridEventProp  # noqa: E402
from neurokit.events.lif import CurrentLIF  # noqa: E402
from neurokit.events.losses import FirstSpikeCrossEntropy, deadness, lateness  # noqa: E402
from neurokit.events.network import Population, SpikeTimeNetwork  # noqa: E402
from neurokit.events.training import LabelledEvents, accuracy, first_spikes, fit_events  # noqa: E402
from neurokit.ir.interpreter import run  # noqa: E402
from neurokit.simulator import Twin  # noqa: E402

pytestmark = pytest.mark.torch

LOSS = FirstSpikeCrossEntropy(tau=0.2)
ESTIMATORS = [
    SpikeTimeBackprop(),
    EventProp(),
    ForwardPropagation(),
    GridEventProp(0.1),
    GridEventProp(0.1, compiled=False),
]
TIMES = torch.tensor([[0.1, 0.9, 0.4], [0.8, 0.1, 0.4]], dtype=torch.float64)
LABELS = torch.tensor([0, 1])


def network(compiled: bool = True) -> SpikeTimeNetwork:
    populations = [Population(CurrentLIF(1.0, 0.5), 4), Population(CurrentLIF(1.0, 0.5), 2)]
    made = SpikeTimeNetwork(3, populations, horizon=4.0, gain=12.0, seed=1, compiled=compiled)
    with torch.no_grad():
        for layer in made.stack():
            layer.weight.abs_()
    return made


def loss_of(estimator: SpikeTimeEstimator, net: SpikeTimeNetwork, events: Events, labels: Any) -> Any:
    return estimator.estimate(net, events, lambda outcome: LOSS(outcome, labels))


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_times_of_any_type_are_those_of_the_network(estimator: SpikeTimeEstimator, compiled: bool) -> None:
    """Times that float32 holds exactly are the same numbers in float64, and integers are."""
    net = network(compiled)
    for times in (torch.tensor([[0.125, 0.75, 0.5], [0.75, 0.25, 0.5]]), torch.tensor([[1, 0, 2], [0, 2, 1]])):
        wide = loss_of(estimator, net, Events.latencies(times.double()), LABELS)
        for kind in {times.dtype, torch.float32}:
            found = loss_of(estimator, net, Events.latencies(times.to(kind)), LABELS)
            assert found.loss == wide.loss
            assert found.input_times.dtype == torch.float64
            assert torch.equal(found.input_times, wide.input_times)
            assert all(torch.equal(found.gradient[name], wide.gradient[name]) for name in wide.gradient)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_network_in_float32_takes_times_in_float64(estimator: SpikeTimeEstimator) -> None:
    net = network().to(torch.float32)
    found = loss_of(estimator, net, Events.latencies(TIMES), LABELS)
    wide = loss_of(estimator, network(), Events.latencies(TIMES), LABELS)
    assert found.loss == pytest.approx(wide.loss, rel=1e-4)  # a few thousand roundings of float32
    assert found.input_times.dtype == torch.float32
    assert all(slope.dtype == torch.float32 for slope in found.gradient.values())


@pytest.mark.parametrize("kind", [torch.int8, torch.uint8, torch.int16, torch.int32])
def test_labels_and_lines_may_be_any_integers(kind: torch.dtype) -> None:
    net, events = network(), Events.latencies(TIMES)
    narrow = Events(events.time, events.line.to(kind))
    wide = loss_of(EventProp(), net, events, LABELS)
    assert loss_of(EventProp(), net, narrow, LABELS.to(kind)).loss == wide.loss
    assert LabelledEvents(narrow, LABELS.to(kind)).take(torch.tensor([1])).label.tolist() == [1]
    assert accuracy(net, LabelledEvents(narrow, LABELS.to(kind))) == accuracy(net, LabelledEvents(events, LABELS))


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (torch.tensor([0]), r"labels: shape is \(1,\); legal is \(2,\)"),
        (torch.tensor(0), r"labels: shape is \(\); legal is \(2,\)"),
        (torch.tensor([[0, 1]]), r"labels: shape is \(1, 2\)"),
        (torch.tensor([0, 1, 1]), r"labels: shape is \(3,\)"),
        (torch.tensor([0, 2]), r"a label is 2; legal is 0\.\.1"),
        (torch.tensor([0, -1]), r"a label is -1; legal is 0\.\.1"),
        (torch.tensor([0.0, 1.0]), r"labels: type is torch\.float32"),
        (torch.tensor([True, False]), r"labels: type is torch\.bool"),
        ([0, 1], r"labels: type is list"),
    ],
)
@pytest.mark.parametrize("estimator", [EventProp(), GridEventProp(0.1)])
def test_labels_that_are_not_one_output_a_sample_are_refused(
    estimator: SpikeTimeEstimator, labels: Any, says: str
) -> None:
    with pytest.raises(OutOfRange, match=says):
        loss_of(estimator, network(), Events.latencies(TIMES), labels)


@pytest.mark.parametrize("labels", [torch.tensor([0]), torch.tensor([0, 1, 1]), torch.tensor([[0], [1]])])
def test_labelled_events_have_a_label_each(labels: Any) -> None:
    with pytest.raises(OutOfRange, match="LabelledEvents: shape of label"):
        LabelledEvents(Events.latencies(TIMES), labels)


def test_labels_out_of_range_are_refused_in_training_and_where_accuracy_is_counted() -> None:
    data = LabelledEvents(Events.latencies(TIMES), torch.tensor([0, 2]))
    with pytest.raises(OutOfRange, match=r"a label is 2; legal is 0\.\.1"):
        accuracy(network(), data)
    for estimator in ESTIMATORS:
        with pytest.raises(OutOfRange, match=r"a label is 2; legal is 0\.\.1"):
            loss_of(estimator, network(), data.events, data.label)
    with pytest.raises(OutOfRange, match=r"a label is 2; legal is 0\.\.1"):
        fit_events(network(), data, LOSS, epochs=1, batch_size=2, learning_rate=1e-3)
    with pytest.raises(OutOfRange, match=r"label is -1"):
        LabelledEvents(Events.latencies(TIMES), torch.tensor([0, -1]))


def test_no_input_line_is_dropped_on_the_way_to_the_chip() -> None:
    net = network()
    deployed, four = deploy(net, dt=0.1), Events.latencies(torch.cat([TIMES, TIMES[:, :1]], 1))
    for use in (
        lambda: net(four),
        lambda: deployed.samples(four),
        lambda: GridEventProp(0.1).outcome(net, four),
        lambda: first_spikes(net, four),
        lambda: four.first(3),
        lambda: four.counts(3),
        lambda: four.staggered(3, 2, 0.05),
    ):
        with pytest.raises(OutOfRange, match=r"line of an input event is 3; legal is 0\.\.2"):
            use()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Events.latencies(torch.tensor([0.1, 0.2])), r"latencies: shape of time is \(2,\)"),
        (lambda: Events.latencies(torch.tensor(0.1)), r"latencies: shape of time is \(\)"),
        (lambda: Events.latencies(TIMES.numpy()), "type of time is ndarray"),
        (lambda: Events.latencies(TIMES > 0.2), r"type of time is torch\.bool"),
        (lambda: Events.latencies(TIMES * 1j), r"type of time is torch\.complex128"),
        (lambda: Events.latencies(-TIMES), "time is -0"),
        (lambda: Events.latencies(TIMES * math.nan), "time is nan"),
        (lambda: Events.sorted(TIMES, torch.zeros(2, 2, dtype=torch.long)), "shape of time and line"),
        (lambda: Events(TIMES.sort().values, torch.zeros(2, 3)), r"line: type is torch\.float32"),
        (lambda: Events.latencies(TIMES).first(3, torch.zeros(3)), r"shape of never is \(3,\)"),
        (lambda: Events.latencies(TIMES).first(0), "first: lines is 0"),
        (lambda: SpikeTimeNetwork(0, [Population(CurrentLIF(1.0, 0.5), 2)], 1.0), "inputs is 0"),
        (lambda: SpikeTimeNetwork(3, [Population(CurrentLIF(1.0, 0.5), 2.0)], 1.0), "size is 2.0"),  # type: ignore
        (lambda: accuracy(network(), LabelledEvents(Events.latencies(TIMES), LABELS), 0), "batch_size is 0"),
    ],
)
def test_what_is_no_event_is_refused_by_name(make: Any, says: str) -> None:
    with pytest.raises(OutOfRange, match=says):
        make()


@pytest.mark.parametrize("compiled", [True, False])
def test_an_empty_batch_has_an_empty_answer_and_no_mean(compiled: bool) -> None:
    net, none = network(compiled), Events.latencies(TIMES[:0])
    labels = LABELS[:0]
    assert first_spikes(net, none).shape == (0, 2)
    deployed = deploy(net, dt=0.1)
    program = deployed.program()
    assert deployed.samples(none)["x"].shape == (0, 3)
    samples = deployed.samples(none)
    for target in (lambda: run(deployed.graph, samples), lambda: Twin().run(program, samples)):
        with pytest.raises(NeurokitError, match="at least one sample"):
            target()
    for estimator in ESTIMATORS:
        found = estimator.estimate(net, none, lambda outcome: outcome.last.voltage.sum())
        assert found.loss == 0.0
        assert not any(slope.any() for slope in found.gradient.values())
        with pytest.raises(OutOfRange, match="samples of the batch is 0"):
            loss_of(estimator, net, none, labels)
    outcome = net(none)
    for mean in (lambda: lateness(outcome.last, 4.0), lambda: deadness(outcome.last)):
        with pytest.raises(OutOfRange, match="samples of the batch is 0"):
            mean()
    nothing = LabelledEvents(none, labels)
    with pytest.raises(OutOfRange, match="samples of the batch is 0"):
        accuracy(net, nothing)
    with pytest.raises(NeurokitError, match="samples is 0"):
        fit_events(net, nothing, LOSS, epochs=1, batch_size=2, learning_rate=1e-3)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_samples_without_events_are_silent(estimator: SpikeTimeEstimator) -> None:
    silent = Events(torch.zeros(2, 0, dtype=torch.float64), torch.zeros(2, 0, dtype=torch.long))
    found = loss_of(estimator, network(), silent, LABELS)
    assert found.loss == pytest.approx(math.log(2))
    assert found.input_times.shape == (2, 0)
