"""Settings of hypothesis for the whole suite."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# Examples run whole networks, so hypothesis' per-example deadline would only measure the machine; `derandomize` makes
# every run of the suite the same run.
slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile("neurokit", deadline=None, derandomize=True, suppress_health_check=slow)
settings.load_profile("neurokit")
