"""check_fit: does every layer of a Program fit one core of a chip?

Layers are not split over cores here, so a layer wider than a core is refused, with all such layers named at once.
"""

from __future__ import annotations

from neurokit.errors import DoesNotFit, explain
from neurokit.hw_configs import Chip
from neurokit.program import Dense, Program, Spiking


def check_fit(program: Program, chip: Chip) -> None:
    """Raise DoesNotFit naming every layer that needs more neurons, synaptic bytes or weight bits than a core has."""
    complaints = []
    for node in program.nodes:
        if isinstance(node, Spiking):
            size, limit = program.wires[node.name].size, chip.neurons_per_core
            if size > limit.value:
                complaints.append(
                    explain(
                        f"layer {node.name!r}: neurons",
                        size,
                        f"at most {limit.value} on a core of {chip.name} ({limit.source})",
                        "make the layer narrower, or split it into several",
                    )
                )
        if isinstance(node, Dense):
            size, limit = int(node.weight.size), chip.synapse_bytes_per_core
            if size > limit.value:
                complaints.append(
                    explain(
                        f"layer {node.name!r}: 8-bit synapses",
                        f"{size} bytes",
                        f"at most {limit.value} bytes on a core of {chip.name} ({limit.source})",
                        "make the layer or its source narrower, or split it into several",
                    )
                )
    if complaints:
        raise DoesNotFit("\n".join(complaints))
