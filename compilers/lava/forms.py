"""Forms: which of three equivalent forms of a network Lava runs, and how many samples it works on at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from neurokit.errors import OutOfRange, explain


@dataclass(frozen=True)
class _Batched:
    """`batch` samples are presented in every window, side by side."""

    batch: int = 1

    def __post_init__(self) -> None:
        if not isinstance(self.batch, int) or self.batch < 1:
            raise OutOfRange(
                explain(f"{type(self).__name__}.batch", self.batch, "an integer >= 1", "present one sample or more")
            )


@dataclass(frozen=True)
class StockForm(_Batched):
    """Every process expanded to Lava's own processes, all of which also have Loihi 2 models: what a chip would run.

    A batch is a network with as many copies of every neuron, and block-diagonal synapses.
    """

    name: ClassVar[str] = "stock"
    #: Whether Lava expands processes that have a SubProcessModel.
    expanded: ClassVar[bool] = True
    #: Value of Var `u` for one unit of the membrane: LIFReset keeps 6 bits of fraction.
    membrane_unit: ClassVar[int] = 64


@dataclass(frozen=True)
class SoftIFForm(_Batched):
    """One process a layer, each a leaf model of ours around the neuron's definition: readable, and faster on a CPU."""

    name: ClassVar[str] = "softif"
    expanded: ClassVar[bool] = False
    membrane_unit: ClassVar[int] = 1


@dataclass(frozen=True)
class FusedForm(_Batched):
    """One process for the whole network, whose leaf model takes a batch through every layer in one step: the fast one.

    Every layer still emits at the chip step at which its stock form does. Of the same process, `Network`, Lava runs
    the stock form as a SubProcessModel where a run configuration asks for it.
    """

    batch: int = 64

    name: ClassVar[str] = "fused"
    expanded: ClassVar[bool] = False
    membrane_unit: ClassVar[int] = 1


Form = StockForm | SoftIFForm | FusedForm

FORMS: dict[str, Form] = {form.name: form for form in (StockForm(), SoftIFForm(), FusedForm())}


def form_named(name: str, batch: int | None = None) -> Form:
    """A form by its name, with a batch of its own if one is given."""
    return FORMS[name] if batch is None else replace(FORMS[name], batch=batch)
