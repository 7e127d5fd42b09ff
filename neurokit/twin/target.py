"""Twin: the integers of the reference, fast. Batched over samples, compiled by numba, parallel on threads.

Everything before a Readout hangs on one Input, as a tree (only Product reads two sources, and it reads totals). So a
tree is evaluated for the samples of its own input alone, and only totals meet: 800 branch inputs and 51 trunk inputs
cost 851 windows and 800 x 51 products.
"""

from __future__ import annotations

import math
import os
import time
import weakref
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from jaxtyping import Int32

from neurokit.compilers.bounds import prove
from neurokit.errors import OutOfRange, TargetUnavailable, UnsupportedNode, explain
from neurokit.program import Dense, Input, Output, Product, Program, ProgramNode, Readout, Spiking
from neurokit.result import RunResult, Trace
from neurokit.twin.arrays import ArrayKernels, Kernels, Synapses, weigh
from neurokit.wiring import Signal, consumers

#: Bytes of spikes that a thread works on at a time: they stay in its cache.
CHUNK_BYTES = 2**18
#: Below this many bytes of spikes, starting a thread costs more than it saves.
THREAD_BYTES = 2**17


@dataclass(frozen=True)
class Twin:
    """A target with the reference's numbers, bit for bit, and thousands of times the speed of Lava on a CPU.

    threads   on how many samples are worked on in parallel; None for all cores of this process
    compiled  True for numba, False for NumPy, None for numba if it is installed; a result's provenance says which

    Runs proven Programs only: `prove` is called once per Program, and its bounds make 32-bit arithmetic safe.
    """

    threads: int | None = None
    compiled: bool | None = None
    name: str = field(default="twin", init=False)

    def __post_init__(self) -> None:
        if self.threads is not None and (not isinstance(self.threads, int) or self.threads < 1):
            raise OutOfRange(explain("Twin.threads", self.threads, "an integer >= 1 or None", "use None for all cores"))

    def run(self, program: Program, inputs: Mapping[str, np.ndarray], *, record: bool = False) -> RunResult:
        """Run a batch of real-valued samples, `(*batch, size)` per input name; leading axes broadcast.

        Raises GraphError or OutOfRange for a bad sample, OutOfRange when the Program cannot be proved,
        TargetUnavailable when `compiled=True` and numba is not installed.
        """
        kernels = choose(self.compiled)
        threads = self.threads or cores()
        plan = Plan.of(program)
        started = time.perf_counter()
        values = program.encode(inputs)
        values, trace = _Run(program, plan, kernels, threads, record).all(values)
        raw = {node.name: values[node.source].astype(np.int64, copy=False) for node in program.outputs}
        return RunResult(
            target=self.name,
            outputs={node.name: node.decode(raw[node.name]) for node in program.outputs},
            raw=raw,
            trace=trace,
            steps=program.steps,
            seconds=time.perf_counter() - started,
            provenance={"kernels": kernels.description, "threads": str(threads)},
        )


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def choose(compiled: bool | None) -> Kernels:
    """The kernels that `Twin.compiled` asks for, compiled and ready."""
    if compiled is False:
        return ArrayKernels()
    try:
        from neurokit.twin.kernels import NumbaKernels
    except ImportError as error:
        if compiled:
            raise TargetUnavailable(
                f"Twin(compiled=True) needs numba, which cannot be imported ({error}). To mend it, install "
                "neurokit-loihi[fast], or use Twin(), which then runs on NumPy."
            ) from error
        return ArrayKernels()
    kernels = NumbaKernels()
    kernels.prepare()
    return kernels


@dataclass(frozen=True)
class Plan:
    """What is computed once per Program, its proof included.

    synapses  of every Dense, laid out for speed
    root      the Input on which each node before a total hangs
    fused     the Dense nodes between spikes and neurons or readouts, whose currents are never written down
    """

    synapses: dict[str, Synapses]
    root: dict[str, str]
    fused: frozenset[str]

    @classmethod
    def of(cls, program: Program) -> Plan:
        """The plan of `program`, kept as long as the Program lives."""
        known = _PLANS.get(id(program))
        if known is None:
            known = _PLANS[id(program)] = cls._new(program)
            weakref.finalize(program, _PLANS.pop, id(program), None)
        return known

    @classmethod
    def _new(cls, program: Program) -> Plan:
        certificate = prove(program)
        readers = consumers(program.nodes)
        nodes = {node.name: node for node in program.nodes}
        synapses: dict[str, Synapses] = {}
        root: dict[str, str] = {}
        fused = set()
        for node in program.nodes:
            if isinstance(node, Input):
                root[node.name] = node.name
            elif program.wires[node.sources[0]].signal is not Signal.TOTAL:
                root[node.name] = root[node.sources[0]]
            if isinstance(node, Dense):
                rules = [reader.rule for name in readers[node.name] if isinstance(reader := nodes[name], Readout)]
                window = max((rule.normaliser(program.steps) for rule in rules), default=0)
                spikes = isinstance(nodes[node.source], Spiking)
                proved = certificate[node.source]  # of a total before its shift, which only makes it smaller
                largest = np.ones_like(proved.low) if spikes else np.maximum(-proved.low, proved.high)
                synapses[node.name] = Synapses.of(node, largest, window)
                if spikes and all(isinstance(nodes[name], (Spiking, Readout)) for name in readers[node.name]):
                    fused.add(node.name)
        return cls(synapses, root, frozenset(fused))


