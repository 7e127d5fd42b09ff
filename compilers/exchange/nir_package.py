"""The `nir` package, where it is installed."""

from __future__ import annotations

from types import ModuleType

from neurokit.errors import TargetUnavailable


def nir_package() -> ModuleType:
    """The module `nir`; raises TargetUnavailable, which says how to get it."""
    try:
        import nir
    except ModuleNotFoundError as error:
        raise TargetUnavailable("NIR needs the package nir: pip install 'neurokit-loihi[exchange]'.") from error
    module: ModuleType = nir
    return module
