"""place: put the neurons of a Program on the cores of a chip or board.

Layers are split over cores as need be. All known limits of `neurokit.compilers.chip.placement.RESOURCES` hold on every
core; first the number of cores is made small, then the messages between them, then those between chips and boards
(`mapping`). What takes how much room, and what of it is assumed, is said in `neurokit.compilers.chip.populations` and
`synaptic_memory`; how the cores are filled, in `packing`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import scipy.sparse
from jaxtyping import Bool, Int

from neurokit.compilers.chip.check import applied
from neurokit.compilers.chip.cores import BOUNDLESS, Counts, Item, Room
from neurokit.compilers.chip.lower_bound import bound
from neurokit.compilers.chip.mapping import between, chips_of
from neurokit.compilers.chip.packing import pack
from neurokit.compilers.chip.placement import RESOURCES, Placement, Slice, Use
from neurokit.compilers.chip.populations import Population, Projection
from neurokit.compilers.chip.rulebook import Subject
from neurokit.compilers.chip.synaptic_memory import own_bytes, row_bytes, shared_lines, shares_kernels, synapse_bytes
from neurokit.errors import DoesNotFit, explain
from neurokit.hw_configs import Board, Chip, Hardware, Limit, chip_of, load_hardware
from neurokit.ir.program import Program

#: Rules without which no placement exists.
NEEDED = ("neuron_synapse_bytes", "fan_in", "fan_out")


def place(program: Program, hardware: Hardware | str, *, beside: tuple[Population, ...] = ()) -> Placement:
    """Put a Program on the cores of a chip or board, or of one that ships by its name; deterministic.

    The number of cores is never below `Placement.bound`, which is proved. A network small enough for an exhaustive
    search gets the least number that there is, as long as axons do not bind: those that a neuron has to itself are
    counted apart, and outgoing ones depend on where the readers are.

    `beside` are populations that are to be put on the same cores, such as those of
    `neurokit.compilers.chip.tangent_populations`. Raises DoesNotFit when a neuron fits no core or the cores do not
    suffice.
    """
    hardware = load_hardware(hardware)
    chip = chip_of(hardware)
    subject = Subject(program, chip, beside)
    broken = [found for rule in applied(chip, split=True) if rule.name in NEEDED for found in rule(subject)]
    if broken:
        raise DoesNotFit("\n".join(map(str, broken)))
    made = subject.populations
    items, room = demand(made, chip)
    counts = pack(items, room)
    if counts is None:
        raise DoesNotFit(
            f"no placement on {chip.name} was found that respects its axons ({_said(chip.in_axons_per_core)} in, "
            f"{_said(chip.out_axons_per_core)} out per core); make layers narrower."
        )
    if len(counts) > hardware.total_cores:
        raise DoesNotFit(
            explain(
                "cores needed",
                f"{len(counts)} (at least {bound(items, room)})",
                f"at most {hardware.total_cores}, the cores of {hardware.name}",
                "choose a larger board, or make the network smaller",
            )
        )
    slices = cut(made, counts)
    use, traffic, flow = measure(made, slices, len(counts), chip)
    board = hardware.chips_per_board.value if isinstance(hardware, Board) and hardware.chips_per_board else None
    chips = chips_of(flow, hardware.cores_per_chip, board)
    order = np.argsort(chips, kind="stable")  # cores are numbered chip by chip, and as before within one
    number = np.argsort(order)
    along = chips[order]
    sites = along * hardware.cores_per_chip + np.arange(len(along)) - np.searchsorted(along, along)
    slices = tuple(replace(part, core=int(number[part.core])) for part in slices)
    use = [use[core] for core in order.tolist()]
    limits = {name: getattr(chip, f"{name}_per_core") for name in RESOURCES}
    for each in use:
        assert all(limit is None or each[name] <= limit.value for name, limit in limits.items())
    return Placement(
        hardware=hardware.name,
        slices=slices,
        use=tuple(
            {name: Use(each[name], None if limit is None else limit.value) for name, limit in limits.items()}
            for each in use
        ),
        available=hardware.total_cores,
        cores_per_chip=hardware.cores_per_chip,
        bound=bound(items, room),
        traffic=traffic,
        sites=tuple(sites.tolist()),
        between_chips=between(flow, chips),
        chips_per_board=board,
        between_boards=0 if board is None else between(flow, chips // board),
    )


def demand(made: Sequence[Population], chip: Chip) -> tuple[list[Item], Room]:
    """Populations as items to be packed, and the room of a core; a chip's unknown limits bind nothing."""
    number = {population.name: i for i, population in enumerate(made)}
    groups: dict[str, int] = {}
    lines: list[int] = []

    def group(name: str, count: int) -> int:
        if name not in groups:
            groups[name] = len(lines)
            lines.append(count)
        return groups[name]

    shared: list[set[int]] = [set() for _ in made]
    readers: list[set[int]] = [set() for _ in made]
    ones = [0] * len(made)
    own = [0] * len(made)
    in_axons = chip.in_axons_per_core.value if chip.in_axons_per_core else BOUNDLESS
    for i, population in enumerate(made):
        for projection in population.projections:
            source = number.get(projection.source)
            if projection.one_to_one:
                own[i] += 1
            elif projection.kernel is not None and shares_kernels(chip):
                shared[i].add(group(f"{projection.source} (image)", 1))
            elif projection.reach is not None and projection.lines > in_axons:
                own[i] += projection.singles
            elif projection.lines:
                shared[i].add(group(projection.source, projection.lines))
            if source is not None and projection.reach is not None:
                ones[source] += int(np.bincount(projection.reach.indices).max(initial=0))
            elif source is not None and projection.one_to_one:
                ones[source] += 1
            elif source is not None and projection.lines:
                readers[source].add(i)
            if projection.biases:
                shared[i].add(group(f"{projection.layer} (bias)", projection.biases))
    items = [
        Item(
            population.size,
            shared_lines(chip, population),
            own_bytes(chip, population),
            own[i],
            frozenset(shared[i]),
            tuple(sorted(readers[i])),
            ones[i],
        )
        for i, population in enumerate(made)
    ]
    neurons = chip.neurons_per_core.value
    if chip.axon_maps_per_core is not None:
        neurons = min(neurons, chip.axon_maps_per_core.value)  # every neuron takes one
    kinds = {kind: None for population in made for kind, _ in shared_lines(chip, population)}
    room = Room(
        neurons=neurons,
        bytes=chip.synapse_bytes_per_core.value,
        row={kind: [row_bytes(chip, n, kind) for n in range(neurons + 1)] for kind in kinds},
        lines=lines,
        in_axons=in_axons,
        out_axons=chip.out_axons_per_core.value if chip.out_axons_per_core else BOUNDLESS,
        holders=chip.neuron_groups_per_core.value if chip.neuron_groups_per_core else BOUNDLESS,
    )
    return items, room


