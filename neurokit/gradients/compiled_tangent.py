"""The tangent pass by compiled kernels: whole spike trains, layer by layer, and one part of a batch after the other.

One direction is pushed through every layer's recurrence. Several share what does not depend on them: a first layer
under a held current moves by `ds[t] = A[t] dz` (one recurrence for `A`), and features of the last layer by
`dphi = sum_t c[t] da[t]`. With two layers then

    dphi = P : dW + (sum_t c[t]) db + M dz,   P = sum_t c[t] s[t]^T,   M = W * sum_t c[t] A[t]^T,

whose cost a direction does not grow with time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from neurokit.gradients.compiled_part import (
    Gathered,
    Layer,
    Part,
    along,
    below,
    currents,
    layers_of,
    parts_of,
    through,
)
from neurokit.gradients.scopes import Scope
from neurokit.networks.compiled import drawn, lanes, populations
from neurokit.networks.mlp import MLP


def features_and_gain(mlp: MLP, z: Float[Tensor, "batch n"]) -> tuple[Tensor, Tensor]:
    """Features of the first layer under the held current `z`, and their derivative with respect to it."""
    layer, *_ = populations(mlp, [mlp.learned(0)])
    current = lanes(z)[None]
    known = drawn(mlp, [layer], [current], len(z))[0] if layer.drawn else None
    phi, gain = layer.tangent(current, lanes(torch.ones_like(z))[None, None], trains=False, known=known)
    return torch.from_numpy(phi).reshape(z.shape), torch.from_numpy(gain).reshape(z.shape)


def push_features(
    mlp: MLP,
    z: Float[Tensor, "batch n"],
    dz: Float[Tensor, "K batch n"] | None,
    own: Mapping[str, Tensor],
    scope: Scope,
) -> tuple[Float[Tensor, "batch width"], Float[Tensor, "rows batch width"] | None]:
    """Features under the held current `z` of the first layer, and their tangents.

    `dz` are the current's, `own` those of deeper layers' parameters and of all neurons' raw values, by name.
    """
    layers = layers_of(mlp, z, own)
    moving = [i for i, layer in enumerate(layers) if layer.moves or (i == 0 and dz is not None)]
    count = 0 if not moving else len(next(iter(own.values())) if dz is None else dz)
    last = scope.join(*(z.new_empty(count, 0) for _ in moving))
    rows = 0 if last is None else len(last)
    together = rows > 1 and len(layers) > 1 and layers[-1].dfields is None
    held = together and len(layers) == 2 and dz is not None and layers[0].dfields is None
    found = Gathered(len(z))
    for part in parts_of(mlp, len(z), 1 if held else max(1, rows)):
        z_part, dz_part = z[part.low : part.high], None if dz is None else dz[:, part.low : part.high]
        if held:
            assert dz_part is not None, "a condition of it"
            phi, dphi = _two_layers(part, layers, z_part, dz_part, scope)
        else:
            phi, dphi = _layers(part, layers, z_part, dz_part, scope, together)
        found.put(part, phi=phi, dphi=dphi)
    whole = found["phi"]
    return z.new_empty(0, mlp.widths[-1]) if whole is None else whole, found["dphi"]


def _two_layers(
    part: Part, layers: Sequence[Layer], z: Tensor, dz: Tensor, scope: Scope
) -> tuple[Tensor, Tensor | None]:
    first, layer = layers
    s, a = part.recur(first, z[None], torch.ones_like(z)[None, None], trains=True)
    assert a is not None, "it was given a direction"
    phi, c = part.shares(layer, currents(layer, s))
    return phi, scope.join(through(layer, c, a[0], dz), _own_share(layer, c, s))


def _layers(
    part: Part, layers: Sequence[Layer], z: Tensor, dz: Tensor | None, scope: Scope, together: bool
) -> tuple[Tensor, Tensor | None]:
    """Every direction by itself, in the last layer too unless they are taken `together` there."""
    first, *deeper = layers
    s, ds = part.recur(first, z[None], None if dz is None else dz[:, None], first.dfields, trains=bool(deeper))
    for layer in deeper:
        a, last = currents(layer, s), layer is deeper[-1]
        if last and together:
            phi, c = part.shares(layer, a)
            return phi, scope.join(None if ds is None else along(layer, c, ds), _own_share(layer, c, s))
        da, own, moved = None if ds is None else below(layer, ds), _own(layer, s), layer.dfields
        if moved is not None:
            own = a.new_zeros(len(moved), *a.shape) if own is None else own
            moved = scope.join(None if da is None else moved.new_zeros(len(da), moved.shape[1]), moved)
        s, ds = part.recur(layer, a, scope.join(da, own), moved, trains=not last)
    return s, ds


def _own(layer: Layer, s: Tensor) -> Float[Tensor, "K T batch n"] | None:
    """`dW s[t] + db` of the layer's own parameters."""
    if layer.dweight is None:
        return None if layer.dbias is None else layer.dbias[:, None, None].expand(-1, *s.shape[:2], -1)
    flat, dweight = s.flatten(0, 1).expand(len(layer.dweight), -1, -1), layer.dweight.transpose(1, 2)
    own = flat.bmm(dweight) if layer.dbias is None else torch.baddbmm(layer.dbias[:, None], flat, dweight)
    return own.reshape(len(own), *s.shape[:2], -1)


def _own_share(layer: Layer, c: Tensor, s: Tensor) -> Float[Tensor, "K batch n"] | None:
    """`sum_t c[t] (dW s[t] + db)` of the layer's own parameters."""
    own = None
    if layer.dweight is not None:
        p = c.permute(1, 2, 0) @ s.permute(1, 0, 2)  # (batch, n, m)
        own = (p.transpose(0, 1) @ layer.dweight.permute(1, 2, 0)).permute(2, 1, 0)
    if layer.dbias is not None:
        share = c.sum(0) * layer.dbias[:, None]
        own = share if own is None else own + share
    return own
