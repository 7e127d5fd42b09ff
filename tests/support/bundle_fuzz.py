"""Damages bundles and loads them; run in a process of its own, whose memory is limited.

python bundle_fuzz.py FOLDER MUTATIONS SEED      prints one JSON object
"""

from __future__ import annotations

import hashlib
import json
import resource
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from file_edits import small
from program_fuzz import HEADROOM_BYTES, Mutation, extend, flip_bits, replace_run, saturate, truncate

from neurokit.errors import BundleError
from neurokit.targets.bundle import container, manifest
from neurokit.targets.bundle.bundle import ANSWERS, GOLDEN, MANIFEST, PROGRAM, load, make, save


def parts_of(path: Path) -> dict[str, bytes]:
    """The parts of a bundle, by name."""
    return {name: container.read(path, part, 2**30) for name, part in container.directory(path).items()}


def sealed(path: Path, parts: Mapping[str, bytes], **about: Any) -> Path:
    """A bundle of any parts, with right hashes and a right seal."""
    inner = {name: data for name, data in parts.items() if name != MANIFEST}
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in inner.items()}
    told = {**json.loads(parts[MANIFEST]), "parts": hashes, **about}
    return container.write(path, {MANIFEST: manifest.encode(told), **inner})


def small_bundle(path: Path) -> Path:
    """A bundle with one assumption instead of all, so that reading it is quick."""
    made = make(small(), samples=2)
    return save(replace(made, assumptions=made.assumptions[:1]), path)


def inside(mutate: Mutation, path: Path) -> Mutation:
    """Damage one part and seal the bundle again, so that the damage reaches the reader of that part."""

    def damage(data: bytes, rng: np.random.Generator) -> bytes:
        path.write_bytes(data)
        parts = parts_of(path)
        which = str(rng.choice([PROGRAM, GOLDEN, ANSWERS]))
        return sealed(path, parts | {which: mutate(parts[which], rng)}).read_bytes()

    return damage


def fuzz(folder: Path, mutations: int, seed: int) -> dict[str, object]:
    """Counts, and what went wrong: another error than BundleError, or a load that takes damage for good."""
    rng = np.random.default_rng(seed)
    path = folder / "mutant.nkb"
    original = small_bundle(path).read_bytes()
    load(path)  # all that it imports is there before memory is limited
    plain: list[Mutation] = [flip_bits, replace_run, truncate, extend, saturate]
    kinds: list[Callable[..., bytes]] = [*plain, *(inside(mutate, path) for mutate in plain)]
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + HEADROOM_BYTES, resource.RLIM_INFINITY))
    refused, harmless, slowest, wrong = 0, 0, 0.0, []
    for trial in range(mutations):
        path.write_bytes(kinds[trial % len(kinds)](original, rng))
        started = time.process_time()
        try:
            load(path)
            # Sealed again, a golden number or an answer may be another one: that is for `verify` to find.
            harmless += 1
            if trial % len(kinds) < len(plain) and path.read_bytes() != original:
                wrong.append(f"trial {trial} loaded a damaged bundle in silence")
        except BundleError as error:
            refused += 1
            if isinstance(error.__cause__, MemoryError):
                wrong.append(f"trial {trial} asked for too much memory: {error}")
        except BaseException as error:
            wrong.append(f"trial {trial} raised {error!r}")
        slowest = max(slowest, time.process_time() - started)
    return {"mutations": mutations, "refused": refused, "harmless": harmless, "slowest_s": slowest, "wrong": wrong}


if __name__ == "__main__":
    print(json.dumps(fuzz(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
