"""The design rules of a chip: tiny named functions that yield what of a Program breaks them.

A rule names the limits of a `Chip` that it needs and runs only where all are known. It yields one Violation for each
layer, at the worst entry, with the number of entries that break it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from neurokit.compilers.bounds import prove
from neurokit.compilers.populations import Population, least_destinations, populations, synapse_bytes
from neurokit.errors import explain
from neurokit.hw_configs import Chip, Limit
from neurokit.integers import Widths
from neurokit.lava.digits import MAX_DIGITS, digits, lines
from neurokit.neurons import Subtract
from neurokit.program import Dense, Input, Interval, Product, Program, Readout, Spiking
from neurokit.wiring import consumers


@dataclass(frozen=True)
class Violation:
    """One layer that breaks one rule.

    value, limit  the worst value, and the bound that it lies beyond
    nearest       the nearest legal value
    index         of the worst entry, empty where the layer has one value
    source        where the limit comes from
    quantity      what the value is of, with its unit if it has one
    remedy        what to do
    count         entries of the layer that break the rule
    """

    rule: str
    layer: str
    index: tuple[int, ...]
    value: int
    limit: int
    nearest: int
    source: str
    quantity: str
    remedy: str
    unit: str = ""
    count: int = 1

    def __str__(self) -> str:
        where = f"[{', '.join(map(str, self.index))}]" if self.index else ""
        more = f" (and {self.count - 1} more)" if self.count > 1 else ""
        side = "at most" if self.value > self.limit else "at least"
        return explain(
            f"layer {self.layer!r}: {self.quantity}{where}",
            f"{self.value}{self.unit}{more}",
            f"{side} {self.limit}{self.unit} {self.source}",
            self.remedy,
        )


@dataclass(frozen=True)
class Subject:
    """A Program on its way through the rules, with what several of them ask for."""

    program: Program
    chip: Chip

    @cached_property
    def bounds(self) -> dict[str, Interval]:
        """Of the state of every node: the Program's certificate, or proved here, in widths that refuse nothing."""
        if self.program.certificate:
            return dict(self.program.certificate)
        return prove(replace(self.program, widths=Widths(32, 32, 32, 32, 32)))

    @cached_property
    def populations(self) -> tuple[Population, ...]:
        return populations(self.program)

    @cached_property
    def readers(self) -> dict[str, tuple[str, ...]]:
        return consumers(self.program.nodes)

    def nodes(self, *kinds: type) -> Iterator[Any]:
        return (node for node in self.program.nodes if isinstance(node, kinds))


@dataclass(frozen=True)
class Rule:
    """A named rule, the limits that it needs, and whether it asks that a layer lie on one core."""

    name: str
    needs: tuple[str, ...]
    find: Callable[..., Iterator[Violation]]
    whole_layers: bool = False

    def missing(self, chip: Chip) -> tuple[str, ...]:
        """The limits that the rule needs and the chip's description does not have."""
        return tuple(need for need in self.needs if getattr(chip, need) is None)

    def __call__(self, subject: Subject) -> Iterator[Violation]:
        assert not self.missing(subject.chip)
        for found in self.find(subject, *(getattr(subject.chip, need) for need in self.needs)):
            yield replace(found, rule=self.name, source=f"on {subject.chip.name} ({found.source})")


RULES: list[Rule] = []

Find = Callable[..., Iterator[Violation]]


def rule(*needs: str, whole_layers: bool = False) -> Callable[[Find], Find]:
    """List a function `find(subject, *limits)` in RULES, under its own name."""

    def listed(find: Find) -> Find:
        RULES.append(Rule(find.__name__, needs, find, whole_layers))
        return find

    return listed


def beyond(
    layer: str, values: Any, low: int, high: int, source: Limit, quantity: str, remedy: str, unit: str = ""
) -> Iterator[Violation]:
    """The Violation of `low <= values <= high`, if there is one, at the entry that lies farthest out."""
    array = np.asarray(values, dtype=np.int64)
    excess = np.maximum(array - high, low - array)
    worst = int(excess.argmax())
    if excess.flat[worst] > 0:
        value = int(array.flat[worst])
        limit = high if value > high else low
        index = tuple(map(int, np.unravel_index(worst, array.shape)))
        count = int((excess > 0).sum())
        yield Violation("", layer, index, value, limit, limit, source.source, quantity, remedy, unit, count)


def signed(bits: int) -> tuple[int, int]:
    """The magnitude that is safe in both signs, as bounds."""
    return -(2 ** (bits - 1) - 1), 2 ** (bits - 1) - 1


def weights_of(bits: int, weights: np.ndarray) -> tuple[int, int]:
    """Legal weights of a layer: of one sign, which then takes no bit, or of both."""
    if (weights >= 0).all():
        return 0, 2**bits - 1
    if (weights <= 0).all():
        return 1 - 2**bits, 0
    return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1


