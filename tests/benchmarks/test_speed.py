"""The speed benchmarks run, and say what they found; how fast things are is for `make bench` on an idle machine."""

from __future__ import annotations

from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "benchmarks" / "speed"
NAMES = ["autoencoders", "peers", "text", "sampling", "start"]


@pytest.fixture
def speed(monkeypatch):
    """A module of the benchmarks by its name."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return import_module


@pytest.fixture
def rows(speed):
    timing = speed("timing")
    seconds = {"plain": 0.9, "latens": 0.04}
    goals = [timing.faster(seconds, "plain", 20.0), timing.within(seconds, "plain", None)]
    missed = [timing.Goal("seconds", 2.0, 0.5, at_least=False)]
    return [timing.Row("an epoch", seconds, goals, "a note"), timing.Row("a start", {"latens": 2.0}, missed)]


@pytest.mark.filterwarnings("ignore")  # the peers'
@pytest.mark.parametrize("script", NAMES)
def test_every_script_runs(script, speed, data_folder):
    found = speed(script).measure(speed("timing").Options(quick=True))
    assert found
    for row in found:
        assert "latens" in row.seconds
        assert all(seconds > 0 for seconds in row.seconds.values())
        # A difference of two times has no bound, and may be below zero: latens ends sooner than Python by itself.
        assert all(goal.value > 0 for goal in row.goals if goal.bound is not None)


@pytest.fixture
def program(speed):
    """What runs all of them; its own name is taken."""
    spec = spec_from_file_location("all_benchmarks", SCRIPTS / "__main__.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class TestProgram:
    def test_runs_all_scripts(self, program):
        written = {path.stem for path in SCRIPTS.glob("*.py") if "run(measure)" in path.read_text(encoding="utf-8")}
        assert written == set(program.SCRIPTS) == set(NAMES)

    def test_replaces_one_part_of_the_page(self, program):
        page = program.PAGE.read_text(encoding="utf-8")
        changed = program.replaced(page, "cuda", "other figures\n")
        assert "<!-- cuda: begin -->\nother figures\n<!-- cuda: end -->\n" in changed
        assert changed.split("## GPU")[0] == page.split("## GPU")[0]
        assert program.replaced(changed, "cuda", "") == program.replaced(page, "cuda", "")


class TestRace:
    def test_contenders_take_turns_after_a_warm_up(self, speed):
        timing, log = speed("timing"), []
        contenders = {name: lambda name=name: log.append(name) or float(len(log)) for name in "ab"}
        seconds = timing.race(contenders, timing.Options(repeats=3))
        assert "".join(log) == "abababab"
        assert seconds == {"a": 5.0, "b": 6.0}  # the medians of 3, 5, 7 and 4, 6, 8

    def test_other_arithmetic_is_no_comparison(self, speed):
        with pytest.raises(SystemExit, match=r"loss: 1 and 1.1 differ by more than 0.01; no comparison"):
            speed("timing").check_same("loss", 1.0, 1.1, 0.01)


class TestReport:
    def test_for_the_terminal(self, speed, rows):
        lines = speed("reporting").as_text(rows).splitlines()
        assert lines[1].split("  ")[0] == "an epoch"
        assert "plain 0.900 s, latens 40.0 ms" in lines[1]
        assert lines[1].endswith("plain / latens 22.5    ≥ 20    met")
        assert lines[3] == "  (a note)"
        assert lines[4].endswith("≤ 0.5   not met")

    def test_for_the_page(self, speed, rows):
        lines = speed("reporting").as_markdown(rows).splitlines()
        assert lines[2] == "| an epoch | plain 0.900 s, latens 40.0 ms | plain / latens 22.5 | ≥ 20 | met |"
        assert lines[-1] == "- an epoch: a note."

    def test_comes_back_from_json(self, speed, rows):
        reporting = speed("reporting")
        again, machine = reporting.from_json(reporting.to_json(rows, {"cpu": "x"}))
        assert again == rows
        assert machine == {"cpu": "x"}
