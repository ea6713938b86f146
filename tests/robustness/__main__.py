"""``python tests/robustness [MODULE ...]``: run trials and say of each check how many failed."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from forks import Outcome, outcomes, warm_up
from trials import MODULES, trials_of


@dataclass
class Line:
    """What is known of one check."""

    name: str
    trials: int = 0
    failed: int = 0
    seconds: float = 0.0
    skipped: dict[str, int] = field(default_factory=dict)
    seeds: list[int] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        if outcome.skipped:
            self.skipped[outcome.message] = self.skipped.get(outcome.message, 0) + 1
            return
        self.trials, self.failed = self.trials + 1, self.failed + bool(outcome.message)
        self.seconds += outcome.seconds
        seed = outcome.trial.parameters.get("seed")
        self.seeds += [seed] if isinstance(seed, int) else []

    def __str__(self) -> str:
        seeds = f", seeds {min(self.seeds)} to {max(self.seeds)}" if self.seeds else ""
        skipped = "".join(f", {count:,} skipped ({why})" for why, count in self.skipped.items())
        return f"{self.name}: {self.trials:,} trials, {self.failed} failed, {self.seconds:.1f} s{seeds}{skipped}"


def report(module: str, options: argparse.Namespace, folder: Path) -> int:
    """Run the trials of a module; how many failed."""
    lines: dict[str, Line] = {}
    trials = trials_of(module, full=not options.short, replay=options.replay)
    for outcome in outcomes(trials, options.jobs, folder / module):
        check = outcome.trial.check
        lines.setdefault(check, Line(check)).add(outcome)
        if outcome.message and not outcome.skipped:
            print(f"FAILED {check} {dict(outcome.trial.parameters)}\n{outcome.message}", flush=True)
            if not options.short:
                print(f"kept as {outcome.trial.keep(outcome.message)}", flush=True)
    for line in lines.values():
        print(line, flush=True)
    return sum(line.failed for line in lines.values())


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/robustness", description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=f"of {', '.join(MODULES)}; all if left out")
    parser.add_argument("--short", action="store_true", help="a few trials of each check, and nothing is kept")
    parser.add_argument("--replay", action="store_true", help="the kept failures alone")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="trials at a time")
    options = parser.parse_args()
    if unknown := set(options.modules) - set(MODULES):
        parser.error(f"no module {min(unknown)!r}; there are {', '.join(MODULES)}")
    warm_up()
    failed, started = 0, time.monotonic()
    with tempfile.TemporaryDirectory(prefix="latens-robust-") as folder:
        for module in options.modules or MODULES:
            failed += report(module, options, Path(folder))
    print(f"all of it: {failed} failed, {time.monotonic() - started:.0f} s")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
