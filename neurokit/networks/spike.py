"""The spike function for torch: a step whose derivative is a surrogate's."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from neurokit.neurons import Fire
from neurokit.surrogates import Surrogate


class _Spike(torch.autograd.Function):
    """Forward: `x >= 0`. Both derivatives, reverse and forward: the surrogate's at `x`."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, surrogate: Surrogate) -> Tensor:
        return (x >= 0).to(x.dtype)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Surrogate], output: Tensor) -> None:
        x, ctx.surrogate = inputs
        ctx.save_for_backward(x)
        ctx.save_for_forward(x)

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        return cotangent * ctx.surrogate.derivative(x), None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, _: None) -> Tensor:
        (x,) = ctx.saved_tensors
        derivative: Tensor = ctx.surrogate.derivative(x)
        return tangent * derivative


def firing(surrogate: Surrogate) -> Fire:
    """The `fire` function of torch networks: 1 where its argument is >= 0, else 0, differentiated as `surrogate`."""

    def fire(x: Tensor) -> Tensor:
        return _Spike.apply(x, surrogate)  # type: ignore[no-any-return, no-untyped-call]

    return fire
