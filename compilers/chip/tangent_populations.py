"""tangent_populations: what tangents take on a chip beside a Program, for `check` and `place`.

As the network of `neurokit.targets.lava.learning.learning_network` is wired, every neuron gets a tangent neuron, and of
every layer's synapses there are up to three sets more:

    follow     from the same spikes, for the tangent neuron follows the membrane itself
    tangent    the same weights from the tangent spikes of the layer before, if that is not an Input
    direction  of layers that learn, from the spikes: bits or bytes that are drawn anew for every pass

Products get a tangent product, which receives its factors and their tangents. Assumed as in
`neurokit.compilers.chip.populations`: a byte a synapse, an accumulator or a product one neuron. A neuron of two states
in one microcode would save `follow`; directions of one bit would save most of `direction`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from neurokit.compilers.chip.populations import Population, Projection, populations
from neurokit.ir.program import Input, Product, Program, Spiking


def tangent_populations(program: Program, layers: Collection[str]) -> tuple[Population, ...]:
    """The populations beside those of `program`; `layers` are the synapses that learn.

    Raises UnsupportedNode for a node whose neurons are not known.
    """
    inputs = {node.name for node in program.nodes if isinstance(node, Input)}
    found = []
    for population in populations(program):
        node = program[population.name]
        sets: list[Projection] = []
        for each in population.projections:
            own_reset = isinstance(node, Spiking) and each.one_to_one and each.source == node.name
            if isinstance(node, Spiking | Product) and not own_reset:
                sets.append(replace(each, layer=f"{each.layer} (follow)"))
            if each.source not in inputs and each.lines and not own_reset:
                source = tangent_of(each.source)
                sets.append(replace(each, layer=f"{each.layer} (tangent)", source=source, biases=0, delay=0))
            if each.layer in layers:
                sets.append(replace(each, layer=f"{each.layer} (direction)"))
        found.append(Population(tangent_of(population.name), population.size, tuple(sets)))
    return tuple(found)


def tangent_of(name: str) -> str:
    """The name of the population beside another."""
    return f"{name} (tangents)"
