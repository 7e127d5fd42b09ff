"""Events: spikes of many lines in the order of time; and the loop that turns those of one layer into the next one's."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from neurokit.errors import OutOfRange, explain
from neurokit.events.neuron import EventNeuron, State

_INTEGERS = (torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8)


@dataclass(frozen=True, eq=False)
class Events:
    """Spikes of every sample in ascending order of time; rows are filled up with times inf.

    time (batch, events), line (batch, events): when, in units of time, and on which line, an integer. Times that are
    integers become float64; a network takes times in the type of its weights. Raises OutOfRange for what is no tensor
    of real times and integer lines, for times that are negative, NaN, or out of order, and for shapes that differ.
    """

    time: Float[Tensor, "batch events"]
    line: Int[Tensor, "batch events"]

    def __post_init__(self) -> None:
        object.__setattr__(self, "time", _real(self.time))
        object.__setattr__(self, "line", integers("Events: line", self.line))
        if self.time.ndim != 2 or self.time.shape != self.line.shape:
            raise OutOfRange(
                explain(
                    "Events: shape of time and line",
                    f"{tuple(self.time.shape)} and {tuple(self.line.shape)}",
                    "(batch, events) for both",
                    "give both in this shape",
                )
            )
        time = self.time.detach()
        wrong = ~(time >= 0)
        if bool(wrong.any()):
            raise OutOfRange(explain("Events: time", float(time[wrong][0]), ">= 0", "shift or remove it"))
        if bool((time[:, 1:] < time[:, :-1]).any()):
            raise OutOfRange(explain("Events: time", "not in order", "ascending", "build them with Events.sorted"))

    @classmethod
    def sorted(cls, time: Float[Tensor, "batch events"], line: Int[Tensor, "batch events"]) -> Events:
        """Events in any order, put in order; those at one time keep the order that they are given in.

        Raises OutOfRange as Events.
        """
        time, line = _real(time), integers("Events: line", line)
        if time.shape != line.shape or time.ndim != 2:
            return cls(time, line)  # which is refused by name
        time, order = torch.sort(time, dim=-1, stable=True)
        return cls(time, line.gather(-1, order))

    @classmethod
    def latencies(cls, time: Float[Tensor, "batch lines"]) -> Events:
        """One spike a line, at the given times; inf for a line that is silent. Raises OutOfRange as Events."""
        time = _real(time)
        if time.ndim != 2:
            legal = "(batch, lines)"
            raise OutOfRange(explain("latencies: shape of time", tuple(time.shape), legal, "give a row a sample"))
        return cls.sorted(time, torch.arange(time.shape[-1], device=time.device).expand(time.shape))

    def staggered(self, lines: int, copies: int, apart: float) -> Events:
        """Every line `copies` times: copy k of line n is line `n + k lines`, and spikes `k apart` later.

        For a grid of time (`neurokit.compilers.frontend.spike_times`), where one line says no more of a time than its
        step. Copies that are `dt / copies` apart go over to the next step one after the other, so together they say
        `copies` times as much. Raises OutOfRange for a number of copies below one, a distance that is negative or not
        finite, and events on other lines.
        """
        self.require_lines(lines, "staggered")
        if copies < 1:
            raise OutOfRange(explain("staggered: copies", copies, "at least 1", "use 1 for the events as they are"))
        if not (math.isfinite(apart) and apart >= 0):
            raise OutOfRange(explain("staggered: apart", apart, "finite and >= 0", "use dt / copies"))
        time = torch.cat([self.time + k * apart for k in range(copies)], -1)
        return Events.sorted(time, torch.cat([self.line + k * lines for k in range(copies)], -1))

    @classmethod
    def _in_order(cls, time: Float[Tensor, "batch events"], line: Int[Tensor, "batch events"]) -> Events:
        """Without the checks, which cost more than the rest, for what is in order by construction."""
        events = object.__new__(cls)
        object.__setattr__(events, "time", time)
        object.__setattr__(events, "line", line)
        return events

    @property
    def real(self) -> Bool[Tensor, "batch events"]:
        """Which entries are spikes and not filling."""
        return torch.isfinite(self.time)

    def require_lines(self, lines: int, whose: str) -> None:
        """Raise OutOfRange unless there are `lines`, one or more, and all events are on them."""
        if lines < 1:
            raise OutOfRange(explain(f"{whose}: lines", lines, "at least 1", "say how many there are"))
        if not self.line.numel():
            return
        low, high = int(self.line.min()), int(self.line.max())
        if low < 0 or high >= lines:
            found, legal = low if low < 0 else high, f"0..{lines - 1}"
            raise OutOfRange(explain(f"{whose}: line of an input event", found, legal, "number the lines from 0"))

    def first(self, lines: int, never: float | Tensor = math.inf) -> Float[Tensor, "batch lines"]:
        """Time of the first spike of each line; `never`, a number or (batch, lines), for silent ones.

        Raises OutOfRange for events on other lines, and for another shape of `never`.
        """
        self.require_lines(lines, "first")
        if isinstance(never, Tensor) and never.ndim and never.shape != (len(self.time), lines):
            legal = f"{(len(self.time), lines)}, or one number"
            raise OutOfRange(explain("first: shape of never", tuple(never.shape), legal, "give one a line"))
        silent = torch.full_like(self.time, math.inf)
        each = [torch.where(self.line == n, self.time, silent) for n in range(lines)]
        inf = self.time.new_full((len(self.time), 1), math.inf)
        first = torch.stack([torch.cat((t, inf), -1).amin(-1) for t in each], -1)
        fired = torch.isfinite(first)
        otherwise = torch.as_tensor(never, dtype=self.time.dtype, device=self.time.device)
        return torch.where(fired, first, otherwise)

    def counts(self, lines: int) -> Int[Tensor, "batch lines"]:
        """How many spikes each line has. Raises OutOfRange for events on other lines."""
        self.require_lines(lines, "counts")
        return torch.stack([((self.line == n) & self.real).sum(-1) for n in range(lines)], -1)


def _real(time: object) -> Tensor:
    """Times as real numbers, integers in float64. Raises OutOfRange for what is no such tensor."""
    if not isinstance(time, Tensor) or time.dtype == torch.bool or time.is_complex():
        found = time.dtype if isinstance(time, Tensor) else type(time).__name__
        legal = "a tensor of real numbers"
        raise OutOfRange(explain("Events: type of time", found, legal, "convert it with torch.as_tensor"))
    return time if time.is_floating_point() else time.double()


def integers(subject: str, numbers: object) -> Tensor:
    """Numbers of lines or classes, in int64. Raises OutOfRange for what is no tensor of integers."""
    if not isinstance(numbers, Tensor) or numbers.dtype not in _INTEGERS:
        found = numbers.dtype if isinstance(numbers, Tensor) else type(numbers).__name__
        raise OutOfRange(
            explain(f"{subject}: type", found, "a tensor of integers, counted from 0", "convert it with .long()")
        )
    return numbers.long()


@dataclass(frozen=True, eq=False)
class Log:
    """Everything that happened to one layer in a trial, event by event.

    time (batch, k), differentiable where the loop was recorded; `source` is the row of the layer's weights that the
    event brings: 0..m-1 an input line, m..m+n-1 a neuron of the layer, -1 nothing. `input` is the event's place in the
    input Events, -1 for own spikes. `spiker` holds the state before its spike of the neuron that spiked,
    (batch, k, components); `before` that of all neurons before each event, (batch, k, n, components), where that was
    asked for; `final` the states at the horizon; `places` what `spike_places` answers, where that is known already.
    """

    time: Float[Tensor, "batch k"]
    source: Int[Tensor, "batch k"]
    input: Int[Tensor, "batch k"]
    spiker: Float[Tensor, "batch k components"]
    before: Float[Tensor, "batch k n components"] | None
    final: State
    lines: int
    places: tuple[Int[Tensor, "batch e"], Bool[Tensor, "batch e"]] | None = None

    @property
    def own(self) -> Bool[Tensor, "batch k"]:
        """Which events are spikes of the layer itself."""
        return self.source >= self.lines

    def spikes(self, time: Float[Tensor, "batch k"] | None = None) -> Events:
        """The layer's own spikes; `time` stands in for the times of all events."""
        place, real = self.spike_places()
        at = (self.time if time is None else time).gather(-1, place)
        line = (self.source - self.lines).gather(-1, place)
        return Events._in_order(at.masked_fill(~real, math.inf), line.masked_fill(~real, 0))

    def spike_places(self) -> tuple[Int[Tensor, "batch e"], Bool[Tensor, "batch e"]]:
        """Where the layer's own spikes are among the events, in their order, and which of these entries are spikes."""
        if self.places is not None:
            return self.places
        own = self.own
        counts = own.sum(-1)
        most = int(counts.max()) if own.numel() else 0
        real = torch.arange(most, device=own.device) < counts[:, None]
        place = torch.zeros_like(real, dtype=torch.long)
        place[real] = own.nonzero()[:, 1]
        return place, real


