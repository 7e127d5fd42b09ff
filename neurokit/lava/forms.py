"""Forms: which of two equivalent forms of every process Lava runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StockForm:
    """Every process expanded to Lava's own processes, all of which also have Loihi 2 models: what a chip would run."""

    name: str = "stock"
    expanded: bool = True
    #: Value of Var `u` for one unit of the membrane: LIFReset keeps 6 bits of fraction.
    membrane_unit: int = 64


@dataclass(frozen=True)
class SoftIFForm:
    """Every process as one leaf model of ours around the neuron's definition: readable, and faster on a CPU."""

    name: str = "softif"
    expanded: bool = False
    membrane_unit: int = 1


Form = StockForm | SoftIFForm

FORMS: dict[str, Form] = {form.name: form for form in (StockForm(), SoftIFForm())}
