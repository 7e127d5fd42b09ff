"""TangentNeurons: what the spikes of a population do along a direction, beside the population."""

from __future__ import annotations

from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess

from neurokit.compilers.lava.timing import Cycle
from neurokit.ir.program import Spiking
from neurokit.ir.tangent_neuron import TangentNeuron


class TangentNeurons(AbstractProcess):
    """A `neurokit.ir.tangent_neuron.TangentNeuron` for every neuron of a population, working in windows of time.

    In the local time `t < cycle.steps` it receives the population's own currents `a_in`, follows the membrane, and does
    what `TangentNeuron.step` says with the tangents `da_in` of the currents, from a state of 0 before every window; the
    tangents of the spikes leave as graded spikes `ds_out` in the same step. Silent at other steps.

    shape    of the population, `(n,)`
    spiking  the node, with reset Subtract and without recurrent synapses
    neuron   its tangent neuron
    cycle    when its windows are

    A leaf model alone. On the chip it needs microcode: a second state beside the membrane, and a multiplication by a
    table's entry. No network of Lava's own processes is equal to it: from a `Sigma` that holds the tangent through a
    `ProdNeuron` that multiplies, the reset comes back two steps later, and is needed after one.
    """

    def __init__(self, *, shape: tuple[int, ...], spiking: Spiking, neuron: TangentNeuron, cycle: Cycle) -> None:
        super().__init__(shape=shape, spiking=spiking, neuron=neuron, cycle=cycle)
        self.a_in = InPort(shape=shape)
        self.da_in = InPort(shape=shape)
        self.ds_out = OutPort(shape=shape)
