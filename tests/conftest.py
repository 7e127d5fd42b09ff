"""Makes the generators beside the tests importable: pytest's importlib mode leaves `sys.path` alone."""

from __future__ import annotations

import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))

# Examples run whole networks, so hypothesis' per-example deadline would only measure the machine; `derandomize` makes
# every run of the suite the same run.
slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile("neurokit", deadline=None, derandomize=True, suppress_health_check=slow)
settings.load_profile("neurokit")
