"""The design rules of a chip: tiny named functions that yield what of a Program breaks them.

A rule names the limits of a `Chip` that it needs and runs only where all are known. It yields one Violation for each
layer, at the worst entry, with the number of entries that break it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from neurokit.compilers.chip.rulebook import RULES, Subject, Violation, beyond, farther, rule, signed, state, weighted
from neurokit.compilers.chip.synaptic_memory import least_destinations, shares_kernels, synapse_bytes
from neurokit.compilers.lava.bias_digits import MAX_DIGITS, digits, lines
from neurokit.hw_configs import Limit
from neurokit.ir.fixed_point import DECAY_BITS, Decay12
from neurokit.ir.program import Input, Product, Readout, Spiking, Sum, Synapses, decays
from neurokit.neurons.models import Subtract, values_of

__all__ = ["RULES"]


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
    for layer, weights, _ in weighted(subject):
        low, high = weights_of(bits.value, weights)
        mode = "excitatory" if low == 0 else "inhibitory" if high == 0 else "mixed-sign"
        remedy = f"quantise to {bits.value} bits or fewer"
        yield from beyond(layer, weights, low, high, bits, f"{mode} weight", remedy)


@rule("weight_exponent_lowest", "weight_exponent_highest")
def weight_exponent(subject: Subject, lowest: Limit, highest: Limit) -> Iterator[Violation]:
    """The exact 8-bit recipe doubles mixed-sign weights, so the hardware's exponent is the Program's less one."""
    remedy = "move the power of two into the weights, or quantise again"
    for layer, _, exponent in weighted(subject):
        low, high = lowest.value + 1, highest.value + 1
        source = lowest if exponent < low else highest
        for found in beyond(layer, exponent, low, high, source, "exponent", remedy):
            yield replace(found, index=())


@rule("weight_bits")
def bias_width(subject: Subject, bits: Limit) -> Iterator[Violation]:
    """A bias travels as digits to the base 128 on synapses of the layer, whose weights the digits must be."""
    for node in subject.nodes(Synapses, Readout):
        bias = node.bias if isinstance(node, Synapses) else node.offset
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
    """The chip's test is `v > vth`: vth is a leaky neuron's threshold, and one less of an IF, which fires at it."""
    for node in subject.nodes(Spiking):
        most = 2**bits.value - node.leaky
        for found in beyond(node.name, node.threshold, 1, most, bits, "threshold", "quantise with a coarser scale"):
            yield replace(found, index=())


@rule("weight_bits", "weight_exponent_highest")
def threshold_synapse(subject: Subject, bits: Limit, highest: Limit) -> Iterator[Violation]:
    """Soft reset subtracts the threshold, once decayed, through one inhibitory synapse: it is `k * 2**e`."""
    largest = 2**bits.value - 1
    amounts = np.unique([k << e for e in range(highest.value + 1) for k in range(1, largest + 1)])
    for node in subject.nodes(Spiking):
        if not isinstance(node.neuron.reset, Subtract) or microcoded(node):
            continue
        unit, numerator = 2**DECAY_BITS, decays(node.neuron)[1]
        legal = amounts * unit // max(numerator, 1)
        legal = legal[legal * numerator == amounts * unit]
        source = f"{bits.source}; exponent: {highest.source}"
        if not legal.size:  # no threshold goes with this decay
            scaled = node.threshold * np.arange(unit + 1)
            fit = np.flatnonzero((scaled % unit == 0) & np.isin(scaled // unit, amounts))
            nearest = int(fit[np.argmin(np.abs(fit - numerator))]) if fit.size else unit
            quantity, remedy = f"decay (in {unit}ths) of a soft reset", f"use {nearest}, or the reset ToZero()"
            yield Violation("", node.name, (), numerator, nearest, nearest, source, quantity, remedy)
        elif node.threshold not in legal:
            nearest = int(legal[np.argmin(np.abs(legal - node.threshold))])
            remedy = f"use {nearest}: threshold * {numerator} / {unit} is to be k * 2**e, k up to {largest}"
            quantity = "threshold of a soft reset"
            yield Violation("", node.name, (), node.threshold, nearest, nearest, source, quantity, remedy)


@rule("decay_bits")
def decay_mantissa(subject: Subject, bits: Limit) -> Iterator[Violation]:
    """A decay's numerator is a multiple of what the chip's bits resolve."""
    grain = 2 ** max(0, DECAY_BITS - bits.value)
    for node in subject.nodes(Spiking):
        for name, value in values_of(node.neuron).items():
            if not isinstance(value, Decay12):
                continue
            numerator = value.numerator
            nearest = round(numerator / grain) * grain
            if nearest != numerator:
                remedy = f"use {nearest}/{2**DECAY_BITS}: decays are multiples of {grain}"
                yield Violation("", node.name, (), numerator, nearest, nearest, bits.source, f"decay {name}", remedy)


@rule("state_bits", "state_fraction_bits")
def membrane_width(subject: Subject, bits: Limit, fraction: Limit) -> Iterator[Violation]:
    """Membranes, for all inputs in the declared range, fit the state; those of an IF, less its fraction."""
    for node in subject.nodes(Spiking):
        low, high = signed(bits.value - fraction.value + node.fraction)
        yield from state(subject, node, low, high, bits, "membrane")


@rule("state_bits")
def accumulator_width(subject: Subject, bits: Limit) -> Iterator[Violation]:
    """Accumulators of readouts, for all inputs in the declared range, fit the state."""
    for node in subject.nodes(Readout):
        yield from state(subject, node, *signed(bits.value), bits, "accumulator")


@rule("dendrite_bits")
def dendrite_width(subject: Subject, bits: Limit) -> Iterator[Violation]:
    """One step's synaptic input, after its exponent and for all inputs in the declared range, fits its accumulator."""
    for node in subject.nodes(Synapses, Sum):
        yield from state(subject, node, *signed(bits.value), bits, "synaptic input")


