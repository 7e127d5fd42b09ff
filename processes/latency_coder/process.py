"""LatencyCoder: a time as the step of one spike."""

from __future__ import annotations

from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess

from neurokit.compilers.lava.timing import Cycle
from neurokit.errors import OutOfRange, explain
from neurokit.ir.fixed_point import THRESHOLD_EXPONENTS, THRESHOLD_MANTISSA
from neurokit.ir.spike_time_grid import PARTS
from neurokit.processes.graded_coder.process import EARLIEST

#: Windows up to so long have a stock form: the largest threshold of a SoftIF, in steps.
MAX_STEPS = THRESHOLD_MANTISSA[-1] * 2 ** THRESHOLD_EXPONENTS[-1] // PARTS
#: The latest time that a line may be given, in parts of a step; later than any window lasts.
LATEST = 2**16 - 1


class LatencyCoder(AbstractProcess):
    """Hears a time once and spikes once, in its step of the window; a time beyond the window gives no spike.

        s_out[t] = 1 if t == Latency(dt).steps(time), where a_in = PARTS * time / dt was received one step before

    that is, in step `ceil(a_in / PARTS)` for a whole number of the `PARTS = 64` parts of a step: the integers in which
    a Program encodes an Input of times (`neurokit.compilers.frontend.first_spike_coding`). Other times are rounded to
    parts first.

    shape  of the lines, `(n,)`; `0 <= a_in <= 65535`, which the leaf models require and the caller proves for the stock
           form
    cycle  when it emits; its windows start at chip step 3 or later and have at most 510 steps

    On Loihi 2: the SubProcessModel is made of stock processes (SoftIF's, ProdNeuron), which have models there; the leaf
    models, fixed and floating point, are for the simulator. All emit the same in the same steps. Raises OutOfRange for
    longer windows.
    """

    def __init__(self, *, shape: tuple[int, ...], cycle: Cycle) -> None:
        assert cycle.start >= EARLIEST
        if cycle.steps > MAX_STEPS:
            raise OutOfRange(explain("LatencyCoder: steps", cycle.steps, f"1..{MAX_STEPS}", "use longer time steps"))
        super().__init__(shape=shape, cycle=cycle)
        self.a_in = InPort(shape=shape)
        self.s_out = OutPort(shape=shape)
