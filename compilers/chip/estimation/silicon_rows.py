"""silicon_rows: the measurements on Loihi 2 that are public and whose networks can be stated.

Files of lava-dl are those of commit d825ac5 unless another is named; their shapes are as its notebooks print them. The
figures of LoihiScalingEfficiency (OzU-CAST, 2023) were read off.
"""

from __future__ import annotations

from neurokit.compilers.chip.estimation.silicon import Row
from neurokit.compilers.chip.estimation.workload import Workload
from neurokit.compilers.chip.shapes import LayerShape, conv_shape, dense_shape, input_shape


def pilotnet(*, image: bool) -> tuple[LayerShape, ...]:
    """PilotNet's layers; `image` is the layer of neurons into which the SNN's input goes as biases."""
    read, made = (3, 66, 200), [input_shape("image", (3, 66, 200))] if image else []
    for channels, stride, padding in (
        (24, (2, 2), (0, 0)), (36, (2, 2), (0, 0)), (48, (2, 2), (0, 0)), (64, (2, 1), (1, 0)), (64, (1, 1), (0, 0)),
    ):  # fmt: skip
        made.append(conv_shape(f"conv{channels}", read, (channels, 3, 3), stride=stride, padding=padding, bits=6))
        read = made[-1].image or read
    dense = [(2560, 100, 6), (100, 50, 6 if image else 7), (50, 10, 6), (10, 1, 6)]
    return (*made, *(dense_shape(f"dense{size}", lines, size, bits=bits) for lines, size, bits in dense))


SNN, SDNN = pilotnet(image=True), pilotnet(image=False)
LIF_200, LIF_1200 = (dense_shape("lif", 200, 200),), (dense_shape("lif", 1200, 1200),)


def _two_layers(width: int) -> tuple[LayerShape, ...]:
    return dense_shape("first", 700, width), dense_shape("second", width, width), dense_shape("out", width, 20)


def _recurrent(width: int) -> tuple[LayerShape, ...]:
    return dense_shape("hidden", 700 + width, width), dense_shape("out", width, 20)


UNIFORM = "5-30 % of every layer's neurons send in a step, all layers alike"
WTA = ".1-2 % of neurons send in a step; every neuron listens to all; no input lines counted"
SPEECH = (
    "500-1,400 steps a sample (about a second in steps of 1 or 2 ms); 256-1,024 neurons a layer; .5-2 % send in a step"
)
INPUT_BOUND = (
    "frames come from the host: 39,600 values a frame, 1.5 us each if all are sent. The notebook says itself that "
    "input sets its pace, and no price of a core reaches it"
)

ROWS: tuple[Row, ...] = (
    Row(
        "PilotNet SNN",
        "lava-dl netx/pilotnet_snn/benchmark.ipynb: 408.91 frames/s of 16 steps, .679 W of which .232 static",
        Workload(SNN, 0.05, 16),
        Workload(SNN, 0.30, 16),
        {"time_s": (1 / 408.91,) * 2, "static_w": (0.232,) * 2, "dynamic_j": (0.447 / 408.91,) * 2},
        UNIFORM,
        "synop",
    ),
    Row(
        "PilotNet SNN, an earlier run",
        "lava-dl 12f0402 netx/pilotnet_snn/benchmark.ipynb, on Kapoho Point: 342.29 frames/s of 16 steps",
        Workload(SNN, 0.05, 16),
        Workload(SNN, 0.30, 16),
        {"time_s": (1 / 342.29,) * 2},
        UNIFORM,
        "synop",
    ),
    Row(
        "PilotNet SDNN, frames from the host",
        "lava-dl netx/pilotnet_sdnn/benchmark.ipynb: 16.87 frames/s, total .276 W, static .282 W",
        Workload(SDNN, 0.05),
        Workload(SDNN, 0.30),
        {"time_s": (1 / 16.87,) * 2, "static_w": (0.282,) * 2},
        UNIFORM + "; its dynamic power is below the noise of the measurement",
        "synop",
        unexplained={"time_s": INPUT_BOUND},
    ),
    Row(
        "PilotNet SDNN, frames on the chip",
        "arXiv 2310.03251: 1.21 ms and .09 mJ a sample",
        Workload(SDNN, 0.05),
        Workload(SDNN, 0.30),
        # .09 mJ is printed with one digit: .085 to .095.
        {"time_s": (1.21e-3 / 10, 1.21e-3 / 9), "energy_j": (0.085e-3, 0.095e-3)},
        UNIFORM + "; a sample enters every step and leaves after 9 or 10, so a step takes 121-134 us",
        "synop",
        second_hand=True,
    ),
    Row(
        "winner-take-all of 200 LIF",
        "OzU-CAST/LoihiScalingEfficiency, figures: 1.78 us a step, .47 W, 5 cores",
        Workload(LIF_200, 0.001, cores=5),
        Workload(LIF_200, 0.02, cores=5),
        {"time_s": (1.78e-6,) * 2, "energy_j": (0.47 * 1.78e-6,) * 2},
        WTA,
        "barrier",
    ),
    Row(
        "winner-take-all of 1,200 LIF",
        "OzU-CAST/LoihiScalingEfficiency, figures: 1.78 us a step, .63 W, 69 cores",
        Workload(LIF_1200, 0.001, cores=69),
        Workload(LIF_1200, 0.02, cores=69),
        {"time_s": (1.78e-6,) * 2, "energy_j": (0.63 * 1.78e-6,) * 2},
        WTA,
        "barrier",
    ),
    Row(
        "SHD, two layers with delays",
        "arXiv 2510.13757: 1.46 ms, .46 mJ a sample, .28 of it dynamic",
        Workload(_two_layers(256), 0.005, 500),
        Workload(_two_layers(1024), 0.02, 1400),
        {
            "time_s": (1.46e-3,) * 2,
            "static_w": (0.18 / 1.46,) * 2,
            "dynamic_j": (0.28e-3,) * 2,
            "energy_j": (0.46e-3,) * 2,
        },
        SPEECH + "; static power is what is not dynamic, over the time",
        "barrier",
        second_hand=True,
    ),
    Row(
        "SHD, recurrent with delays",
        "arXiv 2510.13757: 1.54 ms, .36 mJ a sample, .21 of it dynamic",
        Workload(_recurrent(256), 0.005, 500),
        Workload(_recurrent(1024), 0.02, 1400),
        {
            "time_s": (1.54e-3,) * 2,
            "static_w": (0.15 / 1.54,) * 2,
            "dynamic_j": (0.21e-3,) * 2,
            "energy_j": (0.36e-3,) * 2,
        },
        SPEECH + "; static power is what is not dynamic, over the time",
        "barrier",
        second_hand=True,
    ),
)  # fmt: skip

#: Measurements whose networks nobody has stated in public: what was measured, and what is missing.
NOT_STATED: tuple[tuple[str, str, str], ...] = (
    ("CLP-SNN (arXiv 2511.01553)", ".33 ms, .05 mJ a sample", "steps a sample"),
    ("peg-in-hole policy (arXiv 2403.08928), second hand", "1.5 +- .10 ms, 53 +- 17 uJ dynamic", "steps a sample"),
    ("LCA (arXiv 2307.13762), second hand", "static power of about .54 W", "how many chips it is of"),
    ("PilotNet SDNN with I/O (arXiv 2310.03251), second hand", "65.4 ms, 1.26 mJ a sample", "what the I/O does"),
)
