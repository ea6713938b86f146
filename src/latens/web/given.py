"""Rows that somebody drops into the page: a few lines of a table, a picture, a text."""

from __future__ import annotations

import base64
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import BaseModel, Field

from latens.data import open_source
from latens.errors import DataError
from latens.web.explorer import Explorer, as_read

__all__ = ["Given", "given_rows"]

_MOST = 1000


class Given(BaseModel):
    """One of the three, by the kind of the model's data."""

    csv: str | None = Field(None, max_length=4_000_000, description="A header and rows.")
    image: str | None = Field(None, max_length=16_000_000, description="A PNG or JPEG file in base64.")
    text: str | None = Field(None, max_length=1_000_000)


def given_rows(explorer: Explorer, given: Given) -> Any:
    """The rows as the model takes them.

    Raises:
        DataError: They are not of the model's kind, or not like what it was fitted on.
    """
    kind = explorer.subject.kind
    source = _READERS.get(kind, _refused)(explorer, given)
    if len(source) > _MOST:
        raise DataError(f"{len(source):,} rows were given; give {_MOST:,} at most")
    return source


def _table(explorer: Explorer, given: Given) -> Any:
    if given.csv is None:
        raise DataError("the model takes rows of a table; give a header and rows as CSV")
    from latens.data.text_tables import text_source

    schema = explorer.model.schema_
    names = None if schema.columns is None else list(schema.columns)
    text = given.csv if names is None or "\n" in given.csv.strip() else f"{','.join(map(_quoted, names))}\n{given.csv}"
    source = text_source(text.encode("utf-8", "replace"), name="the given rows", labels=None)
    return as_read(explorer.model, source)


def _quoted(name: str) -> str:
    return '"{}"'.format(name.replace('"', '""'))


def _image(explorer: Explorer, given: Given) -> Any:
    if given.image is None:
        raise DataError("the model takes images; give a PNG or JPEG file")
    try:
        content = base64.b64decode(given.image, validate=True)
    except ValueError:  # also for letters beyond ASCII
        raise DataError("the given image: is not in base64; send the file's bytes so") from None
    with TemporaryDirectory(prefix="latens-") as folder:
        path = Path(folder) / "the-given-image"
        path.write_bytes(content)
        return as_read(explorer.model, open_source(path, kind="images", stream=False))


def _text(explorer: Explorer, given: Given) -> Any:
    if not given.text:
        raise DataError("the model takes text; give some")
    return as_read(explorer.model, open_source([given.text], kind="text"))


def _refused(explorer: Explorer, given: Given) -> Any:
    raise DataError(f"the page takes no new {explorer.subject.kind}; use latens map --on")


_READERS = {"table": _table, "images": _image, "text": _text}
