"""RunConfig: everything that decides what a training run computes, as a TOML file that anyone can read and repeat."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from torch import nn

from neurokit.data.data import Data, Split
from neurokit.data.data_files import DataFiles
from neurokit.data.grid_data import GridData
from neurokit.data.mexican_hat import MexicanHat
from neurokit.data.poisson import Poisson
from neurokit.data.recipe_checks import require_above_zero, require_least
from neurokit.errors import OutOfRange, RunError, explain
from neurokit.gradients.estimator import Estimator
from neurokit.gradients.local_loss import LocalLoss, LocalReadouts
from neurokit.networks.model_file import Model
from neurokit.neurons.surrogates import Gaussian
from neurokit.system.atomic import write_text
from neurokit.system.toml_files import read_toml, value_of
from neurokit.training.loop import Settings
from neurokit.training.recipes import OperatorRecipe
from neurokit.training.runs import estimators, networks, problems
from neurokit.training.runs.estimators import READOUTS, LayerwiseForward, Method, ReadoutBy, SolvedReadout, SweptReadout
from neurokit.training.runs.networks import (
    NETWORKS,
    AnySurrogate,
    DeepONetLayers,
    IFTable,
    MLPLayers,
    Network,
    NeuronKind,
    SepONetLayers,
)
from neurokit.training.runs.problems import PROBLEMS, Problem
from neurokit.training.runs.tables import Reader, Vocabularies, Vocabulary, keys, plain, toml

_RECIPE = OperatorRecipe()
_SURROGATE = Gaussian(_RECIPE.sigma)
#: What may stand where the type of a field leaves a choice.
VOCABULARIES: Vocabularies = {**problems.VOCABULARIES, **networks.VOCABULARIES, **estimators.VOCABULARIES}


@dataclass(frozen=True)
class Optimiser:
    """How long and how fast to train, in the terms of `neurokit.training.loop.fit`.

    iterations     how many
    batch_size     samples in the batch of each
    learning_rate  at its highest
    weight_decay   shrinkage of weights per unit of learning rate
    normalize      whether inputs and answers are centred and scaled while the network learns, which keeps their units
                   beside its layers; if not said, true for npz and false for all other problems, where both are of
                   about one
    """

    iterations: int = _RECIPE.iterations
    batch_size: int = _RECIPE.batch_size
    learning_rate: float = _RECIPE.learning_rate
    weight_decay: float = _RECIPE.weight_decay
    normalize: bool | None = None

    def __post_init__(self) -> None:
        self.settings(seed=0)

    def settings(self, seed: int) -> Settings:
        """These numbers for `fit`; raises OutOfRange for numbers that cannot train."""
        return Settings(self.iterations, self.batch_size, self.learning_rate, self.weight_decay, seed)


@dataclass(frozen=True)
class Seeds:
    """Where randomness starts.

    data       of the samples; files have nothing to draw
    model      of the network's first weights
    estimator  of batches and directions
    """

    data: int = 0
    model: int = 0
    estimator: int = 0

    def __post_init__(self) -> None:
        for name, seed in vars(self).items():
            if not 0 <= seed < 2**63:
                raise OutOfRange(explain(f"seeds.{name}", seed, "0..2**63 - 1", "choose such a number"))


@dataclass(frozen=True)
class Run:
    """Where it is computed and what is written on the way; of all this only `device` can touch a number, by rounding.

    device              where tensors live
    threads             of torch in every process
    log_every           iterations between lines of metrics.jsonl
    evaluate_every      iterations between test errors, each that of the model as if the run ended there
    checkpoint_every    iterations between checkpoints; without it only time counts
    checkpoint_seconds  seconds between checkpoints
    tensorboard         whether to log for TensorBoard too
    target              refuse what it could never run: reference, twin, lava, lava-softif, lava-fused, a chip or board;
                        `neurokit train` asks it, and `train_run` is given its answer as `admit`
    spread              what several processes (torchrun) divide among them: the directions, or the batch
    """

    device: Literal["cpu", "cuda"] = "cpu"
    threads: int = 1
    log_every: int = 10
    evaluate_every: int = 200
    checkpoint_every: int | None = None
    checkpoint_seconds: float = 30.0
    tensorboard: bool = False
    target: str | None = None
    spread: Literal["directions", "data"] = "directions"

    def __post_init__(self) -> None:
        require_least(self, threads=1, log_every=1, evaluate_every=1)
        if self.checkpoint_every is not None:
            require_least(self, checkpoint_every=1)
        require_above_zero(self, "checkpoint_seconds")


@dataclass(frozen=True)
class RunConfig:
    """The whole file; what is not said is OperatorRecipe on the Poisson problem.

    The kind of network that is not said depends on the problem: an mlp for mexican-hat, a seponet for
    reaction-diffusion and heat, a deeponet for all others. Readouts then are solved for where the network has a way
    to: closed form for a deeponet, alternating for a seponet, by the gradient for an mlp and for aligned samples.

    `RunConfig.parse` and `read_config` raise RunError naming every key that is wrong, its value and what is legal.
    `parse` opens no file: it takes samples for aligned only where `problem.layout` says so; `read_config` looks into
    files whose layout is not said, and writes down what it found.
    """

    problem: Problem = field(default_factory=Poisson)
    network: Network = field(default_factory=DeepONetLayers)
    neuron: NeuronKind = field(default_factory=IFTable)
    surrogate: AnySurrogate = _SURROGATE
    estimator: Method = field(default_factory=LayerwiseForward)
    readout: ReadoutBy = field(default_factory=SolvedReadout)
    optimiser: Optimiser = field(default_factory=Optimiser)
    seeds: Seeds = field(default_factory=Seeds)
    run: Run = field(default_factory=Run)

    @classmethod
    def parse(cls, tables: Mapping[str, Any], source: str) -> RunConfig:
        """A checked configuration from plain tables; `source` names them in errors."""
        filled = {name: dict(table) if isinstance(table, Mapping) else table for name, table in tables.items()}
        _fitting(filled)
        config: RunConfig = Reader(VOCABULARIES, source).read(cls, filled, lambda read: read._disagreements(source))
        return config

    def word(self, section: str) -> str:
        """The word that says which kind of table a section is."""
        (hint,) = (key.hint for key in keys(type(self)) if key.name == section)
        return VOCABULARIES[hint].word(getattr(self, section))

    def _disagreements(self, source: str) -> Iterator[str]:
        """What is wrong with sections that are right by themselves."""
        points, mlp = isinstance(self.problem, MexicanHat), isinstance(self.network, MLPLayers)
        if points != mlp:
            legal = f"{'mlp' if points else 'deeponet or seponet'} for the problem {self.word('problem')}"
            yield explain(f"{source}: network.kind", repr(self.word("network")), legal, "write that")
        aligned = isinstance(self.problem, DataFiles) and self.problem.layout == "triple"
        solvable = isinstance(self.network, DeepONetLayers) and not aligned
        solved, swept = isinstance(self.readout, SolvedReadout), isinstance(self.readout, SweptReadout)
        if (solved and not solvable) or (swept and mlp):
            legal = "'gradient'" if mlp else "'gradient' or 'alternating'"
            where = "aligned samples" if aligned else f"the kind of network {self.word('network')!r}"
            yield explain(f"{source}: readout.by", repr(self.word("readout")), f"{legal} for {where}", "write one")

    def generate(self) -> Split[Any]:
        """The data set; grids as separable networks read them, axis by axis, for one of these."""
        split: Split[Any] = self.problem.generate(self.seeds.data)
        separable = isinstance(self.network, SepONetLayers) and bool(getattr(split.train, "axes", ()))
        return Split(GridData.of(split.train), GridData.of(split.test)) if separable else split

    def network_for(self, data: Data) -> Model:
        """The untrained network, on the CPU."""
        parts = {
            "neuron": self.neuron.build(),
            "readout": self.readout.rule,
            "surrogate": self.surrogate,
            "seed": self.seeds.model,
        }
        return self.network.build(data, parts, normalize=self.normalizes)

    @property
    def normalizes(self) -> bool:
        """Whether inputs and answers are normalised: as it is said, else for a user's own data alone."""
        said = self.optimiser.normalize
        return isinstance(self.problem, DataFiles) if said is None else said

    def gradient(self) -> Estimator:
        """The gradient estimator of the network that `learner` makes."""
        whole = self.readout.around(self.estimator.build())
        return LocalLoss(whole) if self.estimator.local else whole

    def learner(self, network: Model) -> nn.Module:
        """`network` as it is trained: itself, or with a local readout for every hidden layer."""
        return LocalReadouts(network, seed=self.seeds.model) if self.estimator.local else network

    def write(self, path: Path) -> None:
        """Write the effective configuration, defaults and all, as TOML; `read_config` gives it back."""
        lines = []
        for name, table in plain(self, VOCABULARIES).items():
            lines += [f"[{name}]", *(f"{key} = {toml(value)}" for key, value in table.items()), ""]
        write_text(path, "\n".join(lines))


