"""The targets by the word that a person types; a package adds its own by an entry point of `neurokit.targets`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from neurokit.errors import TargetError, TargetUnavailable, explain
from neurokit.ir.target import Reference, Target
from neurokit.system.registry import Registry

#: Environment variable with the verdict of this device's self-test, as `neurokit selftest --json` wrote it.
VERDICT = "NEUROKIT_LOIHI2_SELFTEST"


@dataclass(frozen=True)
class Refusal:
    """Why something does not run, and what to do instead."""

    reason: str
    remedy: str


def _always() -> tuple[bool, str]:
    return True, "needs NumPy alone"


@dataclass(frozen=True)
class TargetKind:
    """A target before it is made.

    Parameters
    ----------
    python
        How it is made in Python.
    what
        What runs there, in words.
    make
        The target, given the seconds that a run may take.
    available
        Whether it can run here and now, as far as can be seen without starting anything, and why.
    refuses
        Features of `neurokit.targets.support` that it does not run, by name, and why. Beside these a target is held to
        what has an integer form at all.
    stock
        Whether it runs Lava's own processes alone, so that a neuron without a stock form does not run.
    like
        The target of the table of support that it does the same as, where it has no column of its own.
    """

    python: str
    what: str
    make: Callable[[float], Target]
    available: Callable[[], tuple[bool, str]] = _always
    refuses: Mapping[str, Refusal] = field(default_factory=dict)
    stock: bool = False
    like: str | None = None


#: Every target, by word, in the order in which tables show them.
TARGETS = Registry(
    "neurokit.targets",
    {
        "reference": "neurokit.targets.registry:REFERENCE",
        "twin": "neurokit.targets.registry:TWIN",
        "lava": "neurokit.targets.registry:LAVA",
        "lava-softif": "neurokit.targets.registry:LAVA_SOFTIF",
        "lava-fused": "neurokit.targets.registry:LAVA_FUSED",
        "loihi2": "neurokit.targets.registry:LOIHI2",
    },
)


def parse(words: str, deadline: float) -> list[Target]:
    """`reference,twin,lava` to target objects; raises TargetError at a word that is no target."""
    targets = []
    for word in map(str.strip, words.split(",")):
        if word not in TARGETS:
            raise TargetError(explain("target", repr(word), ", ".join(TARGETS), "name one of those"))
        targets.append(TARGETS[word].make(deadline))
    return targets


def _twin(deadline: float) -> Target:
    from neurokit.simulator import Twin

    return Twin()


def _lava(form: str) -> Callable[[float], Target]:
    def make(deadline: float) -> Target:
        from neurokit.compilers.lava.forms import form_named
        from neurokit.targets.lava.target import LavaCPU

        return LavaCPU(form=form_named(form), deadline_s=deadline)

    return make


def _loihi2(deadline: float) -> Target:
    from neurokit.targets.loihi2.loihi2 import Loihi2

    verdict = os.environ.get(VERDICT)
    return Loihi2(deadline_s=deadline, self_test=None if verdict is None else Path(verdict))


def _has_lava() -> tuple[bool, str]:
    from neurokit.targets.lava.target import require_lava

    try:
        require_lava()
    except TargetUnavailable as error:
        return False, str(error)
    return True, "Lava's CPU simulator is installed"


def _has_loihi2() -> tuple[bool, str]:
    from neurokit.targets.loihi2.hardware import hardware_status

    chip = hardware_status()
    return chip.available, chip.why


REFERENCE = TargetKind("Reference()", "the definition, slow and clear", lambda deadline: Reference())
TWIN = TargetKind("Twin()", "the same integers, compiled: the fast one", _twin, lambda: (True, "needs NumPy and numba"))
LAVA = TargetKind("LavaCPU()", "Lava's own processes, as a chip would run", _lava("stock"), _has_lava, stock=True)
LAVA_SOFTIF = TargetKind("LavaCPU(SoftIFForm())", "one Lava process model a layer", _lava("softif"), _has_lava)
LAVA_FUSED = TargetKind(
    "LavaCPU(FusedForm())",
    "one Lava process for the whole network",
    _lava("fused"),
    _has_lava,
    like="lava-softif",
)
LOIHI2 = TargetKind(
    "Loihi2()",
    "Lava's own processes on the chip; unverified until its self-test has passed there",
    _loihi2,
    _has_loihi2,
    like="lava",
)
