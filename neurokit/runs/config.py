"""RunConfig: everything that decides what a training run computes, as a TOML file that anyone can read and repeat."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, ValidationError

from neurokit.errors import RunError, explain
from neurokit.files import write_text
from neurokit.gradients.backprop import Backprop
from neurokit.gradients.closed_form import ClosedFormReadout
from neurokit.gradients.directions import Bernoulli, Distribution, Hadamard, Normal, Orthonormal
from neurokit.gradients.estimator import Estimator
from neurokit.gradients.forward import ForwardGradient
from neurokit.gradients.node_perturbation import NodePerturbation
from neurokit.gradients.scopes import Global, Layerwise
from neurokit.networks.deeponet import DeepONet
from neurokit.networks.mlp import MLP
from neurokit.problems.antiderivative import Antiderivative
from neurokit.problems.data import OperatorData, PointData, Split
from neurokit.problems.mexican_hat import MexicanHat
from neurokit.problems.poisson import Poisson
from neurokit.problems.reaction_diffusion import ReactionDiffusion
from neurokit.recipes import OperatorRecipe
from neurokit.surrogates import Gaussian

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_RECIPE = OperatorRecipe()
assert isinstance(_RECIPE.estimator, ClosedFormReadout)
assert isinstance(_RECIPE.estimator.estimator, ForwardGradient)
_RIDGE, _DIRECTIONS = _RECIPE.estimator.ridge, _RECIPE.estimator.estimator.directions

Widths = Annotated[tuple[PositiveInt, ...], Field(strict=False, min_length=1)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
#: Numbers that have to be finite and at least zero.
Share = Annotated[float, Field(ge=0)]


class Section(BaseModel):
    """A table of the file: unknown keys, numbers in quotes, NaN and infinities are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class PoissonSection(Section):
    """`neurokit.problems.poisson.Poisson`."""

    name: Literal["poisson"] = "poisson"
    sensors: PositiveInt = Poisson.sensors
    locations: PositiveInt = Poisson.locations
    length_scale: PositiveFloat = Poisson.length_scale
    train: PositiveInt = Poisson.train
    test: PositiveInt = Poisson.test
    deviations: PositiveFloat = Poisson.deviations

    def recipe(self) -> Poisson:
        return Poisson(**self.model_dump(exclude={"name"}))


class AntiderivativeSection(Section):
    """`neurokit.problems.antiderivative.Antiderivative`, under its usual kernel."""

    name: Literal["antiderivative"]
    sensors: PositiveInt = Antiderivative.sensors
    locations: PositiveInt = Antiderivative.locations
    length_scale: PositiveFloat = Antiderivative.length_scale
    train: PositiveInt = Antiderivative.train
    test: PositiveInt = Antiderivative.test
    deviations: PositiveFloat = Antiderivative.deviations

    def recipe(self) -> Antiderivative:
        return Antiderivative(**self.model_dump(exclude={"name"}))


class ReactionDiffusionSection(Section):
    """`neurokit.problems.reaction_diffusion.ReactionDiffusion`, under its usual kernel."""

    name: Literal["reaction-diffusion"]
    diffusion: PositiveFloat = ReactionDiffusion.diffusion
    reaction: Share = ReactionDiffusion.reaction
    sensors: PositiveInt = ReactionDiffusion.sensors
    points: PositiveInt = ReactionDiffusion.points
    instants: PositiveInt = ReactionDiffusion.instants
    length_scale: PositiveFloat = ReactionDiffusion.length_scale
    train: PositiveInt = ReactionDiffusion.train
    test: PositiveInt = ReactionDiffusion.test
    deviations: PositiveFloat = ReactionDiffusion.deviations

    def recipe(self) -> ReactionDiffusion:
        return ReactionDiffusion(**self.model_dump(exclude={"name"}))


class MexicanHatSection(Section):
    """`neurokit.problems.mexican_hat.MexicanHat`, points drawn uniformly."""

    name: Literal["mexican-hat"]
    sigma: PositiveFloat = MexicanHat.sigma
    side: PositiveInt = MexicanHat.side
    train: PositiveInt = MexicanHat.train

    def recipe(self) -> MexicanHat:
        return MexicanHat(**self.model_dump(exclude={"name"}))


class DeepONetSection(Section):
    """A spiking DeepONet: widths of the hidden layers of branch and trunk, features, time steps, surrogate width."""

    kind: Literal["deeponet"] = "deeponet"
    hidden: Widths = _RECIPE.hidden
    features: PositiveInt = _RECIPE.features
    steps: PositiveInt = _RECIPE.steps
    sigma: PositiveFloat = _RECIPE.sigma


