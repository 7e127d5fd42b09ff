"""Bundle: a Program, golden runs of it, the self-test, and what they were made with, in one file."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from neurokit._version import __version__
from neurokit.compilers.chip.estimation.estimate import estimate
from neurokit.compilers.chip.place import place
from neurokit.data.samples import draw
from neurokit.errors import BundleError, DoesNotFit, NeurokitError, OutputFailed, ProgramError
from neurokit.ir.program import Program
from neurokit.simulator import Twin
from neurokit.system.atomic import temporary_folder
from neurokit.targets.bundle import container, manifest
from neurokit.targets.bundle.golden import Golden
from neurokit.targets.verification.comparison import earliest, tally
from neurokit.targets.verification.selftest.assumption import Assumption
from neurokit.targets.verification.selftest.assumptions import assumptions

#: Names of the parts.
MANIFEST, PROGRAM, GOLDEN, ANSWERS = "bundle.json", "program.h5", "golden.h5", "selftest.json"
#: Most bytes of the answers of the self-test.
MAX_ANSWERS = 2**22
#: What of a placement is said; the list of all slices can be made again.
RESOURCES = ("hardware", "cores", "chips", "available", "bound", "utilisation")


@dataclass(frozen=True)
class Bundle:
    """What a bundle holds; `about` is its manifest."""

    program: Program
    golden: Golden
    assumptions: tuple[Assumption, ...]
    about: Mapping[str, Any]


def make(
    program: Program,
    *,
    inputs: Mapping[str, np.ndarray] | None = None,
    samples: int = 8,
    seed: int = 0,
    chip: str = "loihi2",
) -> Bundle:
    """A Bundle of `program` with golden runs of `inputs`, or of random legal samples.

    The golden numbers are the reference's, and the twin must agree with all of them. Raises NeurokitError when it does
    not, GraphError or OutOfRange for bad samples.
    """
    golden = Golden.of(program, draw(program, samples, seed) if inputs is None else inputs)
    real = golden.real(program)
    got = Twin().run(program, real, record=True)
    first = earliest(tally(golden.expected, got), program.ports)
    if first is not None:
        raise NeurokitError(f"the reference and the twin disagree on this Program: {first}. Do not deploy it.")
    about = {
        "format": manifest.FORMAT,
        "version": manifest.VERSION,
        "made": {
            "neurokit": __version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
            "h5py": version("h5py"),
        },
        "seed": None if inputs is not None else seed,
        "samples": len(next(iter(golden.inputs.values()))),
        "agreed": ["reference", got.target],
        "resources": _resources(program, chip),
        "estimate": _estimate(program, chip, real),
    }
    return Bundle(program, golden, assumptions(), about)


def save(bundle: Bundle, path: str | Path) -> Path:
    """Write a Bundle, whole or not at all; equal bundles are equal bytes."""
    parts = {
        PROGRAM: _program_bytes(bundle.program),
        GOLDEN: bundle.golden.save(bundle.program),
        ANSWERS: _answers(bundle.assumptions),
        **{_home(each.name): _program_bytes(each.program) for each in bundle.assumptions},
    }
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in parts.items()}
    rest = {key: value for key, value in bundle.about.items() if key not in ("parts", "seal")}
    return container.write(Path(path), {MANIFEST: manifest.encode({**rest, "parts": hashes}), **parts})


def load(path: str | Path) -> Bundle:
    """Read a Bundle. Nothing of it is executed, and memory is in proportion to its size.

    Raises BundleError, and nothing else, when the file is missing, truncated, foreign, damaged, edited or of a newer
    version.
    """
    path = Path(path)
    parts = container.directory(path)
    if MANIFEST not in parts:
        raise BundleError(f"{path} has no part {MANIFEST!r}: it is not a bundle.")
    try:
        about = manifest.decode(container.read(path, parts[MANIFEST], manifest.MAX_BYTES))
        if {MANIFEST, *about["parts"]} != set(parts) or not {PROGRAM, GOLDEN, ANSWERS} <= set(parts):
            raise BundleError("its parts are not those that its manifest lists.")
        with temporary_folder("neurokit-bundle-") as folder:
            return _load(path, parts, about, folder)
    except OutputFailed:  # of the temporary folder, and no fault of the bundle
        raise
    except (BundleError, ProgramError) as error:
        raise BundleError(f"{path}: {error}") from error
    except NeurokitError as error:
        raise BundleError(f"{path}: it does not describe what a bundle has: {error}") from error
    except (OSError, LookupError, ValueError, TypeError, ArithmeticError, RuntimeError, MemoryError) as error:
        raise BundleError(f"{path}: it cannot be read ({error}). It is damaged; copy it again.") from error


def _load(path: Path, parts: Mapping[str, container.Part], about: dict[str, Any], folder: Path) -> Bundle:
    homes: dict[str, Path] = {}
    for i, name in enumerate(sorted(about["parts"])):
        homes[name] = folder / f"{i}.part"  # a name of ours: those in the file are never paths
        found = container.extract(path, parts[name], homes[name])
        if found != about["parts"][name]:
            raise BundleError(f"its part {name!r} has the SHA-256 {found}, not that of its manifest; copy it again.")
    program = Program.load(homes.pop(PROGRAM))
    golden = Golden.load(program, homes.pop(GOLDEN))
    if about["samples"] != len(next(iter(golden.inputs.values()))):
        raise BundleError("the number of its golden samples is not that of its manifest.")
    return Bundle(program, golden, _assumptions(homes.pop(ANSWERS), homes), about)


def _resources(program: Program, chip: str) -> dict[str, Any]:
    """What a placement takes, or why there is none."""
    try:
        placed = place(program, chip).to_json()
    except DoesNotFit as error:
        return {"hardware": chip, "does_not_fit": str(error)}
    return {key: placed[key] for key in RESOURCES}


def _estimate(program: Program, chip: str, real: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """What a sample costs on average, or why nobody knows."""
    try:
        found: dict[str, Any] = json.loads(json.dumps(estimate(program, chip, real).to_json(), default=float))
    except DoesNotFit as error:
        return {"hardware": chip, "does_not_fit": str(error)}
    return found


def _program_bytes(program: Program) -> bytes:
    with temporary_folder("neurokit-bundle-") as folder:
        return program.save(folder / "program.h5").read_bytes()


def _home(name: str) -> str:
    """The part that has the Program of an assumption."""
    return f"selftest/{name}.h5"


def _answers(chosen: Sequence[Assumption]) -> bytes:
    fields = ("name", "claim", "samples", "spikes", "states", "outputs")
    listed = [{field: getattr(each, field) for field in fields} for each in chosen]
    return json.dumps(listed, sort_keys=True, separators=(",", ":")).encode()


def _assumptions(answers: Path, homes: Mapping[str, Path]) -> tuple[Assumption, ...]:
    if answers.stat().st_size > MAX_ANSWERS:
        raise BundleError(f"the answers of its self-test have more than {MAX_ANSWERS} bytes.")
    listed = json.loads(answers.read_text(encoding="ascii"))
    made = tuple(Assumption(program=Program.load(homes[_home(each["name"])]), **each) for each in listed)
    if len(made) != len(homes):
        raise BundleError("its self-test has Programs without answers.")
    return made
