"""The tangent pass, fast: the integers of `tangent_reference.jvp`, products by BLAS and neurons by numba.

Spikes and membranes come from the twin. Every width is proved, so none is checked here. What a layer's own moves do
costs one product over all directions; what comes from below, one product over directions, samples and steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int64

from neurokit.ir.interpreter import apply, shift
from neurokit.ir.program import Dense, Input, Output, Product, Readout, Spiking, Sum
from neurokit.ir.signals import Signal
from neurokit.ir.tangent_neuron import TangentNeuron
from neurokit.learning.tangent_program import TangentProgram
from neurokit.learning.tangent_reference import JVPResult, Moves, directions_in, finished, received, spread
from neurokit.simulator.plan import Plan
from neurokit.simulator.plastic_weights import Field
from neurokit.simulator.run import Run
from neurokit.simulator.target import choose

#: `ds, dm = fire(neuron, da, membranes)`, `(K, samples, 1 or steps, size)` from `(samples, steps, size)`.
Fire = Callable[[TangentNeuron, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class TangentTwin:
    """The fast tangent pass.

    compiled  True for numba, False for NumPy, None for numba if it is installed
    """

    compiled: bool | None = None

    def jvp(self, made: TangentProgram, encoded: Mapping[str, np.ndarray], moves: Moves) -> JVPResult:
        """As `tangent_reference.jvp`, for samples `(batch, size)` by Input name."""
        count = directions_in(made, moves)
        kernels = choose(self.compiled)
        program = made.program
        totals, trace = Run(program, Plan.of(program), kernels, 1, True).all(encoded)
        assert trace is not None
        values: dict[str, Any] = {**encoded, **totals}
        for node in program.nodes:  # what is held over the window is not in the trace
            if program.ports[node.name].signal is Signal.HELD and node.sources:
                values[node.name] = apply(node, program.widths, *(values[s] for s in node.sources))
        x = received(made, values, trace)
        fire = _fire_compiled if kernels.description.startswith("numba") else _fire
        tangent: dict[str, np.ndarray] = {}
        states: dict[str, np.ndarray] = {}
        for node in program.nodes:
            before = [tangent[s] for s in node.sources]
            if isinstance(node, Input):
                tangent[node.name] = np.zeros((count, *encoded[node.name].shape), np.int64)
            elif isinstance(node, Dense):
                still = isinstance(program[node.source], Input)
                tangent[node.name] = _current(made, node, x[node.source], None if still else before[0], moves)
            elif isinstance(node, Spiking):
                membranes = trace.states[node.name]
                da = before[0][..., None, :] if before[0].ndim == membranes.ndim else before[0]
                tangent[node.name], states[node.name] = fire(made.neurons[node.name], da, membranes)
            elif isinstance(node, Readout):
                weights = node.rule.weights(program.steps).astype(np.float64)
                # Below 2**53, where float64 is exact.
                total = np.einsum("t,kbti->kbi", weights, before[0].astype(np.float64)).astype(np.int64)
                offset = moves.get(f"{node.name}.{Field.OFFSET.value}")
                if offset is not None:
                    total += shift(offset.astype(np.int64), made.fraction[node.source])[:, None]
                tangent[node.name] = total >> made.cuts[node.name][0]
            elif isinstance(node, Product):
                left, right = values[node.left].astype(np.int64), values[node.right].astype(np.int64)
                cut = made.cuts[node.name]
                tangent[node.name] = (before[0] * right >> cut[0]) + (left * before[1] >> cut[1])
            elif isinstance(node, Sum):
                finest = [made.fraction[s] - made.fraction[node.name] for s in node.sources]
                tangent[node.name] = np.asarray(sum(dx >> f for dx, f in zip(before, finest, strict=True)))
            else:
                assert isinstance(node, Output)
        wide = {name: np.asarray(value, np.int64) for name, value in totals.items()}
        return finished(made, wide, tangent, states)


def _current(made: TangentProgram, node: Dense, x: np.ndarray, dx: np.ndarray | None, moves: Moves) -> np.ndarray:
    """Products by BLAS in float64, where every sum that the proof allows is exact."""
    weight = moves.get(f"{node.name}.{Field.WEIGHT.value}")
    bias = moves.get(f"{node.name}.{Field.BIAS.value}")
    count = len(next(iter(moves.values())))
    fraction = made.fraction[node.source]
    da = np.zeros((count, *x.shape[:-1], node.shape[0]), np.int64)
    if weight is not None:
        flat = x.reshape(-1, x.shape[-1]).astype(np.float64)
        own = flat @ weight.reshape(-1, x.shape[-1]).T.astype(np.float64)  # one product for all directions
        own = own.reshape(*x.shape[:-1], count, node.shape[0])
        da += own.transpose(own.ndim - 2, *range(own.ndim - 2), own.ndim - 1).astype(np.int64)
    if bias is not None:
        da += spread(bias, x.ndim - 1)
    da = shift(da, fraction)
    if dx is not None:
        below = dx.reshape(-1, dx.shape[-1]).astype(np.float64) @ node.weight.T.astype(np.float64)
        da += below.astype(np.int64).reshape(da.shape)
    return np.asarray(da)


def _fire(
    neuron: TangentNeuron, da: Int64[np.ndarray, "K b given n"], membranes: Int64[np.ndarray, "b steps n"]
) -> tuple[np.ndarray, np.ndarray]:
    """`TangentNeuron.step` itself."""
    steps = membranes.shape[1]
    state = neuron.start(np.zeros((*da.shape[:2], da.shape[3]), np.int64))
    spikes = np.empty((*da.shape[:2], steps, da.shape[3]), np.int64)
    states = np.empty_like(spikes)
    for t in range(steps):
        states[:, :, t], spikes[:, :, t], state = neuron.step(state, da[:, :, t % da.shape[2]], membranes[:, t])
    return spikes, states


def _fire_compiled(
    neuron: TangentNeuron, da: Int64[np.ndarray, "K b given n"], membranes: Int64[np.ndarray, "b steps n"]
) -> tuple[np.ndarray, np.ndarray]:
    from neurokit.learning.tangent_kernels import fire

    return fire(neuron, da, membranes)
