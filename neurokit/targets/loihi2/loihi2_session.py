"""The session with a Loihi 2: connect, measure its border, build a network on it, run it, let go. Imports Lava.

Lives in a worker of its own (`loihi2_worker`), whose parent holds the deadline. Everything goes through Lava's public
interface: what the extension does behind it, cannot be polled as the simulator's processes can.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from lava.magma.core.model.sub.model import AbstractSubProcessModel
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2HwCfg
from lava.utils import loihi

from neurokit.compilers.lava.forms import StockForm
from neurokit.compilers.lava.layout import Layout
from neurokit.compilers.lava.loihi2_border import CLOCK, HOST, PERIOD, STEPS, TICK, WORD, Border, border_of, signed
from neurokit.compilers.lava.ring_buffers import RingBuffer, RingBuffers
from neurokit.compilers.lava.schedule import Schedule, schedule
from neurokit.compilers.lava.timing import Cycle
from neurokit.errors import LavaFailure
from neurokit.ir.program import Program
from neurokit.processes.network.to_loihi import ChipNet, from_chip, lagged, state_reader, to_chip
from neurokit.processes.pacemaker import pacemaker
from neurokit.processes.ring_buffer.process import Recorder, Source
from neurokit.processes.synapses import GRADED, identity, relay
from neurokit.targets.lava.host import Host
from neurokit.targets.loihi2.loihi2 import period_of


def connect(partition: str | None, board: str | None, generation: str) -> None:
    """Tell Lava which chip to use: one of SLURM's, or, if nothing is asked for, the host in NXSDKHOST."""
    os.environ.setdefault("LOIHI_GEN", generation)
    if partition is None and board is None:
        if "NXSDKHOST" in os.environ:
            return
        board = os.environ.get("BOARD")
        partition = os.environ.get("PARTITION") if board is None else None
    os.environ.pop("NXSDKHOST", None)
    loihi.use_slurm_host(partition=partition, board=board, loihi_gen=loihi.ChipGeneration(os.environ["LOIHI_GEN"]))


def device() -> dict[str, str]:
    """What tells one device and its software from another, for the provenance."""
    named = {key: os.environ[key] for key in ("NXSDKHOST", "PARTITION", "BOARD", "LOIHI_GEN") if key in os.environ}
    try:
        extension = version("lava-loihi")
    except PackageNotFoundError:
        extension = "of unknown version"
    return {"device": " ".join(f"{key}={value}" for key, value in named.items()), "extension": extension}


def configuration(host: Iterable[AbstractProcess], probes: list[Any]) -> Loihi2HwCfg:
    """A run configuration that runs `host` on the host and nothing else there.

    Lava takes a model for the CPU, and the floating-point one at that, without a word when it finds none for the chip:
    a run that would be called one on hardware. This configuration raises LavaFailure instead.
    """
    # Present whenever the extension is, and only then.
    from lava.magma.core.model.c.model import CLoihiProcessModel
    from lava.magma.core.model.nc.model import AbstractNcProcessModel

    on_chip = (AbstractNcProcessModel, CLoihiProcessModel, AbstractSubProcessModel)
    stay = set(host)
    config = Loihi2HwCfg(select_sub_proc_model=True, callback_fxs=probes)
    choose = config.select

    def select(process: AbstractProcess, models: list[type]) -> type:
        chosen: type = choose(process, models)
        if process not in stay and not issubclass(chosen, on_chip):
            raise LavaFailure(
                f"Intel's extension has no model of {type(process).__name__} for the chip: Lava chose "
                f"{chosen.__module__}.{chosen.__name__}, which runs on the CPU. Such a run would prove nothing."
            )
        return chosen

    config.select = select
    return config


def measure_border() -> Border:
    """How many steps the adapters take, measured on the device.

    A clock on the chip fires at a known step and its membrane is known at every step; the host emits at a known
    step. When the host receives and sees of them, is what the adapters take. The membrane is looked for in a step in
    which the clock does not fire, since after a spike a chip keeps its refractory counter there. Raises LavaFailure
    when something of it is never received.
    """
    with tempfile.TemporaryDirectory(prefix="neurokit-lava-") as folder:
        shapes = {"word": (1, 1, 1), "received": (1, STEPS, 1), "seen": (1, STEPS, 1)}
        buffers = {name: RingBuffer(Path(folder), name, shape) for name, shape in shapes.items()}
        for buffer in buffers.values():
            buffer.blank()
        buffers["word"].open(writable=True)[:] = WORD
        all_steps = Cycle(1, STEPS, STEPS + 1)
        player = Source(shape=(1,), buffers=(buffers["word"],), cycle=Cycle(HOST, 1, STEPS + 1))
        received = Recorder(shape=(1,), buffer=buffers["received"], cycle=all_steps)
        seen = Recorder(shape=(1,), buffer=buffers["seen"], cycle=all_steps)
        into, out, state = to_chip(1), from_chip(1, GRADED), state_reader(1)
        clock, neuron = pacemaker(CLOCK, PERIOD), relay(1)
        word, tick = identity(1, bits=GRADED), identity(1, TICK)
        player.s_out.connect(into.inp)
        into.out.connect(word.s_in)
        clock.s_out.connect(tick.s_in)
        word.a_out.connect(neuron.a_in)
        tick.a_out.connect(neuron.a_in)
        neuron.s_out.connect(out.inp)
        out.out.connect(received.a_in)
        state.connect_var(clock.v)
        state.out.connect(seen.a_in)
        player.run(RunSteps(num_steps=STEPS), run_cfg=configuration((player, received, seen), []))
        player.stop()
        found = signed(np.array(buffers["received"].open()))[0, :, 0]
        membrane = signed(np.array(buffers["seen"].open()))[0, :, 0]
    return border_of(found, membrane)


