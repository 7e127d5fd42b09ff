"""Every kind of network, neuron, surrogate, estimator and readout trains from a file, and goes on after a crash."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from neurokit.data.data import Split, TripleData  # noqa: E402
from neurokit.data.user_data import write_data  # noqa: E402
from neurokit.errors import TrainingDiverged  # noqa: E402
from neurokit.networks import MLP, DeepONet, SepONet, load_model  # noqa: E402
from neurokit.neurons.models import LIF, CubaLIF, decay  # noqa: E402
from neurokit.neurons.surrogates import WeakGaussian  # noqa: E402
from neurokit.training.loop import Tell, evaluate, mean_of_columns  # noqa: E402
from neurokit.training.runs.config import RunConfig, read_config  # noqa: E402
from neurokit.training.runs.folder import RunFolder  # noqa: E402
from neurokit.training.runs.training import Outcome, train_run  # noqa: E402

pytestmark = pytest.mark.torch

ITERATIONS, STOP = 12, 8
SEPONET = """
[problem]
name = "burgers"
viscosity = 0.2
output = { name = "space-time", instants = 3 }
kernel = { name = "periodic-rbf", period = 1.0 }
sensors = 8
locations = 5
train = 20
test = 6
[network]
kind = "seponet"
hidden = [5]
rank = 4
steps = 6
[neuron]
kind = "lif"
threshold = 0.5
tau_mem = 20.0
dt = 2.0
attached = false
trainable = ["threshold", "beta"]
[surrogate]
kind = "weak-gaussian"
samples = 10
[estimator]
directions = 3
distribution = "normal"
[readout]
by = "alternating"
rule = "rate"
"""
LOCAL = """
[problem]
name = "mexican-hat"
train = 40
side = 5
sampling = "uniform"
[network]
hidden = [6, 5]
steps = 6
[surrogate]
kind = "fast-sigmoid"
slope = 3.0
[estimator]
method = "backprop"
local = true
"""
TRIPLE = """
[problem]
name = "npz"
train = "samples.npz"
layout = "triple"
[network]
hidden = [6]
features = 4
steps = 6
[neuron]
kind = "cuba-lif"
reset = "zero"
strict = true
tau_syn = 3.0
beta = 0.95
dt = 1.0
[estimator]
method = "node-perturbation"
directions = 4
distribution = "hadamard"
"""
RUN = f"""
[optimiser]
iterations = {ITERATIONS}
batch_size = 16
learning_rate = 1e-2
[run]
log_every = 1
evaluate_every = 5
checkpoint_every = 3
"""
FILES = pytest.mark.parametrize("text", [SEPONET, LOCAL, TRIPLE], ids=["seponet", "local", "triple"])


class Crash(Exception):
    """What ends a run where nobody expects it."""


def crash(done: int, loss: float) -> None:
    if done == STOP:
        raise Crash


@pytest.fixture(autouse=True)
def samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    functions, points = rng.uniform(-1, 1, (30, 5)), rng.uniform(0, 1, (30, 2))
    answers = functions[:, :1] * points[:, 1:]
    domain = {"branch": (-1.0, 1.0), "trunk": (0.0, 1.0)}
    data = [TripleData(functions[rows], points[rows], answers[rows], domain) for rows in (slice(0, 24), slice(24, 30))]
    write_data(Split(*data), tmp_path / "samples.npz")


def configured(text: str) -> RunConfig:
    Path("run.toml").write_text(text + RUN)
    return read_config(Path("run.toml"), {})


def trained(configuration: RunConfig, name: str, **how: Any) -> tuple[RunFolder, Outcome]:
    folder = RunFolder(Path(name))
    if not folder.config.exists():
        folder.create(configuration)
    return folder, train_run(folder.require_run(), folder, **how)


@FILES
def test_it_trains_from_a_file_and_goes_on_bit_for_bit_after_a_crash(text: str) -> None:
    configuration = configured(text)
    whole, outcome = trained(configuration, "whole")
    with pytest.raises(Crash):
        trained(configuration, "crashed", observers=[Tell(crash)])
    crashed = RunFolder(Path("crashed"))
    state = crashed.load_state()
    assert state is not None
    assert 0 < state["done"] < STOP
    again, resumed = trained(configuration, "crashed")
    assert np.array_equal(outcome.history.loss, resumed.history.loss)
    assert outcome.error == resumed.error
    models = [load_model(folder.model).network for folder in (whole, again)]
    for p, q in zip(models[0].parameters(), models[1].parameters(), strict=True):
        assert torch.equal(p, q)
    data = configuration.generate()
    assert evaluate(models[0], data.test, mean_of_columns(data.train)) == outcome.error


def test_what_the_file_says_is_what_is_trained() -> None:
    folder, outcome = trained(configured(SEPONET), "seponet")
    model = load_model(folder.model).network
    assert isinstance(model, SepONet)
    assert isinstance(model.branch.neuron, LIF)
    assert (model.branch.rule.name, model.branch.surrogate) == ("rate", WeakGaussian(samples=10))
    start = {"threshold": 0.5, "beta": decay(20, 2)}
    for part in model.parts.values():
        learned = {name: float(value.detach()) for name, value in part.learned(0).items()}
        assert learned.keys() == start.keys()
        assert all(learned[name] != pytest.approx(start[name], rel=1e-6) for name in start), "they moved"
    assert outcome.algorithm.startswith("readouts by alternating least squares, hidden layers by layer-wise")

    folder, outcome = trained(configured(LOCAL), "local")
    model = load_model(folder.model).network
    assert isinstance(model, MLP)
    assert outcome.algorithm == "layer-wise local losses, each by surrogate gradients by backpropagation through time"

    folder, _ = trained(configured(TRIPLE), "triple")
    model = load_model(folder.model).network
    assert isinstance(model, DeepONet)
    assert isinstance(model.trunk.neuron, CubaLIF)
    assert model.trunk.neuron.strict
    with np.load(folder.path / "model.calibration.npz") as calibration:
        assert calibration["branch"].shape == (24, 5)


@FILES
def test_divergence_is_named_whatever_is_trained(text: str) -> None:
    configuration = configured(text)
    huge = read_config(Path("run.toml"), {"optimiser.learning_rate": 1e36, "optimiser.weight_decay": 0})
    assert huge.problem == configuration.problem
    with pytest.raises(TrainingDiverged, match=r"iteration \d+: the (loss|parameter|gradient|value)|a matrix of"):
        trained(huge, "diverged")
    assert not RunFolder(Path("diverged")).model.exists()
