"""A reader and interpreter of Program files in Python integers, written from docs/program-format.md alone.

It knows nothing of neurokit: if it agrees with the reference, the document says all that one needs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py


class LeftItsWidth(Exception):
    """An integer is larger than its declared width allows."""


@dataclass
class Answers:
    """Everything that was computed for one sample, by node name.

    `seen` holds the smallest and the largest value of every line of what a certificate bounds.
    """

    outputs: dict[str, list[float]] = field(default_factory=dict)
    totals: dict[str, list[int]] = field(default_factory=dict)
    spikes: dict[str, list[list[int]]] = field(default_factory=dict)
    states: dict[str, list[list[int]]] = field(default_factory=dict)
    series: dict[str, list[list[int]]] = field(default_factory=dict)
    partial: dict[str, list[list[int]]] = field(default_factory=dict)
    seen: dict[str, list[tuple[int, int]]] = field(default_factory=dict)

    def see(self, name: str, values: list[int]) -> None:
        before = self.seen.setdefault(name, [(v, v) for v in values])
        self.seen[name] = [(min(low, v), max(high, v)) for (low, high), v in zip(before, values, strict=True)]


def interpret(path: Path, sample: dict[str, list[float]]) -> Answers:
    """Run one sample of real numbers."""
    with h5py.File(path, "r") as file:
        assert bytes(file.attrs["format"]).decode() == "neurokit-program"
        assert int(file.attrs["version"]) == 1
        steps = int(file.attrs["steps"])
        limit = {kind: 2 ** (int(bits) - 1) - 1 for kind, bits in file["widths"].attrs.items()}
        nodes: list[dict[str, Any]] = []
        for index in sorted(file["nodes"]):
            group = file["nodes"][index]
            node = {k: bytes(v).decode() if isinstance(v, bytes) else v.item() for k, v in group.attrs.items()}
            nodes.append(node | {key: data[()].tolist() for key, data in group.items()})

    def check(values: list[int], kind: str) -> list[int]:
        if any(abs(v) > limit[kind] for v in values):
            raise LeftItsWidth(kind)
        return values

    def floor_shift(value: int, exponent: int) -> int:
        return value * 2**exponent if exponent >= 0 else value // 2**-exponent

    def dense(node: dict[str, Any], x: list[int]) -> list[int]:
        sums = [
            sum(w * v for w, v in zip(row, x, strict=True)) + b
            for row, b in zip(node["weight"], node["bias"], strict=True)
        ]
        a = [floor_shift(v, node["exponent"]) for v in check(sums, "synapse")]
        answers.see(node["name"], check(a, "message"))
        return a

    answers = Answers()
    time: dict[str, str] = {}  # how the value of a node lives in time
    value: dict[str, list[int]] = {}
    for node in nodes:
        name, kind = node["name"], node["type"]
        if kind == "Input":
            x = [round(real / node["scale"]) for real in sample[name]]
            assert all(low <= v <= high for low, v, high in zip(node["low"], x, node["high"], strict=True))
            value[name], time[name] = check(x, "message"), "held"
            answers.see(name, x)
        elif kind == "Spiking":
            time[name] = "series"
        elif kind in ("Readout", "Product"):
            time[name] = "total"
        else:
            time[name] = time[node["source"]]
            if kind == "Dense" and time[name] == "held":
                value[name] = dense(node, value[node["source"]])

    membrane: dict[str, list[int]] = {}
    total: dict[str, list[int]] = {}
    for t in range(steps):
        for node in nodes:
            name, kind = node["name"], node["type"]
            if kind == "Spiking":
                threshold, a = node["threshold"], value[node["source"]]
                before = check([u + i for u, i in zip(membrane.get(name, [0] * len(a)), a, strict=True)], "membrane")
                spikes = [int(m >= threshold) for m in before]
                if node["reset"] == "subtract":
                    membrane[name] = [m - threshold * s for m, s in zip(before, spikes, strict=True)]
                else:
                    membrane[name] = [0 if s else m for m, s in zip(before, spikes, strict=True)]
                value[name] = spikes
                answers.spikes.setdefault(name, []).append(spikes)
                answers.states.setdefault(name, []).append(before)
                answers.see(name, before)
            elif kind == "Readout":
                a = value[node["source"]]
                weight = {"rate": 1, "memmean": steps - t}[node["rule"]]
                total[name] = [y + weight * i for y, i in zip(total.get(name, [0] * len(a)), a, strict=True)]
                answers.see(name, check(total[name], "accumulator"))
                answers.partial.setdefault(name, []).append(total[name])
            elif kind == "Dense" and time[name] == "series":
                value[name] = dense(node, value[node["source"]])
                answers.series.setdefault(name, []).append(value[name])

    for node in nodes:
        name, kind = node["name"], node["type"]
        if kind == "Readout":
            total[name] = [y + extra for y, extra in zip(total[name], node["offset"], strict=True)]
            answers.see(name, check(total[name], "accumulator"))
            value[name] = [floor_shift(y, -node["shift"]) for y in total[name]]
        elif kind == "Product":
            products = [x * y for x, y in zip(value[node["left"]], value[node["right"]], strict=True)]
            answers.see(name, check(products, "product"))
            value[name] = check([floor_shift(y, -node["shift"]) for y in products], "message")
        elif kind == "Dense" and time[name] == "total":
            value[name] = dense(node, value[node["source"]])
        elif kind == "Output":
            answers.outputs[name] = [node["scale"] * y + node["offset"] for y in value[node["source"]]]
            answers.totals[name + " raw"] = value[node["source"]]
        if kind != "Output" and time[name] == "total":
            answers.totals[name] = value[name]
    return answers
