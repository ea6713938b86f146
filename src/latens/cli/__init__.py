"""The command line: one function a verb, each a call into the public API.

Nothing here imports torch, pandas, scikit-learn or matplotlib before a verb runs, so that ``latens --help`` is quick.
"""

from __future__ import annotations

from latens.cli.app import app, main

__all__ = ["app", "main"]
