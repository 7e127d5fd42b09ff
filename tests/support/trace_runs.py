"""One neuron on Lava, driven by a current a step: python trace_runs.py MODEL THRESHOLD KEPT CURRENTS (JSON).

Prints a JSON object: its spikes, its input `u` and its membrane `v` after the reset, step by step.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava_processes.misfits import Series

from neurokit.compilers.lava.ring_buffers import RingBuffer
from neurokit.compilers.lava.timing import Cycle
from neurokit.ir.fixed_point import Decay12
from neurokit.ir.program import Spiking
from neurokit.neurons.models import LIF, ToZero
from neurokit.processes.neurons.process import Neurons
from neurokit.processes.ring_buffer.process import Probe, Recorder


def run(model: str, threshold: int, kept: int, currents: list[int]) -> dict[str, list[int]]:
    steps = len(currents)
    cycle = Cycle(1, steps, steps + 1)
    node = Spiking("lif", "synapse", LIF(threshold, ToZero(), True, Decay12(kept)))
    neuron = Neurons(shape=(1,), spiking=node, guard_inhibition=0, cycle=cycle)
    source = Series(rows=np.array(currents)[:, None])
    source.s_out.connect(neuron.a_in)
    with tempfile.TemporaryDirectory() as folder:
        buffers = {name: RingBuffer(Path(folder), name, (1, steps, 1)) for name in ("s", "u", "v")}
        for buffer in buffers.values():
            buffer.blank()
        recorder = Recorder(shape=(1,), buffer=buffers["s"], cycle=cycle)
        neuron.s_out.connect(recorder.a_in)
        for name in ("u", "v"):
            probe = Probe(shape=(1,), buffer=buffers[name], cycle=cycle)
            probe.state.connect_var(getattr(neuron, name))
        config = Loihi2SimCfg(select_tag="fixed_pt", select_sub_proc_model=model == "stock")
        neuron.run(RunSteps(num_steps=steps), run_cfg=config)
        neuron.stop()
        return {name: np.array(buffer.open()[0, :, 0]).astype(int).tolist() for name, buffer in buffers.items()}


if __name__ == "__main__":
    print("\n" + json.dumps(run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), json.loads(sys.argv[4]))), flush=True)
