"""EventNeuron: what the event loop and the estimators need to know of a neuron, and nothing else."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

#: States of all neurons of a layer: the last axis holds the components of one neuron's state.
State = Float[Tensor, "batch n components"]
#: Derivative of one state by another, neuron by neuron.
StateJacobian = Float[Tensor, "batch n components components"]


class EventNeuron(ABC):
    """A neuron given by its flow between events, its next spike, and its jumps; a small frozen object.

    A neuron that is given no event moves by `x(t + s) = flow(x(t), s)` and spikes `wait(x(t))` later. A pulse of weight
    w makes it `kick(x, w)`, its own spike `reset(x)`. All functions act on each neuron by itself. Derivatives come from
    automatic differentiation of these; a neuron that has them in closed form may override them.
    """

    #: The number of components of one neuron's state.
    components: int
    #: True when the derivatives of flow and kick do not depend on the state, so that EventProp need not store it.
    affine: bool = False

    @abstractmethod
    def rest(self, batch: int, size: int, like: Tensor) -> State:
        """The state at the beginning of a trial, in the dtype and on the device of `like`."""

    @abstractmethod
    def flow(self, x: State, s: Float[Tensor, "batch #n"]) -> State:
        """The state after a time `s` >= 0 without events."""

    @abstractmethod
    def wait(self, x: State) -> Float[Tensor, "batch n"]:
        """Time to the next spike if no event comes, inf if there is none; differentiable by x where it is finite."""

    @abstractmethod
    def kick(self, x: State, w: Float[Tensor, "batch n"]) -> State:
        """The state after a pulse of weight w."""

    @abstractmethod
    def reset(self, x: State) -> State:
        """The state after a spike, given that just before it."""

    @abstractmethod
    def crossing(self, x: State) -> State:
        """Gradient of the time of a spike by the state at that time. Raises TangentCrossing where it is infinite."""

    @abstractmethod
    def voltage(self, x: State) -> Float[Tensor, "batch n"]:
        """The membrane voltage."""

    def velocity(self, x: State) -> State:
        """dx/dt between events: the derivative of the flow at s = 0."""
        s = torch.zeros(x.shape[:-1], dtype=x.dtype, device=x.device)
        return _rows(lambda at: self.flow(x.detach(), at[..., 0]), s[..., None])[..., 0]

    def flow_jacobian(self, x: State, s: Float[Tensor, "batch #n"]) -> StateJacobian:
        """Derivative of `flow(x, s)` by x."""
        return _rows(lambda at: self.flow(at, s.detach()), x)

    def kick_jacobian(self, x: State, w: Float[Tensor, "batch n"]) -> tuple[StateJacobian, State]:
        """Derivatives of `kick(x, w)` by x and by w."""
        by_state = _rows(lambda at: self.kick(at, w.detach()), x)
        return by_state, _rows(lambda at: self.kick(x.detach(), at[..., 0]), w[..., None])[..., 0]

    def reset_jacobian(self, x: State) -> StateJacobian:
        """Derivative of `reset(x)` by x."""
        return _rows(self.reset, x)


def _rows(function: Callable[[Tensor], Tensor], x: Float[Tensor, "batch n k"]) -> Float[Tensor, "batch n m k"]:
    # A function of each neuron by itself: the gradient of a component's sum is that component's row for every neuron.
    with torch.set_grad_enabled(True):
        at = x.detach().requires_grad_()
        y = function(at)
        if not y.requires_grad:
            return torch.zeros((*y.shape, x.shape[-1]), dtype=x.dtype, device=x.device)
        rows = [
            torch.autograd.grad(y[..., m].sum(), at, retain_graph=True, allow_unused=True, materialize_grads=True)[0]
            for m in range(y.shape[-1])
        ]
    return torch.stack(rows, -2)
