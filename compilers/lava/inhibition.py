"""Hush: the inhibition that keeps a population silent between two windows.

A population that owes itself something at the end of a window, the threshold of a soft reset or what comes back through
recurrent synapses, gets it in the guard step after the window. So its states are cleared in the step after that, the
first of the next window; and in the guard step, where it must not fire, a clock sends one inhibitory spike. How strong,
follows from the bounds of the interval analysis. From there on nothing arrives, and what has decayed stays silent.
"""

from __future__ import annotations

from neurokit.errors import UnsupportedNode
from neurokit.ir.fixed_point import THRESHOLD_EXPONENTS, THRESHOLD_MANTISSA, Decay12, Widths
from neurokit.ir.membrane_bounds import Reach
from neurokit.ir.program import Spiking, decays
from neurokit.neurons.models import CubaLIF, Subtract

#: The most that one clock's synapse takes away: `255 * 2**7`.
STRONGEST = THRESHOLD_MANTISSA[-1] << THRESHOLD_EXPONENTS[-1]


def has_in_flight_input(node: Spiking) -> bool:
    """Whether something is on its way to the population when a window is over, so that it needs guard inhibition.

    Neurons that are no case of Loihi's own have no stock form, and those of the others clear their states themselves.
    """
    if node.neuron.current_based() is None:
        return False
    return node.recurrent is not None or (node.leaky and isinstance(node.neuron.reset, Subtract))


def guard_inhibition(node: Spiking, reach: Reach, widths: Widths) -> int:
    """The inhibition of the guard step, in units of the current; 0 if the population is silent there by itself.

    Raises UnsupportedNode when, inhibited, it could leave its width.
    """
    unit = 1 << node.fraction
    alpha, beta = (Decay12(numerator) for numerator in decays(node.neuron))
    neuron = node.fine
    if isinstance(neuron, CubaLIF):
        # With a synaptic current at or below zero the membrane only falls, whatever the current decays to.
        silent, high = 0, reach.remaining.high * alpha
        low = reach.remaining.low * alpha
    else:
        silent = neuron.threshold if neuron.strict else neuron.threshold - 1
        high, low = reach.after.high * beta, reach.after.low * beta
    excess = int((high + unit * reach.last.high - silent).max())
    amount = parts(max(0, -(-excess // unit)))[0]
    lowest = int((low + unit * (reach.last.low - amount)).min())
    limit = widths.membrane_limit(node.fraction)
    if lowest < -limit:
        raise UnsupportedNode(
            node.name,
            "Spiking",
            "Lava",
            f"it needs an inhibition of {amount} to be silent between two samples, with which its state could reach "
            f"{lowest}, beyond {-limit}",
            "Use a higher threshold, smaller weights or a narrower input range",
        )
    return amount


def parts(least: int) -> tuple[int, int, int, int]:
    """`(amount, clocks, k, e)`: the smallest `amount = clocks * k * 2**e >= least` that few synapses can carry."""
    clocks = max(1, -(-least // STRONGEST))
    each = -(-least // clocks)
    e = next(e for e in THRESHOLD_EXPONENTS if -(-each >> e) <= THRESHOLD_MANTISSA[-1])
    k = -(-each >> e)
    return clocks * (k << e), clocks, k, e
