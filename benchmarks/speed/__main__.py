"""All speed benchmarks, each in a process of its own, as one table: ``python benchmarks/speed [--write]``.

With ``--write`` the table replaces the last one of its device in docs/benchmarks.md, which names the machine.
"""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

from reporting import arguments, as_markdown, as_text, from_json, in_words, to_json
from timing import Row

HERE = Path(__file__).resolve().parent
PAGE = HERE.parents[1] / "docs" / "benchmarks.md"
SCRIPTS = ("autoencoders", "peers", "text", "sampling", "start")


def measured(script: str, words: list[str]) -> tuple[list[Row], dict[str, Any]]:
    """The rows of one script, and where it ran."""
    sys.stderr.write(f"{script} ...\n")
    command = [sys.executable, str(HERE / f"{script}.py"), "--json", *words]
    return from_json(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def replaced(page: str, device: str, part: str) -> str:
    """The page with another part between the marks of a device."""
    begin, end = (f"<!-- {device}: {word} -->\n" for word in ("begin", "end"))
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}{part}{end}{after}"


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--json", action="store_true", help="rows and machine as JSON")
    parser.add_argument("--write", action="store_true", help=f"write the table to {PAGE.name}")
    given = parser.parse_args()
    words = ["--device", given.device, "--repeats", str(given.repeats), *["--quick"] * given.quick]
    found = [measured(script, words) for script in SCRIPTS]
    rows, about = [row for part, _ in found for row in part], found[0][1]
    if given.json:
        sys.stdout.write(to_json(rows, about) + "\n")
    else:
        sys.stdout.write(f"{in_words(about)}\n{as_text(rows)}")
    if given.write:
        part = f"Measured on {date.today()}: {in_words(about)}.\n\n{as_markdown(rows)}"
        PAGE.write_text(replaced(PAGE.read_text(encoding="utf-8"), given.device, part), encoding="utf-8")


if __name__ == "__main__":
    main()
