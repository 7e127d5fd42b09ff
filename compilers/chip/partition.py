"""partition: how Intel's compiler for Loihi 2 cuts layers into cores, as far as the tables that it printed say.

Every layer lies on cores of its own. Where it is too much for one core:

    dense       the layer is first cut into parts of `synapses_per_block` neurons, as many as one row of synapses
                reaches. A part goes on one core; while the words of a core are more than it has, `w > limit`, its
                number of cores is multiplied by `ceil(w / limit)`, and the neurons are dealt out evenly
    image       into equal boxes of `2**a` columns, `ceil(rows / 2**b)` rows and `channels / 2**c` channels: of those
                whose neurons and words fit, the one that takes the fewest cores, then the one of most channels, then
                the squarest

Inferred from the tables, and held against them in docs/placement-published.md, which lists what it does not explain.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from neurokit.compilers.chip.shapes import LayerShape, shapes
from neurokit.compilers.chip.synaptic_memory import row_bytes, tap_bytes
from neurokit.errors import DoesNotFit, explain
from neurokit.hw_configs import Chip, Hardware, chip_of, load_hardware
from neurokit.ir.program import Program


@dataclass(frozen=True)
class Part:
    """A layer's cores.

    layer    its name
    neurons  of every core in turn
    bytes    of synaptic memory, of every core in turn
    box      columns, rows and channels of a core, of a layer that is an image
    """

    layer: str
    neurons: tuple[int, ...]
    bytes: tuple[int, ...]
    box: tuple[int, int, int] | None = None

    @property
    def cores(self) -> int:
        return len(self.neurons)

    @property
    def mean_bytes(self) -> Fraction:
        """Bytes a core, on the mean over the layer's cores: what the compiler's tables give, in words."""
        return Fraction(sum(self.bytes), self.cores)


@dataclass(frozen=True)
class Partition:
    """Layers on cores, each on its own; in the order of the layers."""

    hardware: str
    parts: tuple[Part, ...]

    @property
    def cores(self) -> int:
        """Cores in use."""
        return sum(part.cores for part in self.parts)


def partition(network: Program | Sequence[LayerShape], hardware: Hardware | str) -> Partition:
    """Cut a network into cores as Intel's compiler does, from its shapes.

    Parameters
    ----------
    network : Program or sequence of LayerShape
        What is to be cut. A Program's convolutions are cut as its other layers are, by whole lines.
    hardware : Chip, Board or str
        Or the name of one that ships. Its `synapse_bytes_per_core`, `neurons_per_core` (the low end, which is what the
        compiler counts in parts of), `in_axons_per_core` and packing of synapses.

    Returns
    -------
    Partition

    Raises
    ------
    DoesNotFit
        When a layer listens to more lines than a core has in-axons, one of its neurons fits no core, or the cores do
        not suffice.

    References
    ----------
    Outputs kept in lava-dl d825ac5, `tutorials/lava/lib/dl/netx/{oxford,mnist,pilotnet_snn,pilotnet_sdnn,yolo_kp}`.
    """
    hardware = load_hardware(hardware)
    chip = chip_of(hardware)
    layers = shapes(network, chip) if isinstance(network, Program) else tuple(network)
    found = Partition(hardware.name, tuple(_part(layer, chip) for layer in layers))
    if found.cores > hardware.total_cores:
        raise DoesNotFit(
            explain(
                "cores needed, each layer on its own",
                found.cores,
                f"at most {hardware.total_cores}, the cores of {hardware.name}",
                "choose a larger board, or make the network smaller",
            )
        )
    return found


def _part(layer: LayerShape, chip: Chip) -> Part:
    most = chip.in_axons_per_core
    if most is not None and layer.axons > most.value:
        raise DoesNotFit(
            explain(
                f"layer {layer.name!r}: lines that it listens to",
                layer.axons,
                f"at most {most.value} on {chip.name} ({most.source})",
                "make the layer before it narrower",
            )
        )
    return _evenly(layer, chip) if layer.image is None else _in_boxes(layer, layer.image, chip)


def _evenly(layer: LayerShape, chip: Chip) -> Part:
    reach = chip.synapses_per_block
    piece = layer.size if reach is None or not layer.rows else reach.value
    neurons: list[int] = []
    for start in range(0, layer.size, piece):
        size = min(piece, layer.size - start)
        each = _each(layer, chip, size)
        neurons += [min(each, size - first) for first in range(0, size, each)]
    return Part(layer.name, tuple(neurons), tuple(_bytes(layer, chip, count) for count in neurons))


def _each(layer: LayerShape, chip: Chip, size: int) -> int:
    """Neurons a core of `size` that are dealt out until a core holds them."""
    cores, most = -(-size // chip.neurons_per_core.low), chip.synapse_bytes_per_core.value
    while (used := _bytes(layer, chip, -(-size // cores))) > most:
        if cores >= size:
            raise DoesNotFit(
                explain(
                    f"layer {layer.name!r}: synapses of one neuron",
                    f"{used} bytes",
                    f"at most {most} bytes on {chip.name} ({chip.synapse_bytes_per_core.source})",
                    "make the layer before it narrower",
                )
            )
        cores = min(size, cores * -(-used // most))
    return -(-size // cores)


def _bytes(layer: LayerShape, chip: Chip, count: int) -> int:
    return sum(rows * row_bytes(chip, count, row) for row, rows in layer.rows) + layer.own_bytes * count


def _in_boxes(layer: LayerShape, image: tuple[int, int, int], chip: Chip) -> Part:
    channels, rows, columns = image
    fitting = [box for box in _boxes(image) if _box_fits(layer, box, chip)]
    if not fitting:
        raise DoesNotFit(
            explain(
                f"layer {layer.name!r}: its smallest box",
                f"{_box_bytes(layer, min(box[2] for box in _boxes(image)), chip)} bytes of synapses",
                f"at most {chip.synapse_bytes_per_core.value} on {chip.name} ({chip.synapse_bytes_per_core.source})",
                "give the layer before it fewer channels, or its kernel fewer taps",
            )
        )

    def cores(box: tuple[int, int, int]) -> int:
        return -(-columns // box[0]) * -(-rows // box[1]) * (channels // box[2])

    box = min(fitting, key=lambda each: (cores(each), -each[2], each[0] + each[1]))
    neurons = tuple(
        min(box[0], columns - x) * min(box[1], rows - y) * box[2]
        for _ in range(0, channels, box[2])
        for y in range(0, rows, box[1])
        for x in range(0, columns, box[0])
    )
    return Part(layer.name, neurons, (_box_bytes(layer, box[2], chip),) * len(neurons), box)


def _boxes(image: tuple[int, int, int]) -> Iterator[tuple[int, int, int]]:
    """Columns, rows and channels of every box that may be a core's."""
    channels, rows, columns = image
    halves = [channels]
    while halves[-1] % 2 == 0:
        halves.append(halves[-1] // 2)
    for wide in range((columns - 1).bit_length() + 1):
        for part in range((rows - 1).bit_length() + 1):
            for deep in halves:
                yield 2**wide, math.ceil(rows / 2**part), deep


def _box_fits(layer: LayerShape, box: tuple[int, int, int], chip: Chip) -> bool:
    fits = _box_bytes(layer, box[2], chip) <= chip.synapse_bytes_per_core.value
    return fits and math.prod(box) <= chip.neurons_per_core.low


def _box_bytes(layer: LayerShape, channels: int, chip: Chip) -> int:
    """Bytes of the taps of so many channels."""
    return sum(rows * tap_bytes(chip, channels, row) for row, rows in layer.rows)