@rule("weight_bits")
def weight_range(subject: Subject, bits: Limit) -> Iterator[Violation]:
    """Weights fit their bits; a layer of mixed signs spends one of them on the sign."""
    for node in subject.nodes(Dense):
        low, high = weights_of(bits.value, node.weight)
        mode = "excitatory" if low == 0 else "inhibitory" if high == 0 else "mixed-sign"
        remedy = f"quantise to {bits.value} bits or fewer"
        yield from beyond(node.name, node.weight, low, high, bits, f"{mode} weight", remedy)


@rule("weight_exponent_lowest", "weight_exponent_highest")
def weight_exponent(subject: Subject, lowest: Limit, highest: Limit) -> Iterator[Violation]:
    """The exact 8-bit recipe doubles mixed-sign weights, so the hardware's exponent is the Program's less one."""
    remedy = "move the power of two into the weights, or quantise again"
    for node in subject.nodes(Dense):
        low, high = lowest.value + 1, highest.value + 1
        source = lowest if node.exponent < low else highest
        for found in beyond(node.name, node.exponent, low, high, source, "exponent", remedy):
            yield replace(found, index=())


@rule("weight_bits")
def bias_width(subject: Subject, bits: Limit) -> Iterator[Violation]:
    """A bias travels as digits to the base 128 on synapses of the layer, whose weights the digits must be."""
    for node in subject.nodes(Dense, Readout):
        bias = node.bias if isinstance(node, Dense) else node.offset
        carried = digits(bias)
        low, high = -(2 ** (bits.value - 1)), 2 ** (bits.value - 1) - 1
        bad = ((carried < low) | (carried > high)).any(axis=1) if carried.size else np.zeros(len(bias), dtype=bool)
        if bad.any():
            worst = int(np.argmax(np.where(bad, np.abs(bias), -1)))
            choices = np.meshgrid(*(np.arange(low, high + 1) * line for line in lines(MAX_DIGITS)))
            legal = np.sum(choices, axis=0).ravel()
            nearest = int(legal[np.argmin(np.abs(legal - bias[worst]))])
            remedy = "use weights of 8 bits, or a bias whose digits to the base 128 are small"
            yield Violation(
                "", node.name, (worst,), int(bias[worst]), nearest, nearest, bits.source, "bias", remedy, "",
                int(bad.sum()),
            )  # fmt: skip


@rule("threshold_bits")
def threshold_width(subject: Subject, bits: Limit) -> Iterator[Violation]:
    """The chip's test is `v > vth`, so that its threshold is the Program's less one."""
    for node in subject.nodes(Spiking):
        for found in beyond(
            node.name, node.threshold, 1, 2**bits.value, bits, "threshold", "quantise with a coarser scale"
        ):
            yield replace(found, index=())


@rule("weight_bits", "weight_exponent_highest")
def threshold_synapse(subject: Subject, bits: Limit, highest: Limit) -> Iterator[Violation]:
    """Soft reset subtracts the threshold through one inhibitory synapse: `threshold == k * 2**e`."""
    largest = 2**bits.value - 1
    legal = np.unique([k << e for e in range(highest.value + 1) for k in range(1, largest + 1)])
    for node in subject.nodes(Spiking):
        if isinstance(node.neuron.reset, Subtract) and node.threshold not in legal:
            nearest = int(legal[np.argmin(np.abs(legal - node.threshold))])
            remedy = f"use {nearest}, or a power of two: thresholds are k * 2**e, k up to {largest}"
            source = f"{bits.source}; exponent: {highest.source}"
            yield Violation(
                "", node.name, (), node.threshold, nearest, nearest, source, "threshold of a soft reset", remedy
            )


@rule("state_bits", "state_fraction_bits")
def membrane_width(subject: Subject, bits: Limit, fraction: Limit) -> Iterator[Violation]:
    """Membranes, for all inputs in the declared range, fit the state less its fraction."""
    low, high = signed(bits.value - fraction.value)
    yield from _states(subject, Spiking, low, high, bits, "membrane")


@rule("state_bits")
def accumulator_width(subject: Subject, bits: Limit) -> Iterator[Violation]:
    """Accumulators of readouts, for all inputs in the declared range, fit the state."""
    yield from _states(subject, Readout, *signed(bits.value), bits, "accumulator")


@rule("dendrite_bits")
def dendrite_width(subject: Subject, bits: Limit) -> Iterator[Violation]:
    """One step's synaptic input, after its exponent and for all inputs in the declared range, fits its accumulator."""
    yield from _states(subject, Dense, *signed(bits.value), bits, "synaptic input")


@rule("product_bits")
def product_width(subject: Subject, bits: Limit) -> Iterator[Violation]:
    """Products before their shift, for all inputs in the declared range, fit."""
    yield from _states(subject, Product, *signed(bits.value), bits, "product")


