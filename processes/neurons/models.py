"""The models of Neurons: two leaves around the one definition of a neuron, and one made of stock processes."""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.model.sub.model import AbstractSubProcessModel
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.lif.process import LIFReset

from neurokit.compilers.lava.inhibition import has_in_flight_input, parts
from neurokit.ir.fixed_point import Decay12, Widths, soft_reset_synapse, split_threshold
from neurokit.ir.interpreter import recur
from neurokit.ir.program import decays
from neurokit.neurons.models import Subtract, heaviside, membrane
from neurokit.processes.lines import FixedLines, FloatLines
from neurokit.processes.neurons.process import Neurons
from neurokit.processes.pacemaker import pacemaker
from neurokit.processes.synapses import exact, identity, one_sign


class _NeuronsLeaf(PyLoihiProcessModel):
    """The neuron's own step in every step of a window, silence and an empty state outside."""

    a_in: PyInPort
    s_out: PyOutPort
    u: np.ndarray
    v: np.ndarray

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self.spiking, self.cycle = proc_params["spiking"], proc_params["cycle"]
        self.silence = self.empty(proc_params["shape"])
        self.state, self.s = self.spiking.start(self.silence), self.silence

    def empty(self, shape: tuple[int, ...]) -> np.ndarray:
        """A state of nothing."""
        raise NotImplementedError

    def echo(self) -> np.ndarray:
        """The current that the recurrent synapses make of the last spikes."""
        raise NotImplementedError

    def step(self, a: np.ndarray) -> tuple[Any, Any, Any]:
        """`(membrane before the reset, spikes, state after it)`."""
        raise NotImplementedError

    def fine(self, a: np.ndarray) -> np.ndarray:
        """A current in units of the state."""
        raise NotImplementedError

    def run_spk(self) -> None:
        a = self.a_in.recv()
        if self.cycle.covers(self.time_step):
            if self.spiking.recurrent is not None:
                a = a + self.echo()
            before, self.s, self.state = self.step(a)
            self.v[:], self.u[:] = membrane(self.state), before
            if self.spiking.shows_residue:
                self.u[:] = self.spiking.neuron.registers(before, self.state, self.fine(a))["synaptic current"]
        else:
            self.state, self.s = self.spiking.start(self.silence), self.silence
            self.u[:], self.v[:] = 0, 0
        self.s_out.send(self.s)


@implements(proc=Neurons, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyNeuronsFixed(FixedLines, _NeuronsLeaf):
    """Integers: `Spiking.step`."""

    u: np.ndarray = LavaPyType(np.ndarray, np.int32, precision=24)
    v: np.ndarray = LavaPyType(np.ndarray, np.int32, precision=24)

    def empty(self, shape: tuple[int, ...]) -> np.ndarray:
        return np.zeros(shape, dtype=np.int64)

    def echo(self) -> np.ndarray:
        return np.asarray(recur(self.spiking, Widths(), self.s))

    def step(self, a: np.ndarray) -> tuple[Any, Any, Any]:
        stepped: tuple[Any, Any, Any] = self.spiking.step(self.state, a.astype(np.int64))
        return stepped

    def fine(self, a: np.ndarray) -> np.ndarray:
        fine: np.ndarray = a << self.spiking.fraction
        return fine


@implements(proc=Neurons, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PyNeuronsFloat(FloatLines, _NeuronsLeaf):
    """Floating point: `neuron.step` with the real values of the node's decays, states in units of the current."""

    u: np.ndarray = LavaPyType(np.ndarray, float)
    v: np.ndarray = LavaPyType(np.ndarray, float)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self.neuron = self.spiking.neuron.in_reals()

    def empty(self, shape: tuple[int, ...]) -> np.ndarray:
        return np.zeros(shape)

    def echo(self) -> np.ndarray:
        echo: np.ndarray = self.s @ self.spiking.recurrent.weight.T * 2.0**self.spiking.recurrent.exponent
        return echo

    def step(self, a: np.ndarray) -> tuple[Any, Any, Any]:
        stepped: tuple[Any, Any, Any] = self.neuron.step(self.state, a, heaviside)
        return stepped

    def fine(self, a: np.ndarray) -> np.ndarray:
        return a


@implements(proc=Neurons, protocol=LoihiProtocol)
class StockNeurons(AbstractSubProcessModel):
    """Neurons from LIF, LIFReset and Dense.

    Hard reset: `soma` is Loihi's own neuron, `LIFReset(du, dv)` with the decays of the node (an IF or LIF with du=4095,
    so that u is the input of the step), whose v is set to 0 by a spike. Loihi compares with 6 bits of fraction and
    strictly, as the leaky neurons of a Program do; an IF has no fraction, so that `v > 64 (threshold - 1)` is `>=`.

    Soft reset: `soma` is `LIFReset(dv=4096)`: v forgets everything each step, so v = u and the hard reset of v does no
    harm; u is the membrane and decays by du. Every spike comes back through `subtract` one step later as the threshold
    that has decayed once, which `soft_reset_synapse` shows to be the same as subtracting it at once.

    Between windows the soma must forget. If nothing is under way to it, it is set to 0 in the guard step. Else it is
    set to 0 in the first step of the next window, and `quiet` inhibits it in the guard step; see
    `neurokit.compilers.lava.inhibition`.
    """

    def __init__(self, proc: Neurons) -> None:
        shape, cycle, node = (proc.proc_params[key] for key in ("shape", "cycle", "spiking"))
        (n,) = shape
        soft = isinstance(node.neuron.reset, Subtract)
        alpha, beta = decays(node.neuron)
        guard = cycle.start + cycle.steps
        self.soma = LIFReset(
            shape=shape,
            du=4095 - (beta if soft else alpha),
            dv=4096 - (0 if soft else beta),
            vth=node.threshold if node.leaky else node.threshold - 1,
            reset_interval=cycle.period,
            reset_offset=(cycle.start if has_in_flight_input(node) else guard) % cycle.period,
        )
        proc.in_ports.a_in.connect(self.soma.a_in)
        self.soma.s_out.connect(proc.out_ports.s_out)
        if soft:
            k, e = soft_reset_synapse(node.threshold, Decay12(beta)) if node.leaky else split_threshold(node.threshold)
            self.subtract = identity(n, -k, e)
            self.soma.s_out.connect(self.subtract.s_in)
            self.subtract.a_out.connect(self.soma.a_in)
        if node.recurrent is not None:
            self.onto_itself = exact(node.recurrent.weight, node.recurrent.exponent)
            self.soma.s_out.connect(self.onto_itself.s_in)
            self.onto_itself.a_out.connect(self.soma.a_in)
        if proc.proc_params["guard_inhibition"]:
            _, clocks, k, e = parts(proc.proc_params["guard_inhibition"])
            self.clock = pacemaker(guard - 1, cycle.period, clocks)
            self.quiet = one_sign(np.full((n, clocks), -k), e)
            self.clock.s_out.connect(self.quiet.s_in)
            self.quiet.a_out.connect(self.soma.a_in)
        proc.vars.u.alias(self.soma.vars.u)
        proc.vars.v.alias(self.soma.vars.v)