class MLPSection(Section):
    """A spiking MLP: widths of its hidden layers, time steps, surrogate width."""

    kind: Literal["mlp"]
    hidden: Widths = _RECIPE.hidden
    steps: PositiveInt = _RECIPE.steps
    sigma: PositiveFloat = _RECIPE.sigma


class ForwardSection(Section):
    """Gradients from `directions` slopes, without a backward pass.

    Randomised forward gradient, layer by layer or through all layers at once, or node perturbation.
    """

    method: Literal["rfg-layerwise", "rfg-global", "node-perturbation"] = "rfg-layerwise"
    directions: PositiveInt = _DIRECTIONS
    distribution: Literal["bernoulli", "normal", "hadamard", "orthonormal"] = "bernoulli"

    def build(self) -> Estimator:
        distributions: dict[str, Distribution] = {
            "bernoulli": Bernoulli(),
            "normal": Normal(),
            "hadamard": Hadamard(),
            "orthonormal": Orthonormal(),
        }
        distribution = distributions[self.distribution]
        if self.method == "node-perturbation":
            return NodePerturbation(self.directions, distribution)
        scope = Layerwise() if self.method == "rfg-layerwise" else Global()
        return ForwardGradient(scope, self.directions, distribution)


class BackpropSection(Section):
    """Surrogate gradients by backpropagation through time."""

    method: Literal["backprop"]

    def build(self) -> Estimator:
        return Backprop()


class ClosedFormSection(Section):
    """The readouts solved for in every step (variable projection); the estimator serves the hidden layers."""

    by: Literal["closed-form"] = "closed-form"
    ridge: PositiveFloat = _RIDGE


class GradientSection(Section):
    """The readouts are trained by the estimator, as all other layers are."""

    by: Literal["gradient"]


class OptimiserSection(Section):
    """`iterations`, `batch_size`, `learning_rate` and `weight_decay` of `neurokit.training.fit`."""

    iterations: PositiveInt = _RECIPE.iterations
    batch_size: PositiveInt = _RECIPE.batch_size
    learning_rate: PositiveFloat = _RECIPE.learning_rate
    weight_decay: Share = _RECIPE.weight_decay


class SeedsSection(Section):
    """Seeds of the data, of the network's first weights, and of batches and directions."""

    data: Seed = 0
    model: Seed = 0
    estimator: Seed = 0


class RunSection(Section):
    """Where it is computed and what is written on the way; of all this only `device` can touch a number, by rounding.

    threads            of torch in every process
    log_every          iterations between lines of metrics.jsonl
    evaluate_every     iterations between test errors, each that of the model as if the run ended there
    checkpoint_every   iterations between checkpoints; without it only time counts
    checkpoint_seconds seconds between checkpoints
    spread             what several processes (torchrun) divide among them: the directions, or the batch
    """

    device: Literal["cpu", "cuda"] = "cpu"
    threads: PositiveInt = 1
    log_every: PositiveInt = 10
    evaluate_every: PositiveInt = 200
    checkpoint_every: PositiveInt | None = None
    checkpoint_seconds: PositiveFloat = 30.0
    tensorboard: bool = False
    spread: Literal["directions", "data"] = "directions"


