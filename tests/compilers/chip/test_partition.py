"""partition: networks given by their shapes, held against the tables that Intel's compiler printed.

All published numbers are outputs kept in notebooks of lava-dl d825ac5, tutorials/lava/lib/dl/netx; where the network is
too, its shapes are as the same notebooks print them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from neurokit.compilers.chip.partition import Part, partition
from neurokit.compilers.chip.place import place
from neurokit.compilers.chip.populations import Kernel, populations
from neurokit.compilers.chip.shapes import LayerShape, conv_shape, dense_shape, input_shape
from neurokit.compilers.chip.synaptic_memory import Row, row_bytes, synapse_bytes, tap_bytes
from neurokit.errors import DoesNotFit, OutOfRange
from neurokit.hw_configs import Chip, Limit, load_board, load_chip
from neurokit.ir.convolution import Convolution
from neurokit.ir.program import Conv2d, Dense, Input, Output, Program, Readout, Spiking
from neurokit.neurons.models import IF, ToZero
from neurokit.neurons.readouts import Rate

LOIHI2 = load_chip("loihi2")
WORD = 4
OXFORD = [dense_shape("hidden", 200, 256), dense_shape("out", 256, 200)]
MNIST = [dense_shape("first", 784, 128), dense_shape("second", 128, 64), dense_shape("third", 64, 10)]


def convolutions(image: tuple[int, int, int], layers: Sequence[tuple[int, int, Any, Any]]) -> list[LayerShape]:
    """Layers of `(channels, rows and columns of the kernel, stride, padding)`, one after another."""
    made: list[LayerShape] = []
    for channels, window, stride, padding in layers:
        name = f"conv{len(made)}"
        made.append(conv_shape(name, image, (channels, window, window), stride=stride, padding=padding))
        assert made[-1].image is not None
        image = made[-1].image
    return made


def pilotnet(bits: Sequence[int]) -> list[LayerShape]:
    """Its rows of 8 bits a synapse are those of weights of 6 beside the 2 that others show; of 9, weights of 7."""
    conv = [(24, 3, (2, 2), (0, 0)), (36, 3, (2, 2), (0, 0)), (48, 3, (2, 2), (0, 0))]
    conv += [(64, 3, (2, 1), (1, 0)), (64, 3, (1, 1), (0, 0))]
    made = convolutions((3, 66, 200), conv)
    assert made[-1].image == (64, 2, 20)
    widths = [(2560, 100), (100, 50), (50, 10), (10, 1)]
    return made + [dense_shape(f"dense{i}", *width, bits=bits[i]) for i, width in enumerate(widths)]


PILOTNET_SNN = [input_shape("image", (3, 66, 200)), *pilotnet((6, 6, 6, 6))]
PILOTNET_SDNN = pilotnet((6, 7, 6, 6))
YOLO_KP = convolutions(
    (3, 448, 448),
    [
        (c, k, (s, s), (k // 2,) * 2)
        for c, k, s in (
            (16, 3, 2), (32, 3, 2), (64, 3, 2), (128, 3, 2), (256, 3, 1), (256, 3, 2), (512, 3, 1), (256, 1, 1),
            (512, 3, 1), (48, 1, 1),
        )
    ],
)  # fmt: skip
#: Cores of every layer in turn, and where they lie.
PUBLISHED = {
    "oxford": (OXFORD, [3, 2], "loihi2"),
    "mnist": (MNIST, [3, 1, 1], "loihi2"),
    "pilotnet_snn": (PILOTNET_SNN, [13, 25, 13, 3, 3, 2, 12, 1, 1, 1], "loihi2"),
    "pilotnet_sdnn": (PILOTNET_SDNN, [25, 13, 3, 3, 2, 12, 1, 1, 1], "loihi2"),
    "yolo_kp": (YOLO_KP, [224, 112, 56, 28, 56, 16, 32, 14, 32, 4], "kapoho-point"),
}


def limited(**values: int) -> Chip:
    made = {k: Limit(value=v, low=v, high=v, source=f"source of {k}", kind="inferred") for k, v in values.items()}
    return LOIHI2.model_copy(update=made)


def words(bytes_: Any) -> float:
    return float(bytes_) / WORD


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_layer_takes_the_cores_that_intels_compiler_gave_it(name: str) -> None:
    layers, cores, hardware = PUBLISHED[name]
    found = partition(layers, hardware)
    assert [part.cores for part in found.parts] == cores
    assert found.cores == {"oxford": 5, "mnist": 5, "pilotnet_snn": 74, "pilotnet_sdnn": 61, "yolo_kp": 574}[name]
    for layer, part in zip(layers, found.parts, strict=True):
        assert sum(part.neurons) == layer.size
        assert max(part.bytes) <= LOIHI2.synapse_bytes_per_core.value


@pytest.mark.parametrize(
    ("layer", "lines", "published", "exact"),
    [
        # Words a core on the mean over the layer's cores, as printed.
        (dense_shape("oxford: hidden", 200, 256), 200, 5400, False),
        (dense_shape("oxford: out", 256, 200), 256, 8064, False),
        (dense_shape("pilotnet: dense0", 2560, 100, bits=6), 2560, 7253, True),
        (dense_shape("pilotnet_snn: dense1", 100, 50, bits=6), 100, 1300, True),
        (dense_shape("pilotnet_sdnn: dense1", 100, 50, bits=7), 100, 1500, True),
        (dense_shape("pilotnet: dense2", 50, 10, bits=6), 50, 150, True),
        (dense_shape("pilotnet: dense3", 10, 1, bits=6), 10, 10, True),
        # Printed as 1.60 % and 16.8 %: of 16000 words, since of 12000 a row were no whole number of them.
        (dense_shape("mnist: third", 64, 10), 64, 0.016 * 16_000, True),
        (dense_shape("mnist: second", 128, 64), 128, 0.168 * 16_000, True),
    ],
    ids=lambda value: value.name if isinstance(value, LayerShape) else "",
)
def test_rows_of_dense_synapses_take_the_words_that_were_printed(
    layer: LayerShape, lines: int, published: float, exact: bool
) -> None:
    """Within a word a row; the two that are not exact were printed as means of rows that zeros make shorter."""
    (part,) = partition([layer], LOIHI2).parts
    assert abs(words(part.mean_bytes) - published) <= lines
    if exact:
        assert int(words(part.mean_bytes)) == published


@pytest.mark.parametrize(
    ("neurons", "bits", "lines", "allocated"),
    [
        (255, 8, 200, 16_000),
        (256, 8, 200, 16_200),
        (200, 8, 256, 16_128),
        (100, 6, 2560, 66_560),
        (17, 6, 2560, 12_800),
    ],
)
def test_what_the_compiler_refused_is_as_large_as_it_said(neurons: int, bits: int, lines: int, allocated: int) -> None:
    """`Violation ... reg_name='SynMem' allocation=...` of oxford/run.ipynb and pilotnet_sdnn/benchmark.ipynb."""
    assert lines * row_bytes(LOIHI2, neurons, Row(bits)) == allocated * WORD


def test_mnist_fills_its_first_layers_cores_as_printed() -> None:
    """50 neurons a core, 78.4 % of 16000 words: 784 rows of 16."""
    assert 784 * row_bytes(LOIHI2, 50, Row(8)) == round(0.784 * 16_000) * WORD


@pytest.mark.parametrize(
    ("channels", "published"), [(16, 2), (24, 3), (32, 4), (36, 4), (48, 5), (64, 6), (128, 11), (256, 21)]
)
def test_a_tap_of_a_kernel_takes_the_words_that_were_printed(channels: int, published: int) -> None:
    assert tap_bytes(LOIHI2, channels, Row(8, Kernel(channels, 100, 1))) == published * WORD


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("pilotnet_sdnn", {"conv0": 81, "conv1": 864, "conv2": 1620, "conv3": 2592}),
        ("yolo_kp", {"conv0": 54, "conv1": 576, "conv2": 1728, "conv3": 6336, "conv7": 10_752}),
    ],
)
def test_kernels_take_the_words_that_were_printed(name: str, printed: dict[str, int]) -> None:
    layers, _, hardware = PUBLISHED[name]
    found = {part.layer: part for part in partition(layers, hardware).parts}
    assert {layer: words(found[layer].mean_bytes) for layer in printed} == printed


def test_the_boxes_of_pilotnet_are_those_that_were_printed() -> None:
    parts = partition(PILOTNET_SNN, LOIHI2).parts
    printed = [(16, 66, 3), (4, 32, 24), (4, 15, 36), (8, 7, 48), (8, 4, 64), (16, 2, 64)]
    assert [part.box for part in parts if part.box is not None] == printed


def test_a_core_with_more_memory_holds_more_channels() -> None:
    """The later compiler, whose percentages are of 16000 words, put 128 channels where 12000 leave 64."""
    (small,), (large,) = (
        partition([YOLO_KP[4]], replaced).parts
        for replaced in (limited(cores=600), limited(cores=600, synapse_bytes_per_core=64_000))
    )
    assert (small.box, large.box) != (None, None)
    assert (small.box or (0,))[-1] == 64
    assert (large.box or (0,))[-1] == 128
    assert small.cores == large.cores == 56


def test_what_does_not_fit_is_refused_with_numbers() -> None:
    with pytest.raises(DoesNotFit, match=r"cores needed, each layer on its own is 574; legal is at most 128"):
        partition(YOLO_KP, LOIHI2)
    with pytest.raises(DoesNotFit, match=r"layer 'wide': lines that it listens to is 16001; legal is at most 16000"):
        partition([dense_shape("wide", 16_001, 2)], LOIHI2)
    with pytest.raises(DoesNotFit, match=r"synapses of one neuron is 52000 bytes; legal is at most 48000"):
        partition([dense_shape("wide", 13_000, 2)], LOIHI2)
    with pytest.raises(DoesNotFit, match=r"smallest box is \d+ bytes"):
        partition([conv_shape("wide", (2000, 3, 3), (7, 3, 3))], LOIHI2)
    with pytest.raises(OutOfRange, match="at least 1"):
        dense_shape("none", 3, 0)
    with pytest.raises(OutOfRange, match="match the two"):
        replace(YOLO_KP[0], size=3)


def convolutional(kernel: tuple[int, int, int, int], image: tuple[int, int, int], groups: int = 1) -> Program:
    rng = np.random.default_rng(0)
    slides = Convolution(image, groups=groups)
    size = int(np.prod(slides.output(kernel)))
    nodes: list[Any] = [
        Input("x", np.zeros(slides.size), np.ones(slides.size), 1.0),
        Conv2d("c", "x", rng.integers(-9, 10, kernel).astype(np.int8), np.zeros(kernel[0]), slides),
        Spiking("s", "c", IF(64, reset=ToZero())),
        Dense("o", "s", np.ones((1, size), dtype=np.int8), np.zeros(1)),
        Readout("r", "o", Rate()),
        Output("y", "r"),
    ]
    return Program(tuple(nodes), 2)


@pytest.mark.parametrize("groups", [1, 2, 8])
def test_place_counts_a_kernel_once_a_core_and_its_image_as_one_axon(groups: int) -> None:
    program = convolutional((8, 8 // groups, 3, 3), (8, 10, 10), groups)
    (conv, _) = populations(program)
    rows, channels = 9 * 8 // groups, 8 // groups
    tap = -(-(10 * channels + 80) // 128) * WORD
    assert synapse_bytes(LOIHI2, conv, 512) == rows * groups * tap
    assert synapse_bytes(LOIHI2, conv, 1) == rows * WORD, "one channel's tap fits one entry"
    placement = place(program, limited(neurons_per_core=130))
    assert placement.cores == 4
    for core, use in enumerate(placement.use):
        held = {part.layer: part.size for part in placement.on(core)}
        expected = synapse_bytes(LOIHI2, conv, held.get("s", 0)) + (512 * WORD if "r" in held else 0)
        assert use["synapse_bytes"].used == expected
        assert use["in_axons"].used == ("s" in held) + 512 * ("r" in held)
    unshared = limited(neurons_per_core=130).model_copy(
        update={"kernel_entry_bits": None, "kernel_overhead_bits": None}
    )
    assert synapse_bytes(unshared, conv, 512) == 512 * rows * WORD, "every neuron has its synapses to itself"


def test_a_core_holds_neurons_of_so_many_populations_at_most() -> None:
    nodes: list[Any] = [Input("x", np.zeros(2), np.ones(2), 1.0)]
    for i in range(6):
        nodes += [
            Dense(f"d{i}", "x", np.ones((2, 2), dtype=np.int8), np.zeros(2)),
            Spiking(f"s{i}", f"d{i}", IF(64, reset=ToZero())),
        ]
    nodes += [Dense("o", "s0", np.ones((1, 2), dtype=np.int8), np.zeros(1)), Readout("r", "o", Rate())]
    program = Program((*nodes, Output("y", "r")), 4)
    assert place(program, LOIHI2).cores == 1
    placement = place(program, limited(neuron_groups_per_core=4))
    assert placement.cores == 2
    assert max(use["neuron_groups"].used for use in placement.use) <= 4
    assert placement.use[0]["neuron_groups"].limit == 4


def test_a_program_is_cut_as_its_shapes_are() -> None:
    nodes: list[Any] = [Input("x", np.zeros(200), np.ones(200), 1.0)]
    nodes += [
        Dense("hidden", "x", np.full((256, 200), 127, dtype=np.int8), np.zeros(256)),
        Spiking("s", "hidden", IF(64, reset=ToZero())),
        Dense("out", "s", np.full((200, 256), 127, dtype=np.int8), np.zeros(200)),
        Spiking("t", "out", IF(64, reset=ToZero())),
        Dense("one", "t", np.ones((1, 200), dtype=np.int8), np.zeros(1)),
        Readout("r", "one", Rate()),
        Output("y", "r"),
    ]
    program = Program(tuple(nodes), 4)
    found = partition(program, "loihi2")
    assert [part.cores for part in found.parts] == [3, 2, 1]
    for part, same in zip(found.parts, partition(OXFORD, "loihi2").parts, strict=False):
        assert (part.neurons, part.bytes) == (same.neurons, same.bytes)
    assert isinstance(found.parts[0], Part)
    assert place(program, "loihi2").cores < found.cores, "layers may share a core there"


def test_yolo_kp_needs_the_board_it_was_made_for() -> None:
    assert 4 * 128 < partition(YOLO_KP, load_board("kapoho-point")).cores <= 8 * 128