def read_config(path: Path | None, overrides: Mapping[str, Any]) -> RunConfig:
    """The configuration in the file at `path`, or of defaults alone, with values by dotted key put over it.

    Relative paths start at the working directory. Where `problem.layout` of data files is not said, it is the one found
    in them: the readouts that suit depend on it. Raises RunError when the file is not TOML, or as `RunConfig.parse`
    does, and then what `DataFiles.generate` raises.
    """
    tables, source = read_tables(path, overrides), str(path) if path is not None else "options"
    config = RunConfig.parse(tables, source)
    if isinstance(config.problem, DataFiles) and config.problem.layout is None:
        tables["problem"]["layout"] = config.problem.found_layout()
        config = RunConfig.parse(tables, source)
    return config


def read_tables(path: Path | None, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The tables of `read_config` as they are said, unchecked. Raises RunError where there are none to put a key in."""
    tables: dict[str, Any] = {}
    if path is not None:
        try:
            tables = read_toml(path)
        except (OSError, ValueError) as error:
            raise RunError(f"{path} is not a readable TOML file: {error}") from None
    for key, value in overrides.items():
        *sections, field = key.split(".")
        table = tables
        for depth, name in enumerate(sections):
            below = table.setdefault(name, {})
            if not isinstance(below, dict):
                said = ".".join(sections[: depth + 1])
                raise RunError(explain(said, repr(below), f"a table, to put {key} in", f"write {said} as a table"))
            table = below
        table[field] = value
    return tables


def option(text: str) -> tuple[str, Any]:
    """`key=value` as the dotted key and its value: in TOML's notation, or a word as it is. Raises RunError."""
    key, equals, value = text.partition("=")
    if not equals or "." not in key:
        raise RunError(explain("--set", repr(text), "section.key=value, such as neuron.kind=lif", "write it so"))
    return key.strip(), value_of(value)


def _fitting(tables: dict[str, Any]) -> None:
    """Fill in the kinds of network and readout, and the normalisation, that suit the problem, where none are said."""

    def word(section: str, vocabulary: Vocabulary, default: str) -> Any:
        table = tables.setdefault(section, {})
        return table.setdefault(vocabulary.key, default) if isinstance(table, dict) else None

    problem = word("problem", PROBLEMS, "poisson")
    network = word(
        "network",
        NETWORKS,
        {"mexican-hat": "mlp", "reaction-diffusion": "seponet", "heat": "seponet"}.get(problem, "deeponet"),
    )
    aligned = isinstance(tables["problem"], dict) and tables["problem"].get("layout") == "triple"
    optimiser = tables.setdefault("optimiser", {})
    if isinstance(optimiser, dict):
        optimiser.setdefault("normalize", problem == "npz")
    solved = {"mlp": "gradient", "seponet": "alternating"}.get(network, "closed-form")
    word("readout", READOUTS, "gradient" if aligned else solved)