class RunConfig(Section):
    """The whole file; every default is that of OperatorRecipe on the Poisson problem.

    `RunConfig.parse` and `read_config` raise RunError naming every key that is wrong, its value and what is legal.
    """

    problem: Annotated[
        PoissonSection | AntiderivativeSection | ReactionDiffusionSection | MexicanHatSection,
        Field(discriminator="name"),
    ] = PoissonSection()
    network: Annotated[DeepONetSection | MLPSection, Field(discriminator="kind")] = DeepONetSection()
    estimator: Annotated[ForwardSection | BackpropSection, Field(discriminator="method")] = ForwardSection()
    readout: Annotated[ClosedFormSection | GradientSection, Field(discriminator="by")] = ClosedFormSection()
    optimiser: OptimiserSection = OptimiserSection()
    seeds: SeedsSection = SeedsSection()
    run: RunSection = RunSection()

    #: The key that says which kind of table a section is, and its default.
    KINDS: ClassVar[Mapping[str, tuple[str, str]]] = {
        "problem": ("name", "poisson"),
        "network": ("kind", "deeponet"),
        "estimator": ("method", "rfg-layerwise"),
        "readout": ("by", "closed-form"),
    }

    @classmethod
    def parse(cls, tables: Mapping[str, Any], source: str) -> RunConfig:
        """A checked configuration from plain tables; `source` names them in errors."""
        filled = dict(tables)
        for name, (key, default) in cls.KINDS.items():
            if isinstance(filled.get(name), Mapping):
                filled[name] = {key: default, **filled[name]}
        try:
            config = cls.model_validate(filled)
        except ValidationError as error:
            raise RunError("\n".join(cls._said(source, one) for one in error.errors())) from None
        config._require_agreement(source)
        return config

    @classmethod
    def _said(cls, source: str, error: Any) -> str:
        """One of pydantic's errors in our words: which key, which value, what is legal."""
        path = [str(part) for part in error["loc"]]
        tag = path.pop(1) if len(path) > 1 and path[0] in cls.KINDS else None
        context = error.get("ctx", {})
        legal = error["msg"].removeprefix("Input should be ").removeprefix("Input should ")
        remedy, shown = "write such a value", repr(error["input"])
        if error["type"] == "extra_forbidden":
            keys = cls._keys(path[:-1], tag)
            near = difflib.get_close_matches(path[-1], keys, 1)
            legal, remedy = f"only {', '.join(keys)}", f"write {near[0]!r}" if near else "take it out"
        elif error["type"] == "union_tag_invalid":
            path.append(cls.KINDS[path[0]][0])
            legal, shown = str(context["expected_tags"]), repr(context["tag"])
        return explain(f"{source}: {'.'.join(path)}", shown, legal, remedy)

    @classmethod
    def _keys(cls, path: list[str], tag: str | None) -> list[str]:
        if not path:
            return list(cls.model_fields)
        kinds: Any = cls.model_fields[path[0]].annotation
        for kind in getattr(kinds, "__args__", (kinds,)):
            tags = kind.model_fields[cls.KINDS[path[0]][0]].annotation.__args__ if tag else ()
            if tag is None or tag in tags:
                return list(kind.model_fields)
        raise AssertionError(f"{path} with tag {tag} is a table of this class")

    def _require_agreement(self, source: str) -> None:
        points, mlp = isinstance(self.problem, MexicanHatSection), isinstance(self.network, MLPSection)
        if points != mlp:
            legal = f"{'mlp' if points else 'deeponet'!r} for the problem {self.problem.name!r}"
            raise RunError(explain(f"{source}: network.kind", repr(self.network.kind), legal, "write that"))
        if mlp and isinstance(self.readout, ClosedFormSection):
            legal = "'gradient' for a network of the kind 'mlp'"
            raise RunError(explain(f"{source}: readout.by", repr(self.readout.by), legal, "write that"))

    def generate(self) -> Split[OperatorData] | Split[PointData]:
        """The data set."""
        return self.problem.recipe().generate(self.seeds.data)

    def network_for(self, data: OperatorData | PointData) -> DeepONet | MLP:
        """The untrained network, on the CPU."""
        common: dict[str, Any] = {
            "hidden": self.network.hidden,
            "steps": self.network.steps,
            "surrogate": Gaussian(self.network.sigma),
            "seed": self.seeds.model,
        }
        if isinstance(data, PointData):
            return MLP(inputs=data.x.shape[1], outputs=data.y.shape[1], **common)
        assert isinstance(self.network, DeepONetSection), "parse saw to it"
        sensors, coordinates = data.branch.shape[1], data.locations.shape[1]
        return DeepONet(sensors=sensors, coordinates=coordinates, features=self.network.features, **common)

    def gradient(self) -> Estimator:
        """The gradient estimator."""
        inner = self.estimator.build()
        return ClosedFormReadout(inner, self.readout.ridge) if isinstance(self.readout, ClosedFormSection) else inner

    def write(self, path: Path) -> None:
        """Write the effective configuration, defaults and all, as TOML; `read_config` gives it back."""
        lines = []
        for name, table in self.model_dump(exclude_none=True).items():
            lines += [f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in table.items()), ""]
        write_text(path, "\n".join(lines))


def read_config(path: Path | None, overrides: Mapping[str, Any]) -> RunConfig:
    """The configuration in the file at `path`, or of defaults alone, with values by dotted key put over it.

    Raises RunError when the file is not TOML, or as `RunConfig.parse` does.
    """
    tables: dict[str, Any] = {}
    if path is not None:
        try:
            tables = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise RunError(f"{path} is not a readable TOML file: {error}") from None
    for key, value in overrides.items():
        name, _, field = key.partition(".")
        table = tables.setdefault(name, {})
        if isinstance(table, dict):
            table[field] = value
    return RunConfig.parse(tables, str(path) if path is not None else "options")


def _toml(value: object) -> str:
    """A value of a configuration in TOML; its strings are words of ours, which need no escapes."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(v) for v in value)}]"
    return repr(value)
