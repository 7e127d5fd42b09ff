"""No damage to a Program's file crashes, hangs, eats memory or passes in silence; all of it is seeded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from places import SUPPORT

#: How many mutations to make; set NEUROKIT_FUZZ for more.
MUTATIONS = int(os.environ.get("NEUROKIT_FUZZ", "1000"))
SEED = 20261122
#: Seconds of CPU that a load may take; it takes hundredths.
LIMIT_S = 1.0


@pytest.mark.slow
def test_every_mutation_is_refused_or_harmless(tmp_path: Path) -> None:
    """Each gives ProgramError or the identical Program, in a process with 200 MB of address space to spare."""
    fuzz = SUPPORT / "program_fuzz.py"
    done = subprocess.run(
        [sys.executable, fuzz, tmp_path, str(MUTATIONS), str(SEED)],
        capture_output=True,
        text=True,
        timeout=280 * max(1, MUTATIONS // 2000),
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["wrong"] == []
    assert found["left"] == []
    assert found["slowest_s"] < LIMIT_S
    assert found["refused"] > MUTATIONS / 2