@rule("message_bits")
def message_payload(subject: Subject, bits: Limit) -> Iterator[Violation]:
    """What is sent as a graded spike fits its payload."""
    low, high = (0, 1) if bits.value == 1 else signed(bits.value)
    for node in subject.nodes(Input, Readout, Product, Dense):
        if isinstance(node, Dense) and not any(
            isinstance(subject.program[r], Dense) for r in subject.readers[node.name]
        ):
            continue
        bounds = subject.bounds[node.name]
        shift = node.shift if isinstance(node, (Readout, Product)) else 0
        reach = _farther(bounds.low >> shift, bounds.high >> shift)
        yield from beyond(
            node.name, reach, low, high, bits, "message", "narrow the declared range, or send spikes instead"
        )


@rule("max_delay")
def delay(subject: Subject, longest: Limit) -> Iterator[Violation]:
    """The earlier factor of a product waits for the later; relays that a target adds come on top."""
    for node in subject.nodes(Product):
        wait = abs(subject.program.latency[node.left] - subject.program.latency[node.right])
        remedy = "make the two branches of similar depth"
        for found in beyond(node.name, wait, 0, longest.value, longest, "delay", remedy, " steps"):
            yield replace(found, index=())


@rule("programmable_neurons")
def microcode(subject: Subject, programmable: Limit) -> Iterator[Violation]:
    """Accumulators that send, products and graded relays are neurons with a program of their own."""
    for population in subject.populations:
        if not isinstance(subject.program[population.name], Spiking):
            quantity = f"need of microcode ({type(subject.program[population.name]).__name__})"
            remedy = "choose a chip whose neurons are programmable, or read the spikes out on the host"
            for found in beyond(population.name, 1, 0, programmable.value, programmable, quantity, remedy):
                yield replace(found, index=())


@rule("in_axons_per_core")
def fan_in(subject: Subject, most: Limit) -> Iterator[Violation]:
    """The lines of one neuron all arrive at its core."""
    for population in subject.populations:
        lines_in = sum(p.fan_in for p in population.projections)
        remedy = "make the layer before it narrower"
        for found in beyond(population.name, lines_in, 0, most.value, most, "fan-in", remedy, " lines"):
            yield replace(found, index=())


@rule("out_axons_per_core")
def fan_out(subject: Subject, most: Limit) -> Iterator[Violation]:
    """One neuron sends once to every core that its readers fill at the least."""
    for sender, cores in least_destinations(subject.populations, subject.chip).items():
        remedy = "make the layers that read it narrower"
        for found in beyond(sender, cores, 0, most.value, most, "fan-out", remedy, " cores"):
            yield replace(found, index=())


@rule("synapse_bytes_per_core")
def neuron_synapse_bytes(subject: Subject, most: Limit) -> Iterator[Violation]:
    """The synapses of a single neuron fit a core: a neuron cannot be split."""
    for population in subject.populations:
        size = synapse_bytes(subject.chip, population, 1)
        remedy = "make the layer before it narrower"
        for found in beyond(population.name, size, 0, most.value, most, "synapses of one neuron", remedy, " bytes"):
            yield replace(found, index=())


@rule("neurons_per_core", whole_layers=True)
def neurons_per_core(subject: Subject, most: Limit) -> Iterator[Violation]:
    """The neurons of a layer fit one core."""
    remedy = "make the layer narrower, or let `place` split it over cores"
    for population in subject.populations:
        for found in beyond(population.name, population.size, 0, most.value, most, "neurons", remedy):
            yield replace(found, index=())


@rule("synapse_bytes_per_core", whole_layers=True)
def synapse_bytes_per_core(subject: Subject, most: Limit) -> Iterator[Violation]:
    """The synapses of a layer fit one core."""
    remedy = "make the layer or its source narrower, or let `place` split it over cores"
    for layer, size in layer_bytes(subject).items():
        for found in beyond(layer, size, 0, most.value, most, "8-bit synapses", remedy, " bytes"):
            yield replace(found, index=())


def layer_bytes(subject: Subject) -> dict[str, int]:
    """Synaptic bytes of every layer, on one core and for one reader."""
    sizes: dict[str, int] = {}
    for population in subject.populations:
        for projection in population.projections:
            alone = replace(population, projections=(projection,))
            sizes[projection.layer] = max(
                sizes.get(projection.layer, 0), synapse_bytes(subject.chip, alone, alone.size)
            )
    return sizes


def _states(subject: Subject, kind: type, low: int, high: int, source: Limit, quantity: str) -> Iterator[Violation]:
    remedy = "declare a narrower input range, use fewer time steps, or quantise with a coarser scale"
    for node in subject.nodes(kind):
        bounds = subject.bounds[node.name]
        yield from beyond(node.name, _farther(bounds.low, bounds.high), low, high, source, quantity, remedy)


def _farther(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Of two bounds the one that lies farther from zero, below zero where they tie."""
    farther: np.ndarray = np.where(-low > high, low, high)
    return farther
