"""Synaptic memory: how many bytes of a core the synapses of a population take.

A weight is stored in the least format of the chip (`Chip.weight_formats`) that has the bits that its layer needs
(`Projection.bits`); digits of biases need eight. Where a chip's formats are unknown, every weight takes `weight_bits`:
nothing is known to be gained by fewer. Where its packing is unknown, as Loihi 2's is, synapses are taken to lie side by
side without overhead. Loihi 1's packing is nengo-loihi 1.1.0's, `SynapseConfig.bits_per_axon`.
"""

from __future__ import annotations

from neurokit.compilers.populations import Population
from neurokit.hw_configs import Chip


def stored_bits(chip: Chip, bits: int) -> int:
    """Bits that a weight takes which needs `bits` of them."""
    formats = () if chip.weight_formats is None else chip.weight_formats.values
    return next((each for each in formats if each >= bits), max(bits, chip.weight_bits.value))


def storage(chip: Chip) -> str:
    """What is assumed of stored weights on a chip, in a sentence."""
    formats = chip.weight_formats
    if formats is None:
        bits = chip.weight_bits
        return f"every weight is stored in {bits.value} bits ({bits.source}): no format of fewer is known"
    widths = ", ".join(map(str, formats.values))
    return f"weights are stored in the fewest of {widths} bits that hold them ({formats.kind}; {formats.source})"


def shared_lines(chip: Chip, population: Population) -> tuple[tuple[int, int], ...]:
    """Bits of a stored weight, and how many lines of such synapses all neurons of a population listen to."""
    found: dict[int, int] = {}
    for needed, lines in population.shared_lines.items():
        bits = stored_bits(chip, needed)
        found[bits] = found.get(bits, 0) + lines
    return tuple(sorted(found.items()))


def own_bytes(chip: Chip, population: Population) -> int:
    """Bytes of the synapses that each neuron has to itself; each lies apart."""
    return sum(p.singles * row_bytes(chip, 1, stored_bits(chip, p.bits)) for p in population.projections if p.singles)


def synapse_bytes(chip: Chip, population: Population, count: int) -> int:
    """Synaptic bytes of `count` neurons of a population on one core."""
    shared = sum(lines * row_bytes(chip, count, bits) for bits, lines in shared_lines(chip, population))
    return shared + count * own_bytes(chip, population)


def row_bytes(chip: Chip, count: int, bits: int) -> int:
    """Bytes of one line's synapses to `count` neurons of one core, weights stored in `bits`.

    With blocks, as on Loihi 1: `count` synapses in groups of `synapses_per_block`, each of `bits n + overhead` bits and
    rounded up to whole words. Without, as assumed for Loihi 2: `bits` a synapse, a line rounded up to a byte.
    """
    if chip.synapses_per_block is None or chip.block_overhead_bits is None or chip.memory_word_bits is None:
        return -(-count * bits // 8)
    block, overhead, word = chip.synapses_per_block.value, chip.block_overhead_bits.value, chip.memory_word_bits.value

    def words(n: int) -> int:
        return -(-(n * bits + overhead) // word)

    full, rest = divmod(count, block)
    return -(-(full * words(block) + (words(rest) if rest else 0)) * word // 8)


def least_destinations(made: tuple[Population, ...], chip: Chip) -> dict[str, int]:
    """For every population, a lower bound on the cores that each of its neurons sends to."""
    least = {population.name: 0 for population in made}
    for reader in made:
        one = max(1, most_neurons(reader, chip))
        for projection in reader.projections:
            if projection.source in least:
                few = projection.one_to_one or projection.reach is not None
                needed = 1 if few else -(-reader.size // one)
                least[projection.source] = max(least[projection.source], needed)
    return least


def most_neurons(population: Population, chip: Chip) -> int:
    """The most neurons of a population that one core can hold; 0 if not even one fits."""
    room = chip.synapse_bytes_per_core.value
    low, high = 0, min(population.size, chip.neurons_per_core.value)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if synapse_bytes(chip, population, middle) <= room else (low, middle - 1)
    return low
