"""Runs a network of integrate-and-fire layers on nengo-loihi's emulator of Loihi 1; started by its interpreter.

It reads the network from the npz file that its argument names, writes {"version": ...} to standard output, and then
answers every line of standard input, a number of steps, with {"seconds": wall-clock time of these steps, "spikes": by
layer and step, the neurons that fired}. The network is built of the emulator's own blocks, for Nengo would put filters
and encoders between the layers.
"""

import json
import sys
import time
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse

warnings.simplefilter("ignore")

import nengo_loihi  # noqa: E402
from nengo_loihi.block import Axon, LoihiBlock, Synapse  # noqa: E402
from nengo_loihi.builder import Model  # noqa: E402
from nengo_loihi.builder.discretize import discretize_model  # noqa: E402
from nengo_loihi.emulator import EmulatorInterface  # noqa: E402
from nengo_loihi.probe import LoihiProbe  # noqa: E402


def build(path: str) -> tuple[Any, list[Any]]:
    """The emulator and a probe by layer."""
    given, model, before, probes = np.load(path), Model(), None, []
    for layer in range(int(given["layers"])):
        current = given[f"{layer}.current"].astype(np.float32)
        block = LoihiBlock(len(current), label=str(layer))
        block.compartment.configure_relu(vth=float(given[f"{layer}.threshold"]) - 0.5)  # it fires above, we fire at it
        block.compartment.bias[:] = current
        block.compartment.vmin = -(2.0**23)  # as far down as a membrane may go
        # The largest weight becomes 255: beside this one, that no spike uses, every integer becomes twice itself.
        unused = Synapse(1)
        unused.set_weights(np.pad([[127.5]], ((0, 0), (0, len(current) - 1))))
        block.add_synapse(unused)
        if before is not None:
            connect(before, block, given, f"{layer}")
        if f"{layer}.recurrent.data" in given:
            connect(block, block, given, f"{layer}.recurrent")
        model.add_block(block)
        probe = LoihiProbe(target=[block], key="spiked", slice=[slice(None)])
        model.add_probe(probe)
        probes.append(probe)
        before = block
    discretize_model(model)
    return EmulatorInterface(model, seed=0), probes


def connect(source: Any, target: Any, given: Mapping[str, np.ndarray], name: str) -> None:
    """Synapses from every spike of one block to another."""
    parts = (given[f"{name}.{part}"] for part in ("data", "indices", "indptr"))
    weight = scipy.sparse.csr_matrix(tuple(parts), shape=(target.n_neurons, source.n_neurons)).astype(np.float32)
    synapse = Synapse(source.n_neurons)
    synapse.set_weights(weight.T.tocsr())
    target.add_synapse(synapse)
    axon = Axon(source.n_neurons)
    axon.target = synapse
    source.add_axon(axon)


def main(path: str) -> None:
    """Serve until standard input ends."""
    emulator, probes = build(path)
    print(json.dumps({"version": nengo_loihi.__version__}), flush=True)
    for line in sys.stdin:
        started = time.perf_counter()
        emulator.run_steps(int(line))
        seconds = time.perf_counter() - started
        spikes = [[np.flatnonzero(s).tolist() for s in emulator.collect_probe_output(probe)] for probe in probes]
        print(json.dumps({"seconds": seconds, "spikes": spikes}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
