"""What was learned about the data, stored in the model file: raw data in, raw units out."""

from __future__ import annotations

from latens.schema.columns import KINDS, Column, Table
from latens.schema.description import Schema
from latens.schema.events import EventSchema
from latens.schema.items import UNKNOWN
from latens.schema.scaling import SCALINGS, Scaling
from latens.schema.series import SERIES_SCALINGS, SeriesSchema
from latens.schema.statistics import Numbers, Samples, Summary, summarise
from latens.schema.text import TOKENS, Decoder, TextSchema

__all__ = [
    "KINDS",
    "SCALINGS",
    "SERIES_SCALINGS",
    "TOKENS",
    "UNKNOWN",
    "Column",
    "Decoder",
    "EventSchema",
    "Numbers",
    "Samples",
    "Scaling",
    "Schema",
    "SeriesSchema",
    "Summary",
    "Table",
    "TextSchema",
    "summarise",
]
