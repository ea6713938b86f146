"""What was learned about the data, stored in the model file: raw data in, raw units out."""

from __future__ import annotations

from latens.schema.columns import KINDS, Column, Table
from latens.schema.description import Schema
from latens.schema.scaling import SCALINGS, Samples, Scaling

__all__ = ["KINDS", "SCALINGS", "Column", "Samples", "Scaling", "Schema", "Table"]
