"""doctor: it says what is there and what is not, and never raises."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from neurokit.targets.doctor import PACKAGES, examine


def test_the_contract_keys_are_there() -> None:
    record = examine()
    assert set(record) == {"ok", "python", "packages", "lava", "loihi2"}
    assert set(record["packages"]) == set(PACKAGES)
    assert record["packages"]["numpy"]
    assert {"installed", "configured", "reachable", "why"} <= set(record["loihi2"])
    assert record["loihi2"]["reachable"] is False
    assert record["loihi2"]["why"]


def test_without_lava_on_python_3_10_the_cpu_path_is_not_healthy() -> None:
    """Lava is expected on 3.10 only; a missing one is then said with the command that installs it."""
    code = (
        "import sys; sys.modules['lava'] = None\n"
        "from neurokit.targets.doctor import examine\n"
        "record = examine(); print(record['ok'], record['lava']['why'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    if sys.version_info[:2] == (3, 10):
        assert done.stdout.startswith("False")
        assert "pip install" in done.stdout
    else:
        assert done.stdout.startswith("True")
        assert "Python 3.10 exactly" in done.stdout


def test_a_configured_system_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "PARTITION", "oheogulch")
    assert examine()["loihi2"]["configured"] is True
