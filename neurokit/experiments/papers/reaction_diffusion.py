"""Rows of the nonlinear reaction-diffusion equation: SepONet on a grid of 100 x 100.

What they rest on is in docs/decisions/0006-reaction-diffusion.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from neurokit.data.data import Data, OperatorData, Split
from neurokit.data.grid_data import GridData
from neurokit.data.reaction_diffusion import ReactionDiffusion
from neurokit.errors import GraphError, explain
from neurokit.experiments.papers.row import AtMost, Row, TimesRow
from neurokit.experiments.papers.trial import Metric
from neurokit.gradients.alternating import AlternatingReadout
from neurokit.gradients.backprop import Backprop
from neurokit.gradients.directions import Hadamard
from neurokit.gradients.forward import ForwardGradient
from neurokit.gradients.no_training import NoTraining
from neurokit.gradients.scopes import Layerwise
from neurokit.networks.currents import CurrentSpread, spread_parts
from neurokit.networks.seponet import SepONet
from neurokit.neurons.surrogates import Gaussian
from neurokit.training.loop import Settings


@dataclass(frozen=True)
class OnAxes:
    """A problem on a grid, its data presented axis by axis."""

    problem: ReactionDiffusion

    def generate(self, seed: int = 0) -> Split[OperatorData]:
        """The problem's data as GridData."""
        split = self.problem.generate(seed)
        return Split(train=GridData.of(split.train), test=GridData.of(split.test))


@dataclass(frozen=True)
class SepONetShape:
    """A SepONet for GridData: widths, rank, time steps, and where the currents of branch and trunks start.

    Without spreads the layers start as torch draws them, uniform in +-1/sqrt(fan_in).
    """

    hidden: tuple[int, ...] = (64,)
    rank: int = 16
    steps: int = 32
    surrogate: Gaussian = Gaussian()  # noqa: RUF009 (frozen)
    branch: CurrentSpread | None = CurrentSpread(0.15, 0.15)  # noqa: RUF009 (frozen)
    trunks: CurrentSpread | None = CurrentSpread(0.3, 1.2, scatter=1)  # noqa: RUF009 (frozen)

    def build(self, data: Data, seed: int) -> SepONet:
        """The network for `data`, its currents spread by the inputs in it. Raises GraphError for other data."""
        if not isinstance(data, GridData):
            raise GraphError(
                explain("SepONetShape: data", type(data).__name__, "GridData", "choose the network by the problem")
            )
        model = SepONet(
            sensors=data.branch.shape[1],
            coordinates=len(data.axes),
            hidden=self.hidden,
            rank=self.rank,
            steps=self.steps,
            surrogate=self.surrogate,
            seed=seed,
        )
        inputs = (data.branch, *(axis[:, None] for axis in data.axes))
        spreads = (self.branch, *[self.trunks] * len(data.axes))
        spread_parts(list(zip(model.parts.values(), inputs, spreads, strict=True)), seed)
        return model


#: 25 sensors resolve the field as well as 100 do.
_FUNCTIONS = OnAxes(ReactionDiffusion(sensors=25, train=800, test=100))
_WIDE, _NARROW = SepONetShape(), SepONetShape(hidden=(16,))
_DRAWN = SepONetShape(hidden=(16,), branch=None, trunks=None)
_BP = "reaction-diffusion/bp"
_LEARNING_RATES = {"learning_rate": (3e-3, 5e-3, 1e-2)}

ROWS = (
    Row(
        _BP, _FUNCTIONS, _WIDE, Backprop(), Settings(3000, 50, 3e-3), bar=AtMost(0.05), metric=Metric.GLOBAL,
        differs="currents start in the neurons' window; 64 neurons a layer", grid=_LEARNING_RATES,
    ),
    Row(
        "reaction-diffusion/rfg-l-als", _FUNCTIONS, _WIDE, AlternatingReadout(ForwardGradient(Layerwise())),
        Settings(100, 320, 1e-4), bar=TimesRow(1.3, _BP), metric=Metric.GLOBAL,
        differs="as bp; readouts by alternating least squares, which is another algorithm",
        grid={"learning_rate": (1e-4, 3e-4)},
    ),
    Row(
        "reaction-diffusion/als-alone", _FUNCTIONS, _WIDE, AlternatingReadout(NoTraining()), Settings(1, 320, 1e-4),
        metric=Metric.GLOBAL, differs="a control: hidden layers stay as they start",
    ),
    Row(
        "reaction-diffusion/rfg-l", _FUNCTIONS, _WIDE, ForwardGradient(Layerwise(), 256, Hadamard()),
        Settings(5000, 50, 4e-3), bar=TimesRow(1.3, _BP), metric=Metric.GLOBAL,
        differs="as bp; every layer by forward gradients", grid={"learning_rate": (3e-3, 4e-3, 6e-3)},
    ),
    Row(
        "reaction-diffusion/bp-16-drawn", _FUNCTIONS, _DRAWN, Backprop(), Settings(3000, 50, 1e-2),
        metric=Metric.GLOBAL, differs="16 neurons a layer, as torch draws them: where the floor was met",
        grid=_LEARNING_RATES,
    ),
    Row(
        "reaction-diffusion/bp-16", _FUNCTIONS, _NARROW, Backprop(), Settings(3000, 50, 1e-2),
        metric=Metric.GLOBAL, differs="16 neurons a layer", grid=_LEARNING_RATES,
    ),
    Row(
        "reaction-diffusion/rfg-l-als-16", _FUNCTIONS, _NARROW,
        AlternatingReadout(ForwardGradient(Layerwise(), 16)), Settings(150, 320, 1e-3),
        metric=Metric.GLOBAL, differs="16 neurons a layer; readouts by alternating least squares",
        grid={"learning_rate": (3e-4, 1e-3)},
    ),
    Row(
        "reaction-diffusion/als-alone-16", _FUNCTIONS, _NARROW, AlternatingReadout(NoTraining()), Settings(1, 320,
        1e-4), metric=Metric.GLOBAL, differs="a control: 16 neurons a layer, hidden layers stay as they start",
    ),
)  # fmt: skip
