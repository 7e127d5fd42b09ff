"""A parent whose worker never answers, to be interrupted or killed."""

import sys
from pathlib import Path

from jobs import make_job

from neurokit.targets.lava.supervisor import supervise

if __name__ == "__main__":
    supervise(make_job(), 600, (sys.executable, str(Path(__file__).parent / "lava_cases.py"), "worker", "sleeps"))
