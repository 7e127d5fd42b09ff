"""neurokit and a reader written from docs/program-format.md refuse the same files, and load the same ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from file_edits import Edit, attribute, dataset, text
from places import DATA
from plain_interpreter import interpret
from plain_reader import Refused, read, seal
from program_fuzz import edit_array, edit_attribute, edit_edge
from random_programs import Seeded, build

from neurokit.errors import ProgramError
from neurokit.ir.convolution import Convolution
from neurokit.ir.fixed_point import Decay12
from neurokit.ir.hdf5_limits import digest, items
from neurokit.ir.program import (
    Conv2d,
    Dense,
    Input,
    Output,
    Product,
    Program,
    Readout,
    Recurrent,
    Sparse,
    Spiking,
    Sum,
)
from neurokit.ir.sparse import Csr
from neurokit.neurons.models import IF, CubaLIF, ToZero
from neurokit.neurons.readouts import MemMean, Rate

KEPT = DATA / "program"


def every_type() -> Program:
    """Every type of node but one of two Outputs' types, and nodes that nobody reads."""
    return Program(
        (
            Input("x", [-5] * 12, [5] * 12, 0.5),  # node 0000
            Conv2d("conv", "x", np.ones((2, 1, 2, 2)), [3, 4], Convolution((2, 2, 3), (1, 1), (1, 0), (1, 1), 2)),
            Spiking("fire", "conv", IF(6)),
            Sparse("few", "fire", Csr.of(np.eye(3, 12, dtype=np.int64)), [1, 2, 3], -1, delay=2),
            Dense("all", "fire", np.ones((3, 12)), [0, 0, 0]),
            Sum("sum", ("few", "all", "few")),  # node 0005
            Spiking("leaky", "sum", CubaLIF(9, ToZero(), strict=True, alpha=Decay12(7), beta=Decay12(9))),
            Spiking("loop", "leaky", IF(64), recurrent=Recurrent(np.ones((3, 3)), -1)),
            Readout("total", "loop", MemMean(), 1, offset=[1, 2, 3]),
            Product("square", "total", "total", 2),
            Output("y", "square", 0.5, [0.0, 1.0, 2.0]),  # node 0010
            Readout("unread", "fire", Rate()),
        ),
        steps=5,
    )


def sealed(path: Path, edit: Callable[[h5py.File], None]) -> None:
    """Edit a file through HDF5 and give it the hash of what it then says, so that no hash hides the edit."""
    with h5py.File(path, "r+", libver=("v110", "v110")) as file:
        edit(file)
        sizes: list[int] = []
        file.visititems(lambda _, item: sizes.append(item.nbytes) if isinstance(item, h5py.Dataset) else None)
        if max(sizes) > 2**20:  # declared and not there: to hash it would take the memory that it declares
            return
        try:
            attribute("/", "sha256", text(seal(file)))(file)
        except AttributeError:  # an attribute of a kind that the hash knows nothing of
            return


def refused(path: Path) -> tuple[str | None, str | None]:
    """Why neurokit and the plain reader refuse a file, None where they do not."""
    ours = theirs = None
    try:
        Program.load(path)
    except ProgramError as error:
        ours = str(error)
    try:
        read(path)
    except Refused as error:
        theirs = str(error) or "refused"
    return ours, theirs


def array(where: str, values: object, dtype: str = "<i4") -> Edit:
    return dataset(where, data=np.array(values, dtype))


