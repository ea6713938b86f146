"""What the speed benchmarks say: where they ran, a table for the terminal or a page, and the program around each."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import platform
import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from timing import Goal, Options, Row

import latens
from latens.devices import available_cores

HEADER = ("work", "seconds, median", "ratio", "target", "")
VERDICTS = {None: "", True: "met", False: "not met"}

Line = tuple[str, ...]


def machine(options: Options) -> dict[str, Any]:
    """Where and with what the figures were measured."""
    return {
        "cpu": cpu_name(),
        "gpu": torch.cuda.get_device_name(options.device) if options.on_gpu else None,
        "cores": available_cores(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": importlib.metadata.version("numpy"),
        "latens": latens.__version__,
    }


def cpu_name() -> str:
    """The processor's name, for those that hide it its family and model, and of its vector units those that matter."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    units = [name for name in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if name in facts.get("flags", "").split()]
    kind = f"family {facts.get('cpu family')}, model {facts.get('model')}"
    return f"{facts.get('model name', platform.machine())} ({kind}; {' '.join(units) or 'no AVX'})"


def in_words(about: dict[str, Any]) -> str:
    """The machine in one line."""
    named = ("python", "torch", "numpy", "latens")
    words = [str(about["cpu"])] + ([str(about["gpu"])] if about["gpu"] else [])
    words += [f"{about['cores']} cores", f"{about['threads']} torch threads"]
    return ", ".join([*words, *(f"{name} {about[name]}" for name in named)])


def lines_of(row: Row) -> list[Line]:
    """A row as lines of a table, one for each goal."""
    seconds = ", ".join(f"{name} {span(value)}" for name, value in row.seconds.items())
    firsts = [(row.work, seconds)] + [("", "")] * (len(row.goals) - 1)
    return [(*first, *_held(goal)) for first, goal in zip(firsts, row.goals, strict=True)]


def _held(goal: Goal) -> Line:
    target = "" if goal.bound is None else f"{'≥' if goal.at_least else '≤'} {figure(goal.bound)}"
    return f"{goal.what} {figure(goal.value)}", target, VERDICTS[goal.met]


def span(seconds: float) -> str:
    """Seconds for reading.

    >>> span(0.0123), span(2.5)
    ('12.3 ms', '2.50 s')
    """
    return f"{1000 * seconds:#.3g} ms" if seconds < 0.1 else f"{seconds:#.3g} s"


def figure(value: float) -> str:
    """A number for reading: three figures, and no fewer than are before the point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def as_text(rows: Iterable[Row]) -> str:
    """For a terminal, with the notes below their rows."""
    table = [(line, "") for line in [HEADER]] + [
        (line, row.note if number == len(row.goals) - 1 else "")
        for row in rows
        for number, line in enumerate(lines_of(row))
    ]
    widths = [max(len(line[column]) for line, _ in table) for column in range(len(HEADER))]
    found = []
    for line, note in table:
        found.append("  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip())
        found += [f"  ({note})"] if note else []
    return "\n".join(found) + "\n"


def as_markdown(rows: Iterable[Row]) -> str:
    """For a page, with the notes below the table."""
    rows = list(rows)
    lines = [HEADER, ("---",) * len(HEADER), *(line for row in rows for line in lines_of(row))]
    notes = dict.fromkeys(f"- {row.work}: {row.note}." for row in rows if row.note)
    return "\n".join([*(f"| {' | '.join(line)} |" for line in lines), "", *notes]).rstrip() + "\n"


def arguments(description: str | None) -> argparse.ArgumentParser:
    """The options that every script has."""
    parser = argparse.ArgumentParser(description=(description or "").split("\n")[0])
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--quick", action="store_true", help="little data: whether it works, not how fast")
    parser.add_argument("--repeats", type=int, default=5, help="measured runs of each contender")
    return parser


def to_json(rows: Iterable[Row], about: dict[str, Any]) -> str:
    """All of it for a program."""
    told = [asdict(row) | {"goals": [asdict(goal) | {"met": goal.met} for goal in row.goals]} for row in rows]
    return json.dumps({"machine": about, "rows": told})


def from_json(text: str) -> tuple[list[Row], dict[str, Any]]:
    """What `to_json` wrote."""
    told = json.loads(text)
    for row in told["rows"]:
        row["goals"] = [Goal(**{name: goal[name] for name in Goal.__annotations__}) for goal in row["goals"]]
    return [Row(**row) for row in told["rows"]], told["machine"]


def run(measure: Callable[[Options], Sequence[Row]]) -> None:
    """The program around a script's `measure`."""
    parser = arguments(sys.modules[measure.__module__].__doc__)
    parser.add_argument("--json", action="store_true", help="rows and machine as JSON")
    given = vars(parser.parse_args())
    as_json = given.pop("json")
    options = Options(**given)
    warnings.filterwarnings("ignore")  # of the peers
    rows, about = measure(options), machine(options)
    sys.stdout.write(to_json(rows, about) + "\n" if as_json else f"{in_words(about)}\n{as_text(rows)}")
