"""From logits to sequences: what may be drawn, the draw itself, and the loop around both.

A filter takes logits to logits and is off unless asked for; `generate` and `beam_search` take a step callable and so
need no model. Draws are a function of (seed, sequence, step): the same row alone or in any batch gets the same items.
"""

from __future__ import annotations

from latens.sampling.beams import Beam, beam_search
from latens.sampling.draws import pick
from latens.sampling.filters import (
    FILTERS,
    Filter,
    ban,
    bias,
    build_filters,
    chain,
    min_p,
    repetition_penalty,
    temperature,
    top_k,
    top_p,
    typical,
)
from latens.sampling.generation import Drawn, Stop, generate
from latens.sampling.stops import StopStrings

__all__ = [
    "FILTERS",
    "Beam",
    "Drawn",
    "Filter",
    "Stop",
    "StopStrings",
    "ban",
    "beam_search",
    "bias",
    "build_filters",
    "chain",
    "generate",
    "min_p",
    "pick",
    "repetition_penalty",
    "temperature",
    "top_k",
    "top_p",
    "typical",
]