@dataclass(frozen=True)
class SimulationWindow:
    """How one layer is run: until `horizon`, its name in messages, whether neurons fall silent after one spike.

    `limit` is how many events a sample may have in this layer; a network that has more is refused, never cut short.
    """

    horizon: float
    name: str = "layer"
    single_spike: bool = False
    limit: int = 20_000


def simulate(
    neuron: EventNeuron,
    weight: Float[Tensor, "m n"],
    recurrent: Float[Tensor, "n n"] | None,
    inputs: Events,
    trial: SimulationWindow,
    *,
    keep_states: bool = False,
) -> Log:
    """Run one layer from event to event; knows of the neuron only what EventNeuron says.

    Every turn takes each sample to its next event, an input or the earliest spike of the layer itself. Of events at one
    time own spikes come first, that of the lowest neuron leading, then inputs in their order. Events at the horizon
    itself belong to the trial. Recorded by autograd where gradients are on. Raises OutOfRange for more events than the
    trial allows.
    """
    lines, size = weight.shape
    batch = len(inputs.time)
    every = weight if recurrent is None else torch.cat((weight, recurrent))
    rows = torch.arange(batch, device=weight.device)
    in_time = torch.cat((inputs.time, inputs.time.new_full((batch, 1), math.inf)), -1)
    in_line = torch.cat((inputs.line, inputs.line.new_zeros(batch, 1)), -1)
    x = neuron.rest(batch, size, weight)
    now = weight.new_zeros(batch)
    pointer = torch.zeros(batch, dtype=torch.long, device=weight.device)
    silent = torch.zeros(batch, size, dtype=torch.bool, device=weight.device)
    neurons = torch.arange(size, device=weight.device)
    times: list[Tensor] = []
    sources: list[Tensor] = []
    places: list[Tensor] = []
    spikers: list[Tensor] = []
    befores: list[Tensor] = []
    while True:
        soonest, winner = neuron.wait(x).masked_fill(silent, math.inf).min(-1)
        own_time, input_time = now + soonest, in_time[rows, pointer]
        own = own_time <= input_time
        time = torch.where(own, own_time, input_time)
        active = time <= trial.horizon
        if not bool(active.any()):
            break
        if len(times) == trial.limit:
            sample = int(active.nonzero()[0])
            raise OutOfRange(too_many(trial, sample, sum(int(source[sample] >= lines) for source in sources)))
        time = torch.where(active, time, now)
        x = neuron.flow(x, (time - now)[:, None])
        now = time
        own, given = own & active, active & ~own
        source = torch.where(own, lines + winner, torch.where(given, in_line[rows, pointer], -1))
        times.append(time)
        sources.append(source)
        places.append(torch.where(given, pointer, -1))
        spikers.append(x.detach()[rows, winner])
        if keep_states:
            befores.append(x.detach())
        pointer = pointer + given
        spiked = own[:, None] & (neurons == winner[:, None])
        if trial.single_spike:
            silent = silent | spiked
        x = torch.where(spiked[..., None], neuron.reset(x), x)
        pulsed = given if recurrent is None else active
        w = every[torch.where(pulsed, source, 0)]
        x = torch.where(pulsed[:, None, None], neuron.kick(x, w), x)
    final = neuron.flow(x, (trial.horizon - now)[:, None])

    def stacked(parts: list[Tensor], empty: Tensor) -> Tensor:
        return torch.stack(parts, 1) if parts else empty[:, None][:, :0]

    return Log(
        stacked(times, now),
        stacked(sources, pointer),
        stacked(places, pointer),
        stacked(spikers, x[:, 0]),
        stacked(befores, x) if keep_states else None,
        final,
        lines,
    )


def too_many(trial: SimulationWindow, sample: int, spikes: int) -> str:
    """The message for a sample with more events than the trial allows, `spikes` of them the layer's own."""
    return explain(
        f"layer {trial.name!r}: events of sample {sample} before the horizon {trial.horizon:g}",
        f"more than {trial.limit} ({spikes} of them its own spikes so far)",
        f"at most {trial.limit}, the limit of the trial",
        "lower the weights or the horizon, or raise the limit",
    )