@dataclass(frozen=True)
class ChipLayout(Layout):
    """A Layout whose schedule has room for a border."""

    border: Border = field(default_factory=Border)

    @cached_property
    def plan(self) -> Schedule:
        plan = schedule(self.program, self.period, self.form)
        return lagged(plan, self.border, ChipNet(self.program, plan, None).last())


class ChipNetwork(Host):
    """A Program on a Loihi 2; `run` as of any Host, `stop` when it went well."""

    def __init__(self, program: Program, border: Border, *, record: bool, profile: bool) -> None:
        super().__init__(program, StockForm(), record=record, period=period_of(program))
        self.layout = ChipLayout(program, StockForm(), record, period_of(program), border)
        self.border, self.profile = border, profile
        self.measured: dict[str, str] = {}
        self._process: Any = None
        self._config: Any = None
        self._directory: Path | None = None
        self._probes: Mapping[str, Any] = {}

    def start(self) -> RingBuffers:
        self._directory = Path(tempfile.mkdtemp(prefix="neurokit-lava-"))
        buffers = self.layout.buffers(self._directory)
        buffers.blank()
        net = ChipNet(self.program, self.schedule, buffers, border=self.border)
        net.wire_all()
        activity = _activity() if self.profile else []
        self._config = configuration(net.host, activity)
        if self.profile:
            from lava.utils.profiler import Profiler

            self._probes = {"profiler": Profiler.init(self._config), "activity": activity[0]}
        self._process = next(iter(net.labels))
        return buffers

    def stop(self) -> None:
        """Let the chip go and remove all files; after a failure only the latter, since `stop` of Lava may hang then."""
        process, self._process = self._process, None
        if process is not None and self._tapes is not None:
            process.stop()
            self.measured |= self._figures()
        self._tapes = self._open = None
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None

    def __exit__(self, *error: Any) -> None:
        if error[0] is not None:
            self._tapes = None
        self.stop()

    def _go(self, chip_steps: int, deadline_s: float) -> None:
        if self.profile and self.chip_steps == 0:
            self._probes["profiler"].execution_time_probe(num_steps=chip_steps)
            self._probes["profiler"].energy_probe(num_steps=chip_steps)
        self._process.run(RunSteps(num_steps=chip_steps), run_cfg=self._config)

    def _rewrite(self, before: Program, after: Program) -> None:
        raise LavaFailure("weights on a chip cannot be swapped; run the new Program.")

    def _frames(self, buffer: RingBuffer, *, writable: bool = False) -> np.ndarray:
        frames = super()._frames(buffer, writable=writable)
        return frames if writable or buffer in self._require_running().inputs.values() else signed(frames)

    def _after_reset(self, probed: np.ndarray, spikes: np.ndarray) -> np.ndarray:
        """The membrane is 0 after a spike; the chip keeps its refractory counter in `v` then, and a probe reads that.

        The one public trace of a chip reads 128, refractory time x 128, in the step of each of its four spikes, and
        goes on from 0 (NIR 7232ada, paper/01_lif/lif_lava_loihi_fixed.csv); so does Loihi 1 (nengo-loihi#170). Such
        steps are masked: that the neuron fired, its spike says.
        """
        return np.where(spikes != 0, 0, probed)

    def _figures(self) -> dict[str, str]:
        """What the probes found, in the words of Lava's profiler, with units; of the first run of the network."""
        if not self.profile:
            return {}
        profiler, activity = self._probes["profiler"], self._probes["activity"]
        times = np.asarray(profiler.execution_time, dtype=np.float64)
        return {
            "execution_time_s": f"{times.sum():.9g}",
            "power_w": f"{float(profiler.power):.9g}",
            "static_power_w": f"{float(profiler.static_power):.9g}",
            "energy_j": f"{float(profiler.energy):.9g}",
            "synaptic_operations": str(int(np.sum(activity.syn_ops))),
            "dendrite_updates": str(int(np.sum(activity.dendrite_updates))),
            "spikes_in": str(int(np.sum(activity.spikes_in))),
            "axon_out": str(int(np.sum(activity.axon_out))),
        }


def _activity() -> list[Any]:
    from lava.utils.loihi2_profiler import Loihi2Activity

    return [Loihi2Activity()]
