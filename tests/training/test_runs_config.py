"""A run's configuration: defaults are the recipe's, files round-trip, every mistake is named with its key."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from places import ROOT
from typer.testing import CliRunner

pytest.importorskip("torch")

import torch

from neurokit.cli.app import app
from neurokit.data.burgers import Burgers, SpaceTime
from neurokit.data.data import OperatorData, Split, TripleData
from neurokit.data.data_files import DataFiles
from neurokit.data.kernels import Matern32, PeriodicRBF
from neurokit.data.mexican_hat import MexicanHat, OnGrid
from neurokit.data.poisson import Poisson
from neurokit.data.user_data import read_split, write_data
from neurokit.errors import GraphError, OutOfRange, RunError
from neurokit.gradients.alternating import AlternatingReadout
from neurokit.gradients.backprop import Backprop
from neurokit.gradients.directions import Hadamard
from neurokit.gradients.estimator import Estimator
from neurokit.gradients.forward import ForwardGradient
from neurokit.gradients.node_perturbation import NodePerturbation
from neurokit.gradients.scopes import Global, Layerwise
from neurokit.networks import MLP, DeepONet, SepONet
from neurokit.neurons.models import IF, LIF, CubaLIF, Neuron, Subtract, ToZero, decay
from neurokit.neurons.parameters import Trainable
from neurokit.neurons.readouts import MemMean, Rate
from neurokit.neurons.surrogates import ArcTan, WeakGaussian
from neurokit.system.toml_files import tomllib
from neurokit.training.recipes import OperatorRecipe
from neurokit.training.runs.config import VOCABULARIES, RunConfig, option, read_config
from neurokit.training.runs.networks import CubaLIFTable
from neurokit.training.runs.reference import markdown as reference_markdown
from neurokit.training.runs.reference import tables as reference_tables

pytestmark = pytest.mark.torch


def test_an_empty_configuration_is_the_recipe() -> None:
    config, recipe = RunConfig.parse({}, "here"), OperatorRecipe()
    assert config.problem == Poisson()
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
#: Anything that a file system might take, quotes and backslashes among it.
paths = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
tables = st.fixed_dictionaries(
    {},
    optional={
        "problem": st.one_of(
            st.fixed_dictionaries({"length_scale": floats, "train": st.integers(1, 10**6)}),
            st.fixed_dictionaries(
                {"kernel": st.sampled_from(["rbf", "matern52", {"name": "periodic-rbf", "period": 2}])}
            ),
            # Files whose layout is not said are opened to find it.
            st.fixed_dictionaries(
                {"name": st.just("npz"), "train": st.text(min_size=1, alphabet=paths), "layout": st.just("cartesian")}
            ),
            st.just({"name": "npz", "train": "a", "layout": "triple", "branch": [0, 1], "trunk": [[0, 1], [2, 2.5]]}),
            st.just({"name": "burgers", "output": {"name": "space-time", "instants": 4}, "viscosity": 1}),
        ),
        "neuron": st.sampled_from(
            [{"kind": "lif", "beta": 0.5}, {"kind": "cuba-lif", "tau_syn": 3, "dt": 1, "trainable": ["alpha"]}]
        ),
        "surrogate": st.sampled_from([{"kind": "weak-gaussian", "samples": 99}, {"kind": "triangle"}, {"sigma": 2}]),
        "network": st.fixed_dictionaries(
            {
                "branch": st.just({"low": 0.5, "high": 1}),
                "hidden": st.lists(st.integers(1, 999), min_size=1, max_size=4),
            }
        ),
        "estimator": st.sampled_from(
            [{"method": "backprop"}, {"directions": 3}, {"method": "rfg-global", "distribution": "hadamard"}]
        ),
        "readout": st.one_of(
            st.just({"by": "gradient", "rule": "rate"}),
            st.just({"by": "alternating", "final_sweeps": 3}),
            st.fixed_dictionaries({"ridge": floats}),
        ),
        "optimiser": st.fixed_dictionaries({"learning_rate": floats, "weight_decay": st.just(0)}),
        "seeds": st.fixed_dictionaries({"data": st.integers(0, 2**63 - 1)}),
        "run": st.fixed_dictionaries({"checkpoint_every": st.integers(1, 9), "tensorboard": st.booleans()}),
    },
)


@settings(max_examples=40)
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


def parsed(**tables: Any) -> RunConfig:
    return RunConfig.parse(tables, "here")


@pytest.mark.parametrize(
    ("problem", "network", "readout"),
    [
        ({"name": "mexican-hat"}, "mlp", "gradient"),
        ({"name": "reaction-diffusion"}, "seponet", "alternating"),
        ({"name": "heat", "dimensions": 2, "sensors": 8}, "seponet", "alternating"),
        ({"name": "burgers"}, "deeponet", "closed-form"),
        ({"name": "npz", "train": "data.npz"}, "deeponet", "closed-form"),
        ({"name": "npz", "train": "data.npz", "layout": "triple"}, "deeponet", "gradient"),
    ],
)
def test_kinds_that_are_not_said_suit_the_problem(problem: dict[str, Any], network: str, readout: str) -> None:
    config = parsed(problem=problem, network={"steps": 9})
    assert (config.word("network"), config.word("readout"), config.network.steps) == (network, readout, 9)


def test_choices_inside_a_problem_are_words_or_tables() -> None:
    assert parsed(problem={"kernel": "matern32"}).problem == Poisson(kernel=Matern32())
    output = {"name": "space-time", "instants": 7}
    assert parsed(problem={"name": "burgers", "output": output}).problem == Burgers(output=SpaceTime(7))
    assert parsed(problem={"name": "burgers", "kernel": {"period": 1}}).problem == Burgers(kernel=PeriodicRBF())
    assert parsed(problem={"name": "mexican-hat", "sampling": "on-grid"}).problem == MexicanHat(sampling=OnGrid())


@pytest.mark.parametrize(
    ("table", "built"),
    [
        ({}, IF()),
        ({"threshold": 2, "reset": "zero", "attached": False, "strict": True}, IF(2.0, ToZero(False), True)),
        ({"trainable": ["threshold"]}, IF(Trainable(1.0))),
        ({"kind": "lif"}, LIF()),
        ({"kind": "lif", "tau_mem": 20, "dt": 1}, LIF(beta=decay(20, 1))),
        ({"kind": "lif", "trainable": ["beta", "threshold"]}, LIF(threshold=Trainable(1.0), beta=Trainable(0.9))),
        ({"kind": "cuba-lif", "alpha": 0, "beta": 1}, CubaLIF(alpha=0.0, beta=1.0)),
        (
            {"kind": "cuba-lif", "tau_syn": 5, "beta": 0.7, "dt": 2, "trainable": ["alpha"], "attached": False},
            CubaLIF(reset=Subtract(False), alpha=Trainable(decay(5, 2)), beta=0.7),
        ),
    ],
)
def test_every_neuron_is_a_table(table: dict[str, Any], built: Neuron) -> None:
    config = parsed(neuron=table, problem={"train": 2, "test": 1, "sensors": 3, "locations": 3})
    assert config.neuron.build() == built
    network = config.network_for(config.generate().train)
    assert isinstance(network, DeepONet)
    assert network.trunk.neuron == built


def test_every_surrogate_and_readout_rule_reaches_the_network() -> None:
    small = {"problem": {"name": "mexican-hat", "train": 5, "side": 3}}
    config = parsed(**small, surrogate={"kind": "weak-gaussian", "samples": 12}, readout={"rule": "rate"})
    network = config.network_for(config.generate().train)
    assert isinstance(network, MLP)
    assert (network.surrogate, network.rule) == (WeakGaussian(samples=12), Rate())
    config = parsed(**small, surrogate={"kind": "arctan"})
    network = config.network_for(config.generate().train)
    assert isinstance(network, MLP)
    assert (network.surrogate, network.rule) == (ArcTan(), MemMean())


def test_a_seponet_has_a_trunk_for_every_coordinate() -> None:
    problem = {
        "name": "burgers",
        "output": {"name": "space-time", "instants": 3},
        "train": 2,
        "test": 1,
        "viscosity": 1,
    }
    config = parsed(problem=problem, network={"kind": "seponet", "rank": 5, "hidden": [4, 3]})
    network = config.network_for(config.generate().train)
    assert isinstance(network, SepONet)
    assert (len(network.trunks), network.branch.outputs, network.branch.widths) == (2, 5, (4, 3))
    assert config.gradient() == AlternatingReadout(ForwardGradient(Layerwise(), 16))


def written(folder: Path) -> Split[OperatorData]:
    """A split in poisson.npz, and some of its answers, aligned, in triple.npz."""
    split = Poisson(sensors=5, locations=4, train=3, test=2).generate(0)
    write_data(split, folder / "poisson.npz")
    rows = TripleData(split.train.branch, split.train.locations[1:], split.train.targets[:, 1:2], split.train.domain)
    write_data(Split(rows, rows), folder / "triple.npz")
    return split


def test_files_of_ones_own_are_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths start at the working directory, and are absolute in the effective configuration."""
    split = written(tmp_path)
    monkeypatch.chdir(tmp_path)
    config = parsed(problem={"name": "npz", "train": "poisson.npz", "layout": "cartesian"})
    config.write(tmp_path / "config.toml")
    aligned = parsed(problem={"name": "npz", "train": "triple.npz", "test": "triple.npz", "layout": "triple"})
    monkeypatch.chdir("/")
    data = read_config(tmp_path / "config.toml", {}).generate().train
    assert isinstance(data, OperatorData)
    assert (data.targets == split.train.targets).all()
    assert isinstance(aligned.generate().train, TripleData)
    assert isinstance(aligned.network_for(aligned.generate().train), DeepONet)


