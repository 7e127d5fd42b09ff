"""Targets: what runs a Program, on Lava's simulator, on Loihi 2 and by factors, and how runs are verified."""

from neurokit.ir.target import Reference, Target

__all__ = ["Reference", "Target"]
