"""How long one waits for the first line: `latens --help`, and 500 characters from a new process.

Processes are started anew each time, with what is kept on disk (compiled bytecode, kernels) there already. What
importing torch takes, no program that uses it can save: it runs in turn with ours and is subtracted. So is scikit-learn
with it, whose base class the estimators have and which imports scipy.stats and pandas. The target is on the first text
itself, which loads the kernels.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from reporting import run
from timing import Contender, Goal, Options, Row, data_folder, race, timed

import latens


def process(*words: str) -> Contender:
    """A new Python with these arguments."""
    return timed(lambda: subprocess.run([sys.executable, *words], check=True, capture_output=True))


# What is asked of a new process that has imported latens and loaded a model: how long its first text takes.
FIRST = """
import sys, time, latens
model = latens.load(sys.argv[1])
started = time.perf_counter()
model.generate("EMILIA:", max_new_tokens=int(sys.argv[2]))
print(time.perf_counter() - started)
"""


def first_generation(model: Path, count: int) -> Contender:
    """Seconds of the first text in a new process, with the kernels on disk."""

    def seconds() -> float:
        words = [sys.executable, "-c", FIRST, str(model), str(count)]
        return float(subprocess.run(words, check=True, capture_output=True, text=True).stdout)

    return seconds


def help_text(options: Options) -> Row:
    seconds = race({"python": process("-c", "pass"), "latens": process("-m", "latens", "--help")}, options)
    goals = [Goal("seconds", seconds["latens"], options.bound(0.4, 0.4), at_least=False)]
    return Row("latens --help", seconds, goals)


def first_text(options: Options) -> Row:
    count = options.sized(500, 20)
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "text.latens"
        text = (data_folder() / "text" / "shakespear-karpathy-100k.txt").read_text()[: options.sized(20_000, 2000)]
        (Path(folder) / "text.txt").write_text(text)
        latens.TextAutoregressor(max_epochs=1, verbose=0, device="cpu").fit(Path(folder) / "text.txt").save(model)
        words = ["generate", str(model), "EMILIA:", "-n", str(count), "--device", options.device]
        ours = process("-m", "latens", *words)
        others = {f"import {words}": process("-c", f"import {words}") for words in ("torch", "torch, sklearn.base")}
        seconds = race({**others, "first text": first_generation(model, count), "latens": ours}, options)
    beyond = {name: seconds["latens"] - seconds[name] for name in others}
    goals = [
        Goal("seconds of the first text itself", seconds["first text"], options.bound(1.0), at_least=False),
        Goal("seconds beyond importing torch", beyond["import torch"], None, at_least=False),
        Goal("seconds beyond scikit-learn too", beyond["import torch, sklearn.base"], None, at_least=False),
    ]
    return Row(f"latens generate, {count} characters, in a new process", seconds, goals)


def measure(options: Options) -> list[Row]:
    return [help_text(options), first_text(options)]


if __name__ == "__main__":
    run(measure)
