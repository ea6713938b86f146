from __future__ import annotations

import http.client
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import webbrowser
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from asking import Answer, Toy

import latens
from latens.cli import main
from latens.errors import ConfigError
from latens.web import connections, serving
from latens.web.serving import serve

ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)/\?token=([\w-]{43})")
# A server with a route that streams, one that never answers, and a question in its thread that nothing stops.
SCRIPT = """
import sys, time
from asking import Toy
from starlette.routing import Route
from latens.web.serving import serve
from latens.web.work import Work

def factory(keys, port):
    toy, work = Toy(keys), Work()
    async def busy(request):
        await work.ask(time.sleep, 60)
    toy.app.routes.append(Route("/api/busy", busy))
    return toy.app

sys.exit(serve(factory, port=int(sys.argv[1]), say=lambda line: print(line, flush=True)))
"""


class Served:
    """A toy that is served at a port of this machine."""

    def __init__(self, address: str) -> None:
        found = ADDRESS.fullmatch(address)
        assert found is not None, address
        self.address, self.port = address, int(found[1])
        answer = self.get(f"/?token={found[2]}")
        self.cookie = answer.headers.get("set-cookie", "").partition(";")[0]

    def get(self, path: str, cookie: str = "") -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path, headers={"Cookie": cookie} if cookie else {})
            answer = connection.getresponse()
            headers = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, headers, list(headers), answer.read())
        finally:
            connection.close()

    def raw(self, content: bytes) -> bytes:
        """What comes back until the server closes, in which PORT and COOKIE are filled in."""
        with self.connected(content) as connection:
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def connected(self, content: bytes) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        connection.sendall(self.filled(content))
        return connection

    def filled(self, content: bytes) -> bytes:
        return content.replace(b"PORT", str(self.port).encode()).replace(b"COOKIE", self.cookie.encode())


def free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


@pytest.fixture
def served() -> Iterator[Served]:
    """In a thread of this process, where signals are none of its business."""
    said: list[str] = []
    done, codes = threading.Event(), []

    def factory(keys, port):
        return Toy(keys, body=100_000, seconds=1.0).app

    thread = threading.Thread(target=lambda: codes.append(serve(factory, say=said.append, stopped=done.is_set)))
    thread.start()
    while not said:
        time.sleep(0.01)
    yield Served(said[0])
    done.set()
    thread.join(5)
    assert codes == [0]
    assert len(said) == 1


@pytest.fixture
def started() -> Iterator[Callable[..., tuple[subprocess.Popen[str], Served]]]:
    """In a process of its own."""
    processes = []

    def call(port: int = 0) -> tuple[subprocess.Popen[str], Served]:
        path = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": path},
        )
        processes.append(process)
        return process, Served(process.stdout.readline().strip())

    yield call
    for process in processes:
        process.kill()
        process.communicate()


def ends(process: subprocess.Popen[str], number: int) -> tuple[int, float]:
    """The exit code after a signal, and the seconds that it took."""
    begin = time.monotonic()
    process.send_signal(number)
    process.wait(10)
    return process.returncode, time.monotonic() - begin


class TestAddress:
    def test_is_answered_when_it_is_said(self, served):
        assert served.get("/health").body == b'{"status": "ok"}'
        assert served.get("/", served.cookie).body == b"plain"
        assert served.get("/").status == 401

    def test_is_reached_from_this_machine_alone(self, served):
        for host in {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}:
            if not host.startswith("127."):
                with pytest.raises(OSError, match=r"refused|timed out|unreachable"):
                    socket.create_connection((host, served.port), timeout=1)
        with pytest.raises(OSError, match=r"refused|unreachable|assign|supported"):
            socket.create_connection(("::1", served.port), timeout=1)

    def test_may_have_the_port_that_was_asked_for(self, started):
        port = free_port()
        assert started(port)[1].port == port

    def test_whose_port_is_taken_is_an_error_in_a_line(self, served):
        with pytest.raises(ConfigError, match=rf"^port={served.port}: it is taken or not yours .* name another one"):
            serve(lambda keys, port: None, port=served.port, say=print)

    @pytest.mark.parametrize(("display", "times"), [(":0", 1), ("", 0)])
    def test_is_opened_where_there_is_a_display(self, monkeypatch, display, times):
        opened, said = [], []
        monkeypatch.setattr(webbrowser, "open", opened.append)
        monkeypatch.setattr(sys, "platform", "linux")
        monkeypatch.setenv("DISPLAY", display)
        monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
        begin = time.monotonic()

        def stopped() -> bool:
            return len(opened) == 1 or time.monotonic() - begin > (5 if times else 0.3)

        assert serve(lambda keys, port: Toy().app, open_page=True, say=said.append, stopped=stopped) == 0
        assert opened == said * times