@rule("product_bits")
def product_width(subject: Subject, bits: Limit) -> Iterator[Violation]:
    """Products before their shift, for all inputs in the declared range, fit."""
    for node in subject.nodes(Product):
        yield from state(subject, node, *signed(bits.value), bits, "product")


@rule("message_bits")
def message_payload(subject: Subject, bits: Limit) -> Iterator[Violation]:
    """What is sent as a graded spike fits its payload."""
    low, high = (0, 1) if bits.value == 1 else signed(bits.value)
    for node in subject.nodes(Input, Readout, Product, Synapses, Sum):
        if isinstance(node, (Synapses, Sum)) and not any(
            isinstance(subject.program[r], Synapses) for r in subject.readers[node.name]
        ):
            continue
        bounds = subject.bounds[node.name]
        shift = node.shift if isinstance(node, (Readout, Product)) else 0
        reach = farther(bounds.low >> shift, bounds.high >> shift)
        yield from beyond(
            node.name, reach, low, high, bits, "message", "narrow the declared range, or send spikes instead"
        )


@rule("max_delay")
def delay(subject: Subject, longest: Limit) -> Iterator[Violation]:
    """A synapse's own delay; and what a product or sum receives early waits. Relays that a target adds come on top."""
    latency = subject.program.latency
    for node in subject.nodes(Synapses, Product, Sum):
        if isinstance(node, Synapses):
            wait, remedy = node.delay, "insert a layer of neurons that pass it on"
        else:
            received = [latency[source] for source in node.sources]
            wait, remedy = max(received) - min(received), "make the ways to it of similar depth"
        for found in beyond(node.name, wait, 0, longest.value, longest, "delay", remedy, " steps"):
            yield replace(found, index=())


@rule("programmable_neurons")
def microcode(subject: Subject, programmable: Limit) -> Iterator[Violation]:
    """Accumulators that send, products, graded relays, neurons that are none of the chip's own, and tangents."""
    for population in subject.beside:
        remedy = "choose a chip whose neurons are programmable, or learn by SPSA"
        for found in beyond(population.name, 1, 0, programmable.value, programmable, "need of microcode", remedy):
            yield replace(found, index=())
    for population in subject.populations[: -len(subject.beside) or None]:
        node = subject.program[population.name]
        if not isinstance(node, Spiking) or microcoded(node):
            quantity = f"need of microcode ({type(node.neuron if isinstance(node, Spiking) else node).__name__})"
            remedy = "choose a chip whose neurons are programmable, or read the spikes out on the host"
            if isinstance(node, Spiking):
                remedy = "choose a chip whose neurons are programmable, or use the reset ToZero() or an LIF"
            for found in beyond(population.name, 1, 0, programmable.value, programmable, quantity, remedy):
                yield replace(found, index=())


def microcoded(node: Spiking) -> bool:
    """Whether neurons are none of the chip's own, whatever their numbers."""
    form = node.neuron.stock_form()
    return bool(form.refusal) and form.always


@rule("in_axons_per_core")
def fan_in(subject: Subject, most: Limit) -> Iterator[Violation]:
    """The lines of one neuron all arrive at its core; the image of a convolution whose kernel is shared is one."""
    for population in subject.populations:
        image = shares_kernels(subject.chip)
        lines_in = sum(1 + p.biases if image and p.kernel else p.fan_in for p in population.projections)
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
        for found in beyond(layer, size, 0, most.value, most, "synapses", remedy, " bytes"):
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
