"""Old places of modules that scripts import: they lead to the new ones, with a warning that names them."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from types import ModuleType

#: Where modules went that the documentation named before they moved.
MOVED: Mapping[str, str] = {
    "neurokit.compilers.bounds": "neurokit.ir.interval_analysis",
    "neurokit.compilers.check": "neurokit.compilers.chip.check",
    "neurokit.compilers.place": "neurokit.compilers.chip.place",
    "neurokit.compilers.quantize": "neurokit.compilers.quantization.quantize",
    "neurokit.compilers.shapes": "neurokit.compilers.chip.shapes",
    "neurokit.compilers.trace": "neurokit.compilers.frontend.trace",
    "neurokit.exact": "neurokit.events",
    "neurokit.exact.deploy": "neurokit.compilers.frontend.spike_times",
    "neurokit.exact.deploy_ladder": "neurokit.targets.verification.spike_time_ladder",
    "neurokit.exact.grid": "neurokit.events.grid",
    "neurokit.graph": "neurokit.ir.graph",
    "neurokit.lava": "neurokit.targets.lava",
    "neurokit.lava.learning": "neurokit.targets.lava.learning.evaluator",
    "neurokit.lava.learning_network": "neurokit.targets.lava.learning.learning_network",
    "neurokit.lava.target": "neurokit.targets.lava.target",
    "neurokit.learning.experiments": "neurokit.experiments.learning",
    "neurokit.problems": "neurokit.data",
    "neurokit.problems.data": "neurokit.data.data",
    "neurokit.program": "neurokit.ir.program",
    "neurokit.readouts": "neurokit.neurons.readouts",
    "neurokit.reference": "neurokit.ir.interpreter",
    "neurokit.surrogates": "neurokit.neurons.surrogates",
    "neurokit.twin": "neurokit.simulator",
}


def new_place(name: str) -> str | None:
    """Where a module is now, by its own line of MOVED or that of the package that it was in; None if it never moved."""
    if name in MOVED:
        return MOVED[name]
    package, _, rest = name.rpartition(".")
    home = new_place(package) if package else None
    return None if home is None else f"{home}.{rest}"


class MovedModules(MetaPathFinder, Loader):
    """Finds modules at their old places."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """A spec for a module that has moved, None for any other."""
        moved = fullname.startswith("neurokit.") and new_place(fullname) is not None
        return spec_from_loader(fullname, self) if moved else None

    def exec_module(self, module: ModuleType) -> None:
        """Put the module that took its place where this one would be."""
        old = module.__name__
        new = new_place(old)
        assert new is not None, "found here"
        warnings.warn(f"{old} is now {new}; import it from there", DeprecationWarning, stacklevel=2)
        sys.modules[old] = import_module(new)


def lead_to_new_places() -> None:
    """Have the interpreter find them; a second call changes nothing."""
    if not any(isinstance(finder, MovedModules) for finder in sys.meta_path):
        # First, or a package that is known by two names would find its modules a second time.
        sys.meta_path.insert(0, MovedModules())
