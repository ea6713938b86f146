"""A model file of every kind and of every format loads, and answers what it answered when it was written."""

from __future__ import annotations

import json
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

import latens
from latens import persistence
from latens.models import MODELS

HERE = Path(__file__).parent
FILES = sorted(path.stem for path in HERE.glob("*.latens"))


@pytest.fixture(scope="module")
def made() -> Any:
    """The script that wrote them."""
    spec = spec_from_file_location("make_models", HERE / "make_models.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", FILES)
def test_answers_as_it_did(name, made):
    known = json.loads((HERE / f"{name}.json").read_text())
    assert persistence.read_header(HERE / f"{name}.latens")["format"] == known["format"]
    answered = made.answers(name, latens.load(HERE / f"{name}.latens", device="cpu"))
    assert answered == pytest.approx(known["answers"], rel=1e-4, abs=1e-5)
    assert answered


def test_there_is_one_of_every_model():
    assert {persistence.read_header(HERE / f"{name}.latens")["model"] for name in FILES} == set(MODELS)


def test_there_is_one_of_every_format():
    formats = {persistence.read_header(HERE / f"{name}.latens")["format"] for name in FILES}
    assert formats == set(range(1, persistence.FORMAT + 1))


def test_they_are_small():
    assert max((HERE / f"{name}.latens").stat().st_size for name in FILES) < 300_000
