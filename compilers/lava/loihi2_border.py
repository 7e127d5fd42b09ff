"""The border between host and chip: how many steps a value takes across it, and what is left of its sign."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from jaxtyping import Int32

from neurokit.errors import LavaFailure, OutOfRange, explain

#: Bits of a graded spike's payload, which arrive without a sign.
PAYLOAD = 24
#: Chip steps of the measurement; the steps at which the clock fires first and the host emits; what each of them says.
STEPS, CLOCK, HOST, TICK, WORD = 96, 48, 4, 3, 5
#: From one firing of the clock to the next, which is after the measurement; and its membrane's rise in a step.
PERIOD, RISE = 2 * STEPS, 64
#: The step whose membrane is looked for.
_LOOKED_FOR = 10


@dataclass(frozen=True)
class Border:
    """Chip steps that a value takes across the border, beside those of the network itself.

    inputs   from a process on the host through `PyToNxAdapter` to a synapse
    outputs  from a neuron through `NxToPyAdapter` to a process on the host
    states   from a Var through the state adapter `Read` to a process on the host
    """

    inputs: int = 0
    outputs: int = 0
    states: int = 0

    def __post_init__(self) -> None:
        for name, steps in asdict(self).items():
            if not isinstance(steps, int) or steps < 0:
                raise OutOfRange(explain(f"Border.{name}", steps, "an integer >= 0", "let the target measure it"))


def border_of(received: Int32[np.ndarray, " steps"], seen: Int32[np.ndarray, " steps"]) -> Border:
    """The border that explains what the host received and saw at the steps 1, 2, ... of the measurement.

    The clock's neuron fires at step CLOCK and is received as TICK one step later; the host emits at step HOST, and is
    received as WORD one step later too; the membrane of the clock is `RISE (PERIOD - CLOCK + n)` after step n. All that
    beside the border's own steps. Raises LavaFailure unless each was received or seen once.
    """
    ticks, words = (np.flatnonzero(received == what) + 1 for what in (TICK, WORD))
    when = np.flatnonzero(seen == RISE * (PERIOD - CLOCK + _LOOKED_FOR)) + 1
    if len(ticks) == len(words) == len(when) == 1:
        outputs = int(ticks[0]) - (CLOCK + 1)
        steps = int(words[0]) - outputs - (HOST + 1), outputs, int(when[0]) - _LOOKED_FOR
        if min(steps) >= 0:
            return Border(*steps)
    raise LavaFailure(
        f"the border could not be measured: the clock was received at the steps {ticks.tolist()}, the host at "
        f"{words.tolist()}, and the clock's membrane seen at {when.tolist()}; each is expected once, and none early. "
        "Give `Loihi2(border=Border(...))` if you know the steps of the adapters."
    )


def signed(payload: Int32[np.ndarray, "*shape"]) -> Int32[np.ndarray, "*shape"]:
    """The integers that payloads of 24 bits stand for; integers that have their sign already stay as they are."""
    shift = 32 - PAYLOAD
    return np.asarray((payload.astype(np.int32) << shift) >> shift)
