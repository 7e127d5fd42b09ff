"""A clock on the chip: stock LIF neurons that fire every `period` steps."""

from __future__ import annotations

from lava.proc.lif.process import LIF

#: A step of the bias, in units of the membrane: `bias_mant << bias_exp`.
_STEP = 1 << 6


def pacemaker(first: int, period: int, size: int = 1) -> LIF:
    """A stock `LIF` of `size` equal neurons that fire at the chip steps `first, first + period, ...` and at no other.

    Without decay and input, `v[n] = v[0] + 64 n` until `v > 64 (period - 1)`, where the hard reset sets it to 0; so
    it fires first at `n = period - v[0] / 64` and from then on every `period` steps. `1 <= first`, and both `first`
    and `period` are below 2**16, which Cycle and Program guarantee, so that v fits its 24 bits.
    """
    assert first >= 1
    assert 1 <= period < 2**17
    return LIF(shape=(size,), du=4095, dv=0, bias_mant=1, bias_exp=6, vth=period - 1, v=_STEP * (period - first))
