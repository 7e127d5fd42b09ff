"""check: every way in which a Program breaks the rules of a chip, all at once, each with its reason.

>>> from neurokit.compilers.chip.check import check, unchecked
>>> from neurokit.hw_configs import load_chip
>>> [f"{item.rule}: {item.limit}" for item in unchecked(load_chip("loihi2"))][:2]
['dendrite_width: dendrite_bits', 'product_width: product_bits']
"""

from __future__ import annotations

from dataclasses import dataclass

from neurokit.compilers.chip.populations import Population
from neurokit.compilers.chip.rulebook import Rule, Subject, Violation
from neurokit.compilers.chip.rules import RULES
from neurokit.hw_configs import Chip, Hardware, chip_of, load_hardware
from neurokit.ir.program import Program


@dataclass(frozen=True)
class Unchecked:
    """A rule that was not checked, because a limit that it needs is not publicly known for the chip."""

    rule: str
    limit: str
    chip: str

    def __str__(self) -> str:
        return f"{self.rule}: not checked: {self.limit} of {self.chip} is unknown"


def check(
    program: Program, hardware: Hardware | str, *, split: bool = False, beside: tuple[Population, ...] = ()
) -> list[Violation]:
    """All violations of a chip's design rules (or a board's chip's), in the order of `compilers.rules.RULES`.

    `hardware` is a chip or board, or the name of one that ships.

    Every layer is to lie on one core; with `split`, as `neurokit.compilers.chip.place.place` does it, only every neuron
    is. A rule without a known limit finds nothing: `unchecked` names those. `beside` are populations that are to fit
    too, such as those of `neurokit.compilers.chip.tangent_populations`.

    Raises UnsupportedNode for a node that has no bounds or no neurons.
    """
    subject = Subject(program, chip_of(load_hardware(hardware)), beside)
    return [found for each in applied(subject.chip, split=split) for found in each(subject)]


def unchecked(hardware: Hardware | str, *, split: bool = False) -> list[Unchecked]:
    """The rules that `check` cannot check on this chip, with the limits that they miss."""
    chip = chip_of(load_hardware(hardware))
    return [
        Unchecked(each.name, limit, chip.name)
        for each in RULES
        if not (split and each.whole_layers)
        for limit in each.missing(chip)
    ]


def applied(chip: Chip, *, split: bool) -> list[Rule]:
    """The rules whose limits are known."""
    return [each for each in RULES if not (split and each.whole_layers) and not each.missing(chip)]
