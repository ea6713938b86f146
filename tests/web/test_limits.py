from __future__ import annotations

import asyncio
import json
import logging
import time

import pytest
from asking import PORT, Answer, Toy, ask, run
from starlette.applications import Starlette

from latens.web.guard import Guard
from latens.web.keys import Keys


def posted(toy: Toy, *more: tuple[str, str], **how) -> Answer:
    return run(ask(toy.guarded, "/api/echo", toy.writing(*more), method="POST", **how))


class TestBodies:
    def test_up_to_the_limit_arrive(self):
        assert json.loads(posted(Toy(body=1000), chunks=[b"x" * 600, b"x" * 400]).body)["length"] == 1000

    @pytest.mark.parametrize("length", ["1001", "999999999999", "9" * 5000])
    def test_that_say_that_they_are_larger_are_not_read(self, length):
        toy = Toy(body=1000)
        answer = posted(toy, ("content-length", length), chunks=[b"x" * 100])
        assert (answer.status, toy.asked) == (413, [])
        assert "1,000 bytes" in answer.error

    @pytest.mark.parametrize("length", ["-1", "+5", "5.0", "0x5", "", " 5", "5, 5", "\xb2", "1e3"])
    def test_of_no_length_are_refused(self, length):
        assert posted(Toy(), ("content-length", length), chunks=[b"x"]).status == 400

    def test_that_lie_about_their_length_are_cut_off(self):
        for more in ((), (("content-length", "10"),), (("transfer-encoding", "chunked"),)):
            toy = Toy(body=1000)
            answer = posted(toy, *more, chunks=[b"x" * 400] * 30)
            assert (answer.status, toy.asked, answer.headers["connection"]) == (413, [], "close")

    def test_with_two_kinds_of_length_are_refused(self):
        both = (("content-length", "2"), ("transfer-encoding", "chunked"))
        assert posted(Toy(), *both, chunks=[b"{}"]).status == 400

    def test_that_come_too_slowly_are_given_up(self):
        toy, begin = Toy(seconds=0.3), time.monotonic()
        answer = posted(toy, chunks=[b"x"] * 100, pause=0.05)
        assert (answer.status, toy.asked) == (408, [])
        assert 0.2 < time.monotonic() - begin < 2

    def test_in_thousands_leave_room_when_they_fail(self):
        toy = Toy(body=10, most=2)
        assert {posted(toy, chunks=[b"x" * 20]).status for _ in range(20)} == {413}
        assert posted(toy, chunks=[b"x"]).status == 200

    def test_whose_senders_leave_ask_nothing(self):
        toy = Toy(most=1)
        leave = asyncio.Event()
        leave.set()
        for _ in range(3):
            answer = run(ask(toy.guarded, "/api/echo", toy.writing(), method="POST", leave=leave, chunks=[b""]))
        assert answer.status == 200  # that one was whole


class TestTimesAndNumbers:
    def test_no_more_than_may_ask_at_once(self):
        async def asked() -> None:
            toy = Toy(most=4)
            waiting = [asyncio.ensure_future(ask(toy.guarded, "/api/waits", toy.headers())) for _ in range(4)]
            await asyncio.sleep(0.05)
            refused = await asyncio.gather(*(ask(toy.guarded, "/api/plain", toy.headers()) for _ in range(50)))
            assert {(answer.status, answer.headers["retry-after"]) for answer in refused} == {(503, "1")}
            for path in ("/health", "/", "/static/a.js"):
                begin = time.monotonic()
                assert (await ask(toy.guarded, path, toy.headers())).status in (200, 404)
                assert time.monotonic() - begin < 0.1
            toy.release.set()
            assert {answer.status for answer in await asyncio.gather(*waiting)} == {200}
            assert (await ask(toy.guarded, "/api/plain", toy.headers())).status == 200
            assert toy.asked.count("/api/plain") == 1

        run(asked())

    def test_an_answer_that_does_not_begin_is_given_up(self):
        async def asked() -> None:
            toy = Toy(seconds=0.1, most=1)
            answer = await ask(toy.guarded, "/api/waits", toy.headers())
            assert (answer.status, answer.error) == (504, "no answer within 0.1 s; ask for less")
            await asyncio.sleep(0.01)
            assert toy.ended == ["waits"]
            assert (await ask(toy.guarded, "/api/plain", toy.headers())).status == 200

        run(asked())

    def test_an_answer_that_has_begun_may_take_its_time(self):
        async def asked() -> None:
            toy = Toy(seconds=0.1)
            asyncio.get_running_loop().call_later(0.4, toy.release.set)
            answer = await ask(toy.guarded, "/api/streams", toy.headers())
            assert (answer.status, toy.ended) == (200, ["streams"])
            assert len(answer.body.split()) > 15

        run(asked())

    @pytest.mark.parametrize("path", ["/api/waits", "/api/streams"])
    def test_who_leaves_is_worked_for_no_longer(self, path):
        async def asked() -> None:
            toy, leave = Toy(most=1), asyncio.Event()
            asyncio.get_running_loop().call_later(0.1, leave.set)
            await asyncio.wait_for(ask(toy.guarded, path, toy.headers(), leave=leave), 2)
            await asyncio.sleep(0.05)
            assert toy.ended == [path.removeprefix("/api/")]
            assert (await ask(toy.guarded, "/api/plain", toy.headers())).status == 200

        run(asked())

    def test_when_the_server_ends_it_says_so(self):
        async def asked() -> Answer:
            toy = Toy()
            task = asyncio.ensure_future(ask(toy.guarded, "/api/waits", toy.headers()))
            await asyncio.sleep(0.05)
            task.cancel()
            return await task

        assert run(asked()).error == "the page is being closed"


class TestErrors:
    def test_are_a_line_here_and_one_on_the_terminal(self, caplog):
        toy = Toy()
        with caplog.at_level(logging.INFO):
            answer = run(ask(toy.guarded, "/api/fails", toy.headers()))
        assert (answer.status, answer.error) == (500, "internal error, ValueError; the terminal says more")
        assert [record.getMessage() for record in caplog.records] == [
            r"GET '/api/fails': ValueError('secret \x1b[31m detail')"
        ]

    def test_for_want_of_memory_are_no_fault(self):
        toy = Toy()
        answer = run(ask(toy.guarded, "/api/drops", toy.headers()))
        assert (answer.status, answer.headers["retry-after"]) == (503, "5")

    def test_leave_room(self):
        toy = Toy(most=1)
        for _ in range(3):
            assert run(ask(toy.guarded, "/api/drops", toy.headers())).status == 503
        assert run(ask(toy.guarded, "/api/plain", toy.headers())).status == 200

    def test_of_an_application_that_says_nothing_are_told(self):
        async def mute(scope, receive, send):
            return

        toy = Toy()
        guarded = Guard(mute, toy.keys, PORT)
        assert run(ask(guarded, "/api/plain", toy.headers())).status == 500


def test_the_life_of_the_application_is_its_own():
    lived: list[str] = []

    async def lives() -> None:
        app = Guard(Starlette(lifespan=lambda app: _Context(lived)), Keys.new(PORT), PORT)
        heard = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
        said: list[str] = []

        async def receive():
            return heard.pop(0)

        async def send(message):
            said.append(message["type"])

        await app({"type": "lifespan", "state": {}}, receive, send)
        assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]

    run(lives())
    assert lived == ["begun", "ended"]


class _Context:
    def __init__(self, lived: list[str]) -> None:
        self.lived = lived

    async def __aenter__(self) -> None:
        self.lived.append("begun")

    async def __aexit__(self, *error: object) -> None:
        self.lived.append("ended")
