"""The tangent pass of node perturbation by compiled kernels: every layer's currents move, not its weights."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from neurokit.gradients.compiled_part import Gathered, Layer, Part, along, below, currents, layers_of, parts_of, through
from neurokit.networks.mlp import MLP


def push_nodes(
    mlp: MLP,
    z: Float[Tensor, "batch n"],
    nodes: Sequence[Float[Tensor, "K batch n"]],
    signs: Sequence[Float[Tensor, "K T batch"]],
) -> tuple[Tensor, Tensor, list[Tensor]]:
    """Features under the held current `z`, how they move, and each deeper layer's input summed with its signs.

    The first layer's current moves by `nodes[0]` in every step, that of layer i by `signs[i - 1][:, t] * nodes[i]`.
    Rows of the second answer, K a layer, follow one another in the order of layers; those of the third are K.
    """
    layers = layers_of(mlp, z, {})
    stored = 1 if len(layers) == 2 else len(nodes[0]) * (len(layers) - 1)
    found = Gathered(len(z))
    for part in parts_of(mlp, len(z), stored):
        phi, moved, inputs = _push(part, layers, z, nodes, signs)
        found.put(part, phi=phi, moved=moved, **{str(i): x for i, x in enumerate(inputs)})
    phi_all, moved_all, *inputs_all = (found[name] for name in ("phi", "moved", *map(str, range(len(layers) - 1))))
    assert phi_all is not None, "there are samples"
    assert moved_all is not None, "there are nodes"
    return phi_all, moved_all, [x for x in inputs_all if x is not None]


def _push(
    part: Part, layers: Sequence[Layer], z: Tensor, nodes: Sequence[Tensor], signs: Sequence[Tensor]
) -> tuple[Tensor, Tensor, list[Tensor]]:
    first, *deeper = layers
    z = z[part.low : part.high]
    nodes = [v[:, part.low : part.high] for v in nodes]
    signs = [e[:, :, part.low : part.high] for e in signs]
    s, sensitivity = part.recur(first, z[None], torch.ones_like(z)[None, None], trains=True)
    assert sensitivity is not None, "it was given a direction"
    a = sensitivity[0]
    ds = a * nodes[0][:, None] if len(deeper) > 1 else None
    inputs = []
    for layer, v, e in zip(deeper[:-1], nodes[1:], signs, strict=False):
        assert ds is not None, "there are layers above"
        inputs.append(_signed(e, s))
        da = torch.cat([below(layer, ds), v[:, None] * e[..., None]])
        s, ds = part.recur(layer, currents(layer, s), da, trains=True)
    inputs.append(_signed(signs[-1], s))
    phi, c = part.shares(deeper[-1], currents(deeper[-1], s))
    lower = through(deeper[-1], c, a, nodes[0]) if ds is None else along(deeper[-1], c, ds)
    return phi, torch.cat([lower, nodes[-1] * _signed(signs[-1], c)]), inputs


def _signed(e: Float[Tensor, "K T batch"], s: Float[Tensor, "T batch n"]) -> Float[Tensor, "K batch n"]:
    """`sum_t e[k, t] s[t]`."""
    return (e.permute(2, 0, 1).contiguous() @ s.permute(1, 0, 2)).transpose(0, 1)  # BLAS wants the copy