def cut(made: Sequence[Population], counts: Counts) -> tuple[Slice, ...]:
    """Number the cores along the network and give each the next lines of its populations."""
    ordered = sorted(counts, key=lambda core: min((i, -n) for i, n in core.items()))
    slices: list[list[Slice]] = [[] for _ in made]
    for core, content in enumerate(ordered):
        for i, count in content.items():
            start = slices[i][-1].stop if slices[i] else 0
            slices[i].append(Slice(made[i].name, core, start, start + count))
    assert all(parts[-1].stop == population.size for parts, population in zip(slices, made, strict=True))
    return tuple(part for parts in slices for part in parts)


def measure(
    made: Sequence[Population], slices: Sequence[Slice], cores: int, chip: Chip
) -> tuple[list[dict[str, int]], int, scipy.sparse.csr_array]:
    """The use of every resource on every core, the traffic, and lines by the cores that send and receive them."""
    use = [dict.fromkeys(RESOURCES, 0) for _ in range(cores)]
    parts: dict[str, list[Slice]] = {population.name: [] for population in made}
    content: list[list[tuple[Population, Slice]]] = [[] for _ in range(cores)]
    for part in slices:
        parts[part.layer].append(part)
    for population in made:
        for part in parts[population.name]:
            use[part.core]["neurons"] += part.size
            use[part.core]["axon_maps"] += part.size
            use[part.core]["synapse_bytes"] += synapse_bytes(chip, population, part.size)
            content[part.core].append((population, part))
    home = {name: np.concatenate([np.full(part.size, part.core) for part in own]) for name, own in parts.items()}
    traffic = 0
    flow: list[tuple[int, int, int]] = []
    for core, held in enumerate(content):
        use[core]["neuron_groups"] = len({population.name for population, _ in held})
        use[core]["in_axons"] = _in_axons(held, chip)
        for source, lines in _received(held).items():
            if source in home:
                senders, sent = np.unique(home[source][lines], return_counts=True)
                for sender, count in zip(senders.tolist(), sent.tolist(), strict=True):
                    use[sender]["out_axons"] += count
                    traffic += count if sender != core else 0
                    flow += [(sender, core, count)] if sender != core else []
            else:
                traffic += int(lines.sum())
    senders, hearers, counts = np.array(flow, dtype=np.int64).reshape(-1, 3).T
    return use, traffic, scipy.sparse.csr_array((counts, (senders, hearers)), shape=(cores, cores))


def _received(held: Sequence[tuple[Population, Slice]]) -> dict[str, Bool[np.ndarray, " lines"]]:
    """By source, which of its lines the slices on one core listen to."""
    received: dict[str, np.ndarray] = {}
    for population, part in held:
        for p in population.projections:
            lines = received.setdefault(p.source, np.zeros(p.lines, dtype=bool))
            lines[_lines(p, part)] = True
            if p.biases:
                received[f"{p.layer} (bias)"] = np.ones(p.biases, dtype=bool)
    return received


def _in_axons(held: Sequence[tuple[Population, Slice]], chip: Chip) -> int:
    """Lines that slices on one core listen to; the image of a convolution whose kernel is shared counts as one."""
    images = {p.source for population, _ in held for p in population.projections if p.kernel and shares_kernels(chip)}
    others = [
        (replace(population, projections=tuple(p for p in population.projections if not (p.kernel and images))), part)
        for population, part in held
    ]
    biases = {p.layer: p.biases for population, _ in held for p in population.projections if p.kernel and images}
    return len(images) + sum(biases.values()) + sum(int(lines.sum()) for lines in _received(others).values())


def _lines(projection: Projection, part: Slice) -> slice | Int[np.ndarray, " _"]:
    """The lines of a projection's source that a slice listens to."""
    if projection.one_to_one:
        return slice(part.start, part.stop)
    if projection.reach is None:
        return slice(projection.lines)
    starts = projection.reach.indptr
    return np.asarray(projection.reach.indices[starts[part.start] : starts[part.stop]])


def _said(limit: Limit | None) -> str:
    return "unknown" if limit is None else str(limit.value)
