"""Inputs that somebody made with an idea, fifty and more for each form."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from odd_arrays import Odd, odd_idx, odd_npy, odd_npz
from odd_images import odd_bmp, odd_jpeg, odd_png, odd_tiff
from odd_parquet import odd_parquet
from odd_texts import odd_csv, odd_descriptions, odd_events, odd_gzip, odd_series, odd_text, odd_tsv

__all__ = ["odd_inputs"]

_ODD: dict[str, Callable[[], Odd]] = {
    "npy": odd_npy,
    "npz": odd_npz,
    "idx": odd_idx,
    "csv": odd_csv,
    "tsv": odd_tsv,
    "parquet": odd_parquet,
    "events parquet": odd_parquet,
    "series parquet": odd_parquet,
    "png": odd_png,
    "jpeg": odd_jpeg,
    "tiff": odd_tiff,
    "bmp": odd_bmp,
    "text": odd_text,
    "events": odd_events,
    "series": odd_series,
    "gzip": odd_gzip,
    "description": odd_descriptions,
}


@cache
def odd_inputs(form: str) -> Odd:
    """All of a form, with what is odd about each."""
    return _ODD[form]()
