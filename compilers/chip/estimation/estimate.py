"""estimate: what a Program costs on a chip, from measured activity and published numbers, as ranges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from neurokit.compilers.chip.estimation.activity import Activity, measure, require
from neurokit.compilers.chip.estimation.load import Load, loads
from neurokit.compilers.chip.estimation.mesh import Mesh
from neurokit.compilers.chip.estimation.prices import MILLI, Prices, prices
from neurokit.compilers.chip.estimation.timing import InTurn, Overlapped, StepWork, Timing, step_work
from neurokit.compilers.chip.place import place
from neurokit.compilers.chip.placement import Placement
from neurokit.compilers.chip.populations import populations
from neurokit.compilers.chip.synaptic_memory import storage
from neurokit.errors import OutOfRange, explain
from neurokit.hw_configs import Hardware, chip_of, load_hardware
from neurokit.hw_configs.quantities import OPERATIONS
from neurokit.ir.program import Program


@dataclass(frozen=True)
class Range:
    """From the low end of every assumption to the high end; None where nothing is known."""

    low: float | None
    high: float | None

    def __mul__(self, other: Range) -> Range:
        """The product, end by end; unknown if either is."""
        if self.low is None or self.high is None or other.low is None or other.high is None:
            return Range(None, None)
        return Range(self.low * other.low, self.high * other.high)


UNKNOWN = Range(None, None)


@dataclass(frozen=True)
class Estimate:
    """What one sample costs, on average over those measured.

    hardware      name of the chip or board; `cores` and `chips` of it are in use
    samples       measured
    steps         chip steps of one sample alone, from its first message to its last
    operations    how many of each (see `hw_configs.quantities.Costs`) a sample takes
    from_outside  of the messages that enter cores, those that come from the host: inputs and biases
    busiest       of each kind of work, the most that one core does in one step (mean over samples of a sample's most)
    time_s        a sample alone
    static_j      the power of chips that do nothing, over that time
    dynamic_j     of the operations
    by_operation  the dynamic energy of each
    unknown       what was counted and has no published price: it is left out of time and energy, which are then partial
    assumptions   everything that the numbers rest on
    """

    hardware: str
    cores: int
    chips: int
    samples: int
    steps: int
    operations: Mapping[str, float]
    from_outside: float
    busiest: Mapping[str, float]
    time_s: Range
    static_j: Range
    dynamic_j: Range
    by_operation: Mapping[str, Range]
    unknown: tuple[str, ...]
    assumptions: tuple[str, ...]

    @property
    def partial(self) -> bool:
        """Whether something was counted that has no price."""
        return bool(self.unknown)

    def to_json(self) -> dict[str, Any]:
        """The object that `neurokit estimate --json` writes."""
        record = asdict(self)
        static, dynamic = record.pop("static_j"), record.pop("dynamic_j")
        by_operation = record.pop("by_operation")
        return {
            **record,
            "partial": self.partial,
            "energy_j": {"static": static, "dynamic": dynamic, "dynamic_by_operation": by_operation},
            "assumptions": list(self.assumptions),
            "unknown": list(self.unknown),
        }


def estimate(
    program: Program,
    hardware: Hardware | str,
    samples: Mapping[str, np.ndarray] | Activity,
    *,
    placement: Placement | None = None,
    stand_in: Hardware | str | None = None,
    timing: Timing | None = None,
    entry: int | None = None,
) -> Estimate:
    """What a Program costs on a chip or board, a sample at a time.

    hardware   a chip or board, or the name of one that ships
    samples    real inputs, `(*batch, size)` each, on which activity is measured (by the twin), or an Activity
    placement  by default that of `place`
    stand_in   a chip whose prices serve where the first one's are not published; without it they stay unknown
    timing     one rule for the length of a step; by default the low end takes Overlapped and the high end InTurn
    entry      the core through which messages from outside come; by default their way to the cores is not counted

    Energy is a sum over operations. Time is a sum over steps, each as long as its busiest core makes it: per-core
    maxima, not means. Raises DoesNotFit when there is no placement, OutOfRange for an Activity of another Program or an
    entry that is no core, and what `place` and the twin raise.
    """
    hardware = load_hardware(hardware)
    chip = chip_of(hardware)
    made = populations(program)
    if placement is None:
        placement = place(program, hardware)
    if entry is not None and not 0 <= entry < placement.cores:
        raise OutOfRange(explain("estimate: entry", entry, f"0..{placement.cores - 1}, a core in use", "name one"))
    activity = samples if isinstance(samples, Activity) else measure(program, samples)
    require(activity, program)
    mesh = Mesh.of(chip, placement.cores_per_chip)
    energies, times = prices(chip, None if stand_in is None else chip_of(load_hardware(stand_in)))

    counted = dict.fromkeys(OPERATIONS, 0)
    from_outside = 0
    busiest: dict[str, list[np.ndarray]] = {}
    taken: dict[str, list[np.ndarray]] = {"low": [], "high": []}
    rules: dict[str, Timing] = {"low": timing or Overlapped(), "high": timing or InTurn()}
    for load in loads(made, placement, activity, mesh, entry):
        for operation, count in _operations(load).items():
            counted[operation] += count
        from_outside += load.from_outside
        for kind in ("awake", "spikes", "sent", "received", "synops"):
            busiest.setdefault(kind, []).append(getattr(load, kind).max(axis=(1, 2)))
        for end, found in taken.items():
            found.append(rules[end](_work(load, times.at(end))).sum(axis=-1))

    operations = {name: counted[name] / activity.samples for name in OPERATIONS}
    needed = {name for name, count in operations.items() if count > 0}
    by_operation = {
        name: Range(energies.low[name] * operations[name], energies.high[name] * operations[name])
        for name in OPERATIONS
        if name in energies.low and name in needed
    }
    time = Range(*(float(np.concatenate(taken[end]).mean()) for end in ("low", "high"))) if times.low else UNKNOWN
    power = chip.static_power_mw
    chips = Range(placement.chips, placement.chips)
    unknown = [f"energy of {name}" for name in OPERATIONS if name in needed - set(energies.low)]
    unknown += [f"time of {name}" for name in OPERATIONS if name in needed - set(times.low) - {"within_tile"}]
    unknown += ["static power"] * (power is None) + ["the mesh, and with it hops"] * (mesh is None)
    return Estimate(
        hardware=hardware.name,
        cores=placement.cores,
        chips=placement.chips,
        samples=activity.samples,
        steps=activity.steps,
        operations=operations,
        from_outside=from_outside / activity.samples,
        busiest={kind: float(np.concatenate(values).mean()) for kind, values in busiest.items()},
        time_s=time,
        static_j=UNKNOWN if power is None else Range(power.low * MILLI, power.high * MILLI) * chips * time,
        dynamic_j=_total(by_operation),
        by_operation=by_operation,
        unknown=tuple(unknown),
        assumptions=_assumptions(hardware, (energies, times), timing, entry, needed),
    )


def _operations(load: Load) -> dict[str, int]:
    """How many of each operation the samples of a Load take together."""
    neuron_steps = int(load.neurons.sum()) * load.awake.shape[0] * load.awake.shape[1]
    awake = int(load.awake.sum())
    return {
        "neuron_idle": neuron_steps - awake,
        "neuron_active": awake,
        "spike": int(load.spikes.sum()),
        "message_out": int(load.sent.sum()),
        "message_in": int(load.received.sum()),
        "synop": int(load.synops.sum()),
        "within_tile": load.within_tile,
        "hop_east_west": load.east_west,
        "hop_north_south": load.north_south,
        "between_chips": load.between_chips,
        "barrier": load.awake.shape[0] * load.awake.shape[1],
    }


def _work(load: Load, price: Mapping[str, float]) -> StepWork:
    """Seconds of work in every step; what has no price takes none."""
    per_core = {
        "neuron_idle": load.neurons - load.awake,
        "neuron_active": load.awake,
        "spike": load.spikes,
        "message_out": load.sent,
        "message_in": load.received,
        "synop": load.synops,
    }
    path = load.path(price.get("hop_east_west", 0.0), price.get("hop_north_south", 0.0))
    return step_work(per_core, price, path, load.busiest_link(price))


def _total(ranges: Mapping[str, Range]) -> Range:
    known = [each for each in ranges.values() if each.low is not None and each.high is not None]
    if not known:
        return UNKNOWN
    return Range(sum(each.low or 0.0 for each in known), sum(each.high or 0.0 for each in known))


def _assumptions(
    hardware: Hardware, prices_used: tuple[Prices, Prices], timing: Timing | None, entry: int | None, needed: set[str]
) -> tuple[str, ...]:
    """What the numbers rest on, in sentences."""
    rule = "one rule, " + repr(timing) if timing else "low end Overlapped(), high end InTurn()"
    way = "their way to the cores is not counted" if entry is None else f"they enter through core {entry}"
    said = [
        "one sample at a time, from rest; the next starts when it has left the chip",
        f"inputs and biases come from outside as messages in every step of the window, zeros left out; {way}",
        "an accumulator or a product is one neuron; gates that reset samples are not counted",
        storage(chip_of(hardware)),
        "every neuron is updated in every step; it is active where something reaches it or its state is not 0",
        f"length of a step: {rule}; both per core, the longest of all cores",
        "the busiest link carries its messages one after the other, a hop's time each; two chips have one of their own "
        "in either direction; no memory reads beside those of a synaptic operation",
    ]
    power = chip_of(hardware).static_power_mw
    if power is not None:
        said.append(
            f"static power of a chip: {power.low:g}..{power.high:g} mW ({power.kind}; {power.source}); "
            "of chips in use alone, and of no board, processor or host beside them"
        )
    for priced in prices_used:
        said += [sentence for name, sentence in priced.assumed.items() if name in needed]
    return tuple(said)