class TestConnections:
    HEAD = b"Host: 127.0.0.1:PORT\r\nCookie: COOKIE\r\n"

    def test_say_nothing_of_the_server(self, served):
        assert not set(served.get("/health").names) & {"server", "x-powered-by", "access-control-allow-origin"}

    @pytest.mark.parametrize(
        "garbage",
        [
            b"garbage\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
            b"GET / HTTP/1.1\r\nno header\r\n\r\n",
            b"GET /\r\n\r\n",
        ],
    )
    def test_of_no_http_are_refused_like_all_others(self, served, garbage):
        answer = served.raw(garbage)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"content-security-policy: default-src 'none'" in answer
        assert json.loads(answer.split(b"\r\n\r\n")[1]) == {"error": "this is no HTTP request"}

    def test_that_are_kept_wait_for_nothing_between_two_questions(self, served):
        connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
        begin = time.monotonic()
        for _ in range(25):  # at 40 ms each, if TCP waited for the first half of an answer to be acknowledged
            connection.request("GET", "/health")
            assert connection.getresponse().read()
        connection.close()
        assert time.monotonic() - begin < 0.8

    def test_that_want_a_websocket_get_none(self, served):
        upgrade = (
            b"Connection: close, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n"
        )
        for path, status in ((b"/api/plain", b"200"), (b"/api/none", b"404")):
            answer = served.raw(b"GET %s HTTP/1.1\r\n%s%s\r\n" % (path, self.HEAD, upgrade))
            assert answer.startswith(b"HTTP/1.1 %s " % status)

    def test_with_a_body_that_lies_are_cut_off(self, served):
        key = served.get("/api/key", served.cookie).body
        head = b"POST /api/echo HTTP/1.1\r\n%sContent-Type: application/json\r\nX-Latens-Key: %s\r\n" % (self.HEAD, key)
        chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
        assert served.raw(head + b"Transfer-Encoding: chunked\r\n\r\n" + 20 * chunk).startswith(b"HTTP/1.1 413 ")
        assert served.raw(head + b"Content-Length: 99999999999\r\n\r\n{}").startswith(b"HTTP/1.1 413 ")
        assert served.raw(head + b"Content-Length: 10\r\n\r\n{}").startswith(b"HTTP/1.1 408 ")
        both = b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
        assert served.raw(head + both).startswith(b"HTTP/1.1 400 ")
        whole = head + b"Connection: close\r\nContent-Length: 90000\r\n\r\n" + b"x" * 90000
        assert b'"length":90000' in served.raw(whole)

    def test_may_ask_several_things_in_a_row(self, served):
        ask = b"GET /api/plain HTTP/1.1\r\n" + self.HEAD
        answer = served.raw((ask + b"\r\n") * 20 + ask + b"Connection: close\r\n\r\n")
        assert answer.count(b"HTTP/1.1 200 OK") == 21

    def test_whose_head_does_not_come_are_closed(self, served, monkeypatch):
        monkeypatch.setattr(connections, "_HEAD_SECONDS", 0.3)
        begin = time.monotonic()
        for content in (b"", b"GET /", b"GET / HTTP/1.1\r\n" + self.HEAD):
            assert served.raw(content) == b""
        assert time.monotonic() - begin < 5

    def test_beyond_the_limit_are_told_to_come_again(self, served, monkeypatch):
        monkeypatch.setattr(connections, "_MOST", 5)
        held = [served.connected(b"") for _ in range(5)]
        time.sleep(0.1)
        answer = served.raw(b"")
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: 1\r\n" in answer
        for connection in held:
            connection.close()
        time.sleep(0.1)
        assert served.get("/health").status == 200

    def test_beyond_what_can_wait_are_put_off_and_kept(self, served, monkeypatch):
        monkeypatch.setattr(connections, "_WAITING", 0)
        ask = b"GET /api/plain HTTP/1.1\r\n" + self.HEAD
        with served.connected(ask + b"\r\n") as connection:
            answer = connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 503 ")
            assert b"retry-after: 1\r\n" in answer
            assert b"content-security-policy: default-src 'none'" in answer
            monkeypatch.setattr(connections, "_WAITING", 100)
            connection.sendall(served.filled(ask + b"\r\n"))
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")

    def test_that_wait_leave_health_quick(self, served):
        waiting = [served.connected(b"GET /api/waits HTTP/1.1\r\n" + self.HEAD + b"\r\n") for _ in range(200)]
        waits = []
        for _ in range(20):
            begin = time.monotonic()
            assert served.get("/health").status == 200
            waits.append(time.monotonic() - begin)
        assert sorted(waits)[-3] < 0.1  # one or two for a machine that does other things
        answers = {connection.recv(65536).split(b" ")[1] for connection in waiting}
        assert answers == {b"503", b"504"}
        for connection in waiting:
            connection.close()