@pytest.mark.parametrize("network", ["deeponet", "seponet"])
def test_readouts_that_are_not_said_suit_the_layout_found_in_the_file(tmp_path: Path, network: str) -> None:
    """What was found stands in the effective configuration, which needs no look into the file again."""
    written(tmp_path)
    solved = {"deeponet": "closed-form", "seponet": "alternating"}[network]
    for file, layout, readout in (("poisson", "cartesian", solved), ("triple", "triple", "gradient")):
        path = tmp_path / f"{file}.npz"
        said = {"problem.name": "npz", "problem.train": str(path), "network.kind": network}
        config = read_config(None, said)
        assert isinstance(config.problem, DataFiles)
        assert (config.problem.layout, config.word("readout")) == (layout, readout)
        config.write(tmp_path / "config.toml")
        path.unlink()
        assert read_config(tmp_path / "config.toml", {}) == config
        with pytest.raises(GraphError, match=f"{file}.npz is not a readable"):
            read_config(None, said)


def test_readouts_that_aligned_samples_cannot_have_are_refused_with_the_configuration(tmp_path: Path) -> None:
    written(tmp_path)
    path = tmp_path / "triple.npz"
    with pytest.raises(RunError, match=r"readout.by is 'closed-form'; legal is .* for aligned samples"):
        read_config(None, {"problem.name": "npz", "problem.train": str(path), "readout.by": "closed-form"})


