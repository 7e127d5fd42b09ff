"""The tangent pass, one step at a time: what the integers of a TangentProgram mean, every width checked.

Slow and clear; `tangent_twin` computes the same integers fast, and the Lava processes are held against both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from neurokit.errors import OutOfRange, OverflowDetected, explain
from neurokit.ir import interpreter as reference
from neurokit.ir.interpreter import shift
from neurokit.ir.program import Dense, Input, Product, Readout, Spiking, Sum
from neurokit.ir.result import Trace
from neurokit.learning.tangent_program import TangentProgram
from neurokit.simulator.plastic_weights import Field

#: Integer moves of plastic tensors by name, K directions of each; a tensor without them stands still.
Moves = Mapping[str, Int64[np.ndarray, "K ..."]]


@dataclass(frozen=True)
class JVPResult:
    """A forward pass of a Program and its tangents.

    values       raw integers by Output name, `(*batch, size)`
    tangents     of every node but Outputs and Inputs, `(K, *batch, [steps,] size)`, with a time axis for what varies
    states       tangents of the membranes before the reset, like `tangents` of a Spiking
    derivatives  of the real outputs along every direction, by Output name, `(K, *batch, size)`
    """

    values: Mapping[str, Int64[np.ndarray, "*batch size"]]
    tangents: Mapping[str, np.ndarray]
    states: Mapping[str, np.ndarray]
    derivatives: Mapping[str, Float64[np.ndarray, "K *batch size"]]


def jvp(made: TangentProgram, encoded: Mapping[str, np.ndarray], moves: Moves) -> JVPResult:
    """The Program's outputs and their derivatives along K moves, in one pass.

    encoded  integers by Input name, `(*batch, size)`, all with one batch shape, as `Program.encode` makes them

    Raises OutOfRange for a move larger than the proof allows, OverflowDetected when an integer leaves its width.
    """
    count = directions_in(made, moves)
    program = made.program
    values, trace = reference.interpret(program, encoded, record=True)
    assert trace is not None
    x = received(made, values, trace)
    tangent: dict[str, np.ndarray] = {}
    states: dict[str, np.ndarray] = {}
    for node in program.nodes:
        before = [tangent[s] for s in node.sources]
        if isinstance(node, Input):
            tangent[node.name] = np.zeros((count, *np.shape(values[node.name])), np.int64)
        elif isinstance(node, Dense):
            tangent[node.name] = _current(made, node, x[node.source], before[0], moves)
        elif isinstance(node, Spiking):
            tangent[node.name], states[node.name] = _spikes(made, node, trace.states[node.name], before[0])
        elif isinstance(node, Readout):
            tangent[node.name] = _total(made, node, before[0], moves)
        elif isinstance(node, Product):
            tangent[node.name] = _product(made, node, values[node.left], values[node.right], *before)
        elif isinstance(node, Sum):
            finest = [made.fraction[s] - made.fraction[node.name] for s in node.sources]
            tangent[node.name] = np.asarray(sum(dx >> f for dx, f in zip(before, finest, strict=True)))
            _fits(made, node, "sum of tangents", tangent[node.name], "synapse")
    return finished(made, values, tangent, states)


def received(made: TangentProgram, values: Mapping[str, Any], trace: Trace) -> dict[str, np.ndarray]:
    """What every Dense receives: held values and totals `(*batch, size)`, spikes `(*batch, steps, size)`."""
    sources = {n.source for n in made.program.nodes if isinstance(n, Dense)}
    return {
        name: np.asarray(trace.spikes[name] if name in trace.spikes else values[name], np.int64) for name in sources
    }


def finished(
    made: TangentProgram, values: Mapping[str, Any], tangent: Mapping[str, np.ndarray], states: Mapping[str, np.ndarray]
) -> JVPResult:
    """What a pass returns, from what it found at every node."""
    outputs = made.program.outputs
    return JVPResult(
        values={n.name: values[n.source] for n in outputs},
        tangents={name: dx for name, dx in tangent.items() if not isinstance(made.program[name], Input)},
        states=states,
        derivatives={n.name: made.decode(n, tangent[n.source]) for n in outputs},
    )


def directions_in(made: TangentProgram, moves: Moves) -> int:
    """How many directions there are; raises OutOfRange for moves of other tensors, shapes or sizes."""
    tensors = {t.name: t for t in made.tensors}
    counts = {len(move) for move in moves.values()}
    for name, move in moves.items():
        tensor = tensors.get(name)
        if tensor is None or move.shape[1:] != tensor.shape or len(counts) != 1:
            legal = f"(K, *shape) of one of {sorted(tensors)}, one K for all"
            raise OutOfRange(explain(f"moves of {name!r}: shape", move.shape, legal, "match the tensors"))
        if np.abs(move).max(initial=0) > tensor.unit * made.largest:
            legal = f"at most {tensor.unit * made.largest} in magnitude"
            raise OutOfRange(explain(f"moves of {name!r}", int(np.abs(move).max()), legal, "give `largest`"))
    if not counts:
        raise OutOfRange(explain("moves", "empty", "one tensor or more", "name what moves"))
    return counts.pop()


def spread(moves: np.ndarray, axes: int) -> Int64[np.ndarray, "K ..."]:
    """Moves of every line, `(K, lines)`, with so many axes in between."""
    return np.asarray(moves.astype(np.int64).reshape(len(moves), *[1] * axes, moves.shape[-1]))


def _move(made: TangentProgram, node: Any, field: Field, moves: Moves) -> np.ndarray | None:
    return moves.get(f"{node.name}.{field.value}")


def _current(made: TangentProgram, node: Dense, x: np.ndarray, dx: np.ndarray, moves: Moves) -> np.ndarray:
    """Own moves act on what the layer receives, others on how that changes."""
    weight, bias = (_move(made, node, field, moves) for field in (Field.WEIGHT, Field.BIAS))
    own = np.zeros(1, np.int64)
    if weight is not None:
        own = np.stack([x @ each.T.astype(np.int64) for each in weight])
    if bias is not None:
        own = own + spread(bias, x.ndim - 1)
    da = dx @ node.weight.T.astype(np.int64) + shift(own, made.fraction[node.source])
    _fits(made, node, "tangent current", da, "synapse")
    return np.asarray(da)


def _spikes(
    made: TangentProgram, node: Spiking, membranes: np.ndarray, da: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    neuron, held = made.neurons[node.name], da.ndim == membranes.ndim
    state = neuron.start(np.zeros((len(da), *membranes.shape[:-2], membranes.shape[-1]), np.int64))
    spikes, states = [], []
    for t in range(made.program.steps):
        dm, ds, state = neuron.step(state, da if held else da[..., t, :], membranes[..., t, :])
        for part in (dm, *state):
            _fits(made, node, "tangent of the membrane", part, "membrane")
        _fits(made, node, "tangent spike", ds, "message")
        spikes.append(ds)
        states.append(dm)
    return np.stack(spikes, axis=-2), np.stack(states, axis=-2)


def _total(made: TangentProgram, node: Readout, da: np.ndarray, moves: Moves) -> np.ndarray:
    total = np.zeros_like(da[..., 0, :])
    for t, weight in enumerate(node.rule.weights(made.program.steps)):
        total = total + weight * da[..., t, :]
        _fits(made, node, "tangent of the total", total, "accumulator")
    offset = _move(made, node, Field.OFFSET, moves)
    if offset is not None:
        moved = shift(offset.astype(np.int64), made.fraction[node.source])
        total = total + spread(moved, total.ndim - 2)
        _fits(made, node, "tangent of the total", total, "accumulator")
    y = total >> made.cuts[node.name][0]
    _fits(made, node, "tangent message", y, "message")
    return np.asarray(y)


def _product(
    made: TangentProgram, node: Product, left: np.ndarray, right: np.ndarray, dl: np.ndarray, dr: np.ndarray
) -> np.ndarray:
    terms = []
    for term, cut in zip((dl * right, left * dr), made.cuts[node.name], strict=True):
        _fits(made, node, "tangent product", term, "product")
        terms.append(term >> cut)
    y = terms[0] + terms[1]
    _fits(made, node, "tangent message", y, "message")
    return np.asarray(y)


def _fits(made: TangentProgram, node: Any, what: str, values: np.ndarray, kind: str) -> None:
    limit, worst = made.widths.limit(kind), int(np.abs(values).max())
    if worst > limit:
        raise OverflowDetected(explain(f"node {node.name!r}: {what}", worst, f"at most {limit}", "make it anew"))
