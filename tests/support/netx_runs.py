"""What the netx tests run in an interpreter of its own: lava-dl loads a file and Lava runs it.

python netx_runs.py JSON      a list of {path, message_bits, drive, steps}; prints one JSON object a run
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.io.sink import RingBuffer as Sink
from lava.proc.io.source import RingBuffer as Source


def run(path: str, message_bits: int, drive: list[list[int]], steps: int) -> dict[str, Any]:
    """Present `drive`, one row a step, then zeros; the spikes of every layer, by step, and the last layer's states."""
    # Not above: Lava executes this file when it looks for the models of a process beside it, and this takes seconds.
    from lava.lib.dl.netx.hdf5 import Network

    rows = np.zeros((steps, len(drive[0])), dtype=np.int32)
    rows[: len(drive)] = drive
    network = Network(net_config=path, input_message_bits=message_bits)
    source = Source(data=rows.T)
    source.s_out.connect(network.inp)
    sinks = []
    for layer in network.layers:
        sink = Sink(shape=layer.out.shape, buffer=steps)
        layer.out.connect(sink.a_in)
        sinks.append(sink)
    network.run(condition=RunSteps(num_steps=steps), run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))
    try:
        spikes = [sink.data.get().T.astype(int).tolist() for sink in sinks]
        neuron = network.layers[-1].neuron
        states = {"u": neuron.u.get().astype(int).tolist(), "v": neuron.v.get().astype(int).tolist()}
    finally:
        network.stop()
    return {"spikes": spikes, **states}


if __name__ == "__main__":
    for asked in json.loads(sys.stdin.read()):
        print(json.dumps(run(**asked)), flush=True)
