"""What the page is answered with: strict JSON, numbers as they lie in memory, pictures and files."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from fastapi import HTTPException, Response
from fastapi.responses import JSONResponse
from pyarrow import csv, parquet

from latens.columns import as_table, harmless
from latens.json_types import json_types

__all__ = ["Answer", "binary", "downloaded", "picture", "there"]

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


class Answer(JSONResponse):
    """JSON without NaN, of whatever results are made of."""

    def render(self, content: Any) -> bytes:
        # Texts may hold halves of surrogate pairs, which only escapes can carry.
        return json.dumps(json_types(content), allow_nan=False, separators=(",", ":")).encode("ascii")


def binary(values: np.ndarray) -> Response:
    """Numbers as they lie in memory, little-endian."""
    little = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
    return Response(little.tobytes(), media_type="application/octet-stream")


def picture(png: bytes) -> Response:
    """A PNG."""
    return Response(png, media_type="image/png")


def downloaded(columns: Mapping[str, Any], name: str, form: str) -> Response:
    """Columns as a file: Parquet, or CSV in which no cell is a formula."""
    table, stream = as_table(columns), io.BytesIO()
    if form == "csv":
        csv.write_csv(harmless(_written(table)), stream)
    else:
        parquet.write_table(table, stream)
    kind = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}[form]
    named = f'attachment; filename="{_UNSAFE.sub("-", name)[:80]}.{form}"'
    return Response(stream.getvalue(), media_type=kind, headers={"Content-Disposition": named})


def _written(table: pa.Table) -> pa.Table:
    """Columns that CSV has no form for, as text."""
    fields = [
        column.cast(pa.string()) if pa.types.is_temporal(column.type) or pa.types.is_boolean(column.type) else column
        for column in table.columns
    ]
    return pa.table(fields, names=table.column_names)


def there(row: int, n: int) -> int:
    """A row's number.

    Raises:
        HTTPException: There is no such row; 404.
    """
    if not 0 <= row < n:
        raise HTTPException(404, f"row={row} is none of the {n:,} rows; use 0 to {n - 1}")
    return row
