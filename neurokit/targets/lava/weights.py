"""New weights for a network that is running: into Lava's synapses one by one, or into the fused form at once."""

from __future__ import annotations

import numpy as np

from neurokit.compilers.lava.bias_digits import digits
from neurokit.errors import UnsupportedNode
from neurokit.ir.program import Dense, Program, Synapses
from neurokit.processes.network.to_lava import Wiring
from neurokit.processes.synapses import doubled


def rewrite(wiring: Wiring, before: Program, after: Program) -> None:
    """Give the synapses of a network that stands still the weights and biases of `after`, where they differ.

    Raises UnsupportedNode, before anything is written, for synapses that are not dense in Lava: it takes new values for
    sparse ones, but computes with them in floating point from then on.
    """
    nodes = [n for n in after.nodes if isinstance(n, Synapses) and n is not before[n.name]]
    if wiring.layout.fused:
        swaps = wiring.buffers.swaps.open(writable=True)
        version = int(swaps[0, 0, 0]) + 1
        after.save(wiring.buffers.program_file(version))
        swaps[0, 0, 0] = version
        wiring.buffers.program_file(version - 1).unlink(missing_ok=True)
        return
    for node in nodes:
        if not isinstance(node, Dense) or wiring.layout.form.batch > 1:
            raise UnsupportedNode(
                node.name,
                type(node).__name__,
                "a swap in Lava's own processes",
                "they are sparse, and Lava makes floats of new sparse weights",
                "Use the fused form, or a Dense and a batch of 1",
            )
    for node in nodes:
        weights, bias = wiring.synapses[node.name]
        ours = doubled(node.matrix)
        own = doubled(digits(node.line_bias))
        target = weights if bias is None else bias
        columns = target.weights.init.shape[1] - (ours.shape[1] if bias is None else 0)
        own = np.pad(own, ((0, 0), (0, columns - own.shape[1])))
        new = {weights: np.concatenate([ours, own], axis=1)} if bias is None else {weights: ours, bias: own}
        for process, values in new.items():
            for each in (process, *wiring.doubles.get(process, ())):
                each.weights.set(values)
