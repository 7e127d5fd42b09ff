"""The twin: a Program executed batch by batch in integers, as fast as a CPU allows."""

from neurokit.simulator.target import Twin

__all__ = ["Twin"]
