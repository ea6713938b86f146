"""Nothing is read but the page's own files, whatever is asked for."""

from __future__ import annotations

import random
from itertools import product
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
from asking import PORT, Toy, ask, run
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from latens.web.app import create_app
from latens.web.guard import Guard
from latens.web.keys import Keys

SECRET = b"root:x:0:0: the secret"
UPS = (
    "..",
    "....",
    "..;",
    ". .",
    ".%2e",
    "%2e%2e",
    "%252e%252e",
    "%c0%ae%c0%ae",
    "%uff0e%uff0e",
    "..%00",
    "\u2025",
    "．．",
    "..\\",
    ".\\..",
)
SLASHES = ("/", "//", "\\", "%2f", "%5c", "%252f", "%255c", "%c0%af", "%e0%80%af", "/./", "\x00/", "∕", "／", ";/")
TARGETS = (
    "secret.txt",
    "outside/secret.txt",
    "etc/passwd",
    "static/../secret.txt",
    "secret.txt%00.css",
    "secret.txt\x00.js",
    "SECRET~1.TXT",
)


def hostile_paths(folder: Path) -> list[str]:
    """At least 2,000 of them, some of which name the secret by its whole path."""
    whole = str(folder / "secret.txt")
    absolute = [
        *(whole, f"/{whole}", f"//{whole}", quote(whole, safe=""), f"file://{whole}", f"/proc/self/root{whole}"),
        *(f"\\\\localhost\\c${whole}", f"//localhost{whole}", f"C:{whole}", f"//?/{whole}", f"~{whole}", f"./{whole}"),
        *(f"x{slash}{whole}" for slash in SLASHES),
        *(
            "/proc/self/environ",
            "/proc/self/cwd/secret.txt",
            "/dev/null",
            "con",
            "aux.css",
            "NUL",
            "x" * 300,
            "x/" * 3000,
        ),
        *(
            "link.txt",
            "folder-link/secret.txt",
            "page.css/../../secret.txt",
            "page.css/",
            "",
            ".",
            "..",
            "%",
            "%zz",
            "\ud800",
        ),
    ]
    climbing = [
        f"{start}{(up + slash) * depth}{target}"
        for up, slash, depth, target in product(UPS, SLASHES, (1, 2, 5), TARGETS)
        for start in ("", "page.css/")
    ]
    return absolute + random.Random(0).sample(climbing, 2200)


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    """A folder of files, beside which and below which by links a secret lies."""
    static = tmp_path / "static"
    static.mkdir()
    (tmp_path / "static-2").mkdir()
    for folder in (tmp_path, tmp_path / "static-2"):
        (folder / "secret.txt").write_bytes(SECRET)
    (static / "page.css").write_text("body {}")
    (static / "link.txt").symlink_to(tmp_path / "secret.txt")
    (static / "folder-link").symlink_to(tmp_path)
    return tmp_path


def test_there_are_as_many_as_were_promised(tmp_path):
    assert len(set(hostile_paths(tmp_path))) >= 2000


def test_nothing_outside_the_folder_of_files_is_read(beside):
    toy = Toy()
    app = Guard(Starlette(routes=[Mount("/static", StaticFiles(directory=beside / "static"))]), toy.keys, PORT)

    async def all_of_them() -> set[int]:
        statuses = set()
        for text in [*hostile_paths(beside), "../static-2/secret.txt", "..%2fstatic-2%2fsecret.txt"]:
            for path in {f"/static/{text}", f"/static/{unquote(text)}", f"/static{unquote(unquote(text))}", text}:
                answer = await ask(app, path, toy.headers())
                assert SECRET not in answer.body, text
                assert b"root:" not in answer.body, text
                statuses.add(answer.status)
        own = await ask(app, "/static/page.css", toy.headers())
        assert own.body == b"body {}"
        return statuses

    # 200 is for the ways to write the page's own file.
    assert run(all_of_them()) <= {200, 307, 400, 401, 404, 405}


def test_nothing_outside_the_page_and_the_source_is_read(explored, beside):
    keys = Keys.new(PORT)
    session = keys.exchange(keys.invitation)
    app = create_app(explored("table"), keys, PORT)
    headers = [("host", f"127.0.0.1:{PORT}"), ("cookie", f"{keys.cookie}={session}")]

    async def all_of_them() -> set[int]:
        statuses = set()
        for text in hostile_paths(beside):
            for prefix in ("/static/", "/api/items/", "/api/columns/", "/"):
                answer = await ask(app, prefix + unquote(text), headers)
                assert SECRET not in answer.body, text
                assert b"root:" not in answer.body, text
                statuses.add(answer.status)
        return statuses

    assert max(run(all_of_them())) < 500
