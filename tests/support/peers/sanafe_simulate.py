"""Run one network on SANA-FE's Loihi 1 and print what it counted. Started by SANA-FE's own interpreter.

On standard input, and on the last line of standard output, in JSON:

In:  {"steps": n, "neurons": [{"core": [tile, offset], "threshold": th} or {"core": ..., "spikes": [0, 1, ...]}],
      "edges": [[from, to, weight], ...]}
Out: {"counts": {...}, "energy_j": {...}, "time_s": t, "spikes": [[neuron, step], ...], "constants": {...}}

A neuron with a threshold integrates, fires above it and loses nothing: resets are edges, as on the chip.
"""

from __future__ import annotations

import json
import re
import sys
from importlib.resources import files
from typing import Any

import sanafe

#: Of the file's units, those that the network below is mapped to.
UNITS = ("loihi_tile", "loihi_in", "loihi_lif", "loihi_dense_synapse", "loihi_out")


def constants(text: str) -> dict[str, float]:
    """`unit.attribute` of every energy and latency in SANA-FE's own description, and the `sync` table by tiles."""
    found: dict[str, float] = {}
    unit = ""
    for line in text.splitlines():
        if name := re.match(r"\s*- name: (\w+)", line):
            unit = name[1]
        if table := re.match(r"\s*latency_sync: \{(.*)\}", line):
            for entry in table[1].split(","):
                tiles, seconds = entry.split(":")
                found[f"sync.{int(tiles)}"] = float(seconds)
        if (value := re.match(r"\s*((?:energy|latency)_\w+): ([\d.e+-]+)", line)) and unit in UNITS:
            found[f"{unit}.{value[1]}"] = float(value[2])
    return found


def simulate(asked: dict[str, Any]) -> dict[str, Any]:
    path = files("sanafe.examples") / "loihi.yaml"
    architecture = sanafe.load_arch(path)
    network = sanafe.Network()
    group = network.create_neuron_group("n", len(asked["neurons"]), log_spikes=True)
    inputs = 0
    for neuron, said in zip(group, asked["neurons"], strict=True):
        tile, offset = said["core"]
        if "spikes" in said:
            neuron.set_attributes(
                soma_hw_name=f"loihi_inputs[{inputs}]", model_attributes={"spikes": said["spikes"]}, log_spikes=False
            )
            inputs += 1
        else:
            neuron.set_attributes(
                soma_hw_name="loihi_lif",
                default_synapse_hw_name="loihi_dense_synapse",
                model_attributes={"threshold": said["threshold"], "reset_mode": "none", "leak_decay": 1.0},
            )
        neuron.map_to_core(architecture.tiles[tile].cores[offset])
    for source, target, weight in asked["edges"]:
        group[source].connect_to_neuron(group[target], {"weight": weight})
    chip = sanafe.SpikingChip(architecture)
    chip.load(network)
    done = chip.sim(
        asked["steps"],
        timing_model="simple",
        processing_threads=1,
        scheduler_threads=1,
        spike_trace=True,
        message_trace=True,
    )
    messages = [m for step in done["message_trace"] for m in step if not m["placeholder"]]
    return {
        "counts": {
            "spikes": done["neurons_fired"],
            "updates": done["neurons_updated"],
            "messages": done["packets_sent"],
            "synops": sum(m["spikes"] for m in messages),
            "hops": sum(m["hops"] for m in messages),
        },
        "energy_j": done["energy"],
        "time_s": done["sim_time"],
        "spikes": [
            [int(str(fired).split(".")[-1]), step] for step, all in enumerate(done["spike_trace"]) for fired in all
        ],
        "constants": constants(path.read_text(encoding="utf-8")),
    }


if __name__ == "__main__":
    print(json.dumps(simulate(json.load(sys.stdin))))
