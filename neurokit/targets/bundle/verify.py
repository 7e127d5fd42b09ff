"""verify: does a target do what a bundle says?"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from neurokit.ir.target import Target
from neurokit.targets.bundle.bundle import Bundle
from neurokit.targets.verification.comparison import Tally, earliest, tally
from neurokit.targets.verification.selftest.verdict import TOGETHER, Verdict, examine


@dataclass(frozen=True)
class Layer:
    """What was compared of one layer, and how much of it is different."""

    name: str
    compared: int
    different: int
    first: str  #: the first difference, in words; empty where there is none


@dataclass(frozen=True)
class Verification:
    """What a target made of a bundle's golden samples and, if it was asked, of its self-test."""

    target: str
    samples: int
    layers: tuple[Layer, ...]
    self_test: Verdict | None
    provenance: dict[str, str]

    @property
    def holds(self) -> bool:
        return all(not layer.different for layer in self.layers) and (self.self_test is None or self.self_test.holds)

    def to_json(self) -> dict[str, Any]:
        return {
            "ok": self.holds,
            "target": self.target,
            "samples": self.samples,
            "layers": [{**asdict(layer), "ok": not layer.different} for layer in self.layers],
            "selftest": None if self.self_test is None else self.self_test.to_json(),
            "provenance": self.provenance,
        }


def verify(bundle: Bundle, target: Target, *, self_test: bool = True, together: int = TOGETHER) -> Verification:
    """Run the golden samples, and the self-test of the bundle, on `target`; compare every spike, state, total, output.

    Raises what the target raises when it cannot run the Program at all.
    """
    got = target.run(bundle.program, bundle.golden.real(bundle.program), record=True)
    tallies = tally(bundle.golden.expected, got)
    layers = tuple(_layer(name, tallies) for name in bundle.program.ports if any(t.layer == name for t in tallies))
    verdict = examine(target, bundle.assumptions, together=together) if self_test else None
    return Verification(got.target, got.samples, layers, verdict, dict(got.provenance))


def _layer(name: str, tallies: list[Tally]) -> Layer:
    own = [each for each in tallies if each.layer == name]
    first = earliest(own, [name])
    return Layer(name, sum(t.compared for t in own), sum(t.different for t in own), "" if first is None else str(first))
