"""Synaptic memory: how many bytes of a core the synapses of a population take.

A weight is stored in the least format of the chip (`Chip.weight_formats`) that has the bits that its layer needs
(`Projection.bits`); digits of biases need eight. Where a chip's formats are unknown, every weight takes `weight_bits`:
nothing is known to be gained by fewer. Loihi 1's packing is nengo-loihi 1.1.0's, `SynapseConfig.bits_per_axon`; Loihi
2's is inferred from tables that Intel's compiler printed (docs/placement-published.md). A chip whose packing is unknown
is taken to store synapses side by side.
"""

from __future__ import annotations

from dataclasses import dataclass

from neurokit.compilers.chip.populations import Kernel, Population
from neurokit.hw_configs import Chip


@dataclass(frozen=True)
class Row:
    """What one line's synapses on one core are stored as: weights of `bits`, or, with a `kernel`, one of its taps."""

    bits: int
    kernel: Kernel | None = None


def stored_bits(chip: Chip, bits: int) -> int:
    """Bits that a weight takes which needs `bits` of them."""
    formats = () if chip.weight_formats is None else chip.weight_formats.values
    return next((each for each in formats if each >= bits), max(bits, chip.weight_bits.value))


def storage(chip: Chip) -> str:
    """What is assumed of stored weights on a chip, in a sentence."""
    formats = chip.weight_formats
    beside = chip.synapse_overhead_bits
    more = "" if beside is None else f", and a synapse takes {beside.value} more ({beside.kind}; {beside.source})"
    if formats is None:
        bits = chip.weight_bits
        return f"every weight is stored in {bits.value} bits ({bits.source}): no format of fewer is known{more}"
    widths = ", ".join(map(str, formats.values))
    return f"weights are stored in the fewest of {widths} bits that hold them ({formats.kind}; {formats.source}){more}"


def shares_kernels(chip: Chip) -> bool:
    """Whether a core holds the kernel of a convolution once for all its neurons."""
    return chip.kernel_entry_bits is not None


def shared_lines(chip: Chip, population: Population) -> tuple[tuple[Row, int], ...]:
    """Rows that all neurons of a population on a core have together: of what kind, and how many."""
    found: dict[Row, int] = {}
    for needed, lines in population.shared_lines.items():
        row = Row(stored_bits(chip, needed))
        found[row] = found.get(row, 0) + lines
    for p in population.projections:
        if p.kernel is not None and shares_kernels(chip):
            row = Row(stored_bits(chip, p.bits), p.kernel)
            found[row] = found.get(row, 0) + p.kernel.taps
    return tuple(found.items())


def own_bytes(chip: Chip, population: Population) -> int:
    """Bytes of the synapses that each neuron has to itself; each lies apart."""
    return sum(
        p.singles * row_bytes(chip, 1, Row(stored_bits(chip, p.bits)))
        for p in population.projections
        if p.singles and not (p.kernel is not None and shares_kernels(chip))
    )


def synapse_bytes(chip: Chip, population: Population, count: int) -> int:
    """Synaptic bytes of `count` neurons of a population, side by side, on one core."""
    shared = sum(lines * row_bytes(chip, count, row) for row, lines in shared_lines(chip, population))
    return shared + count * own_bytes(chip, population)


def row_bytes(chip: Chip, count: int, row: Row) -> int:
    """Bytes of one row of synapses to `count` neurons of one core.

    In words of `W` bits, `synapses_per_block` to a block, `h` bits of overhead each, and `b` bits a synapse (those of
    the stored weight and `synapse_overhead_bits`), a block of n synapses takes `ceil((b n + h) / W)` words. Where the
    packing is unknown: `b` bits a synapse, a row rounded up to a byte.

    With a kernel, what one of its taps takes for the channels that `count` neurons side by side touch at the most:
    `ceil((b c + kernel_overhead_bits) / kernel_entry_bits)` words for each group, c of its channels.
    """
    beside = 0 if chip.synapse_overhead_bits is None else chip.synapse_overhead_bits.value
    bits = row.bits + beside
    if row.kernel is not None:
        return tap_bytes(chip, touched(row.kernel, count), row)
    if chip.synapses_per_block is None or chip.block_overhead_bits is None or chip.memory_word_bits is None:
        return -(-count * bits // 8)
    block, overhead, word = chip.synapses_per_block.value, chip.block_overhead_bits.value, chip.memory_word_bits.value

    def words(n: int) -> int:
        return -(-(n * bits + overhead) // word)

    full, rest = divmod(count, block)
    return -(-(full * words(block) + (words(rest) if rest else 0)) * word // 8)


def tap_bytes(chip: Chip, channels: int, row: Row) -> int:
    """Bytes of one tap of a kernel for so many channels, side by side, of its result."""
    assert row.kernel is not None
    assert chip.kernel_entry_bits is not None
    assert chip.kernel_overhead_bits is not None
    assert chip.memory_word_bits is not None
    beside = 0 if chip.synapse_overhead_bits is None else chip.synapse_overhead_bits.value
    of_group = row.kernel.channels // row.kernel.groups
    groups = min(row.kernel.groups, _spanned(channels, of_group))
    bits = (row.bits + beside) * min(channels, of_group) + chip.kernel_overhead_bits.value
    return groups * -(-bits // chip.kernel_entry_bits.value) * chip.memory_word_bits.value // 8 if channels else 0


def touched(kernel: Kernel, count: int) -> int:
    """Channels that `count` neurons of a convolution, side by side, belong to at the most."""
    return min(kernel.channels, _spanned(count, kernel.area))


def _spanned(count: int, length: int) -> int:
    """Stretches of `length` that `count` neighbours meet at the most."""
    return 0 if count == 0 else (count + length - 2) // length + 1


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
