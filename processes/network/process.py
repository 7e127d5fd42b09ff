"""Network: a whole Program as one Lava process."""

from __future__ import annotations

from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess

from neurokit.compilers.lava.forms import FusedForm
from neurokit.compilers.lava.ring_buffers import RingBuffers
from neurokit.compilers.lava.stepper import FIRST, network_schedule
from neurokit.compilers.lava.timing import Cycle
from neurokit.errors import OutOfRange, explain
from neurokit.ir.program import Program


class Network(AbstractProcess):
    """A Program that works on `batch` samples side by side, one window after the other.

    `x` receives the lines of all Inputs, in the Program's order, as graded spikes: for every Input `batch * size`
    lines, sample after sample. They are to be held through the chip steps `inputs` covers, and 0 at others. `y` sends
    the raw integers of all Outputs in the same order, those of an Output at the steps that `outputs[name]` covers, one
    a window, and zeros at others.

    program  proven by `neurokit.ir.interval_analysis.prove`
    batch    samples in a window
    period   chip steps from one window to the next, at least `program.steps + 1`, which is the default
    buffers    where to write what is probed, in the fused form; the stock form has Probes for that

    The leaf model (fixed point) is the fused form: simulator only. The SubProcessModel is made of Lava's own processes,
    whose every neuron and synapse has a Loihi 2 model; a batch is as many copies of each. Both send the same in
    the same steps; a run configuration chooses, `select_sub_proc_model=True` the latter.

    Raises what `neurokit.compilers.lava.schedule.schedule` raises for a Program that Lava cannot run exactly, and
    OutOfRange for a batch below 1.
    """

    def __init__(
        self, *, program: Program, batch: int = 1, period: int | None = None, buffers: RingBuffers | None = None
    ) -> None:
        if batch < 1:
            raise OutOfRange(explain("Network: batch", batch, "at least 1 sample", "present one or more"))
        # What a leaf model alone can run is refused when the stock form is made of it.
        plan = network_schedule(program, period, FusedForm(batch))
        ports = program.ports
        super().__init__(program=program, batch=batch, plan=plan, buffers=buffers)
        self.x = InPort(shape=(batch * sum(ports[node.name].size for node in program.inputs),))
        self.y = OutPort(shape=(batch * sum(ports[node.name].size for node in program.outputs),))
        self.inputs = Cycle(FIRST, program.steps, plan.period)
        self.outputs = {node.name: Cycle(plan.start[node.name] + 1, 1, plan.period) for node in program.outputs}
