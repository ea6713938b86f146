"""Signs of life: who falls silent is named, and who ends says why to all."""

from __future__ import annotations

import threading
import time

import pytest
from torch.distributed import TCPStore

from latens import heartbeat
from latens.heartbeat import Heartbeat
from latens.ranks import Place


@pytest.fixture
def ends(monkeypatch) -> list[Heartbeat]:
    """The ranks whose processes would have been ended; the clock runs twenty times as fast."""
    found: list[Heartbeat] = []

    def end(self: Heartbeat) -> None:
        found.append(self)
        self._stopped.set()

    monkeypatch.setattr(Heartbeat, "_end", end)
    for name in ("_BEAT", "_SILENCE", "_PATIENCE", "_BROKEN", "_GRACE", "_LATE"):
        monkeypatch.setattr(heartbeat, name, getattr(heartbeat, name) / 20)
    return found


@pytest.fixture
def pair(ends):
    """Two ranks, and the store that they meet in."""
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    ranks = [Heartbeat(Place(rank, 2, rank, 2, "127.0.0.1", store.port)) for rank in range(2)]
    yield ranks
    for rank in ranks:
        rank._stopped.set()
    time.sleep(0.1)  # the threads leave the store before it goes


def until(condition, seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return bool(condition())


def test_two_that_live_say_nothing(pair, ends):
    for rank in pair:
        rank.alert = True
    time.sleep(1.0)  # twice the silence that is death
    assert [rank.verdict for rank in pair] == [None, None]
    assert ends == []


def test_silence_in_step_is_death(pair, ends):
    pair[1]._stopped.set()
    pair[0].alert = True
    assert until(lambda: pair[0].verdict)
    line, code, told = pair[0].verdict.line, pair[0].verdict.code, pair[0].verdict.told
    assert line.startswith("rank 1 on host ")
    assert line.endswith("died (no sign of life for 0.5 s); go on with --resume")
    assert (code, told) == (1, False)
    assert until(lambda: ends == [pair[0]])


def test_a_broken_connection_is_explained(pair):
    pair[1]._stopped.set()
    verdict = pair[0].after_breaking()
    assert verdict is not None
    assert "rank 1 on host " in verdict.line


def test_who_has_left_is_not_dead(pair, ends):
    pair[1].stop()
    pair[0].alert = True
    time.sleep(1.0)
    assert pair[0].verdict is None
    assert ends == []


def test_who_has_left_before_the_others_is_named_once_something_breaks(pair):
    pair[1].stop()
    verdict = pair[0].after_breaking()
    assert verdict is not None
    assert verdict.line.endswith("has ended before the others; what it said tells why")


def test_the_first_that_fails_tells_and_the_others_end_with_its_code(pair, ends):
    assert pair[1].claim("error: a line", 3)
    assert not pair[0].claim("error: another line", 1)
    assert until(lambda: pair[0] in ends)
    assert pair[0].verdict.told


def test_who_is_told_ends_too(pair, ends):
    pair[1].claim("error: a line", 3)
    assert until(lambda: pair[0].verdict)
    assert (pair[0].verdict.line, pair[0].verdict.code, pair[0].verdict.told) == ("error: a line", 3, True)
    assert until(lambda: pair[0] in ends)


def test_a_store_that_is_gone_is_the_first_ranks_death(ends):
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    rank = Heartbeat(Place(1, 2, 1, 2, "127.0.0.1", store.port))
    rank.alert = True
    time.sleep(0.2)
    del store
    assert until(lambda: rank.verdict)
    assert rank.verdict.line == "rank 0 on host 127.0.0.1 died (nothing heard for 0.5 s); go on with --resume"
    assert until(lambda: ends == [rank])


def test_who_has_left_asks_the_store_no_more(pair):
    """A thread that comes back from the store while Python ends would abort the process."""
    pair[1].stop()
    assert not [thread.name for thread in pair[1]._threads if thread.is_alive()]


def test_a_store_that_answers_nobody_holds_up_no_verdict(pair, ends):
    """A cable that is cut closes no connection: whoever asks waits for minutes."""
    waiting = threading.Event()

    class Silent:
        def set(self, *asked: object) -> None:
            waiting.wait(10)

        check = get = set

    pair[1].alert = True
    pair[1]._store = Silent()
    assert until(lambda: ends == [pair[1]], seconds=3.0)
    assert pair[1].verdict.line.startswith("rank 0 on host 127.0.0.1 died (nothing heard for 0.5 s)")
    waiting.set()
