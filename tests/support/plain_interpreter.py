"""An interpreter of Program files in Python integers, written from docs/program-format.md alone.

It knows nothing of neurokit: if it agrees with the reference, the document says all that one needs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from plain_reader import NEURON_TYPES, read

SYNAPSES = ("Dense", "Sparse", "Conv2d")
OUTPUTS = ("Output", "OutputByLine")


class LeftItsWidth(Exception):
    """An integer is larger than its declared width allows."""


@dataclass
class Answers:
    """Everything that was computed for one sample, by node name.

    `seen` holds the smallest and the largest value of every line of what a certificate bounds, `reach` the largest
    magnitude of all that a width bounds, by its name, without bits of fraction.
    """

    outputs: dict[str, list[float]] = field(default_factory=dict)
    totals: dict[str, list[int]] = field(default_factory=dict)
    spikes: dict[str, list[list[int]]] = field(default_factory=dict)
    states: dict[str, list[list[int]]] = field(default_factory=dict)
    series: dict[str, list[list[int]]] = field(default_factory=dict)
    partial: dict[str, list[list[int]]] = field(default_factory=dict)
    seen: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    reach: dict[str, int] = field(default_factory=dict)

    def see(self, name: str, values: list[int]) -> None:
        before = self.seen.setdefault(name, [(v, v) for v in values])
        self.seen[name] = [(min(low, v), max(high, v)) for (low, high), v in zip(before, values, strict=True)]


def interpret(path: Path, sample: dict[str, list[float]]) -> Answers:
    """Run one sample of real numbers."""
    content = read(path)
    steps, nodes = content.steps, content.nodes
    limit = {kind: 2 ** (bits - 1) - 1 for kind, bits in content.widths.items()}

    def check(values: list[int], kind: str) -> list[int]:
        farthest = max(map(abs, values))
        answers.reach[kind] = max(answers.reach.get(kind, 0), farthest)
        if farthest > limit[kind]:
            raise LeftItsWidth(kind)
        return values

    def floor_shift(value: int, exponent: int) -> int:
        return value * 2**exponent if exponent >= 0 else value // 2**-exponent

    def rows(node: dict[str, Any], x: list[int]) -> list[int]:
        """The weighted sums of synapses, without their bias."""
        if node["type"] == "Conv2d":
            return slide(node, x)
        if node["type"] == "Sparse":
            spans = zip(node["starts"], node["starts"][1:], strict=False)
            return [sum(node["values"][k] * x[node["columns"][k]] for k in range(*span)) for span in spans]
        return [sum(w * v for w, v in zip(row, x, strict=True)) for row in node["weight"]]

    def synapses(node: dict[str, Any], x: list[int]) -> list[int]:
        sums = rows(node, x)
        each = len(sums) // len(node["bias"])  # 1, or the lines of a channel
        sums = [v + node["bias"][line // each] for line, v in enumerate(sums)]
        a = [floor_shift(v, node["exponent"]) for v in check(sums, "synapse")]
        answers.see(node["name"], check(a, "message"))
        return a

    def add(node: dict[str, Any]) -> list[int]:
        terms = [value[nodes[index]["name"]] for index in node["sources"]]
        y = check([sum(line) for line in zip(*terms, strict=True)], "message")
        answers.see(node["name"], y)
        return y

    def decay(v: int, n: int) -> int:
        return (1 if v > 0 else -1) * (abs(v) * n // 4096)

    def neurons(node: dict[str, Any], a: list[int]) -> list[int]:
        name, threshold = node["name"], node["threshold"]
        if node["type"].startswith("Recurrent") and name in value:
            sums = [sum(w * v for w, v in zip(row, value[name], strict=True)) for row in node["weight"]]
            back = check([floor_shift(v, node["exponent"]) for v in check(sums, "synapse")], "message")
            a = check([one + other for one, other in zip(a, back, strict=True)], "message")
        u = membrane.get(name, [0] * len(a))
        raised = adaptation.get(name, [0] * len(a))
        if node.get("neuron") == "IF":
            before = check([m + v for m, v in zip(u, check(a, "membrane"), strict=True)], "membrane")
            spikes = [int(m >= threshold) for m in before]
        else:
            threshold *= 64
            i = [
                decay(v, node.get("alpha", 0)) + 64 * w for v, w in zip(current.get(name, [0] * len(a)), a, strict=True)
            ]
            before = [decay(m, node["beta"]) + v for m, v in zip(u, i, strict=True)]
            largest = min(64 * limit["membrane"] + 63, 2**31 - 1)
            spikes = [int(m > threshold + b) for m, b in zip(before, raised, strict=True)]
            if "rho" in node:
                raised = [decay(b, node["rho"]) + node["rise"] * s for b, s in zip(raised, spikes, strict=True)]
                adaptation[name] = raised
            farthest = max(map(abs, before + i + ([threshold + b for b in raised] if "rho" in node else [])))
            answers.reach["membrane"] = max(answers.reach.get("membrane", 0), farthest // 64)
            if farthest > largest:
                raise LeftItsWidth("membrane")
            current[name] = i
        if node["reset"] == "subtract":
            membrane[name] = [m - threshold * s for m, s in zip(before, spikes, strict=True)]
        else:
            membrane[name] = [0 if s else m for m, s in zip(before, spikes, strict=True)]
        answers.spikes.setdefault(name, []).append(spikes)
        answers.states.setdefault(name, []).append(before)
        answers.see(name, before)
        return spikes

    answers = Answers()
    time: dict[str, str] = {}  # how the value of a node lives in time
    value: dict[str, list[int]] = {}
    for node in nodes:
        name, kind = node["name"], node["type"]
        if kind in ("Input", "InputByLine"):
            scale, offset = node["scale"], node.get("offset", 0.0)
            if kind == "Input":
                scale, offset = [scale] * len(node["low"]), [offset] * len(node["low"])
            x = [round((real - o) / u) for real, o, u in zip(sample[name], offset, scale, strict=True)]
            assert all(low <= v <= high for low, v, high in zip(node["low"], x, node["high"], strict=True))
            value[name], time[name] = check(x, "message"), "held"
            answers.see(name, x)
        elif kind in NEURON_TYPES:
            time[name] = "series"
        elif kind == "Sum":
            kinds = {time[nodes[index]["name"]] for index in node["sources"]}
            time[name] = "series" if "series" in kinds else kinds.pop()
            if time[name] == "held":
                value[name] = add(node)
        elif kind in ("Readout", "Product"):
            time[name] = "total"
        else:
            time[name] = time[node["source"]]
            if kind in SYNAPSES and time[name] == "held":
                value[name] = synapses(node, value[node["source"]])

    membrane: dict[str, list[int]] = {}
    current: dict[str, list[int]] = {}
    adaptation: dict[str, list[int]] = {}
    received: dict[str, list[list[int]]] = {}
    total: dict[str, list[int]] = {}
    for t in range(steps):
        for node in nodes:
            name, kind = node["name"], node["type"]
            if kind in NEURON_TYPES:
                value[name] = neurons(node, value[node["source"]])
            elif kind == "Readout":
                a = value[node["source"]]
                weight = {"rate": 1, "memmean": steps - t}[node["rule"]]
                total[name] = [y + weight * i for y, i in zip(total.get(name, [0] * len(a)), a, strict=True)]
                answers.see(name, check(total[name], "accumulator"))
                answers.partial.setdefault(name, []).append(total[name])
            elif kind == "Sum" and time[name] == "series":
                value[name] = add(node)
            elif kind in SYNAPSES and time[name] == "series":
                x = value[node["source"]]
                received.setdefault(name, []).append(x)
                value[name] = synapses(node, received[name][t - node["delay"]] if t >= node["delay"] else [0] * len(x))
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
        elif kind == "Sum" and time[name] == "total":
            value[name] = add(node)
        elif kind in SYNAPSES and time[name] == "total":
            value[name] = synapses(node, value[node["source"]])
        elif kind in OUTPUTS:
            totals = value[node["source"]]
            offsets = [node["offset"]] * len(totals) if kind == "Output" else node["offset"]
            answers.outputs[name] = [node["scale"] * y + b for y, b in zip(totals, offsets, strict=True)]
            answers.totals[name + " raw"] = value[node["source"]]
        if kind not in OUTPUTS and time[name] == "total":
            answers.totals[name] = value[name]
    return answers


def slide(node: dict[str, Any], x: list[int]) -> list[int]:
    """The weighted sums of a Conv2d, line by line in the order channel, row, column."""
    channels, high, wide = node["image"]
    kernel = node["kernel"]
    depth, tall, broad = len(kernel[0]), len(kernel[0][0]), len(kernel[0][0][0])
    sums = []
    for o in range(len(kernel)):
        first = o // (len(kernel) // node["groups"]) * depth
        for i in range((high + 2 * node["padding"][0] - node["dilation"][0] * (tall - 1) - 1) // node["stride"][0] + 1):
            span = wide + 2 * node["padding"][1] - node["dilation"][1] * (broad - 1) - 1
            for j in range(span // node["stride"][1] + 1):
                total = 0
                for c in range(depth):
                    for p in range(tall):
                        for q in range(broad):
                            row = i * node["stride"][0] - node["padding"][0] + p * node["dilation"][0]
                            column = j * node["stride"][1] - node["padding"][1] + q * node["dilation"][1]
                            if 0 <= row < high and 0 <= column < wide:
                                total += kernel[o][c][p][q] * x[((first + c) * high + row) * wide + column]
                sums.append(total)
    assert channels == depth * node["groups"]
    return sums
