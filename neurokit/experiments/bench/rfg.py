"""rfg: what a training step costs, forward-mode against backpropagation, on the network of the demo.

Every row yields the loss and a gradient (or its estimate) of all parameters for one batch: 100 functions at 51
locations, DeepONet with 51 sensors, 32 neurons and 32 features a side, 32 time steps, float32, one thread. The
optimiser's step, which all would share, is left out.
"""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call, jvp  # type: ignore[attr-defined]

from neurokit.data.poisson import Poisson
from neurokit.errors import OutOfRange, explain
from neurokit.experiments.bench.timing import interleaved, machine
from neurokit.gradients.backprop import Backprop
from neurokit.gradients.directions import Bernoulli
from neurokit.gradients.estimator import Batch, Estimator
from neurokit.gradients.forward import ForwardGradient
from neurokit.networks import DeepONet
from neurokit.training.loop import Samples

BATCH = 100
DIRECTIONS = (1, 8, 64)
GENERIC = "torch.func.jvp, K=1"
#: Our plain tangent pass with one direction must take at most this share of backpropagation's time.
BAR = 0.75


def run(repetitions: int = 50) -> dict[str, Any]:
    """Measure, and compare with the bars. Raises OutOfRange for less than one repetition.

    A row has the median `seconds` of its repetitions, all rows taking turns; `peak_bytes`, the most that torch's
    allocator held at once above what was there before, plus the most that Python and NumPy allocated (tracemalloc);
    and `saved_bytes`, what autograd kept for a backward pass (counted once per storage by its hooks, which
    `torch.func` refuses: None).
    """
    if repetitions < 1:
        raise OutOfRange(explain("bench rfg: repetitions", repetitions, "at least 1", "measure once or more"))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        calls = _calls()
        seconds = interleaved(calls, repetitions)
        rows: list[dict[str, Any]] = [
            {
                "method": name,
                "seconds": seconds[name],
                "peak_bytes": _peak_bytes(call),
                "saved_bytes": None if name == GENERIC else _saved_bytes(call),
            }
            for name, call in calls.items()
        ]
    finally:
        torch.set_num_threads(threads)
    reference = seconds["backpropagation"]
    ratios = {f"{name} / backpropagation": taken / reference for name, taken in seconds.items()}
    ratio = ratios["tangent, plain, K=1 / backpropagation"]
    saved = max(row["saved_bytes"] for row in rows if row["method"].startswith("tangent"))
    return {
        "name": "rfg",
        "machine": {**machine(), "torch": torch.__version__, "threads": "1"},
        "repetitions": repetitions,
        "rows": rows,
        "ratios": ratios,
        "bars": {
            "plain tangent pass, K=1, against backpropagation": {"value": ratio, "bar": BAR, "met": ratio <= BAR},
            "bytes that the tangent pass saves for autograd": {"value": saved, "bar": 0, "met": saved == 0},
        },
    }


def _calls() -> dict[str, Callable[[], object]]:
    data = Poisson(train=BATCH, test=1).generate(seed=0).train
    model = DeepONet(sensors=51, coordinates=1, seed=0)
    batch = Samples(data, model).all()
    generator = torch.Generator().manual_seed(0)
    names = [name for name, _ in model.named_parameters()]

    def by(estimator: Estimator) -> Callable[[], object]:
        return lambda: estimator.estimate(model, batch, generator, names)

    @torch.no_grad()
    def forward() -> float:
        return float((model(*batch.inputs) - batch.target).square().mean())

    calls: dict[str, Callable[[], object]] = {
        "forward only": forward,
        "backpropagation": by(Backprop(compiled=False)),
        GENERIC: _generic(model, batch, generator),
    }
    for kind, compiled in (("plain", False), ("compiled", True)):
        for k in DIRECTIONS:
            calls[f"tangent, {kind}, K={k}"] = by(ForwardGradient(directions=k, compiled=compiled))
    return calls


def _generic(model: DeepONet, batch: Batch, generator: torch.Generator) -> Callable[[], object]:
    """The same estimate with one direction by PyTorch's own forward mode."""
    # torch 2.3 imports this inside the transform, where the import itself fails.
    import torch._dynamo

    parameters = {name: p.detach() for name, p in model.named_parameters()}

    def loss(values: dict[str, Tensor]) -> Tensor:
        answer: Tensor = functional_call(model, values, batch.inputs)
        return (answer - batch.target).square().mean()

    @torch.no_grad()
    def call() -> tuple[float, dict[str, Tensor]]:
        direction = {
            name: Bernoulli().draw((1, p.numel()), generator, p).reshape(p.shape) for name, p in parameters.items()
        }
        value, slope = jvp(loss, (parameters,), (direction,))
        return float(value), {name: slope * v for name, v in direction.items()}

    return call


def _peak_bytes(call: Callable[[], object]) -> int:
    activities = [torch.profiler.ProfilerActivity.CPU]
    with _quiet(), torch.profiler.profile(activities=activities, profile_memory=True) as profile:
        call()
    # Allocations and (negative) releases, in the order in which they happened.
    events: Any = profile.profiler.kineto_results.events()
    held = peak = 0
    for event in events:
        if event.name() == "[memory]":
            held += event.nbytes()
            peak = max(peak, held)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        call()
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return int(peak + most - before)


@contextmanager
def _quiet() -> Iterator[None]:
    """Standard error, down to the C libraries, goes nowhere: torch 2.3's profiler reports its stages there."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _saved_bytes(call: Callable[[], object]) -> int:
    saved: dict[int, int] = {}
    alive = []  # so that no storage is freed and its address used again while it is counted

    def count(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        saved[storage.data_ptr()] = storage.nbytes()
        alive.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
        call()
    return sum(saved.values())
