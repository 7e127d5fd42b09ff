"""A run's configuration: defaults are the recipe's, files round-trip, every mistake is named with its key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch")

from neurokit.errors import RunError
from neurokit.gradients.backprop import Backprop
from neurokit.gradients.directions import Hadamard
from neurokit.gradients.estimator import Estimator
from neurokit.gradients.forward import ForwardGradient
from neurokit.gradients.node_perturbation import NodePerturbation
from neurokit.gradients.scopes import Global, Layerwise
from neurokit.networks import MLP, DeepONet
from neurokit.problems.poisson import Poisson
from neurokit.recipes import OperatorRecipe
from neurokit.runs.config import RunConfig, read_config

pytestmark = pytest.mark.torch


def test_an_empty_configuration_is_the_recipe() -> None:
    config, recipe = RunConfig.parse({}, "here"), OperatorRecipe()
    assert config.problem.recipe() == Poisson()
    assert config.gradient() == recipe.estimator
    optimiser = config.optimiser
    assert (optimiser.iterations, optimiser.batch_size) == (recipe.iterations, recipe.batch_size)
    assert (optimiser.learning_rate, optimiser.weight_decay) == (recipe.learning_rate, recipe.weight_decay)
    data = Poisson(sensors=5, locations=4, train=3, test=2).generate(0)
    network = config.network_for(data.train)
    assert isinstance(network, DeepONet)
    assert (network.branch.widths, network.trunk.widths) == (recipe.hidden, recipe.hidden)
    assert (network.branch.outputs, network.branch.steps) == (recipe.features, recipe.steps)
    assert network.branch.surrogate.sigma == recipe.sigma  # type: ignore[attr-defined]


floats = st.floats(min_value=1e-300, max_value=1e300)
tables = st.fixed_dictionaries(
    {},
    optional={
        "problem": st.fixed_dictionaries({"length_scale": floats, "train": st.integers(1, 10**6)}),
        "network": st.fixed_dictionaries({"hidden": st.lists(st.integers(1, 999), min_size=1, max_size=4)}),
        "estimator": st.sampled_from(
            [{"method": "backprop"}, {"directions": 3}, {"method": "rfg-global", "distribution": "hadamard"}]
        ),
        "readout": st.one_of(st.just({"by": "gradient"}), st.fixed_dictionaries({"ridge": floats})),
        "optimiser": st.fixed_dictionaries({"learning_rate": floats, "weight_decay": floats}),
        "seeds": st.fixed_dictionaries({"data": st.integers(0, 2**63 - 1)}),
        "run": st.fixed_dictionaries({"checkpoint_every": st.integers(1, 9), "tensorboard": st.booleans()}),
    },
)


@given(tables)
def test_the_effective_configuration_round_trips(tmp_path_factory: pytest.TempPathFactory, given: Any) -> None:
    path = tmp_path_factory.mktemp("config") / "config.toml"
    config = RunConfig.parse(given, "here")
    config.write(path)
    assert read_config(path, {}) == config


def test_options_lie_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text('[estimator]\nmethod = "backprop"\n[optimiser]\niterations = 7\nbatch_size = 3\n')
    config = read_config(path, {"optimiser.iterations": 9, "readout.by": "gradient"})
    assert (config.optimiser.iterations, config.optimiser.batch_size) == (9, 3)
    assert config.gradient() == Backprop()


def test_points_are_learnt_by_an_mlp() -> None:
    config = RunConfig.parse(
        {"problem": {"name": "mexican-hat", "train": 5}, "network": {"kind": "mlp"}, "readout": {"by": "gradient"}},
        "here",
    )
    assert isinstance(config.network_for(config.generate().train), MLP)


@pytest.mark.parametrize(
    ("estimator", "built"),
    [
        ({"method": "rfg-global", "directions": 3}, ForwardGradient(Global(), 3)),
        ({"distribution": "hadamard"}, ForwardGradient(Layerwise(), 16, Hadamard())),
        ({"method": "node-perturbation", "directions": 2}, NodePerturbation(2)),
        ({"method": "backprop"}, Backprop()),
    ],
)
def test_every_method_is_the_estimator_of_its_name(estimator: dict[str, Any], built: Estimator) -> None:
    assert RunConfig.parse({"estimator": estimator, "readout": {"by": "gradient"}}, "here").gradient() == built


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        (
            "[optimizer]\niterations = 3",
            "optimizer is .*; legal is only problem, network, .*'optimiser'",
        ),
        ("[estimator]\ndirection = 3", "estimator.direction is 3; legal is only method, directions.*'directions'"),
        ("[estimator]\ndirections = 0", "estimator.directions is 0; legal is greater than 0"),
        ('[estimator]\ndirections = "4"', "estimator.directions is '4'; legal is a valid integer"),
        ('[estimator]\nmethod = "magic"', "estimator.method is 'magic'; legal is 'rfg-layerwise', .*'backprop'"),
        ('[estimator]\nmethod = "backprop"\ndirections = 4', "estimator.directions is 4; legal is only method"),
        ("[optimiser]\nlearning_rate = nan", "optimiser.learning_rate is nan; legal is a finite number"),
        ('[run]\ndevice = "tpu"', "run.device is 'tpu'; legal is 'cpu' or 'cuda'"),
        ("[network]\nhidden = [32, 0]", r"network.hidden.1 is 0; legal is greater than 0"),
        ("[network]\nhidden = []", r"network.hidden is \[\]; legal is"),
        ('[problem]\nname = "mexican-hat"', "network.kind is 'deeponet'; legal is 'mlp'"),
        (
            '[problem]\nname = "mexican-hat"\n[network]\nkind = "mlp"',
            "readout.by is 'closed-form'; legal is 'gradient'",
        ),
        ("problem = 3", "problem is 3"),
        ("[problem", "run.toml is not a readable TOML file"),
    ],
)
def test_a_mistake_is_named_with_key_value_and_what_is_legal(tmp_path: Path, toml: str, says: str) -> None:
    path = tmp_path / "run.toml"
    path.write_text(toml)
    with pytest.raises(RunError, match=says):
        read_config(path, {})


def test_all_mistakes_are_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"(?s)batch_size is 0.*\n.*data is -1"):
        RunConfig.parse({"optimiser": {"batch_size": 0}, "seeds": {"data": -1}}, "here")
    with pytest.raises(RunError, match=r"nowhere\.toml is not a readable TOML file"):
        read_config(tmp_path / "nowhere.toml", {})
