"""Numbers of a chip, each with its range, its source and how far it can be trusted."""

from __future__ import annotations

from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, model_validator

N = TypeVar("N", int, float)
Kind = Literal["measured", "published", "vendor-ratio", "fitted-loihi1", "inferred"]


class Number(BaseModel, Generic[N]):
    """One number of a chip, with where it comes from and how far it can be trusted.

    value      what neurokit works with
    low, high  the range of what the sources say, `low <= value <= high`; equal where they agree
    source     the publications, and what they disagree on
    kind       measured       fitted to measurements on the chip, as `neurokit.compilers.chip.estimation.fit` does
               published      printed by Intel or read in Intel's code
               vendor-ratio   a published value of Loihi 1 times a ratio that Intel gives for Loihi 2
               fitted-loihi1  a value fitted to, or read in others' code for, Loihi 1
               inferred       none of these: the source says how
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    value: N
    low: N
    high: N
    source: str
    kind: Kind

    @model_validator(mode="after")
    def _ordered(self) -> Number[N]:
        if not self.low <= self.value <= self.high:
            raise ValueError(f"low <= value <= high does not hold: {self.low}, {self.value}, {self.high}")
        if not self.source.strip():
            raise ValueError("source is empty; say where the number comes from")
        return self


class Limit(Number[int]):
    """A whole number: how many there are, or how wide."""


class Choice(BaseModel):
    """Whole numbers of which one is chosen, in rising order; `source` and `kind` as of a Number."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    values: tuple[int, ...]
    source: str
    kind: Kind

    @model_validator(mode="after")
    def _rising(self) -> Choice:
        if not self.values or self.values[0] < 1 or list(self.values) != sorted(set(self.values)):
            raise ValueError(f"values must rise from at least 1, not {list(self.values)}")
        if not self.source.strip():
            raise ValueError("source is empty; say where the numbers come from")
        return self


class Quantity(Number[float]):
    """An energy, a time or a power, at least 0."""

    @model_validator(mode="after")
    def _not_negative(self) -> Quantity:
        if self.low < 0:
            raise ValueError(f"low must be at least 0, not {self.low}")
        return self


class Costs(BaseModel):
    """What one operation costs; None where nobody has published it.

    neuron_idle      one neuron for one step in which nothing reaches it and its state is 0
    neuron_active    one neuron for one step otherwise
    spike            a neuron that fires, besides its update
    message_out      one message leaving a core: a spike makes one for each core that receives it
    message_in       one message entering a core, before its synapses are looked up
    synop            one synapse of a message
    within_tile      a message whose two cores share a router
    hop_east_west    a message from a router to the next one in its row,
    hop_north_south  or in its column
    between_chips    a message that leaves a chip, besides the hops on it
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    neuron_idle: Quantity | None = None
    neuron_active: Quantity | None = None
    spike: Quantity | None = None
    message_out: Quantity | None = None
    message_in: Quantity | None = None
    synop: Quantity | None = None
    within_tile: Quantity | None = None
    hop_east_west: Quantity | None = None
    hop_north_south: Quantity | None = None
    between_chips: Quantity | None = None
    barrier: Quantity | None = None  #: the cores' waiting for each other at the end of a step


class Energies(Costs):
    """Energy of every operation, in picojoules."""


class Times(Costs):
    """Time of every operation, in nanoseconds."""


#: The operations that are counted and priced, in the order of a report.
OPERATIONS = tuple(Costs.model_fields)
