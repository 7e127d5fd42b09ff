"""A Program's file: identity after a round trip, a complete document, and a named error for everything else."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from file_edits import Edit, attribute, dataset, small, text
from hypothesis import given, settings
from random_programs import adaptive_programs, programs, random_inputs

from neurokit.errors import ProgramError
from neurokit.ir import hdf5 as program_file
from neurokit.ir.fixed_point import Widths
from neurokit.ir.hdf5_limits import digest, items
from neurokit.ir.interpreter import run
from neurokit.ir.program import Input, Interval, Output, Program, Readout, Spiking
from neurokit.neurons.models import IF
from neurokit.neurons.readouts import Rate


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return small().save(tmp_path / "net.h5")


def test_load_gives_back_what_was_saved(path: Path) -> None:
    loaded, original = Program.load(path), small()
    assert digest(items(loaded)) == digest(items(original))
    assert loaded.provenance == original.provenance
    assert loaded.widths == original.widths
    assert [type(node) for node in loaded.nodes] == [type(node) for node in original.nodes]
    assert loaded["fire"] == original["fire"]
    np.testing.assert_array_equal(loaded["hidden"].weight, original["hidden"].weight)  # type: ignore[union-attr]


@settings(max_examples=30)
@given(program=programs(largest=12) | adaptive_programs(largest=12))
def test_round_trip_of_any_program(tmp_path_factory: pytest.TempPathFactory, program: Program) -> None:
    path = tmp_path_factory.mktemp("round") / "net.h5"
    loaded = program_file.load(program_file.save(program, path))
    assert digest(items(loaded)) == digest(items(program))
    inputs = random_inputs(program, np.random.default_rng(0), (2,))
    expected, got = run(program, inputs), run(loaded, inputs)
    for name, output in expected.outputs.items():
        np.testing.assert_array_equal(output, got.outputs[name])


def test_same_program_same_bytes(path: Path) -> None:
    again = small().save(path.with_name("again.h5"))
    assert again.read_bytes() == path.read_bytes()


def test_digest_depends_on_every_item() -> None:
    content = items(small())
    whole = digest(content)
    for key in content:
        without = {k: v for k, v in content.items() if k != key}
        assert digest(without) != whole, key
    swapped = dict(content, steps=6)
    assert digest(swapped) != whole


def test_every_string_survives(tmp_path: Path) -> None:
    program = small()
    names = {node.name: f"{node.name} / Größe ≥ 0.\u2028" for node in program.nodes}
    nodes = tuple(
        replace(node, name=names[node.name], **({"source": names[node.source]} if hasattr(node, "source") else {}))
        for node in program.nodes
    )
    renamed = Program(nodes, program.steps, provenance={"": "", "a\0b": "\ud800 \n"})
    loaded = Program.load(renamed.save(tmp_path / "net.h5"))
    assert [node.name for node in loaded.nodes] == list(names.values())
    assert loaded.provenance == renamed.provenance


@pytest.mark.parametrize("name", ["a\0b", "x" * 256, "\ud800"])
def test_names_that_the_format_cannot_hold_are_refused(tmp_path: Path, name: str) -> None:
    nodes = (Input(name, [0], [1], 1.0), Spiking("s", name, IF(1)), Readout("r", "s", Rate()), Output("y", "r"))
    with pytest.raises(ProgramError, match="UTF-8"):
        Program(nodes, 2).save(tmp_path / "net.h5")
    assert not list(tmp_path.iterdir())


@dataclass(frozen=True)
class Odd:
    """A reset and a rule that only this test knows."""

    name: str = "rate"

    def __call__(self, u: object, s: object, threshold: object) -> object:
        return u

    def weights(self, steps: int) -> np.ndarray:
        return np.zeros(steps, dtype=np.int64)

    def normaliser(self, steps: int) -> int:
        return 1


def test_ones_own_neurons_and_readouts_are_refused(tmp_path: Path) -> None:
    def program(neuron: IF, rule: Rate | Odd) -> Program:
        nodes = (Input("x", [0], [1], 1.0), Spiking("s", "x", neuron), Readout("r", "s", rule), Output("y", "r"))
        return Program(nodes, 2)

    with pytest.raises(ProgramError, match=r"node 's': neuron is IF.*legal is a reset of"):
        program(IF(1, Odd()), Rate()).save(tmp_path / "net.h5")
    with pytest.raises(ProgramError, match="node 'r': readout rule"):
        program(IF(1), Odd()).save(tmp_path / "net.h5")


def test_a_failed_save_leaves_the_old_file_and_no_other(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for victim in ("digest", "_write"):
        monkeypatch.setattr(program_file, victim, fail)
        with pytest.raises(OSError, match="No space left"):
            replace(small(), steps=6, certificate={}).save(path)
        monkeypatch.undo()
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["net.h5"]


def test_save_refuses_a_certificate_that_does_not_hold(tmp_path: Path) -> None:
    program = small()
    wider = Interval(program.certificate["fire"].low - 1, program.certificate["fire"].high)
    with pytest.raises(ProgramError, match="certificate of node 'fire' is not what the interval analysis finds"):
        replace(program, certificate={**program.certificate, "fire": wider}).save(tmp_path / "net.h5")
    with pytest.raises(ProgramError, match="certificate of node 'x'"):
        replace(program, certificate={"fire": program.certificate["fire"]}).save(tmp_path / "net.h5")
    with pytest.raises(ProgramError, match="a node of the certificate is 'ghost'"):
        replace(program, certificate={"ghost": wider}).save(tmp_path / "net.h5")


# ---- files that are not Programs ------------------------------------------------------------------------------------


def test_a_missing_file_a_folder_and_a_pipe_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, message in (
        (tmp_path / "none.h5", "cannot be opened"),
        (tmp_path, "regular"),
        (tmp_path / "pipe", "regular"),
    ):
        with pytest.raises(ProgramError, match=message):
            Program.load(path)


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    text, foreign, old = tmp_path / "a.txt", tmp_path / "foreign.h5", tmp_path / "old.h5"
    text.write_text("not HDF5")
    with h5py.File(foreign, "w", libver="v110") as file:
        file["data"] = np.zeros(3)
    with h5py.File(old, "w", libver=("earliest", "v110")) as file:
        file["data"] = np.zeros(3)
    with pytest.raises(ProgramError, match="not an HDF5 file"):
        Program.load(text)
    np.savez(tmp_path / "a.npz", x=np.zeros(3))
    with pytest.raises(ProgramError, match="not an HDF5 file"):
        Program.load(tmp_path / "a.npz")
    with pytest.raises(ProgramError, match="no attribute 'format'"):
        Program.load(foreign)
    with pytest.raises(ProgramError, match="superblock"):
        Program.load(old)


def test_every_truncation_is_refused(path: Path) -> None:
    whole = path.read_bytes()
    for size in [*range(0, 200, 7), *range(200, len(whole), 997), len(whole) - 1]:
        path.write_bytes(whole[:size])
        with pytest.raises(ProgramError):
            Program.load(path)


def test_what_is_appended_to_a_file_or_put_before_it_is_refused(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole + b"\0")
    with pytest.raises(ProgramError, match=f"{len(whole) + 1} bytes long, but its HDF5 superblock says {len(whole)}"):
        Program.load(path)
    path.write_bytes(bytes(512) + whole)  # a user block
    with pytest.raises(ProgramError, match="not an HDF5 file"):
        Program.load(path)


def padded_by(padding: int, charset: int = h5py.h5t.CSET_UTF8) -> Edit:
    """The name of node 1 as a text of other padding or character set."""

    def edit(file: h5py.File) -> None:
        kind = h5py.h5t.C_S1.copy()
        kind.set_size(8)
        kind.set_strpad(padding)
        kind.set_cset(charset)
        group = file["nodes/0001"]
        del group.attrs["name"]
        made = h5py.h5a.create(group.id, b"name", kind, h5py.h5s.create(h5py.h5s.SCALAR))
        made.write(np.array(b"hidden", "S8"), mtype=kind)

    return edit


@pytest.mark.parametrize("padding", [h5py.h5t.STR_NULLTERM, h5py.h5t.STR_SPACEPAD])
def test_texts_of_other_padding_are_refused(path: Path, padding: int) -> None:
    with h5py.File(path, "r+", libver=("v110", "v110")) as file:
        padded_by(padding)(file)
    with pytest.raises(ProgramError, match=r"'name' of /nodes/0001 is not a fixed-length text.*padded with NULs"):
        Program.load(path)


def test_texts_tagged_as_ascii_are_read(path: Path) -> None:
    with h5py.File(path, "r+", libver=("v110", "v110")) as file:
        padded_by(h5py.h5t.STR_NULLPAD, h5py.h5t.CSET_ASCII)(file)
    assert Program.load(path).nodes[1].name == "hidden"


def without(where: str) -> Edit:
    return lambda file: file.__delitem__(where)


def link(where: str, target: object) -> Edit:
    def edit(file: h5py.File) -> None:
        del file[where]
        file[where] = target

    return edit


def virtual(file: h5py.File) -> None:
    del file["nodes/0001/weight"]
    layout = h5py.VirtualLayout((3, 2), dtype="i1")
    layout[:] = h5py.VirtualSource("elsewhere.h5", "data", (3, 2), dtype="i1")
    file.create_virtual_dataset("nodes/0001/weight", layout)


def stored_elsewhere(file: h5py.File) -> None:
    del file["nodes/0001/weight"]
    file.create_dataset("nodes/0001/weight", (3, 2), "i1", external=[("/etc/hostname", 0, 6)])


HUGE = (2**31, 2**20)
EDITS: dict[str, tuple[Edit, str]] = {
    "newer version": (attribute("/", "version", 5), r"format version is 5; legal is 2\.\.4\. To mend it, update"),
    "other format": (attribute("/", "format", text("keras")), "its format is 'keras'"),
    "version of another type": (attribute("/", "version", 1.0), "'version' of / is not a scalar of dtype int64"),
    "format of variable length": (attribute("/", "format", "neurokit-program"), "not a fixed-length text"),
    "unknown attribute": (attribute("nodes/0001", "colour", 3), r"nodes/0001/: its attributes.*unknown \['colour'\]"),
    "missing attribute": (lambda f: f["nodes/0001"].attrs.__delitem__("exponent"), r"missing \['exponent'\]"),
    "unknown member": (lambda f: f.create_group("extra").__str__(), r"members.*unknown \['extra'\]"),
    "unknown node type": (attribute("nodes/0001", "type", text("Conv")), "nodes/0001: type is 'Conv'; legal is one of"),
    "unknown reset": (attribute("nodes/0002", "reset", text("half")), "the reset is 'half'; legal is one of"),
    "unknown rule": (attribute("nodes/0004", "rule", text("max")), "the readout rule is 'max'"),
    "dangling edge": (attribute("nodes/0003", "source", text("ghost")), "'last' reads 'ghost', which is not a node"),
    "cyclic edge": (attribute("nodes/0001", "source", text("last")), "'hidden' reads 'last', which is not a node"),
    "edge to itself": (attribute("nodes/0001", "source", text("hidden")), "reads 'hidden', which is not a node"),
    "two nodes of one name": (attribute("nodes/0002", "name", text("hidden")), "two nodes are named 'hidden'"),
    "missing node": (without("nodes/0003"), r"nodes/: its members.*missing \['0003'\]"),
    "missing array": (without("nodes/0001/weight"), r"members.*missing \['weight'\]"),
    "huge array without data": (dataset("nodes/0001/weight", shape=HUGE, dtype="i1"), "declares 2251799813685248 b"),
    "chunked": (dataset("nodes/0001/weight", data=np.ones((3, 2), "i1"), chunks=(1, 1)), "contiguous and plain"),
    "compressed": (dataset("nodes/0001/weight", data=np.ones((3, 2), "i1"), compression=1), "contiguous and plain"),
    "compressed bomb": (dataset("nodes/0001/weight", shape=HUGE, dtype="i1", compression=9), "contiguous and plain"),
    "virtual": (virtual, "contiguous and plain"),
    "stored elsewhere": (stored_elsewhere, "contiguous and plain"),
    "soft link": (link("nodes/0001/weight", h5py.SoftLink("/nodes/0003/weight")), "is a link or not a dataset"),
    "external link": (link("nodes/0001", h5py.ExternalLink("/etc/passwd", "/")), "is missing, a link or not a group"),
    "group for a dataset": (lambda f: (f.__delitem__("provenance"), f.create_group("provenance")), "not a dataset"),
    "dataset for a group": (link("widths", np.zeros(3)), "not a group"),
    "wrong dtype": (dataset("nodes/0001/weight", data=np.ones((3, 2), "i2")), "has dtype int16"),
    "big-endian": (dataset("nodes/0001/bias", data=np.ones(3, ">i4")), "has dtype >i4"),
    "float weights": (dataset("nodes/0001/weight", data=np.ones((3, 2))), "has dtype float64"),
    "wrong dimensions": (dataset("nodes/0001/weight", data=np.ones((3, 2, 1), "i1")), r"shape \(3, 2, 1\)"),
    "wrong shape": (dataset("nodes/0001/weight", data=np.ones((3, 4), "i1")), "weight is 4 wide; legal is 2"),
    "empty": (dataset("nodes/0001/weight", data=np.ones((0, 2), "i1")), r"shape \(0, 2\)"),
    "null": (dataset("nodes/0001/weight", dtype="i1"), "shape None"),
    "changed weight": (dataset("nodes/0001/weight", data=np.ones((3, 2), "i1")), "SHA-256"),
    "changed scale": (attribute("nodes/0005", "scale", 0.5), "SHA-256"),
    "NaN scale": (attribute("nodes/0005", "scale", np.nan), "is nan; legal is a finite number"),
    "illegal exponent": (attribute("nodes/0001", "exponent", 9), "exponent is 9; legal is an integer in -7..6"),
    "illegal threshold": (attribute("nodes/0002", "threshold", 257), "threshold is 257"),
    "illegal steps": (attribute("/", "steps", 0), r"Program.steps is 0; legal is 1..16384"),
    "illegal width": (attribute("widths", "membrane", 64), "Widths.membrane is 64; legal is 2..32 bits"),
    "provenance no JSON": (dataset("provenance", data=np.frombuffer(b"{'a'", "u1")), "provenance is not JSON"),
    "provenance of numbers": (dataset("provenance", data=np.frombuffer(b'{"a":1}', "u1")), "object of texts"),
    "provenance nested": (dataset("provenance", data=np.frombuffer(b"[" * 10**5, "u1")), "provenance is not JSON"),
    "text that is no UTF-8": (attribute("nodes/0001", "name", np.bytes_(b"\xff")), "cannot read it"),
}  # fmt: skip


@pytest.mark.parametrize("name", EDITS)
def test_an_edited_file_is_refused_with_the_reason(path: Path, name: str) -> None:
    edit, message = EDITS[name]
    with h5py.File(path, "r+", libver=("v110", "v110")) as file:
        edit(file)
    with pytest.raises(ProgramError, match=message) as caught:
        Program.load(path)
    assert str(path) in str(caught.value)


def test_a_forged_hash_does_not_save_a_wrong_latency_or_certificate(path: Path) -> None:
    """Whoever edits a file can also seal it again; what the content claims is then checked by itself."""
    forgeries = {
        "'nodes/0003/latency' is not what": attribute("nodes/0003", "latency", 7),
        "certificate of node 'fire'": dataset("certificate/0002/high", data=np.zeros(3, "i8")),
        "certificate of node 'x'": without("certificate/0000"),
        "'provenance' is not what": dataset("provenance", data=np.frombuffer(b'{"b":"","a":""}', "u1")),
    }
    original = path.read_bytes()
    for message, edit in forgeries.items():
        path.write_bytes(original)
        with h5py.File(path, "r+", libver=("v110", "v110")) as file:
            edit(file)
            content, _ = program_file.Reader(str(path), file, 10**6).read()
            attribute("/", "sha256", text(digest(content)))(file)
        with pytest.raises(ProgramError, match=message):
            Program.load(path)


def test_a_certificate_too_long_to_verify_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = small().save(tmp_path / "net.h5")
    monkeypatch.setattr(program_file, "MAX_PROOF_WORK", 5 * 1002)
    with pytest.raises(ProgramError, match="certificate takes 5015 operations to verify"):
        Program.load(path)


def test_widths_are_kept(tmp_path: Path) -> None:
    widths = Widths(synapse=30, membrane=17, accumulator=23, message=20, product=31)
    program = replace(small(), widths=widths, certificate={})
    assert Program.load(program.save(tmp_path / "net.h5")).widths == widths
