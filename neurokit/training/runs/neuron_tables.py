"""What `[neuron]` can say: a table for every kind of neuron, made of the spans of its values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, make_dataclass
from typing import Any, ClassVar, Literal

from neurokit.errors import OutOfRange, explain
from neurokit.neurons.models import WORDS, Neuron, Subtract, ToZero, decay
from neurokit.neurons.parameters import Fraction, Trainable


@dataclass(frozen=True)
class NeuronTable:
    """Neurons of any kind.

    threshold    at which the membrane fires
    reset        what a spike takes from the membrane: subtract (the threshold) or zero (all of it)
    attached     whether gradients go through the reset
    strict       whether a membrane at the threshold does not fire yet
    trainable    names of the values that are trained, one a layer, from what they are here
    """

    threshold: float = 1.0
    reset: Literal["subtract", "zero"] = "subtract"
    attached: bool = True
    strict: bool = False
    trainable: tuple[str, ...] = ()

    #: The neuron that the table says.
    neuron: ClassVar[type[Neuron]]

    def __post_init__(self) -> None:
        dt, constants = getattr(self, "dt", None), [span.tau for span in _shares(self.neuron).values()]
        if dt is not None and not any(getattr(self, name) for name in constants):
            remedy = f"say {constants[-1]} too, or take it out"
            raise OutOfRange(explain("dt", dt, "nothing without a time constant", remedy))
        self.build()

    def build(self) -> Neuron:
        """The neuron. Raises OutOfRange where values are not legal or contradict each other."""
        shares = _shares(self.neuron)
        values = {n: self._left(n, shares[n]) if n in shares else float(getattr(self, n)) for n in self.neuron.spans}
        unknown = set(self.trainable) - set(values)
        if unknown:
            raise OutOfRange(
                explain("trainable", sorted(unknown), f"some of {', '.join(values)}", "name values of this neuron")
            )
        reset = (Subtract if self.reset == "subtract" else ToZero)(self.attached)
        made: dict[str, Any] = {n: Trainable(value) if n in self.trainable else value for n, value in values.items()}
        return self.neuron(reset=reset, strict=self.strict, **made)

    def _left(self, share: str, span: Fraction) -> float:
        """What is left after a step, said as a share or by a time constant."""
        given, tau, dt = getattr(self, share), getattr(self, span.tau), getattr(self, "dt", None)
        if given is not None and tau is not None:
            raise OutOfRange(explain(f"({share}, {span.tau})", (given, tau), "one of the two", "take one out"))
        if tau is None:
            return float(getattr(self.neuron, share) if given is None else given)
        if dt is None:
            raise OutOfRange(explain("dt", None, f"the length of a step beside {span.tau}", "say dt in its unit"))
        return decay(float(tau), dt)


_MADE: dict[type[Neuron], type[NeuronTable]] = {}


def table_of(neuron: type[Neuron]) -> type[NeuronTable]:
    """The table of a kind of neuron; it extends that of the kind which has most of the same values."""
    if neuron not in _MADE:
        _MADE[neuron] = _table(neuron)
    return _MADE[neuron]


def _table(neuron: type[Neuron]) -> type[NeuronTable]:
    simpler = [(word, kind) for word, kind in WORDS.items() if kind.spans.items() < neuron.spans.items()]
    word, base = max(simpler, key=lambda pair: len(pair[1].spans), default=("", None))
    parent = NeuronTable if base is None else table_of(base)
    keys: list[tuple[str, Any, Any]] = []
    meanings = []
    for name, span in neuron.spans.items():
        default = getattr(neuron, name)
        if name in vars(parent):
            continue
        if not isinstance(span, Fraction):
            keys.append((name, float, field(default=default)))
            meanings.append((name, span.meaning))
            continue
        keys += [(each, float | None, field(default=None)) for each in (name, span.tau)]
        meanings += [
            (name, f"{span.meaning}; {default} unless it or {span.tau} is given"),
            (span.tau, f"time constant of {span.of}, in its place: {name} = exp(-dt / {span.tau})"),
        ]
    if _shares(neuron) and "dt" not in vars(parent):
        keys.append(("dt", float | None, field(default=None)))
        meanings.append(("dt", "length of a step in the unit of the time constants"))
    title = (neuron.__doc__ or "").split("\n")[0].rstrip(".")
    lines = "".join(f"\n{name:12} {meaning}" for name, meaning in meanings)
    words = f"{title}; beside the keys of `{word}`:\n{lines}" if word else f"{title}."
    namespace = {"neuron": neuron, "__doc__": words, "__module__": __name__}
    return make_dataclass(f"{neuron.__name__}Table", keys, bases=(parent,), namespace=namespace, frozen=True)


def _shares(neuron: type[Neuron]) -> dict[str, Fraction]:
    """The values that are shares left after a step."""
    return {name: span for name, span in neuron.spans.items() if isinstance(span, Fraction)}


class _Tables(Mapping[str, type[NeuronTable]]):
    """The tables by word, of all neurons that are registered."""

    def __getitem__(self, word: str) -> type[NeuronTable]:
        return table_of(WORDS[word])

    def __iter__(self) -> Iterator[str]:
        return iter(WORDS)

    def __len__(self) -> int:
        return len(WORDS)


TABLES = _Tables()