def test_currents_start_where_the_file_says() -> None:
    start = {"low": 0.15, "high": 0.15}
    small = {"name": "poisson", "sensors": 5, "locations": 9, "train": 6, "test": 2}
    for network in ({"kind": "deeponet"}, {"kind": "seponet"}):
        config = parsed(problem=small, network={**network, "hidden": [7], "trunk": start})
        data = config.generate().train
        model = config.network_for(data)
        assert not isinstance(model, MLP)
        branch, trunk = model.parts.values()
        current = trunk.hidden[0](torch.tensor(data.locations, dtype=torch.float32)).detach().numpy()
        np.testing.assert_allclose(current.mean(0), 0.5, atol=1e-5)
        np.testing.assert_allclose(current.std(0), 0.15, rtol=0.1)  # with one degree of freedom less, or not
        plain = parsed(problem=small, network={**network, "hidden": [7]}).network_for(data)
        assert not isinstance(plain, MLP)
        assert torch.equal(branch.hidden[0].weight, plain.branch.hidden[0].weight)
    with pytest.raises(RunError, match=r"network.trunk: CurrentSpread: low, high is \(2.0, 1.0\)"):
        parsed(network={"trunk": {"low": 2, "high": 1}})
    with pytest.raises(RunError, match=r"network.trunk.high is not given; legal is a finite number"):
        parsed(network={"trunk": {"low": 2}})


