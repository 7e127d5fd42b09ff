"""Plan: what the twin computes once per Program."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from neurokit.ir.interval_analysis import prove
from neurokit.ir.program import Conv2d, Dense, Input, Interval, Program, Readout, Sparse, Spiking
from neurokit.ir.signals import Signal, consumers
from neurokit.simulator.layout import Population, Synapses, laid_out


@dataclass(frozen=True)
class Plan:
    """What is computed once per Program, its proof included.

    synapses     of every Dense, Sparse and Conv2d, laid out for speed
    populations  of every Spiking, likewise
    roots        the Inputs on which each node before a total hangs
    fused        the synapses between spikes and neurons or readouts, whose currents are never written down
    """

    synapses: dict[str, Synapses]
    populations: dict[str, Population]
    roots: dict[str, frozenset[str]]
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
        roots: dict[str, frozenset[str]] = {}
        fused = set()
        for node in program.nodes:
            if isinstance(node, Input):
                roots[node.name] = frozenset([node.name])
            elif program.ports[node.sources[0]].signal is not Signal.TOTAL:
                roots[node.name] = frozenset().union(*(roots[source] for source in node.sources))
            if isinstance(node, (Dense, Sparse, Conv2d)):
                rules = [reader.rule for name in readers[node.name] if isinstance(reader := nodes[name], Readout)]
                window = max((rule.normaliser(program.steps) for rule in rules), default=0)
                spikes = isinstance(nodes[node.source], Spiking)
                synapses[node.name] = laid_out(node, largest(program, node, certificate), window)
                weighable = isinstance(node, Dense) and not node.delay
                fusible = (Spiking, Readout) if weighable else (Spiking,)
                if spikes and all(isinstance(nodes[name], fusible) for name in readers[node.name]):
                    fused.add(node.name)
        populations = {node.name: Population.of(node) for node in program.spiking}
        return cls(synapses, populations, roots, frozenset(fused))

    def families(self, program: Program, held: frozenset[str]) -> dict[frozenset[str], list[str]]:
        """The nodes before totals by the Inputs on which they hang, sources before their readers.

        `held` and what is fused are left out.
        """
        found: dict[frozenset[str], list[str]] = {}
        for node in program.nodes:
            if node.name in self.roots and node.name not in held and node.name not in self.fused:
                found.setdefault(self.roots[node.name], []).append(node.name)
        return {roots: found[roots] for roots in sorted(found, key=len)}


_PLANS: dict[int, Plan] = {}


def largest(
    program: Program, node: Dense | Sparse | Conv2d, certificate: Mapping[str, Interval]
) -> Int64[np.ndarray, " in"]:
    """The largest magnitude of every line that synapses receive."""
    if isinstance(program[node.source], Spiking):
        return np.ones(node.shape[1], np.int64)
    proved = certificate[node.source]  # of a total before its shift, which only makes it smaller
    return np.asarray(np.maximum(-proved.low, proved.high))
