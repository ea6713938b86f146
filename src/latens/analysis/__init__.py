"""Questions put to arrays: arrays in, frozen results out; nothing here knows of networks."""

from __future__ import annotations

from latens.analysis.principal import Principal, principal_components
from latens.analysis.referee import Referee, judge
from latens.analysis.sizes import Size, Sweep, idle_units

__all__ = ["Principal", "Referee", "Size", "Sweep", "idle_units", "judge", "principal_components"]
