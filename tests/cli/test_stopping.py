"""A signal ends the process in time, whatever it is doing."""

from __future__ import annotations

import subprocess
import sys
import time

START = """
import hashlib, os, signal, time
from latens.cli.stopping import Deadline

def deaf(rounds):  # one call into a library: no handler of Python's runs before its end
    hashlib.pbkdf2_hmac("sha256", b"", b"", rounds)

signal.signal(signal.SIGTERM, lambda *_: None)
deadline = Deadline(seconds=0.2)
"""


def run(code: str) -> tuple[int, str, float]:
    """The exit code, what it says on stderr, and the seconds that it took."""
    started = time.monotonic()
    words = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", START + code]  # of a fork beside a thread
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stderr, time.monotonic() - started


def test_in_the_middle_of_a_long_call():
    code = """
deadline.last_words = lambda: "; continue with --resume"
with deadline.kept():
    os.kill(os.getpid(), signal.SIGTERM)
    deaf(10**9)
"""
    status, words, seconds = run(code)
    assert (status, words) == (
        143,
        "latens: stopped by SIGTERM: it could not be answered in time; continue with --resume\n",
    )
    assert seconds < 10


def test_nothing_happens_when_it_is_answered_in_time():
    assert run("with deadline.kept():\n    os.kill(os.getpid(), signal.SIGTERM)\ntime.sleep(0.5)")[:2] == (0, "")


def test_the_last_checkpoint_is_waited_for():
    code = """
with deadline.kept(), deadline.unhurried():
    os.kill(os.getpid(), signal.SIGTERM)
    end = time.monotonic() + 1
    while time.monotonic() < end:
        deaf(10**5)
    print("written", file=__import__("sys").stderr)
"""
    assert run(code)[:2] == (0, "written\n")


def test_a_signal_to_a_copy_of_the_process_is_not_the_originals():
    code = """
with deadline.kept():
    child = os.fork()
    if not child:
        os.kill(os.getpid(), signal.SIGTERM)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    time.sleep(0.5)
"""
    assert run(code)[:2] == (0, "")


def test_outside_the_main_thread_nothing_is_kept():
    code = """
import threading
def work():
    with deadline.kept():
        print("worked", file=__import__("sys").stderr)
thread = threading.Thread(target=work)
thread.start(); thread.join()
"""
    assert run(code)[:2] == (0, "worked\n")
