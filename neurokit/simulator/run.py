"""Run: one batch of samples through the twin.

Everything before a Readout hangs on one Input, but for Sums of what hangs on several; only Product and Sum read two
sources, and Product reads totals. So nodes are evaluated by families: those that hang on the same Inputs, for the
samples of these alone. With a Product only totals meet: 800 branch inputs and 51 trunk inputs cost 851 windows and
800 x 51 products.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int32

from neurokit.errors import UnsupportedNode
from neurokit.ir.program import Output, Product, Program, ProgramNode, Readout, Spiking, Sum, Synapses
from neurokit.ir.result import Trace
from neurokit.ir.signals import Signal
from neurokit.simulator.layout import DenseSynapses, delayed
from neurokit.simulator.numpy_kernels import Kernels, weigh
from neurokit.simulator.plan import Plan

#: Bytes of spikes that a thread works on at a time: they stay in its cache.
CHUNK_BYTES = 2**18
#: Below this many bytes of spikes, starting a thread costs more than it saves.
THREAD_BYTES = 2**17

#: Arrays by node name.
Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Run:
    """One call of `Twin.run`."""

    program: Program
    plan: Plan
    kernels: Kernels
    threads: int
    record: bool

    def all(self, encoded: Mapping[str, np.ndarray]) -> tuple[Arrays, Trace | None]:
        """Values of all totals, and the Trace if it is asked for."""
        program, ports = self.program, self.program.ports
        held = {name: x.astype(np.int32) for name, x in encoded.items()}
        for node in program.nodes:
            if ports[node.name].signal is Signal.HELD and node.sources:
                held[node.name] = self._still(node, *(held[name] for name in node.sources))
        totals: Arrays = {}
        series: Arrays = {}
        states: Arrays = {}
        for roots, names in self.plan.families(program, frozenset(held)).items():
            batch = np.broadcast_shapes(*(held[name].shape[:-1] for name in roots))
            found = self._family([program[name] for name in names], held, series, batch)
            for values, into in zip(found, (totals, series, states), strict=True):
                into |= {name: x.reshape(*batch, *x.shape[1:]) for name, x in values.items()}
        for node in program.nodes:
            if ports[node.name].signal is Signal.TOTAL and not isinstance(node, (Readout, Output)):
                totals[node.name] = self._still(node, *(totals[name] for name in node.sources))
        if not self.record:
            return totals, None
        wide = {name: total.astype(np.int64) for name, total in totals.items()}
        spikes = {name: series[name] for name in states}
        return totals, Trace(spikes, {name: state.astype(np.int64) for name, state in states.items()}, wide)

    def _still(self, node: ProgramNode, *sources: Int32[np.ndarray, "*batch _"]) -> Int32[np.ndarray, "*batch size"]:
        """The value of a node that does not change in time."""
        if isinstance(node, Synapses):
            return self.plan.synapses[node.name].currents(sources[0])
        if isinstance(node, Product):
            return np.asarray(np.right_shift(sources[0] * sources[1], np.int32(node.shift)))
        if isinstance(node, Sum):
            return np.asarray(sum(sources))
        raise UnsupportedNode(node.name, type(node).__name__, "the twin", "it has no rule", "Add one to `_still`.")

    def _family(
        self, nodes: list[ProgramNode], held: Arrays, series: Arrays, batch: tuple[int, ...]
    ) -> tuple[Arrays, Arrays, Arrays]:
        """`(totals, series, states)` of nodes that hang on the same Inputs, `(samples, ...)` each.

        Series are returned only where another family reads them, or to be recorded.
        """
        samples = math.prod(batch)
        sources = {source for node in nodes for source in self._received(node)}
        given = {name: _every(held[name], batch, 1) for name in sources if name in held}
        given |= {name: _every(series[name], batch, 2) for name in sources if name in series}
        lines = sum(self.program.ports[node.name].size for node in nodes)
        chunk = max(1, CHUNK_BYTES // (self.program.steps * lines))
        if samples * self.program.steps * lines > THREAD_BYTES:
            chunk = min(chunk, -(-samples // self.threads))

        def work(start: int) -> tuple[Arrays, Arrays, Arrays]:
            return self._window(nodes, {name: x[start : start + chunk] for name, x in given.items()})

        starts = range(0, samples, chunk)
        if min(self.threads, len(starts)) == 1:
            parts = [work(start) for start in starts]
        else:
            with ThreadPoolExecutor(min(self.threads, len(starts))) as pool:
                parts = list(pool.map(work, starts))
        totals, kept, states = (
            {name: np.concatenate([arrays[name] for arrays in kind]) for name in kind[0]}
            for kind in zip(*parts, strict=True)
        )
        return totals, kept, states

    def _received(self, node: ProgramNode) -> tuple[str, ...]:
        """What a node reads, or what the synapses that are fused with it read."""
        return tuple(self.program[s].sources[0] if s in self.plan.fused else s for s in node.sources)

    def _window(self, nodes: list[ProgramNode], given: Arrays) -> tuple[Arrays, Arrays, Arrays]:
        """One window of `nodes` for a chunk of samples, from held values `(samples, size)` and series."""
        steps, synapses = self.program.steps, self.plan.synapses
        value = {name: x if x.ndim == 3 else x[:, None] for name, x in given.items()}  # held: one step for all
        totals: Arrays = {}
        states: Arrays = {}
        for node in nodes:
            behind = self.program[node.sources[0]] if node.sources[0] in self.plan.fused else None
            if isinstance(node, Synapses):
                received = delayed(value[node.source], node.delay)
                value[node.name] = synapses[node.name].currents(received)
            elif isinstance(node, Sum):
                value[node.name] = np.asarray(sum(value[name].astype(np.int32, copy=False) for name in node.sources))
            elif isinstance(node, Spiking):
                population = self.plan.populations[node.name]
                if isinstance(behind, Synapses):
                    source = value[behind.source]
                    fired = self.kernels.drive(source, synapses[behind.name], population, self.record)
                else:
                    current = value[node.source].astype(np.int32, copy=False)
                    fired = self.kernels.fire(current, population, steps, self.record)
                value[node.name] = fired[0]
                if fired[1] is not None:
                    states[node.name] = fired[1]
            elif isinstance(node, Readout):
                weights = node.rule.weights(steps)
                if not isinstance(behind, Synapses):
                    total = weigh(value[node.source], weights)
                else:
                    dense = synapses[behind.name]
                    assert isinstance(dense, DenseSynapses)
                    if dense.exponent >= 0:
                        count = self.kernels.count(value[behind.source], weights)
                        total = dense.totals(count, node.rule.normaliser(steps))
                    else:
                        total = self.kernels.collect(value[behind.source], dense, weights)
                totals[node.name] = node.finish(total).astype(np.int32)
            else:
                raise UnsupportedNode(node.name, type(node).__name__, "the twin", "no rule", "Add one to `_window`.")
        kept = {n.name: value[n.name] for n in nodes if n.name in value and (n.name in states or self._crosses(n))}
        return totals, kept, states

    def _crosses(self, node: ProgramNode) -> bool:
        """Whether a node of another family reads this one."""
        roots = self.plan.roots
        return any(
            roots.get(reader.name) != roots[node.name] and node.name in self._received(reader)
            for reader in self.program.nodes
            if reader.name in roots and reader.name not in self.plan.fused
        )


def _every(x: np.ndarray, batch: tuple[int, ...], own: int) -> np.ndarray:
    """`x`, whose last `own` axes are its own, for every sample of `batch`, on one leading axis."""
    shape = x.shape[len(x.shape) - own :]
    spread = x if x.shape == (*batch, *shape) else np.broadcast_to(x, (*batch, *shape)).copy()
    return spread.reshape(math.prod(batch), *shape)
