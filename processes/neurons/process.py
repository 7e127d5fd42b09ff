"""Neurons: any population of a Program, working in windows."""

from __future__ import annotations

import numpy as np
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var

from neurokit.compilers.lava.timing import Cycle
from neurokit.ir.program import Spiking


class Neurons(AbstractProcess):
    """A `neurokit.ir.program.Spiking`, its recurrent synapses included, working in windows of time.

    In the local time `t < cycle.steps` it does what `Spiking.step` says, from a state of 0 before every window; at
    other steps it is silent, and `a_in` must be 0 there.

    shape     of the population, `(n,)`
    spiking   the node: neuron, reset, recurrent synapses
    guard_inhibition
              of the guard step in units of the current, from `neurokit.compilers.lava.inhibition`
    cycle     when its windows are

    With reset Subtract, Var `u` is the membrane before the reset, and so it is of neurons without a stock form. With
    ToZero, `u` is the synaptic current (of an IF or
    LIF the input of the step) and `v` the membrane after the reset, so that the membrane before it is what `v` of the
    step before has decayed to, plus `u`. States of a leaky neuron are in 64ths of the current. Those of an IF are in
    units of the current in the leaf model and in `StockForm.membrane_unit`ths in the stock form.

    On Loihi 2: the SubProcessModel is made of stock processes, which have models there, but a CubaLIF with Subtract and
    an LIF with Subtract whose decayed threshold is no weight have none and need microcode. The leaf model in fixed
    point (simulator) emits the same spikes in the same steps. The leaf model in floating point (simulator) does
    `neuron.step` with the same decays and without rounding; its states are in units of the current. On the chip,
    LIFReset wants a reset interval that is a power of two: choose the period so there.
    """

    def __init__(self, *, shape: tuple[int, ...], spiking: Spiking, guard_inhibition: int, cycle: Cycle) -> None:
        super().__init__(shape=shape, spiking=spiking, guard_inhibition=guard_inhibition, cycle=cycle)
        self.a_in = InPort(shape=shape)
        self.s_out = OutPort(shape=shape)
        self.u = Var(shape=shape, init=np.zeros(shape, dtype=np.int32))
        self.v = Var(shape=shape, init=np.zeros(shape, dtype=np.int32))