class TestEnd:
    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
    def test_is_at_once_when_nothing_is_asked(self, started, number, code):
        process, served = started()
        with served.connected(b""), served.connected(b"GET / HT"):
            ended, seconds = ends(process, number)
        assert (ended, process.stderr.read()) == (code, "")
        assert seconds < 2

    @pytest.mark.parametrize("path", [b"/api/streams", b"/api/waits", b"/api/busy"])
    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
    def test_is_within_five_seconds_whatever_is_asked(self, started, path, number, code):
        process, served = started()
        with served.connected(b"GET %s HTTP/1.1\r\n%s\r\n" % (path, TestConnections.HEAD)) as connection:
            time.sleep(0.3)
            ended, seconds = ends(process, number)
            if path != b"/api/streams":
                assert connection.recv(65536).startswith(b"HTTP/1.1 503 ")
        assert (ended, process.stderr.read()) == (code, "")
        assert seconds < 5

    def test_leaves_the_port_to_the_next(self, started):
        process, served = started()
        ends(process, signal.SIGINT)
        assert started(served.port)[1].port == served.port


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("served")
    rows = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    np.save(folder / "rows.npy", rows)
    latens.Autoencoder(2, max_epochs=1, verbose=0, device="cpu").fit(rows).save(folder / "m.latens")
    return folder / "m.latens", folder / "rows.npy"


class TestVerb:
    @pytest.mark.parametrize(
        ("number", "code", "words"), [(signal.SIGINT, 0, ""), (signal.SIGTERM, 143, "latens: stopped by SIGTERM\n")]
    )
    def test_under_json_prints_the_address_and_nothing_else(self, model, number, code, words):
        command = [sys.executable, "-m", "latens", "serve", *map(str, model), "--json", "--no-open", "--device", "cpu"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            assert select.select([process.stdout], [], [], 100)[0]
            served = Served(json.loads(process.stdout.readline())["address"])
            assert served.get("/health").status == 200
            about = json.loads(served.get("/api/about", served.cookie).body)
            assert about["source"]["n"] == 60
            ended, seconds = ends(process, number)
            assert (ended, *process.communicate()) == (code, "", words)
            assert seconds < 5
        finally:
            process.kill()

    def test_says_what_to_install(self, model, monkeypatch, capsys):
        monkeypatch.setitem(sys.modules, "uvicorn", None)
        assert main(["serve", *map(str, model)]) == 1
        line = 'latens: error: uvicorn is not installed; use: pip install "latens[web]"\n'
        assert capsys.readouterr().err == line

    def test_says_that_a_port_is_taken(self, model, served, capsys):
        assert main(["serve", *map(str, model), "--port", str(served.port), "--no-open", "--device", "cpu"]) == 1
        assert f"latens: error: port={served.port}: it is taken" in capsys.readouterr().err


def test_as_many_files_are_allowed_as_browsers_need():
    resource = pytest.importorskip("resource")
    code = (
        "import resource; from latens.web import serving; hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1];"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard)); serving._allow_files();"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert int(printed) == (serving._FILES if hard == resource.RLIM_INFINITY else min(hard, serving._FILES))