def test_options_are_values_of_toml_or_words() -> None:
    assert option("neuron.kind=lif") == ("neuron.kind", "lif")
    assert option("neuron.beta = 0.25") == ("neuron.beta", 0.25)
    assert option("network.hidden=[4, 3]") == ("network.hidden", [4, 3])
    assert option("neuron.strict=true") == ("neuron.strict", True)
    assert option("problem.kernel.period=2") == ("problem.kernel.period", 2)
    for wrong in ("neuron.kind", "kind=lif"):
        with pytest.raises(RunError, match=r"--set is .*; legal is section\.key=value"):
            option(wrong)
    with pytest.raises(RunError, match=r"problem.kernel is 'rbf'; legal is a table, to put problem.kernel.period in"):
        read_config(None, {"problem.kernel": "rbf", "problem.kernel.period": 2})


@pytest.mark.checkout
def test_the_document_holds_the_keys_of_the_code_and_examples_that_parse() -> None:
    text = (ROOT / "docs" / "training.md").read_text()
    assert text.endswith(reference_markdown())
    (example,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    assert parsed(**tomllib.loads(example)).word("problem") == "npz"
    for line in re.findall(r"^neurokit train (.*?)(?: +#.*)?$", text, re.MULTILINE):
        done = CliRunner().invoke(app, ["train", "--help", *line.split()])
        assert done.exit_code == 0, done.output


def test_every_key_and_every_choice_is_explained() -> None:
    told = {table.title: {row.key: row.meaning for row in table.rows} for table in reference_tables()}
    for title, rows in told.items():
        assert all(rows.values()), f"{title} has keys without a meaning: {rows}"
    words = [word for vocabulary in VOCABULARIES.values() for word in vocabulary.kinds]
    titles = "\n".join(told)
    assert all(f'"{word}"' in titles for word in words)
    assert told['[neuron] kind = "cuba-lif"'].keys() == vars(CubaLIFTable()).keys() & {"alpha", "tau_syn"}


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
        ("[estimator]\ndirection = 3", "estimator.direction is 3; legal is only method, .*'directions'"),
        ("[estimator]\ndirections = 0", "estimator: .*directions is 0; legal is at least 1"),
        ('[estimator]\ndirections = "4"', "estimator.directions is '4'; legal is a whole number"),
        ("[estimator]\ndirections = true", "estimator.directions is True; legal is a whole number"),
        ("[estimator]\ndirections = 4.0", "estimator.directions is 4.0; legal is a whole number"),
        ('[estimator]\nmethod = "magic"', "estimator.method is 'magic'; legal is 'rfg-layerwise', .*'backprop'"),
        ('[estimator]\nmethod = "backprop"\ndirections = 4', "estimator.directions is 4; legal is only method"),
        ("[optimiser]\nlearning_rate = nan", "optimiser.learning_rate is nan; legal is a finite number"),
        ("[optimiser]\nlearning_rate = 0", "learning_rate is 0.0; legal is finite and > 0"),
        ('[run]\ndevice = "tpu"', "run.device is 'tpu'; legal is 'cpu', 'cuda'"),
        ("[run]\nlog_every = 0", "run: Run.log_every is 0; legal is at least 1"),
        ("[network]\nhidden = [32, 0]", r"network: hidden\[1\] is 0; legal is an integer >= 1"),
        ("[network]\nhidden = []", r"network: the number of hidden layers is 0; legal is an integer >= 1"),
        ("[network]\nhidden = 3", r"network.hidden is 3; legal is a list, each of a whole number"),
        ('[network]\nkind = "mlp"\nfeatures = 3', "network.features is 3; legal is only kind, hidden, steps"),
        ('[neuron]\nkind = "lif"\nbeta = 1.5', r"neuron: LIF.beta is 1.5; legal is 0..1"),
        ('[neuron]\nkind = "lif"\nbeta = 0.5\ntau_mem = 2', r"neuron: \(beta, tau_mem\) is .*one of the two"),
        ('[neuron]\nkind = "lif"\ntau_mem = 2', "neuron: dt is None; legal is the length of a step"),
        ('[neuron]\nkind = "lif"\ndt = 2', "neuron: dt is 2.0; legal is nothing without a time constant"),
        ('[neuron]\ntrainable = ["beta"]', r"neuron: trainable is \['beta'\]; legal is some of threshold"),
        ('[neuron]\nreset = "half"', "neuron.reset is 'half'; legal is 'subtract', 'zero'"),
        ("[neuron]\nthreshold = -1", "neuron: IF.threshold is -1.0; legal is a finite number > 0"),
        ("[surrogate]\nsamples = 3", "surrogate.samples is 3; legal is only kind, sigma"),
        ('[problem]\nkernel = "rbff"', "problem.kernel.name is 'rbff'.*write 'rbf'"),
        ('[problem]\nkernel = { name = "rbf", period = 1 }', "problem.kernel.period is 1; legal is only name"),
        ('[problem]\nname = "burgers"\nkernel = "rbf"', "problem: Burgers.kernel is .*; legal is a kernel of period 1"),
        ('[problem]\nname = "npz"', "problem.train is not given; legal is a path"),
        ('[problem]\nname = "npz"\ntrain = "a.npz"\nbranch = [0, 1]', "problem: .* legal is two ranges, or none"),
        ('[problem]\nname = "npz"\ntrain = "a.npz"\nbranch = [0]', r"problem.branch is \[0\]; legal is a list of 2"),
        (
            '[problem]\nname = "npz"\ntrain = "a.npz"\nbranch = [[0, 1], [2]]',
            r"problem.branch is \[\[0, 1\], \[2\]\]; legal is a list of 2, each a finite number, "
            "or a list, each of a list of 2, each a finite number",
        ),
        (
            '[problem]\nname = "npz"\ntrain = "a.npz"\nbranch = [0, 1]\ntrunk = [[0, 1], [3, 2]]',
            r"problem: DataFiles.trunk\[1\] is \(3.0, 2.0\); legal is low <= high",
        ),
        (
            '[problem]\nname = "npz"\ntrain = "a.npz"\nbranch = [1, 0]\ntrunk = [0, 1]',
            "DataFiles.branch is .* low < high",
        ),
        (
            '[problem]\nname = "npz"\ntrain = "a.npz"\nbranch = [0, 1]\ntrunk = [[1, 1], [2, 2]]',
            "problem: DataFiles.trunk is .*; legal is a pair for every column, low < high in at least one",
        ),
        ('[problem]\nname = "npz"\ntrain = "a.npz"\nbranch = []\ntrunk = [0, 1]', "problem: DataFiles.branch is empty"),
        ('[network]\nkind = "seponet"\n[readout]\nby = "closed-form"', "readout.by is 'closed-form'; .*'alternating'"),
        (
            '[problem]\nname = "npz"\ntrain = "a.npz"\nlayout = "triple"\n[readout]\nby = "closed-form"',
            "readout.by is 'closed-form'; legal is 'gradient' or 'alternating' for aligned samples",
        ),
        ('[problem]\nname = "mexican-hat"\n[network]\nkind = "deeponet"', "network.kind is 'deeponet'; legal is mlp"),
        ('[network]\nkind = "mlp"', "network.kind is 'mlp'; legal is deeponet or seponet"),
        (
            '[problem]\nname = "mexican-hat"\n[readout]\nby = "closed-form"',
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


def test_a_run_declares_a_range_for_every_column(tmp_path: Path) -> None:
    """As Python and files do: here a coordinate of 0..1 beside one in milliseconds."""
    one = {"X_branch": np.eye(4), "X_trunk": np.array([[0.0, 0.0], [1.0, 3.6e6], [0.5, 9.0]]), "y": np.ones((4, 3))}
    path = tmp_path / "own.npz"
    np.savez(path, **{f"{name}_{part}": array for name, array in one.items() for part in ("train", "test")})
    problem = {"name": "npz", "train": str(path), "branch": [-9, 9], "trunk": [[0, 1], [0.0, 3.6e6]]}
    told = RunConfig.parse({"problem": problem}, "here").generate()
    said = read_split(path, domain={"branch": (-9, 9), "trunk": ([0, 0], [1, 3.6e6])})
    for data in (told.train, told.test, said.train):
        assert data.domain["branch"] == (-9, 9)
        np.testing.assert_array_equal(np.stack(np.broadcast_arrays(*data.domain["trunk"])), [[0, 0], [1, 3.6e6]])
    key, value = option("problem.trunk=[[0, 1], [0.0, 3.6e6]]")
    assert read_config(None, {"problem": problem, key: value}).generate().train.domain["trunk"][1][1] == 3.6e6
    problem["trunk"] = [[0, 1], [0.0, 1e3]]
    with pytest.raises(OutOfRange, match=r"legal is 0..1000, the declared range in column 1"):
        RunConfig.parse({"problem": problem}, "here").generate()
    problem["trunk"] = [[0, 1], [0.0, 3.6e6], [0, 1]]
    number = r"the declared range of .*'X_trunk_train' is of shape \(3,\); legal is .* all columns, or 2 of both"
    with pytest.raises(GraphError, match=number):
        RunConfig.parse({"problem": problem}, "here").generate()


def test_all_mistakes_are_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"(?s)batch_size is 0.*\n.*data is -1"):
        RunConfig.parse({"optimiser": {"batch_size": 0}, "seeds": {"data": -1}}, "here")
    # A key that nobody knows hides nothing: neither a number out of range beside it, nor sections that disagree.
    with pytest.raises(RunError) as raised:
        RunConfig.parse(
            {
                "optimiser": {"batch_size": 0, "bach_size": 3},
                "network": {"kind": "mlp", "stps": 4},
                "estimator": {"method": "backpropp", "directions": 2},
                "nonsense": {},
            },
            "here",
        )
    found = str(raised.value).splitlines()
    named = ["batch_size is 0", "bach_size is 3", "stps is 4", "estimator.method is 'backpropp'", "nonsense is {}"]
    named += ["estimator.directions is 2"]  # as if it were the word that comes nearest
    assert all(any(words in line for line in found) for words in named), found
    assert len(found) == len(named)
    with pytest.raises(RunError, match=r"(?s)stps is 4.*\n.*network\.kind is 'mlp'"):
        RunConfig.parse({"network": {"kind": "mlp", "stps": 4}}, "here")
    with pytest.raises(RunError, match=r"nowhere\.toml is not a readable TOML file"):
        read_config(tmp_path / "nowhere.toml", {})
