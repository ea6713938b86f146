"""Questions put to arrays: arrays in, frozen results out; nothing here knows of networks."""

from __future__ import annotations

from latens.analysis.principal import Principal, principal_components
from latens.analysis.referee import Referee, judge

__all__ = ["Principal", "Referee", "judge", "principal_components"]
