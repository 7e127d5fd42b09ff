"""Golden: samples of a Program and everything that a run of them must show, as plain HDF5.

inputs/NNNN   (samples, size) int64           of every Input, by its position among the nodes
spikes/NNNN   (samples, steps, bytes) uint8   of every Spiking, 8 neurons a byte, the first in the highest bit
states/NNNN   (samples, steps, size) int64    its membrane before the reset
totals/NNNN   (samples, size) int64           of every node whose value is known when the window is over
raw/NNNN      (samples, size) int64           of every Output
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from jaxtyping import Int64

from neurokit.errors import BundleError, GraphError, explain
from neurokit.ir import interpreter as reference
from neurokit.ir.hdf5 import Reader, check_envelope
from neurokit.ir.hdf5_schema import Array
from neurokit.ir.program import Program
from neurokit.ir.result import RunResult, Trace
from neurokit.ir.signals import Signal

#: Groups, and the arrays in them.
GROUPS = {
    "inputs": Array("int64", 2),
    "spikes": Array("uint8", 3),
    "states": Array("int64", 3),
    "totals": Array("int64", 2),
    "raw": Array("int64", 2),
}


@dataclass(frozen=True)
class Golden:
    """Encoded samples, and the result that the reference has for them, with its trace."""

    inputs: Mapping[str, Int64[np.ndarray, "samples size"]]
    expected: RunResult

    @staticmethod
    def of(program: Program, inputs: Mapping[str, np.ndarray]) -> Golden:
        """Run real samples, `(samples, size)` per input, on the reference.

        Raises GraphError unless all inputs have one leading axis of the same length, and what the reference raises.
        """
        values = program.encode(inputs)
        shapes = {name: x.shape for name, x in values.items()}
        if len({shape[:-1] for shape in shapes.values()}) != 1 or any(len(shape) != 2 for shape in shapes.values()):
            raise GraphError(explain("shapes of the samples", shapes, "(samples, size) for each", "give rows in pairs"))
        return Golden(values, _expected(program, values))

    def real(self, program: Program) -> dict[str, np.ndarray]:
        """The samples in problem units; `program.encode` gives the integers back."""
        return {node.name: node.decode(self.inputs[node.name]) for node in program.inputs}

    def save(self, program: Program) -> bytes:
        """The bytes of the file."""
        trace = self.expected.trace
        assert trace is not None
        spikes = {name: np.packbits(train, axis=-1) for name, train in trace.spikes.items()}
        groups = {
            "inputs": self.inputs,
            "spikes": spikes,
            "states": trace.states,
            "totals": trace.totals,
            "raw": self.expected.raw,
        }
        with h5py.File("golden", "w", libver=("v110", "v110"), driver="core", backing_store=False) as file:
            for group, arrays in groups.items():
                made = file.create_group(group)
                for name, array in arrays.items():
                    made.create_dataset(_key(program, name), data=np.asarray(array, dtype=GROUPS[group].dtype))
            file.flush()
            return bytes(file.id.get_file_image())

    @staticmethod
    def load(program: Program, path: Path) -> Golden:
        """Read what `save` wrote; raises BundleError, or ProgramError where it is not plain HDF5, for anything else."""
        check_envelope(path)
        found: dict[str, dict[str, np.ndarray]] = {}
        names = _names(program)
        with h5py.File(path, "r", locking=False) as file:
            reader = Reader(str(path), file, path.stat().st_size)
            root = file["/"]
            reader.group(root, {}, tuple(GROUPS), "", {})
            for group, kind in GROUPS.items():
                content: dict[str, int | float | str | np.ndarray] = {}
                keys = {_key(program, name): name for name in names[group]}
                reader.group(reader.child(root, group), dict.fromkeys(keys, kind), (), "", content)
                found[group] = {keys[key]: np.asarray(array) for key, array in content.items()}
        _require_shapes(program, found)
        spikes = {
            name: np.unpackbits(packed, axis=-1, count=program.ports[name].size)
            for name, packed in found["spikes"].items()
        }
        trace = Trace(spikes=spikes, states=found["states"], totals=found["totals"])
        for node in program.inputs:
            x = found["inputs"][node.name]
            if (x < node.low).any() or (x > node.high).any():
                raise BundleError(f"a golden sample of input {node.name!r} is outside of the Program's range.")
        return Golden(found["inputs"], _result(program, found["raw"], trace, 0.0))


def _expected(program: Program, values: Mapping[str, np.ndarray]) -> RunResult:
    found, trace = reference.interpret(program, values, record=True)
    assert trace is not None
    return _result(program, {node.name: found[node.source] for node in program.outputs}, trace, 0.0)


def _result(program: Program, raw: Mapping[str, np.ndarray], trace: Trace, seconds: float) -> RunResult:
    outputs = {node.name: node.decode(raw[node.name]) for node in program.outputs}
    return RunResult("golden", outputs, raw, trace, program.steps, seconds)


def _names(program: Program) -> dict[str, list[str]]:
    """The nodes that each group has."""
    spiking, outputs = [node.name for node in program.spiking], [node.name for node in program.outputs]
    totals = [name for name, wire in program.ports.items() if wire.signal is Signal.TOTAL and name not in outputs]
    inputs = [node.name for node in program.inputs]
    return {"inputs": inputs, "spikes": spiking, "states": spiking, "totals": totals, "raw": outputs}


def _key(program: Program, name: str) -> str:
    return f"{program.nodes.index(program[name]):04}"


def _require_shapes(program: Program, found: Mapping[str, Mapping[str, np.ndarray]]) -> None:
    samples = len(next(iter(found["inputs"].values())))
    for group, arrays in found.items():
        for name, array in arrays.items():
            size = program.ports[name].size
            lines = -(-size // 8) if group == "spikes" else size
            shape = (samples, program.steps, lines) if group in ("spikes", "states") else (samples, lines)
            if array.shape != shape:
                raise BundleError(
                    explain(f"golden {group} of {name!r}: shape", array.shape, str(shape), "make it again")
                )
