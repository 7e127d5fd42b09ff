"""Damages files of Programs and loads them; run in a process of its own, whose memory is limited.

python program_fuzz.py FOLDER MUTATIONS SEED      prints one JSON object
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
from file_edits import attribute, dataset, small, text
from random_programs import random_program

from neurokit.errors import ProgramError
from neurokit.ir.hdf5_limits import digest, items
from neurokit.ir.program import Program

#: Address space that a load may take beyond what the process has when all is imported and warm.
HEADROOM_BYTES = 200 * 2**20
Mutation = Callable[[bytes, np.random.Generator], bytes]


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
    """Another number or name for a random attribute: unknown types, illegal values."""
    groups = ["/"]
    file.visititems(lambda name, item: groups.append(name) if len(item.attrs) else None)
    where = str(rng.choice(groups))
    word = str(rng.choice(["x", "hidden", "fire", "last", "sum", "y", "Dense", "Output", "zero"]))
    values = [int(rng.integers(-(2**62), 2**62)), int(rng.integers(0, 9)), float(rng.normal()), np.inf, text(word)]
    attribute(where, str(rng.choice(list(file[where].attrs))), values[rng.integers(len(values))])(file)


def edit_edge(file: h5py.File, rng: np.random.Generator) -> None:
    """Another source for a random node: itself, a later one (a cycle), another earlier one, or none there is."""
    nodes = list(file["nodes"].values())
    names = [node.attrs["name"].decode() for node in nodes]
    reading = [(node, key) for node in nodes for key in ("source", "left", "right") if key in node.attrs]
    node, key = reading[rng.integers(len(reading))]
    attribute(node.name, key, text(str(rng.choice([*names, "nowhere", ""]))))(file)


def edited(edit: Callable[[h5py.File, np.random.Generator], None], path: Path) -> Mutation:
    """A mutation that goes through the HDF5 library, so that the file's own checksums hold."""

    def mutate(data: bytes, rng: np.random.Generator) -> bytes:
        path.write_bytes(data)
        with h5py.File(path, "r+", libver=("v110", "v110")) as file:
            edit(file, rng)
        return path.read_bytes()

    return mutate


def fuzz(folder: Path, mutations: int, seed: int) -> dict[str, object]:
    """Counts, and what went wrong; a load that needs more memory than there is headroom is among that."""
    rng = np.random.default_rng(seed)
    # The small one most often: what a load does with a node does not depend on how many others there are.
    originals = [*(small() for _ in range(9)), random_program(rng, largest=4)]
    files = [program.save(folder / f"{i}.h5").read_bytes() for i, program in enumerate(originals)]
    digests = [digest(items(Program.load(folder / f"{i}.h5"))) for i in range(len(files))]
    path = folder / "mutant.h5"
    through_hdf5 = [edited(edit, path) for edit in (edit_array, edit_attribute, edit_edge)]
    kinds: list[Mutation] = [flip_bits, replace_run, truncate, extend, saturate, *through_hdf5]
    before = set(folder.iterdir()) | {path}
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + HEADROOM_BYTES, resource.RLIM_INFINITY))
    refused, slowest, wrong = 0, 0.0, []
    for trial in range(mutations):
        which = int(rng.integers(len(files)))
        path.write_bytes(kinds[trial % len(kinds)](files[which], rng))
        started = time.process_time()
        try:
            same = digest(items(Program.load(path))) == digests[which]
            if kinds[trial % len(kinds)] in (truncate, extend):
                wrong.append(f"trial {trial} loaded a file of another length")
            if not same:
                wrong.append(f"trial {trial} loaded another Program in silence")
        except ProgramError as error:
            refused += 1
            if isinstance(error.__cause__, MemoryError):
                wrong.append(f"trial {trial} asked for too much memory: {error}")
        except BaseException as error:
            wrong.append(f"trial {trial} raised {error!r}")
        slowest = max(slowest, time.process_time() - started)
    left = sorted(str(name) for name in set(folder.iterdir()) - before)
    return {"mutations": mutations, "refused": refused, "slowest_s": slowest, "wrong": wrong, "left": left}


if __name__ == "__main__":
    print(json.dumps(fuzz(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
