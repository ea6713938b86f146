"""Signs of life between the processes of a run: one that dies is named by the others, and takes them along.

Every rank counts in a store that all of them reach, and watches the next rank's count. The store is the one through
which the ranks found each other, but the connection is our own: a question that waits for an answer blocks it.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from torch.distributed import PrefixStore, TCPStore  # type: ignore[attr-defined]

from latens.ranks import Place

__all__ = ["Heartbeat", "Verdict"]

# Seconds between two signs of life.
_BEAT = 1.0
# Seconds without one after which a rank counts as dead: while all take steps together; while one of them may hold
# Python's lock for long, as some readers of data do; and once a connection has broken, which only a death does. That is
# soon enough to be told before torchrun's signal to the others, which comes at once, has to be answered.
_SILENCE, _PATIENCE, _BROKEN = 10.0, 60.0, 2.5
# Seconds that the main thread is given to end by itself once the run is over.
_GRACE = 2.0
# A judge that wakes up this much too late was held up itself, and has no right to call others silent.
_LATE = 1.5


@dataclass(frozen=True)
class Verdict:
    """Why the run is over."""

    line: str
    code: int = 1
    told: bool = False  # by another rank


class Heartbeat:
    """The signs of life of one rank, and its watch over the next one.

    Args:
        place: Of this rank.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        # Whether all ranks take steps together, so that silence means death.
        self.alert = False
        self._watched = (place.rank + 1) % place.count
        self._store = PrefixStore("latens", _connection(place))
        self._store.set(f"host/{place.rank}", socket.gethostname())
        self._seen = self._answered = time.monotonic()
        self._last, self._broken, self._left, self._leaving = b"", False, False, False
        self._verdict: Verdict | None = None
        self._over, self._stopped, self._hurry = threading.Event(), threading.Event(), threading.Event()
        works = (self._beat, self._judge)
        self._threads = [threading.Thread(target=work, name=f"latens-{work.__name__}", daemon=True) for work in works]
        for thread in self._threads:
            thread.start()

    # ---- what the main thread asks -------------------------------------------------------------------------------

    @property
    def verdict(self) -> Verdict | None:
        """Why the run is over; None while it goes on."""
        return self._verdict

    def after_breaking(self) -> Verdict | None:
        """Why a connection between ranks broke, as soon as that is known; None if nobody died."""
        self._broken = True
        self._hurry.set()
        self._over.wait(_SILENCE + _GRACE)
        return self._verdict

    def claim(self, line: str, code: int) -> bool:
        """Say why this rank ends the run; whether it is the first to say so, and has to show it."""
        if self._verdict is not None:
            return not self._verdict.told
        first = self._first(line, code)
        self._verdict = Verdict(line, code, told=True)  # by whoever asks, if it is the first
        return first

    def _first(self, line: str, code: int) -> bool:
        said = json.dumps({"line": line, "code": code, "rank": self.place.rank})
        try:
            return bool(self._store.compare_set("end", "", said).decode() == said)
        except RuntimeError:  # the store has died with its host, and cannot choose among those who are left
            return self._speaks

    def stop(self) -> None:
        """This rank has done its work: its silence is none. The first rank waits for the others, who may ask it."""
        self._leaving = True
        self._stopped.set()
        self._hurry.set()
        for thread in self._threads:  # one that asks the store while Python ends would abort the process
            thread.join(2 * _GRACE)

    # ---- the thread that asks the store --------------------------------------------------------------------------

    def _beat(self) -> None:
        """Count, and look whether the next rank does. It waits for the store, however long; nobody waits for it."""
        beats, before = 0, time.monotonic()
        while not self._paused():
            beats += 1
            if time.monotonic() - before > _BEAT + _LATE:
                self._seen = time.monotonic()
            before = time.monotonic()
            try:
                self._store.set(f"beat/{self.place.rank}", str(beats))
                if self._store.check(["end"]):
                    self._told(json.loads(self._store.get("end")))
                self._look()
            except RuntimeError:  # nobody answers: the judge sees for how long
                continue
            self._answered = time.monotonic()
        if self._leaving:
            self._leave()

    def _paused(self) -> bool:
        """Wait for the next beat; whether there is none. Once something breaks beats come at once, and faster."""
        if not self._broken:
            self._hurry.wait(_BEAT)
            return self._stopped.is_set()
        return self._stopped.wait(_BEAT / 4)

    def _leave(self) -> None:
        try:
            self._store.set(f"left/{self.place.rank}", "")
            left = [f"left/{rank}" for rank in range(self.place.count)]
            until = time.monotonic() + _GRACE
            while self.place.rank == 0 and time.monotonic() < until and not self._store.check(left):
                time.sleep(0.02)
        except RuntimeError:  # the store is gone already, and with it whoever might have asked
            return

    def _look(self) -> None:
        """See the next rank's count, and accuse one that has fallen silent."""
        self._left = self._store.check([f"left/{self._watched}"])
        key = f"beat/{self._watched}"
        beat = self._store.get(key) if self._store.check([key]) else b""
        if beat != self._last:
            self._last, self._seen = beat, time.monotonic()
        if self._verdict is not None:
            return
        if self._broken and self._left:
            self._accuse("has ended before the others; what it said tells why")
        elif time.monotonic() - self._seen > self._limit and not self._left:
            self._accuse(f"died (no sign of life for {self._limit:g} s); go on with --resume")

    def _accuse(self, what: str) -> None:
        rank = self._watched
        host = self._store.get(f"host/{rank}").decode() if self._store.check([f"host/{rank}"]) else "unknown"
        line = f"rank {rank} on host {host} {what}"
        self._verdict = Verdict(line, told=not self._first(line, 1))

    def _told(self, said: dict[str, Any]) -> None:
        if self._verdict is None and said["rank"] != self.place.rank:
            self._verdict = Verdict(said["line"], said["code"], told=True)

    # ---- the thread that asks nobody -----------------------------------------------------------------------------

    def _judge(self) -> None:
        """Decide that the store is gone; end this process if its main thread does not."""
        step, before, over = _BEAT / 4, time.monotonic(), 0.0
        while not self._stopped.wait(step):
            now = time.monotonic()
            if now - before > step + _LATE:
                self._answered = now
            before = now
            if self._verdict is None:
                self._suspect(now)
            elif not over:
                over = now
                self._over.set()
            elif now - over > _GRACE:
                self._end()

    def _suspect(self, now: float) -> None:
        if self.place.launcher and os.getppid() != self.place.launcher:
            self._verdict = Verdict("the process that started the ranks died; go on with --resume", told=True)
        elif now - self._answered > self._limit:
            line = (
                f"rank 0 on host {self.place.address} died (nothing heard for {self._limit:g} s); go on with --resume"
            )
            self._verdict = Verdict(line, told=not self._speaks)

    @property
    def _limit(self) -> float:
        """Seconds of silence that are a death."""
        return _BROKEN if self._broken else _SILENCE if self.alert else _PATIENCE

    @property
    def _speaks(self) -> bool:
        """Whether this rank shows what all find out for themselves; one that is started by latens never does."""
        return not self.place.launcher and (self.place.rank == 1 or self.place.local_rank == 0)

    def _end(self) -> None:
        verdict = self._verdict
        assert verdict is not None
        if not verdict.told:
            sys.stderr.write(f"latens: error: {verdict.line}\n")
            sys.stderr.flush()
        os._exit(verdict.code)


def _connection(place: Place) -> TCPStore:
    wait = timedelta(seconds=60)
    return TCPStore(place.address, place.port, is_master=False, timeout=wait, wait_for_workers=False)
