"""No damage to a Program's file crashes, hangs or passes in silence; all of it is seeded."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
from file_edits import attribute, dataset, small, text
from random_programs import random_program

from neurokit.errors import ProgramError
from neurokit.program import Program
from neurokit.program_content import digest, items

#: How many mutations to make; set NEUROKIT_FUZZ for more.
MUTATIONS = int(os.environ.get("NEUROKIT_FUZZ", "400"))
#: A load takes milliseconds: this is the bound between slow and hung.
HANG_S = 5.0
MEMORY_KIB = 256 * 2**10


def flip_bits(data: bytes, rng: np.random.Generator) -> bytes:
    mutable = bytearray(data)
    for _ in range(rng.integers(1, 9)):
        mutable[rng.integers(len(mutable))] ^= 1 << int(rng.integers(8))
    return bytes(mutable)


def replace_run(data: bytes, rng: np.random.Generator) -> bytes:
    """Random bytes in place of up to 64, which may also shift what follows."""
    start = int(rng.integers(len(data)))
    return data[:start] + rng.bytes(int(rng.integers(1, 65))) + data[start + 64 :]


def truncate(data: bytes, rng: np.random.Generator) -> bytes:
    return data[: rng.integers(len(data))]


def extend(data: bytes, rng: np.random.Generator) -> bytes:
    return data + rng.bytes(int(rng.integers(1, 5000)))


def saturate(data: bytes, rng: np.random.Generator) -> bytes:
    """A run of 0xFF, which a reader may take for a size, an address or a count."""
    start = int(rng.integers(len(data) - 8))
    return data[:start] + b"\xff" * 8 + data[start + 8 :]


def edit_array(file: h5py.File, rng: np.random.Generator) -> None:
    """Another shape, up to 2**57 entries, and dtype for a random dataset; the larger ones without data."""
    arrays: list[str] = []
    file.visititems(lambda name, item: arrays.append(name) if isinstance(item, h5py.Dataset) else None)
    shape = tuple(int(2 ** rng.integers(0, 20)) for _ in range(rng.integers(0, 4)))
    dtype = str(rng.choice(["i1", "i4", "i8", "f8", "u1"]))
    if np.prod(shape, dtype=float) < 2**16:
        edit = dataset(str(rng.choice(arrays)), data=rng.integers(0, 9, shape).astype(dtype))
    else:
        edit = dataset(str(rng.choice(arrays)), shape=shape, dtype=dtype)
    edit(file)


def edit_attribute(file: h5py.File, rng: np.random.Generator) -> None:
    """Another number or name for a random attribute: dangling and cyclic edges, unknown types, illegal values."""
    groups = ["/"]
    file.visititems(lambda name, item: groups.append(name) if len(item.attrs) else None)
    where = str(rng.choice(groups))
    word = str(rng.choice(["x", "hidden", "fire", "last", "sum", "y", "Dense", "Output", "zero"]))
    values = [int(rng.integers(-(2**62), 2**62)), int(rng.integers(0, 9)), float(rng.normal()), np.inf, text(word)]
    attribute(where, str(rng.choice(list(file[where].attrs))), values[rng.integers(len(values))])(file)


def edited(edit: Callable[[h5py.File, np.random.Generator], None], path: Path) -> Mutation:
    """A mutation that goes through the HDF5 library, so that the file's own checksums hold."""

    def mutate(data: bytes, rng: np.random.Generator) -> bytes:
        path.write_bytes(data)
        with h5py.File(path, "r+", libver=("v110", "v110")) as file:
            edit(file, rng)
        return path.read_bytes()

    return mutate


Mutation = Callable[[bytes, np.random.Generator], bytes]


def test_every_mutation_is_refused_or_harmless(tmp_path: Path) -> None:
    """Each of them gives ProgramError or the identical Program, and none takes long or much memory."""
    rng = np.random.default_rng(20261122)
    originals = [small(), *(random_program(rng, largest=20) for _ in range(3))]
    files = [program.save(tmp_path / f"{i}.h5").read_bytes() for i, program in enumerate(originals)]
    digests = [digest(items(program)) for program in originals]
    path = tmp_path / "mutant.h5"
    mutations = (
        flip_bits,
        replace_run,
        truncate,
        extend,
        saturate,
        edited(edit_array, path),
        edited(edit_attribute, path),
    )
    refused = 0
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for trial in range(MUTATIONS):
        which = int(rng.integers(len(files)))
        path.write_bytes(mutations[trial % len(mutations)](files[which], rng))
        started = time.monotonic()
        try:
            loaded = Program.load(path)
        except ProgramError:
            refused += 1
        else:
            assert digest(items(loaded)) == digests[which], f"trial {trial} loaded another Program in silence"
        assert time.monotonic() - started < HANG_S, f"trial {trial}"
    assert refused > MUTATIONS / 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEMORY_KIB
    assert len(list(tmp_path.iterdir())) == len(files) + 1
