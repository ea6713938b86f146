"""Hostile data: damaged files, odd ones, and bombs. A reader reads what comes, or says in one line what is wrong."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from bombs import BOMBS
from mutations import mutated, with_checksums
from oddities import odd_inputs
from readings import MEMORY, READERS, import_readers, limited, read
from samples import samples
from trials import Trial

_MUTATIONS, _AT_ONCE = 2000, 25
_SECONDS = 1.0  # of the processor's, so that other programs' load does not count


def survives_damage(folder: Path, reader: str, seed: int, count: int) -> None:
    """Files that were right, damaged; the last line printed is the seed at fault."""
    way, files = READERS[reader], samples(READERS[reader].form)
    with limited(cpu=60):
        for number in range(seed, seed + count):
            print(f"{reader}, seed {number}", flush=True)
            chance = random.Random(f"{reader} {number}")
            content = mutated(chance.choice(files), files, chance)
            if way.form == "png" and chance.random() < 0.6:
                content = with_checksums(content)
            found = read(way.write(folder, content), way.open, way.names)
            assert found.memory <= MEMORY, f"{found.memory:,} bytes"
            assert found.seconds <= 2 * _SECONDS, f"{found.seconds:.1f} s"


def survives_oddity(folder: Path, reader: str, first: int, count: int) -> None:
    """Files that somebody made with an idea."""
    way = READERS[reader]
    with limited(cpu=60):
        for number, (title, content) in list(enumerate(odd_inputs(way.form)))[first : first + count]:
            print(f"{reader}, {number}: {title}", flush=True)
            found = read(way.write(folder, content), way.open, way.names)
            assert found.memory <= MEMORY, f"{found.memory:,} bytes"
            assert found.seconds <= 2 * _SECONDS, f"{found.seconds:.1f} s"


def refuses_bomb(folder: Path, bomb: str) -> None:
    """A small file that would take much: refused within a second and 256 MiB."""
    made = BOMBS[bomb]
    what = made.build(folder)
    with limited(cpu=30):
        found = read(what, made.open, (what.name.partition(".")[0],))
    assert found.message, "it was read"
    assert found.memory <= MEMORY, f"{found.memory:,} bytes: {found.message}"
    assert found.seconds <= _SECONDS, f"{found.seconds:.1f} s: {found.message}"


def trials(full: bool) -> Iterator[Trial]:
    import_readers()
    for bomb in BOMBS:
        yield Trial("bombs refused within 1 s and 256 MiB", refuses_bomb, {"bomb": bomb}, seconds=60)
    for reader in READERS:
        there = len(odd_inputs(READERS[reader].form))
        step = _AT_ONCE if full else 10
        for first in range(0, there if full else step, step):
            given = {"reader": reader, "first": first, "count": step}
            yield Trial(f"made by hand, {step} a trial, {reader}", survives_oddity, given, seconds=60)
        for seed in range(0, _MUTATIONS if full else _AT_ONCE, _AT_ONCE):
            given = {"reader": reader, "seed": seed, "count": _AT_ONCE}
            yield Trial(f"damaged, {_AT_ONCE} a trial, {reader}", survives_damage, given, seconds=60)