LEGAL: dict[str, Edit] = {
    "nothing": lambda file: None,
    "threshold": attribute("nodes/0002", "threshold", 255 * 2**7),
    "negative_scale_of_an_output": attribute("nodes/0010", "scale", -1.0),
    "provenance_with_a_lone_surrogate": array("provenance", list(b'{"a":"\\ud800"}'), "u1"),
}
ILLEGAL: dict[str, Edit] = {
    "stride_0": array("nodes/0001/stride", [0, 1]),
    "stride_-1": array("nodes/0001/stride", [-1, 1]),
    "dilation_0": array("nodes/0001/dilation", [1, 0]),
    "dilation_beyond_the_image": array("nodes/0001/dilation", [1, 9]),
    "padding_-1": array("nodes/0001/padding", [-1, 0]),
    "groups_0": attribute("nodes/0001", "groups", 0),
    "groups_1": attribute("nodes/0001", "groups", 1),
    "image": array("nodes/0001/image", [2, 2, 2]),
    "threshold_257": attribute("nodes/0002", "threshold", 257),
    "alpha_of_an_if": attribute("nodes/0002", "alpha", 1),
    "alpha_4097": attribute("nodes/0006", "alpha", 4097),
    "neuron": attribute("nodes/0006", "neuron", text("QIF")),
    "reset": attribute("nodes/0006", "reset", text("Zero")),
    "delay_63": attribute("nodes/0003", "delay", 63),
    "delay_of_what_is_held": attribute("nodes/0001", "delay", 1),
    "exponent_7": attribute("nodes/0004", "exponent", 7),
    "bias": array("nodes/0004/bias", [2**20, 0, 0]),
    "starts_fall": array("nodes/0003/starts", [0, 3, 2, 3], "<i8"),
    "columns_fall": lambda file: [
        array("nodes/0003/columns", [1, 0, 2])(file),
        array("nodes/0003/starts", [0, 2, 3, 3], "<i8")(file),
    ],
    "column_beyond": array("nodes/0003/columns", [0, 1, 12]),
    "source_of_a_sum_is_itself": array("nodes/0005/sources", [3, 5, 3]),
    "source_of_a_sum_of_another_size": array("nodes/0005/sources", [3, 2, 3]),
    "latency": attribute("nodes/0004", "latency", 1),
    "readout_of_what_is_held": attribute("nodes/0008", "source", text("conv")),
    "product_of_what_is_no_total": attribute("nodes/0009", "left", text("loop")),
    "output_of_what_is_no_total": attribute("nodes/0010", "source", text("loop")),
    "output_is_read": attribute("nodes/0011", "source", text("y")),
    "shift_8": attribute("nodes/0008", "shift", 8),
    "shift_32": attribute("nodes/0009", "shift", 32),
    "two_of_one_name": attribute("nodes/0011", "name", text("x")),
    "empty_name": attribute("nodes/0011", "name", np.bytes_(b"")),
    "name_not_utf_8": attribute("nodes/0011", "name", np.bytes_(b"\xff")),
    "name_a_lone_surrogate": attribute("nodes/0011", "name", np.bytes_(b"\xed\xa0\x80")),
    "scale_0": attribute("nodes/0002", "scale", 0.0),
    "scale_infinite": attribute("nodes/0010", "scale", float("inf")),
    "offset_not_finite": array("nodes/0010/offset", [0, 1, float("nan")], "<f8"),
    "one_offset_for_all_lines": array("nodes/0010/offset", [1, 1, 1], "<f8"),
    "low_above_high": array("nodes/0000/low", [9] * 12),
    "steps_0": attribute("/", "steps", 0),
    "steps_16385": attribute("/", "steps", 16385),
    "width_1": attribute("widths", "message", 1),
    "width_33": attribute("widths", "message", 33),
    "version_2_has_no_offsets_by_line": attribute("/", "version", 2),
    "version_4": attribute("/", "version", 4),
    "node_missing": lambda file: file["nodes"].__delitem__("0003"),
    "group_unknown": lambda file: file.create_group("nodes/0012"),
    "no_output": lambda file: [file["nodes"].__delitem__(name) for name in ("0010", "0011")],
    "provenance_spaced": array("provenance", list(b'{"a": "b"}'), "u1"),
    "provenance_of_numbers": array("provenance", list(b'{"a":1}'), "u1"),
    "provenance_not_escaped": array("provenance", list('{"a":"é"}'.encode()), "u1"),
    "certificate_of_some": lambda file: [
        file.create_dataset(f"certificate/0000/{name}", data=np.zeros(12, "<i8")) for name in ("low", "high")
    ],
}


@pytest.mark.parametrize("name", LEGAL)
def test_both_load_what_is_legal(tmp_path: Path, name: str) -> None:
    path = every_type().save(tmp_path / "net.h5")
    sealed(path, LEGAL[name])
    assert refused(path) == (None, None)


