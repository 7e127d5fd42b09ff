"""export_netx: the HDF5 file that `lava.lib.dl.netx.hdf5.Network` reads.

/layer/0                      `input`, with its shape
/layer/i                      `dense` or `dense_rec`: shape, weight, weight_rec, neuron/{iDecay, vDecay, vThMant, ...}
/neurokit                     what netx has no words for, and does not read; see NetxNetwork
    @steps, @message_bits, @readout
    layers/i @name, @neurons, @unit
    input @scale, low, high, ones; sent/{weight, bias, @exponent} if the sender computes the first current
"""

from __future__ import annotations

import io
from pathlib import Path

import h5py
import numpy as np

from neurokit.compilers.exchange.netx_form import NetxLayer, NetxNetwork, to_netx
from neurokit.compilers.exchange.netx_stage import matrix
from neurokit.ir.program import Program
from neurokit.system.atomic import replacing


def export_netx(program: Program, path: str | Path, *, source: str | None = None, readout: bool = False) -> NetxNetwork:
    """Write the layers behind one Input of a Program as a netx file, whole or not at all.

    Loaded by `lava.lib.dl.netx.hdf5.Network(path, input_message_bits=network.message_bits)` and presented with what
    `network.present(sample)` says, the file's neurons fire spike for spike as the Program's do. Arguments and errors
    are those of `to_netx`; returns the network that was written.
    """
    network = to_netx(program, source=source, readout=readout)
    image = io.BytesIO()  # the library crashes on a disk that is full, so the bytes go there from memory
    with h5py.File(image, "w") as file:
        entry = file.create_group("layer/0")
        entry["type"] = np.array([b"input"], dtype="S10")
        entry["shape"] = np.array([network.layers[0].weight.shape[1]])
        for i, layer in enumerate(network.layers, start=1):
            _write_layer(file.create_group(f"layer/{i}"), layer)
        _write_surroundings(file.create_group("neurokit"), network)
    with replacing(Path(path)) as temporary:
        temporary.write_bytes(image.getvalue())
    return network


def _write_layer(group: h5py.Group, layer: NetxLayer) -> None:
    lines, before = layer.weight.shape
    group["type"] = np.array([b"dense" if layer.recurrent is None else b"dense_rec"], dtype="S10")
    group["shape"] = np.array([lines])
    group["inFeatures"], group["outFeatures"] = before, lines
    group["weight"] = layer.weight
    if layer.recurrent is not None:
        group["weight_rec"] = layer.recurrent
    neuron = group.create_group("neuron")
    neuron["type"] = np.array([b"CUBA"], dtype="S10")
    neuron["iDecay"], neuron["vDecay"], neuron["vThMant"] = layer.current_decay, layer.voltage_decay, layer.threshold
    neuron["refDelay"], neuron["gradedSpike"] = 1, False


def _write_surroundings(group: h5py.Group, network: NetxNetwork) -> None:
    group.attrs["steps"], group.attrs["message_bits"] = network.steps, network.message_bits
    group.attrs["readout"] = network.readout
    for i, layer in enumerate(network.layers, start=1):
        said = group.create_group(f"layers/{i}")
        said.attrs["name"], said.attrs["neurons"], said.attrs["unit"] = layer.name, layer.neurons, layer.unit
    entry = group.create_group("input")
    entry.attrs["name"], entry.attrs["scale"] = network.source.name, network.source.scale
    if np.any(network.source.offset):
        entry.attrs["offset"] = network.source.offset
    entry["low"], entry["high"], entry["ones"] = network.source.low, network.source.high, network.ones
    if network.sent is not None:
        sent = group.create_group("sent")
        sent["weight"], sent["bias"] = matrix(network.sent), network.sent.line_bias
        sent.attrs["exponent"] = network.sent.exponent
