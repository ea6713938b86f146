"""``python -m latens`` is the command ``latens``."""

from __future__ import annotations

import sys

from latens.cli import main

sys.exit(main())
