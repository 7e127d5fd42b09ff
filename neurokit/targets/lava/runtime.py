"""WatchedRuntime: Lava's Runtime, which counts, names and watches its children from the first fork on.

Lava itself asks every child in turn whether it could be made, and waits for an answer that a dead one never gives. It
relies on private attributes of the pinned version of Lava.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping
from typing import Any

from lava.magma.compiler.builders.py_builder import PyProcessBuilder
from lava.magma.core.process.message_interface_enum import ActorType
from lava.magma.core.process.process import AbstractProcess
from lava.magma.runtime.runtime import Runtime

from neurokit.errors import LavaFailure
from neurokit.targets.lava.children import reaped_here
from neurokit.targets.lava.interrupts import interrupts_held

#: Seconds between two looks at children that are being made, and for a failed child's traceback to arrive.
_NAP, _GRACE = 0.005, 2.0


class WatchedRuntime(Runtime):  # type: ignore[misc]  # Lava has no types
    """A Runtime for an executable whose top-level processes belong to the nodes that `labels` gives."""

    def __init__(self, executable: Any, labels: Mapping[AbstractProcess, str]) -> None:
        super().__init__(executable, ActorType.MultiProcessing)
        self._labels = labels
        self.exception_q: list[Any] = []  #: of Lava: where every child says whether it could be made, or why not
        self._give_back: Callable[[], None] = lambda: None

    def initialize(self, node_cfg_idx: int = 0) -> None:
        """Start the children; raises LavaFailure as soon as one of them cannot be made or dies."""
        self._give_back = reaped_here()
        try:
            super().initialize(node_cfg_idx)
        except (EOFError, OSError):  # perhaps of a call to the manager of shared memory, whose process has just died
            over = time.monotonic() + _GRACE
            while time.monotonic() < over:
                self.require_alive("while the network was built")
                time.sleep(_NAP)
            raise

    def require_alive(self, when: str) -> None:
        """Raise LavaFailure, naming the children that are dead, if there are any; with a traceback if one left it."""
        dead = [(name, process) for name, process in self._children() if not process.is_alive()]
        if dead:
            self.raise_traceback(when)
            fates = "; ".join(f"{name} {fate(process.exitcode)}" for name, process in dead[:3])
            more = f"; and {len(dead) - 3} more" if len(dead) > 3 else ""
            raise LavaFailure(f"{len(dead)} of {len(self._children())} Lava processes died {when}: {fates}{more}.")

    def raise_traceback(self, when: str) -> None:
        """Raise LavaFailure with the traceback of a child that failed, if one arrives soon.

        When one child fails, Lava ends others at once, so their deaths may be seen before that traceback.
        """
        over = time.monotonic() + _GRACE
        while time.monotonic() < over:
            for name, process in self._children():
                if (told := getattr(process, "exception", None)) is not None:
                    raise LavaFailure(f"{name} failed {when}: {told[0]!r}.", told[1])
            time.sleep(10 * _NAP)

    def end(self) -> None:
        """Kill the children, whatever state they are in, and give back what this holds."""
        infrastructure = self._messaging_infrastructure
        if infrastructure is not None:
            for actor in infrastructure.actors:
                if not actor._is_done:
                    actor.kill()
            for actor in infrastructure.actors:
                actor.join()
            self.join()
            if hasattr(infrastructure.smm._manager, "shutdown"):  # once it was started and until it is shut down
                infrastructure.smm.shutdown()
        self._close_queues()
        if self._watchdog_manager is not None:
            self._watchdog_manager.stop()
        self._is_running = self._is_started = False
        self._give_back()

    # -- what Lava calls on the way

    def _build_message_infrastructure(self) -> None:
        with interrupts_held():
            super()._build_message_infrastructure()

    def _build_processes(self) -> None:
        with interrupts_held():
            super()._build_processes()

    def _build_runtime_services(self) -> None:
        with interrupts_held():
            super()._build_runtime_services()

    def _start_ports(self) -> None:
        """Start the ports, then wait until all children have said that they are made: Lava's next step."""
        super()._start_ports()
        waiting = list(self.exception_q)
        while waiting:
            for queue in [queue for queue in waiting if not queue.empty()]:
                error = queue.get()
                if error is not None:
                    raise LavaFailure(f"a Lava process could not be made: {error!r}.", error.trace)
                waiting.remove(queue)
            if waiting:
                self.require_alive("while the network was built")
                time.sleep(_NAP)
        self._close_queues()  # and Lava would wait for each of them again

    def _close_queues(self) -> None:
        queues: list[Any] = getattr(self, "exception_q", [])  # which Lava deletes when all children are made
        self.exception_q = []
        for queue in queues:  # Lava leaves both ends open
            queue.close()
            queue._writer.close()

    def _children(self) -> list[tuple[str, Any]]:
        """Every process of this network by name: those of Lava's processes in the order in which Lava forks them."""
        infrastructure = self._messaging_infrastructure
        if infrastructure is None:
            return []
        builders = self._executable.proc_builders
        names = [self._name(p) for p, builder in builders.items() if isinstance(builder, PyProcessBuilder)]
        names += ["Lava's runtime service"] * len(self._executable.runtime_service_builders or ())
        children = list(zip(names, infrastructure.actors, strict=False))
        manager = getattr(infrastructure.smm._manager, "_process", None)
        return children if manager is None else [*children, ("Lava's manager of shared memory", manager)]

    def _name(self, process: AbstractProcess) -> str:
        top = process
        while top not in self._labels and top.parent_proc is not None:
            top = top.parent_proc
        of = f" of node {self._labels[top]!r}" if top in self._labels else ""
        return f"the Lava process {type(process).__name__}{of}"


def fate(code: int | None) -> str:
    """An exit code in words, as `exit -9, SIGKILL`."""
    if code is None:
        return "has not ended"
    if code < 0:
        known = {number.value for number in signal.Signals}
        return f"was killed (exit {code}{f', {signal.Signals(-code).name}' if -code in known else ''})"
    return f"ended (exit {code})"
