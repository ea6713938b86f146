"""What every test starts from: one thread, the shared data where it exists, and no silent skip in CI."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

# Before torch and NumPy are imported, because they read it once: two workers with two threads each fight for two cores
os.environ.setdefault("OMP_NUM_THREADS", "1")
if SHARED_DATA.is_dir():
    os.environ.setdefault("LATENS_DATA", str(SHARED_DATA))


def interpret_without_a_gpu() -> None:
    """Kernels written for a GPU are run by Triton's interpreter where there is none; read when they are imported."""
    import torch

    if not torch.cuda.is_available():
        os.environ.setdefault("TRITON_INTERPRET", "1")


interpret_without_a_gpu()


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real data sets, ``LATENS_DATA``."""
    folder = os.environ.get("LATENS_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("no data: LATENS_DATA does not name a folder")
    return Path(folder)


def forbidden_skips(config: pytest.Config) -> Iterator[str]:
    """In CI, every skip that is not for want of a GPU, as ``test: reason``."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if not os.environ.get("CI") or reporter is None or hasattr(config, "workerinput"):
        return
    for report in reporter.stats.get("skipped", ()):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if "GPU" not in reason and not hasattr(report, "wasxfail"):
            yield f"{report.nodeid}: {reason}"


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail a session that skipped what CI has everything for."""
    if exitstatus == pytest.ExitCode.OK and any(forbidden_skips(session.config)):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Name those skips."""
    skips = list(forbidden_skips(config))
    if skips:
        terminalreporter.section("skipped, which in CI is a failure unless a GPU is missing", red=True)
    for skip in skips:
        terminalreporter.line(skip)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium; while it runs, its thread has an event loop, which tests of other modules want for themselves."""
    if CHROMIUM is None:
        pytest.skip("no chromium: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()
