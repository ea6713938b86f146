"""Model files that somebody altered or built: refused in one kind of error, in time and memory, and nothing is run.

A mutation changes bytes, and half of them then get a digest that is right again: whoever sends a file can write one.
"""

from __future__ import annotations

import json
import random
import struct
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import torch
from forks import Memory
from safetensors.torch import save_file
from trials import Trial

import latens
from latens import persistence
from latens.errors import ModelFileError

REFERENCE = Path(__file__).parents[1] / "reference"
BASES = sorted(path.stem for path in REFERENCE.glob("*.latens"))
SECONDS, MEMORY = 2.0, 64 << 20
_ODD: tuple[Any, ...] = (
    *(None, True, [], {}, "", "x" * 5000, 0, -1, 1, 2**31, 2**63, 10**400, 1.5, 1e308, [[]] * 50, "__import__('os')"),
    *("os.system", "latens.errors", "../../etc/passwd", "\x00", "\ud800", [1] * 5000, {"a": {"b": {}}}, "inf", "nan"),
)


def loads_or_is_refused(path: Path) -> str:
    """Load a file under guard; "loaded" or "refused".

    Raises:
        AssertionError: Another error than `ModelFileError`, or something was run, opened, or too slow or large.
    """
    done: list[str] = []
    golden_loaded()
    memory, started = Memory(), time.monotonic()
    sys.addaudithook(lambda event, words: done.append(_forbidden(event, words, path)))
    ended = _load(path)
    seconds, bad = time.monotonic() - started, [event for event in done if event]
    grown = memory.grown()
    assert not bad, bad
    assert seconds <= SECONDS, f"{seconds:.1f} s"
    assert grown <= path.stat().st_size + MEMORY, f"{grown / 2**20:.0f} MiB"
    return ended


def _load(path: Path) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            latens.load(path, device="cpu")
            return "loaded"
        except ModelFileError as error:
            words = str(error)
    assert len(words) < 2000, "a message without end"
    assert "\n" not in words, f"more than a line: {words}"
    return "refused"


@cache
def golden_loaded() -> None:
    """Once, so that a loader has nothing to import any more."""
    for base in BASES:
        assert _load(REFERENCE / f"{base}.latens") == "loaded"


def _forbidden(event: str, words: tuple[Any, ...], path: Path) -> str:
    """What a loader has no reason to do: to run or import anything, to open another file, to start or call anybody."""
    if event == "open":
        return "" if str(words[0]) == str(path) or isinstance(words[0], int) else f"open {words[0]!r:.200}"
    where = event.partition(".")[0]
    foreign = where in ("subprocess", "socket", "os", "pty", "ctypes", "shutil", "urllib", "marshal", "pickle")
    return f"{event} {words!r:.300}" if foreign or event in ("exec", "compile", "import") else ""


def mutated(folder: Path, base: str, seed: int) -> None:
    """A golden file with a few bytes or a few entries of its header changed."""
    chance = random.Random(f"{base} {seed}")
    path = folder / "m.latens"
    if chance.random() < 0.5:
        path.write_bytes(_scrambled((REFERENCE / f"{base}.latens").read_bytes(), chance))
        loads_or_is_refused(path)
        return
    file = persistence.read(REFERENCE / f"{base}.latens")
    header = json.loads(json.dumps({k: v for k, v in file.header.items() if k not in ("digest", "format")}))
    tensors = dict(file.tensors)
    for _ in range(chance.randint(1, 3)):
        _change_header(header, chance) if chance.random() < 0.8 else _change_tensors(tensors, chance)
    try:
        persistence.write(path, header, tensors)
    except (ModelFileError, UnicodeError):  # not to be written, and so not to be read
        return
    loads_or_is_refused(path)