@pytest.mark.parametrize("name", ILLEGAL)
def test_both_refuse_what_is_not(tmp_path: Path, name: str) -> None:
    path = every_type().save(tmp_path / "net.h5")
    sealed(path, ILLEGAL[name])
    ours, theirs = refused(path)
    assert ours is not None
    assert theirs is not None
    assert "SHA-256" not in ours
    assert theirs != "sha256"


def test_both_refuse_version_3_for_what_version_2_can_say(tmp_path: Path) -> None:
    program = every_type()
    plain = replace(program, nodes=(*program.nodes[:10], Output("y", "square"), program.nodes[11]))
    path = plain.save(tmp_path / "net.h5")
    sealed(path, attribute("/", "version", 3))
    assert None not in refused(path)


@pytest.mark.parametrize("data", [b"\0", b"appended"])
def test_both_refuse_another_length(tmp_path: Path, data: bytes) -> None:
    path = every_type().save(tmp_path / "net.h5")
    whole = path.read_bytes()
    for spoilt in (whole + data, whole[: -len(data)], bytes(512) + whole):
        path.write_bytes(spoilt)
        assert None not in refused(path)


def edit_within(file: h5py.File, rng: np.random.Generator) -> None:
    """A number or a name that is as legal as the one that it replaces."""
    output, other = _output_and_another(file, rng)
    factor = float(np.exp(rng.normal(0, 50)))
    edits = [
        attribute(other.name, "scale", factor),
        attribute(output.name, "scale", float(rng.choice([-1, 1])) * factor),
        attribute(output.name, "name", text(f"{rng.integers(10**6)} \u03b1")),
        array("provenance", list(f'{{"made":"{rng.integers(10**6)}"}}'.encode()), "u1"),
    ]
    edits[rng.integers(len(edits))](file)


def edit_beyond(file: h5py.File, rng: np.random.Generator) -> None:
    """In the same places, a number or a name that is not."""
    output, other = _output_and_another(file, rng)
    edits = [
        attribute(other.name, "scale", float(rng.choice([0, -1, np.inf, np.nan]))),
        attribute(output.name, "scale", float(rng.choice([np.inf, np.nan]))),
        attribute(output.name, "name", text(str(rng.choice(["", other.attrs["name"].decode()])))),
        array("provenance", list(f'{{"made":{rng.integers(10**6)}}}'.encode()), "u1"),
    ]
    edits[rng.integers(len(edits))](file)


def _output_and_another(file: h5py.File, rng: np.random.Generator) -> tuple[h5py.Group, h5py.Group]:
    """An Output, which no node reads, and a node of another type that has one scale."""
    nodes = [node for node in file["nodes"].values() if "scale" in node.attrs]
    outputs = [node for node in nodes if node.attrs["type"] in (b"Output", b"OutputByLine")]
    others = [node for node in nodes if node not in outputs]
    return outputs[-1], others[rng.integers(len(others))]


@pytest.mark.slow
def test_both_agree_on_edits_of_random_programs(tmp_path: Path) -> None:
    """Edits whose hash is right: as many that are legal by construction as that are not, and others at random."""
    path = tmp_path / "net.h5"
    by_chance = (edit_array, edit_attribute, edit_edge)
    for seed in range(12):
        rng = np.random.default_rng(seed)
        whole = build(Seeded(rng), largest=3).save(path).read_bytes()
        for edit, expected in ((edit_within, True), (edit_beyond, False), (by_chance[seed % 3], None)):
            path.write_bytes(whole)
            sealed(path, lambda file, edit=edit, rng=rng: edit(file, rng))
            ours, theirs = refused(path)
            assert (ours is None) == (theirs is None), (seed, edit.__name__, ours, theirs)
            assert expected in (None, ours is None), (seed, edit.__name__, ours)


def test_files_of_earlier_days_load_and_mean_the_same() -> None:
    """A file of version 2, written before lengths and paddings were looked at, and what it answered."""
    path = KEPT / "version-2.h5"
    program = Program.load(path)
    assert digest(items(program)) == "de8e9e9f88fa87858a596b8f606ecc1c29df6186e5aeac975a63771f6a4f6506"
    answers = interpret(path, {node.name: (node.high * node.scale).tolist() for node in program.inputs})
    assert answers.outputs == {"y": [5.25, 3.75, 9.25], "z": [5.0, 5.0, 6.0]}
