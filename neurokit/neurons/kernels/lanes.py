"""Lanes: one neuron of one sample each; loops over many of them that become vector instructions."""

from __future__ import annotations

from neurokit.neurons.kernels.compiler import compiled

#: Lanes of a block.
LANES = 512


@compiled
def copy(source, target):  # type: ignore[no-untyped-def]
    """`target <- source`: a loop, for an assignment of slices looks for an overlap first."""
    for j in range(source.size):
        target[j] = source[j]


@compiled
def add(source, weight, target):  # type: ignore[no-untyped-def]
    """`target <- target + weight * source`."""
    for j in range(source.size):
        target[j] = target[j] + source[j] * weight


@compiled
def scale(source, normaliser, target):  # type: ignore[no-untyped-def]
    """`target <- source / normaliser`."""
    for j in range(source.size):
        target[j] = source[j] / normaliser
