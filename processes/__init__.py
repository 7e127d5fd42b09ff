"""Lava processes of neurokit. Each has a folder of its own holding `process.py` and `models.py`.

Lava looks for the models of a process by executing every file beside it, so these folders hold nothing else, import
absolutely and have no side effects.
"""

from __future__ import annotations

if __name__ == "processes":
    raise ImportError("import this package as `neurokit.processes`; `processes/` is only where its sources lie.")
