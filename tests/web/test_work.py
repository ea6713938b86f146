from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref
from collections.abc import Iterator

import pytest
from asking import run

from latens.web.work import Full, Work


@pytest.fixture
def work() -> Iterator[Work]:
    made = Work(most=3)
    yield made
    made.close()


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What a question waits for; open at the end whatever happens."""
    made = threading.Event()
    yield made
    made.set()


async def busy(work: Work, gate: threading.Event) -> asyncio.Future[bool]:
    """A question that the thread has begun and that waits for the gate."""
    begun = threading.Event()
    task = asyncio.ensure_future(work.ask(lambda: begun.set() or gate.wait(10)))
    while not begun.is_set():
        await asyncio.sleep(0.001)
    return task


class TestAsking:
    def test_gives_what_the_function_does(self, work):
        assert run(work.ask(divmod, 17, 5)) == (3, 2)

    def test_is_in_a_thread_of_its_own_always_the_same(self, work):
        async def both() -> list[int]:
            return await asyncio.gather(*(work.ask(threading.get_ident) for _ in range(3)))

        assert len(set(run(both()))) == 1
        assert threading.get_ident() not in run(both())

    def test_raises_what_the_function_does(self, work):
        with pytest.raises(ZeroDivisionError, match="division"):
            run(work.ask(divmod, 1, 0))
        assert run(work.ask(abs, -1)) == 1

    def test_an_iterator_that_ends_leaves_nobody_waiting(self, work):
        with pytest.raises(RuntimeError, match="an iterator ended"):
            run(asyncio.wait_for(work.ask(next, iter(())), 5))

    def test_the_end_of_a_thread_is_only_its_own(self, work):
        async def leaves() -> None:
            with pytest.raises(SystemExit, match="3"):
                await work.ask(lambda: (_ for _ in ()).throw(SystemExit(3)))
            assert await work.ask(abs, -1) == 1

        run(leaves())

    def test_keeps_nothing_of_an_answer(self, work):
        class Large:
            pass

        kept = weakref.ref(run(work.ask(Large)))
        for _ in range(500):
            gc.collect()
            if kept() is None:
                break
            time.sleep(0.01)
        assert kept() is None


class TestQueue:
    def test_is_bounded(self, work, gate):
        async def asked() -> None:
            first = await busy(work, gate)
            waiting = [asyncio.ensure_future(work.ask(abs, -i)) for i in range(3)]
            await asyncio.sleep(0)
            with pytest.raises(Full, match="ask again"):
                await work.ask(abs, -9)
            gate.set()
            assert await first
            assert await asyncio.gather(*waiting) == [0, 1, 2]
            assert await work.ask(abs, -9) == 9

        run(asked())

    def test_who_leaves_takes_the_question_back_and_makes_room(self, work, gate):
        called: list[int] = []

        async def asked() -> None:
            first = await busy(work, gate)
            for _ in range(20):
                waiting = [asyncio.ensure_future(work.ask(called.append, i)) for i in range(3)]
                await asyncio.sleep(0)
                for task in waiting:
                    task.cancel()
                await asyncio.wait(waiting)
            gate.set()
            await first
            await work.ask(called.append, 99)

        run(asked())
        assert called == [99]

    def test_who_leaves_a_question_that_has_begun_does_no_harm(self, work, gate):
        async def asked() -> int:
            first = await busy(work, gate)
            first.cancel()
            gate.set()
            return await work.ask(abs, -5)

        assert run(asked()) == 5


class TestDoing:
    def test_is_what_the_question_says_and_then_nothing(self, work, gate):
        async def asked() -> tuple[str | None, str | None]:
            task = asyncio.ensure_future(work.ask(gate.wait, 10, doing="the map"))
            while work.doing is None:
                await asyncio.sleep(0.001)
            meanwhile = work.doing
            gate.set()
            await task
            await work.ask(abs, 1)
            return meanwhile, work.doing

        assert run(asked())[0] == "the map"

    def test_may_be_set_by_the_question(self, work):
        def question() -> str | None:
            work.doing = "half of it"
            return work.doing

        assert run(work.ask(question)) == "half of it"


class TestClosing:
    def test_ends_the_thread(self):
        work = Work(threads=2)
        before = threading.active_count()
        work.close()
        work.close()
        assert threading.active_count() == before - 2
        with pytest.raises(Full, match="ask again"):
            run(work.ask(abs, 1))

    def test_refuses_what_waits_and_does_not_wait_for_ever(self, gate):
        work = Work()

        async def asked() -> float:
            first = await busy(work, gate)
            waiting = asyncio.ensure_future(work.ask(abs, -1))
            await asyncio.sleep(0)
            begin = time.monotonic()
            await asyncio.to_thread(work.close, 0.2)
            with pytest.raises(Full, match="being closed"):
                await waiting
            gate.set()
            assert await first
            return time.monotonic() - begin

        assert 0.15 < run(asked()) < 2