def _scrambled(content: bytes, chance: random.Random) -> bytes:
    data = bytearray(content)
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(data)) if chance.random() < 0.5 else chance.randrange(min(len(data), 2000))
        kind = chance.randrange(4)
        if kind == 0:
            data[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            del data[at : at + chance.randint(1, 40)]
        elif kind == 2:
            data[at:at] = chance.randbytes(chance.randint(1, 40))
        else:
            data[at : at + 8] = struct.pack("<Q", chance.choice((0, 1, 2**31, 2**63 - 1, 2**64 - 1)))
        data = data or bytearray(b"\0")
    return bytes(data)


def _change_header(header: Any, chance: random.Random) -> None:
    """Another value somewhere in it, or none."""
    place = header
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return
        key = chance.choice(keys)
        if isinstance(place[key], (dict, list)) and chance.random() < 0.8:
            place = place[key]
            continue
        if chance.random() < 0.2:
            del place[key]
        else:
            place[key] = chance.choice((*_ODD, *_near(place[key])))
        return


def _near(value: Any) -> tuple[Any, ...]:
    if isinstance(value, str):
        return (value + "x", value[:1], value.upper())
    return (value + 1, value - 1, value * 1000, -value) if isinstance(value, (int, float)) else ()


def _change_tensors(tensors: dict[str, torch.Tensor], chance: random.Random) -> None:
    name = chance.choice(list(tensors))
    tensor = tensors.pop(name)
    changes: tuple[Callable[[], dict[str, torch.Tensor]], ...] = (
        dict,
        lambda: {f"{name}x": tensor},
        lambda: {name: tensor.flatten()[: max(0, tensor.numel() - 1)]},
        lambda: {name: tensor.to(torch.float16)},
        lambda: {name: torch.full_like(tensor, float("nan")) if tensor.is_floating_point() else tensor - 1},
        lambda: {
            name: torch.full_like(tensor, chance.choice((0, -1, 1e30, 1e-30)) if tensor.is_floating_point() else 9)
        },
        lambda: {name: tensor[None]},
        lambda: {name: tensor, f"model.{name}": tensor.clone()},
    )
    tensors |= chance.choice(changes)()


def raw(path: Path, text: bytes, content: bytes = b"") -> None:
    path.write_bytes(struct.pack("<Q", len(text)) + text + content)


def _tensors(**entries: Any) -> bytes:
    return json.dumps(entries).encode()


# Files built by hand, by what they are; each writes one.
BUILT: dict[str, Callable[[Path, int], None]] = {
    "brackets without end": lambda path, n: raw(path, b"[" * 2**n),
    "objects without end": lambda path, n: raw(path, b'{"a":' * min(2**n, 200_000)),
    "empty lists": lambda path, n: raw(path, b'{"x":[' + b"[]," * 2**n + b"1]}"),
    "a long string": lambda path, n: raw(path, b'"' + b"x" * 2**n + b'"'),
    "many names": lambda path, n: raw(path, _tensors(**{str(i): {} for i in range(2 ** min(n, 15))})),
    "a large number": lambda path, n: raw(path, b'{"x":' + b"9" * 2**n + b"}"),
    "a declared length": lambda path, n: path.write_bytes(struct.pack("<Q", 2 ** (3 * n) - 1) + b"{}"),
    "a large tensor": lambda path, n: raw(
        path, _tensors(w={"dtype": "F32", "shape": [2 ** (3 * n)], "data_offsets": [0, 4]})
    ),
    "sides that multiply": lambda path, n: raw(
        path, _tensors(w={"dtype": "U8", "shape": [2**31] * n, "data_offsets": [0, 2**62]})
    ),
    "overlaps": lambda path, n: raw(
        path, _tensors(**{str(i): {"dtype": "U8", "shape": [64], "data_offsets": [0, 64]} for i in range(n)}), bytes(64)
    ),
    "another metadata": lambda path, n: raw(path, json.dumps({"__metadata__": {"latens": "[" * 2**n}}).encode()),
    "another format": lambda path, n: save_file(
        {"latens.header": torch.zeros(n, dtype=torch.uint8)}, path, {"latens": json.dumps({"format": n % 4})}
    ),
    "a long header of brackets": lambda path, n: _long(path, b"[" * 2**n),
    "a long header of lists": lambda path, n: _long(path, b"[" + b"[]," * 2**n + b"1]"),
    "a long header of numbers": lambda path, n: _long(path, b'{"x":[' + b"1e9," * 2**n + b"1]}"),
    "a long header of words": lambda path, n: _long(path, b'{"x":[' + b'"ab",' * 2**n + b"1]}"),
    "a long header of names": lambda path, n: _long(
        path, json.dumps({f"{i}": i for i in range(2 ** min(n, 18))}).encode()
    ),
    "a pickle": lambda path, n: path.write_bytes(b"\x80\x04cos\nsystem\n(S'touch pwned'\ntR." + bytes(n)),
    "a zip file": lambda path, n: path.write_bytes(b"PK\x03\x04" + bytes(n)),
    "a deep config": lambda path, n: _deep(path, n),
}


def _long(path: Path, text: bytes) -> None:
    save_file({"latens.header": torch.frombuffer(bytearray(text), dtype=torch.uint8)}, path, {"latens": '{"format":2}'})


def _deep(path: Path, n: int) -> None:
    """A header that is all right but for a network of many layers."""
    file = persistence.read(REFERENCE / "deep.latens")
    header = {k: v for k, v in file.header.items() if k not in ("digest", "format")}
    config = {**header["config"], "encoder": [5, *[2**n] * 2**n, 2]}
    persistence.write(path, {**header, "config": config}, file.tensors)


def built(folder: Path, what: str, size: int) -> None:
    """A file that no mutation comes to."""
    BUILT[what](folder / "m.latens", size)
    assert loads_or_is_refused(folder / "m.latens") == "refused"


def golden(folder: Path, base: str) -> None:
    """What nobody altered loads under the same guard: its bounds bind nobody who means well."""
    assert loads_or_is_refused(REFERENCE / f"{base}.latens") == "loaded"


def trials(full: bool) -> Iterator[Trial]:
    golden_loaded()  # children inherit it
    for base in BASES:
        yield Trial("golden files under guard", golden, {"base": base})
    for seed in range(20_000 if full else 40):
        base = BASES[seed % len(BASES)]
        yield Trial("mutated model files", mutated, {"base": base, "seed": seed}, seconds=20)
    for what in BUILT:
        for size in range(5, 20) if full else (9,):
            yield Trial("built model files", built, {"what": what, "size": size}, seconds=20)
