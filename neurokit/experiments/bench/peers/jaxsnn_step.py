"""jaxsnn: layers of single-spike LIF neurons with its analytic crossing, tau_mem = 2 tau_syn, Yin-Yang latencies."""

import os
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from typing import Any

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import jax.numpy as jnp
import optax
from jaxsnn.base.dataset import yinyang_dataset
from jaxsnn.event.encode import encode, spatio_temporal_encode, target_temporal_encode
from jaxsnn.event.loss import mse_loss
from jaxsnn.event.modules import LIF, LIFParameters, Linear, Source
from jaxsnn.event.topology import Topology
from jaxsnn.event.training import update
from jaxsnn.event.types import OptState
from jaxsnn.examples.event.utils import loss_wrapper

VERSION = version("jaxsnn")
TAU = 5e-3


def build(widths: Sequence[int], batch: int, steps: int) -> Callable[[], float]:
    """One training step of inputs-hidden-outputs, compiled here; `steps` of time there are none.

    Room for spikes is that of the library's own example: half of the hidden neurons, and as many and the outputs.
    """
    del steps
    inputs, hidden, outputs = widths
    keys = jax.random.split(jax.random.PRNGKey(0), 2)
    spikes = partial(spatio_temporal_encode, t_late=2 * TAU, duplication=1, duplicate_neurons=False)
    targets = partial(target_temporal_encode, n_classes=outputs, correct_target_time=0.9 * TAU,
                      wrong_target_time=1.1 * TAU)  # fmt: skip
    points = yinyang_dataset(keys[0], batch, mirror=True, bias_spike=0.0)
    given, target = encode(points, jax.jit(jax.vmap(spikes)), jax.jit(jax.vmap(targets)))
    neuron = LIFParameters(v_reset=-1000.0, v_th=1.0, tau_syn=TAU, tau_mem=2 * TAU)
    builder = Topology(t_max=4 * TAU)
    builder.add(
        {
            "inp": Source(inputs),
            "lif1": LIF(hidden, hidden // 2, neuron),
            "lif2": LIF(outputs, hidden // 2 + outputs, neuron),
            "syn1": Linear(mean=3.0, std=1.6, min_delay=0.0),
            "syn2": Linear(mean=0.5, std=0.8, min_delay=0.0),
        }
    )
    builder.connect([("inp", "syn1"), ("syn1", "lif1"), ("lif1", "syn2"), ("syn2", "lif2")])
    start, apply = builder.done()
    weights = start(keys[1])
    optimiser = optax.chain(optax.scale(1 / TAU), optax.clip(0.01), optax.adam(5e-3))
    loss = partial(loss_wrapper, apply, mse_loss, neuron.tau_mem, "lif2", outputs)
    step_of = jax.jit(partial(update, optimiser, loss))
    state: list[Any] = [OptState(optimiser.init(weights), weights, keys[0])]
    batch_of = ({"inp": given}, target)

    def step() -> float:
        state[0], (value, _) = step_of(state[0], batch_of)
        return float(jnp.ravel(jax.block_until_ready(value[0]))[0])

    step()  # compiles
    return step
