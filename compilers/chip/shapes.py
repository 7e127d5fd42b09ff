"""shapes: a network described by the shapes of its layers alone, as far as `partition` needs them.

>>> from neurokit.compilers.chip.shapes import conv_shape, dense_shape
>>> dense_shape("hidden", 784, 128).rows
((Row(bits=8, kernel=None), 784),)
>>> conv_shape("first", (3, 66, 200), (24, 3, 3), stride=(2, 2)).image
(24, 32, 99)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from neurokit.compilers.chip.populations import Kernel, Population, populations
from neurokit.compilers.chip.synaptic_memory import Row, own_bytes, shared_lines
from neurokit.errors import OutOfRange, explain
from neurokit.hw_configs import Chip
from neurokit.ir.convolution import Convolution
from neurokit.ir.program import Program


@dataclass(frozen=True)
class LayerShape:
    """A layer of neurons, and how many synapses of which kind feed it.

    Parameters
    ----------
    name : str
    size : int
        Neurons, at least 1.
    rows : tuple of (Row, int)
        Kinds of rows of synapses that all its neurons on a core have together, and how many of each.
    axons : int
        Lines that it listens to; the image of a convolution is one.
    own_bytes : int
        Bytes of the synapses that each neuron has to itself.
    image : (int, int, int), optional
        Channels, rows and columns of its neurons, for a layer that is cut in boxes; their product is `size`.

    Raises
    ------
    OutOfRange
        For a layer without neurons, or an image of another size.
    """

    name: str
    size: int
    rows: tuple[tuple[Row, int], ...] = ()
    axons: int = 1
    own_bytes: int = 0
    image: tuple[int, int, int] | None = None

    def __post_init__(self) -> None:
        if self.size < 1:
            raise OutOfRange(explain(f"layer {self.name!r}: neurons", self.size, "at least 1", "leave the layer out"))
        if self.image is not None and math.prod(self.image) != self.size:
            raise OutOfRange(
                explain(f"layer {self.name!r}: image", self.image, f"one of {self.size} neurons", "match the two")
            )


def dense_shape(name: str, lines: int, size: int, *, bits: int = 8) -> LayerShape:
    """A layer in which every neuron listens to every line.

    Parameters
    ----------
    name : str
    lines, size : int
        Lines that it listens to, and its neurons.
    bits : int
        Of a stored weight; what else a synapse takes, the chip says.

    Returns
    -------
    LayerShape

    Raises
    ------
    OutOfRange
        For fewer than one line, neuron or bit.
    """
    for what, value in (("lines", lines), ("bits", bits)):
        if value < 1:
            raise OutOfRange(explain(f"layer {name!r}: {what}", value, "at least 1", "give a whole number"))
    return LayerShape(name, size, ((Row(bits), lines),), lines)


def conv_shape(
    name: str,
    image: tuple[int, int, int],
    kernel: tuple[int, int, int],
    *,
    stride: tuple[int, int] = (1, 1),
    padding: tuple[int, int] = (0, 0),
    dilation: tuple[int, int] = (1, 1),
    groups: int = 1,
    bits: int = 8,
) -> LayerShape:
    """A convolution whose kernel is shared by all neurons of a core.

    Parameters
    ----------
    name : str
    image : (int, int, int)
        Channels, rows and columns of what it reads.
    kernel : (int, int, int)
        Channels of the result, rows and columns of the kernel.
    stride, padding, dilation, groups
        As of `neurokit.ir.convolution.Convolution`.
    bits : int
        Of a stored weight.

    Returns
    -------
    LayerShape

    Raises
    ------
    GraphError
        As Convolution does.
    """
    slides = Convolution(image, stride, padding, dilation, groups)
    channels, *window = kernel
    shape = (channels, image[0] // groups, *window)
    made = slides.output(shape)
    shared = Kernel(channels, made[1] * made[2], math.prod(shape[1:]), groups)
    return LayerShape(name, math.prod(made), ((Row(bits, shared), shared.taps),), 1, image=made)


def input_shape(name: str, image: tuple[int, int, int]) -> LayerShape:
    """A layer of neurons that nothing feeds but their biases: channels, rows and columns of an image."""
    return LayerShape(name, math.prod(image), image=image)


def shapes(program: Program, chip: Chip) -> tuple[LayerShape, ...]:
    """The layers of a Program, in the order of its nodes; a convolution is one of whole rows of lines.

    Raises UnsupportedNode as `populations` does.
    """
    return tuple(_shape(population, chip) for population in populations(program))


def _shape(population: Population, chip: Chip) -> LayerShape:
    axons = sum(1 + p.biases if p.kernel else p.fan_in for p in population.projections)
    return LayerShape(
        population.name, population.size, shared_lines(chip, population), axons, own_bytes(chip, population)
    )