_PLANS: dict[int, Plan] = {}

#: Arrays by node name.
Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class _Run:
    """One call of `Twin.run`."""

    program: Program
    plan: Plan
    kernels: Kernels
    threads: int
    record: bool

    def all(self, encoded: Mapping[str, np.ndarray]) -> tuple[Arrays, Trace | None]:
        """Values of all totals, and the Trace if it is asked for."""
        program = self.program
        held = {name: x.astype(np.int32) for name, x in encoded.items()}
        for node in program.nodes:
            if isinstance(node, Dense) and node.source in held:
                held[node.name] = self.plan.synapses[node.name].currents(held[node.source])
        totals: Arrays = {}
        spikes: Arrays = {}
        states: Arrays = {}
        for source in program.inputs:
            batch = held[source.name].shape[:-1]
            for found, into in zip(self._tree(source, held), (totals, spikes, states), strict=True):
                into |= {name: x.reshape(*batch, *x.shape[1:]) for name, x in found.items()}
        for node in program.nodes:
            if program.wires[node.name].signal is Signal.TOTAL and not isinstance(node, (Readout, Output)):
                totals[node.name] = self._total(node, *(totals[name] for name in node.sources))
        if not self.record:
            return totals, None
        wide = {name: total.astype(np.int64) for name, total in totals.items()}
        return totals, Trace(spikes, {name: state.astype(np.int64) for name, state in states.items()}, wide)

    def _total(self, node: ProgramNode, *sources: Int32[np.ndarray, "*batch _"]) -> Int32[np.ndarray, "*batch size"]:
        if isinstance(node, Dense):
            return self.plan.synapses[node.name].currents(sources[0])
        if isinstance(node, Product):
            return np.asarray(np.right_shift(sources[0] * sources[1], np.int32(node.shift)))
        raise UnsupportedNode(node.name, type(node).__name__, "the twin", "it has no rule", "Add one to `_total`.")

    def _tree(self, source: Input, held: Arrays) -> tuple[Arrays, Arrays, Arrays]:
        """`(totals, spikes, states)` of the nodes that hang on one Input, `(samples, ...)` each."""
        nodes = [
            node
            for node in self.program.nodes
            if self.plan.root.get(node.name) == source.name and node.name not in {*held, *self.plan.fused}
        ]
        if not nodes:
            return {}, {}, {}
        samples = math.prod(held[source.name].shape[:-1])
        flat = {name: held[name].reshape(samples, -1) for node in nodes for name in node.sources if name in held}
        lines = sum(self.program.wires[node.name].size for node in nodes)
        chunk = max(1, CHUNK_BYTES // (self.program.steps * lines))
        if samples * self.program.steps * lines > THREAD_BYTES:
            chunk = min(chunk, -(-samples // self.threads))

        def work(start: int) -> tuple[Arrays, Arrays, Arrays]:
            return self._window(nodes, {name: x[start : start + chunk] for name, x in flat.items()})

        starts = range(0, samples, chunk)
        if min(self.threads, len(starts)) == 1:
            parts = [work(start) for start in starts]
        else:
            with ThreadPoolExecutor(min(self.threads, len(starts))) as pool:
                parts = list(pool.map(work, starts))
        totals, spikes, states = (
            {name: np.concatenate([arrays[name] for arrays in kind]) for name in kind[0]}
            for kind in zip(*parts, strict=True)
        )
        return totals, spikes, states

    def _window(self, nodes: list[ProgramNode], held: Arrays) -> tuple[Arrays, Arrays, Arrays]:
        """One window of `nodes` for a chunk of samples; spikes and states are returned only to be recorded."""
        steps, synapses = self.program.steps, self.plan.synapses
        series: Arrays = {}
        totals: Arrays = {}
        states: Arrays = {}
        for node in nodes:
            behind = self.program[node.sources[0]] if node.sources[0] in self.plan.fused else None
            if isinstance(node, Dense):
                series[node.name] = synapses[node.name].currents(series[node.source])
            elif isinstance(node, Spiking):
                if isinstance(behind, Dense):
                    fired = self.kernels.drive(series[behind.source], synapses[behind.name], node.neuron, self.record)
                elif node.source in held:
                    fired = self.kernels.fire(held[node.source][:, None], node.neuron, steps, self.record)
                else:
                    fired = self.kernels.fire(
                        series[node.source].astype(np.int32, copy=False), node.neuron, steps, self.record
                    )
                series[node.name] = fired[0]
                if fired[1] is not None:
                    states[node.name] = fired[1]
            elif isinstance(node, Readout):
                weights = node.rule.weights(steps)
                if not isinstance(behind, Dense):
                    total = weigh(series[node.source], weights)
                elif behind.exponent >= 0:
                    count = self.kernels.count(series[behind.source], weights)
                    total = synapses[behind.name].totals(count, node.rule.normaliser(steps))
                else:
                    total = self.kernels.collect(series[behind.source], synapses[behind.name], weights)
                totals[node.name] = node.finish(total).astype(np.int32)
            else:
                raise UnsupportedNode(node.name, type(node).__name__, "the twin", "no rule", "Add one to `_window`.")
        return totals, {name: series[name] for name in states}, states
