"""The spike function for torch: a step whose derivative is a surrogate's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from neurokit.errors import GraphError, explain
from neurokit.neurons.models import Fire
from neurokit.neurons.surrogates import Surrogate, WeakGaussian


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


@dataclass(frozen=True)
class _Drawn:
    """A random surrogate and where its noise comes from."""

    surrogate: WeakGaussian
    generator: torch.Generator | None

    def derivative(self, x: Tensor) -> Tensor:
        noise = noise_for(self.surrogate, self.generator, tuple(x.shape), x)
        derivative: Tensor = self.surrogate.derivative_from(x, noise)
        return derivative


def noise_for(
    surrogate: WeakGaussian, generator: torch.Generator | None, shape: tuple[int, ...], like: Tensor
) -> Tensor:
    """Noise `(samples, *shape)` from the CPU `generator`, in the dtype and on the device of `like`.

    Raises GraphError without a generator.
    """
    if generator is None:
        raise GraphError(
            explain(
                "the generator of WeakGaussian's noise",
                None,
                "a torch.Generator",
                "estimate gradients by an Estimator, which brings its own, or under `noise_from(generator, model)`",
            )
        )
    return torch.randn((surrogate.samples, *shape), generator=generator, dtype=like.dtype).to(like.device)


@dataclass(frozen=True)
class _Known:
    """The derivative at one place, drawn already."""

    value: Tensor

    def derivative(self, x: Tensor) -> Tensor:
        return self.value


def drawing(surrogate: Surrogate | WeakGaussian, generator: torch.Generator | None) -> Surrogate:
    """The surrogate itself, or, of a random one, a surrogate that draws iid noise at every call.

    Without a generator the derivative of a random surrogate raises GraphError: the network still answers.
    """
    return _Drawn(surrogate, generator) if isinstance(surrogate, WeakGaussian) else surrogate


def firing(surrogate: Surrogate) -> Fire:
    """The `fire` function of torch networks: 1 where its argument is >= 0, else 0, differentiated as `surrogate`.

    Random derivatives are drawn in forward order, as the tangent pass draws them.
    """

    def fire(x: Tensor) -> Tensor:
        at = surrogate
        if isinstance(at, _Drawn) and at.generator is not None and torch.is_grad_enabled() and x.requires_grad:
            at = _Known(at.derivative(x.detach()))
        return _Spike.apply(x, at)  # type: ignore[no-any-return, no-untyped-call]

    return fire
