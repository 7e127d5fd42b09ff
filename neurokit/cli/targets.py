"""Targets by the word that a person types."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from neurokit.errors import TargetError, explain
from neurokit.ir.target import Reference, Target

#: Environment variable with the verdict of this device's self-test, as `neurokit selftest --json` wrote it.
VERDICT = "NEUROKIT_LOIHI2_SELFTEST"


def _reference(deadline: float) -> Target:
    return Reference()


def _twin(deadline: float) -> Target:
    from neurokit.simulator import Twin

    return Twin()


def _lava(deadline: float) -> Target:
    from neurokit.targets.lava.target import LavaCPU

    return LavaCPU(deadline_s=deadline)


def _lava_softif(deadline: float) -> Target:
    from neurokit.compilers.lava.forms import SoftIFForm
    from neurokit.targets.lava.target import LavaCPU

    return LavaCPU(form=SoftIFForm(), deadline_s=deadline)


def _lava_fused(deadline: float) -> Target:
    from neurokit.compilers.lava.forms import FusedForm
    from neurokit.targets.lava.target import LavaCPU

    return LavaCPU(form=FusedForm(), deadline_s=deadline)


def _loihi2(deadline: float) -> Target:
    from neurokit.targets.loihi2.loihi2 import Loihi2

    verdict = os.environ.get(VERDICT)
    return Loihi2(deadline_s=deadline, self_test=None if verdict is None else Path(verdict))


TARGETS: dict[str, Callable[[float], Target]] = {
    "reference": _reference,
    "twin": _twin,
    "lava": _lava,
    "lava-softif": _lava_softif,
    "lava-fused": _lava_fused,
    "loihi2": _loihi2,
}


def parse(words: str, deadline: float) -> list[Target]:
    """`reference,twin,lava` to target objects; raises TargetError at a word that is no target."""
    targets = []
    for word in words.split(","):
        if word.strip() not in TARGETS:
            raise TargetError(explain("target", repr(word.strip()), ", ".join(TARGETS), "name one of those"))
        targets.append(TARGETS[word.strip()](deadline))
    return targets
