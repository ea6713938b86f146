"""Data in: arrays, frames, files, folders and named data sets as one kind of Source; text and events as theirs."""

from __future__ import annotations

from latens.data.blocks import blocks_to_images, images_to_blocks
from latens.data.corpora import Corpus, encode_corpus
from latens.data.datasets import DATASETS, Dataset
from latens.data.events import EventSource, encode_events, learn_events
from latens.data.series import SeriesSource
from latens.data.sources import AnySource, open_samples, open_source, split
from latens.data.text import TextSource, learn_text
from latens.data.values import Source

__all__ = [
    "DATASETS",
    "AnySource",
    "Corpus",
    "Dataset",
    "EventSource",
    "SeriesSource",
    "Source",
    "TextSource",
    "blocks_to_images",
    "encode_corpus",
    "encode_events",
    "images_to_blocks",
    "learn_events",
    "learn_text",
    "open_samples",
    "open_source",
    "split",
]
