"""Dialects: what NIR leaves open, as each writer means it.

The format has neither a time step nor a kind of reset other than to a value, and does not say how a neuron on its
threshold behaves. `docs/exchange.md` says how each of these was measured.
"""

from __future__ import annotations

from dataclasses import dataclass

from neurokit.compilers.exchange.time_step import Euler, Exponential, TimeStep
from neurokit.neurons.models import Reset, Subtract, ToZero


@dataclass(frozen=True)
class Dialect:
    """How to read a foreign NIR graph.

    time        the scheme and step by which its time constants are meant
    integrator  what an IF adds per step for a drive of one; None for `dt * r`, which NIR's equation says
    membrane    whether a leaky membrane takes in a share `gain` of its drive, as NIR's equations say, or all of it
    synapse     the same of the synaptic current of a CubaLIF
    reset       of the network that was written; NIR's own is ToZero
    strict      whether it fires only above its threshold; NIR's own does
    """

    time: TimeStep
    integrator: float | None = None
    membrane: bool = True
    synapse: bool = True
    reset: Reset = ToZero()  # noqa: RUF009 (frozen)
    strict: bool = True


def plain(time: TimeStep) -> Dialect:
    """NIR by its own equations, in the given steps."""
    return Dialect(time)


def snntorch(reset: Reset = ToZero()) -> Dialect:  # noqa: B008 (frozen)
    """snnTorch 1.0's `export_to_nir`: Euler with dt = 1e-4, whatever the model's reset.

    The file is the same for all of snnTorch's resets. These are neurons of a Graph:

        Leaky       `reset_mechanism="zero"`; with `reset=Subtract()` also "subtract" (snnTorch's default) with
                    `reset_delay=False`, as long as no membrane reaches twice its threshold: of one that does snnTorch
                    takes a second threshold before it compares again
        Synaptic    the same two, with `reset_delay=False` in both

    With `reset_delay=True`, snnTorch's default, a Leaky takes its threshold off after the leak rather than before it,
    and a Synaptic is dead for the step after a spike.
    """
    return Dialect(Euler(1e-4), reset=reset)


def norse(dt: float = 1e-3) -> Dialect:
    """norse 1.1's `to_nir(dt=dt)`, which writes `dt * tau` where NIR means `tau`.

    An IAFCell adds its drive as it is, where NIR's equation says `dt` times it, and so does a LIFCell to its current.
    """
    return Dialect(Euler(dt * dt), integrator=1.0, synapse=False)


def sinabs(reset: Reset = Subtract(), *, norm_input: bool = True) -> Dialect:  # noqa: B008 (frozen)
    """sinabs 3.1's `to_nir`: time in steps, exact decay, reset by subtraction (its default, not in the file), `>=`.

    For layers with `spike_fn=SingleSpike`: sinabs' default may fire several times a step, which no node here does.
    `norm_input` is the LIF's, whose file is the same with and without.
    """
    return Dialect(Exponential(1.0), integrator=1.0, membrane=norm_input, reset=reset, strict=False)
