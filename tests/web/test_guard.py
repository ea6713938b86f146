from __future__ import annotations

import json
from itertools import product

import pytest
from asking import PORT, Toy, ask, routes_of, run

from latens.web.app import create_app
from latens.web.keys import Keys
from latens.web.refusals import SAFE

OWN = ("127.0.0.1", "localhost")
HOSTS = (
    *(f"{name}:{PORT}" for name in OWN),
    # another port, or none
    *(f"{name}{rest}" for name, rest in product(OWN, ("", ":", ":80", f":{PORT + 1}", f":0{PORT}", f":{PORT}0"))),
    # rebinding, and names that look like it
    *(
        "attacker.example",
        f"attacker.example:{PORT}",
        f"127.0.0.1.attacker.example:{PORT}",
        f"localhost.example:{PORT}",
    ),
    *(
        f"rebind.it:{PORT}",
        f"127.0.0.1.nip.io:{PORT}",
        f"xlocalhost:{PORT}",
        f"localhostx:{PORT}",
        f"foo.localhost:{PORT}",
    ),
    # the same machine by other names
    *(f"[::1]:{PORT}", "[::1]", f"[::ffff:127.0.0.1]:{PORT}", f"0.0.0.0:{PORT}", f"127.1:{PORT}", f"127.0.0.2:{PORT}"),
    *(
        f"2130706433:{PORT}",
        f"0x7f.1:{PORT}",
        f"0177.0.0.1:{PORT}",
        f"127.000.000.001:{PORT}",
        f"localhost.localdomain:{PORT}",
    ),
    # dots, case, letters of other alphabets
    *(f"127.0.0.1.:{PORT}", f"localhost.:{PORT}", f"LOCALHOST:{PORT}", f"Localhost:{PORT}", f".localhost:{PORT}"),
    *("xn--lcalhost-9fb:8123", "l\xf6calhost:8123", "loc\xe4lhost:8123", "\xb9\xb2\xb7.0.0.1:8123"),
    # users, lists, spaces, paths
    *(f"user@127.0.0.1:{PORT}", f"127.0.0.1:{PORT}@attacker.example", f"127.0.0.1:{PORT},attacker.example"),
    *(f"attacker.example,127.0.0.1:{PORT}", f"127.0.0.1:{PORT}/", f"127.0.0.1:{PORT}#", f"http://127.0.0.1:{PORT}"),
    *(f" 127.0.0.1:{PORT}", f"127.0.0.1:{PORT} ", f"127.0.0.1 :{PORT}", f"127.0.0.1:{PORT}\x00", f"127.0.0.1\t:{PORT}"),
    *("", " ", ":", "a" * 10_000, f"{'a.' * 4000}localhost:{PORT}", "*"),
)
ORIGINS = (
    None,
    *(f"http://{name}:{PORT}" for name in OWN),
    *(
        "null",
        "",
        f"https://127.0.0.1:{PORT}",
        f"http://127.0.0.1:{PORT + 1}",
        "http://127.0.0.1",
        "http://attacker.example",
    ),
    *(f"http://127.0.0.1:{PORT}.attacker.example", f"http://127.0.0.1:{PORT}/", f"HTTP://LOCALHOST:{PORT}"),
)


def test_there_are_as_many_as_were_promised():
    assert len(set(HOSTS)) >= 60
    assert len(set(ORIGINS)) == 12


def wrongly_let_in(app, cookie: str, key: str, method: str, path: str, reached) -> list[tuple[str, str | None]]:
    """Of all pairs of Host and Origin those that were let in and should not, or the other way round."""
    wrong = []

    async def all_of_them() -> None:
        for host, origin in product(HOSTS, ORIGINS):
            right = host in HOSTS[:2] and origin in (None, f"http://{host}")
            if right and reached is None:
                continue
            headers = [("host", host), ("cookie", cookie), ("x-latens-key", key), ("content-type", "application/json")]
            headers += [] if origin is None else [("origin", origin)]
            before = 0 if reached is None else len(reached)
            answer = await ask(app, path, headers, method=method, chunks=[b"{}"])
            refused = answer.status == 403 and answer.error.startswith(("Host ", "Origin "))
            if refused == right or (not right and reached is not None and len(reached) > before):
                wrong.append((host, origin))

    run(all_of_them())
    return wrong


TOY = (
    ("GET", "/"),
    ("GET", "/health"),
    ("GET", "/api/plain"),
    ("GET", "/static/a.js"),
    ("POST", "/api/echo"),
    ("GET", "/no"),
)


class TestHostAndOrigin:
    @pytest.mark.parametrize(("method", "path"), TOY)
    def test_of_a_toy_only_the_right_ones_are_let_in(self, method, path):
        toy = Toy()
        cookie, key = f"{toy.keys.cookie}={toy.session}", toy.keys.write_key(toy.session)
        assert wrongly_let_in(toy.guarded, cookie, key, method, path, toy.asked) == []

    def test_on_every_route_of_the_page_only_the_right_ones_are_let_in(self, explored):
        tried: set[tuple[str, str]] = set()
        for kind in ("images", "text", "series"):
            keys = Keys.new(PORT)
            session = keys.exchange(keys.invitation)
            app = create_app(explored(kind), keys, PORT)
            cookie, key = f"{keys.cookie}={session}", keys.write_key(session)
            new = routes_of(app) - tried
            tried |= new
            for method, path in sorted(new):
                assert wrongly_let_in(app, cookie, key, method, path, None) == [], path
        assert len(tried) >= 35

    @pytest.mark.parametrize(
        "name", ["host", "origin", "sec-fetch-site", "content-type", "x-latens-key", "content-length"]
    )
    def test_what_decides_may_be_there_once(self, name):
        toy = Toy()
        value = dict(
            toy.writing(("origin", f"http://127.0.0.1:{PORT}"), ("sec-fetch-site", "none"), ("content-length", "2"))
        )
        twice = [*value.items(), (name, value[name])]
        assert run(ask(toy.guarded, "/api/echo", value.items(), method="POST", chunks=[b"{}"])).status == 200
        answer = run(ask(toy.guarded, "/api/echo", twice, method="POST", chunks=[b"{}"]))
        assert (answer.status, toy.asked) == (400, ["2 bytes"])

    def test_without_a_host_nothing_is_said(self):
        toy = Toy()
        assert run(ask(toy.guarded, "/api/plain", toy.headers()[1:])).status == 403

    def test_names_of_the_proxy_kind_count_for_nothing(self):
        toy = Toy()
        headers = [("host", "attacker.example"), ("x-forwarded-host", f"127.0.0.1:{PORT}"), *toy.headers()[1:]]
        assert run(ask(toy.guarded, "/api/plain", headers)).status == 403

    @pytest.mark.parametrize(
        ("site", "status"),
        [("same-origin", 200), ("none", 200), ("same-site", 403), ("cross-site", 403), ("", 403), ("None", 403)],
    )
    def test_other_sites_may_not_even_read(self, site, status):
        toy = Toy()
        for path in ("/", "/api/plain"):
            assert run(ask(toy.guarded, path, toy.headers(("sec-fetch-site", site)))).status == status

    def test_nothing_that_was_sent_is_repeated(self):
        toy, mark = Toy(), "zqx9"
        sent = [("host", mark), ("origin", mark), ("cookie", f"{toy.keys.cookie}={mark}"), ("content-type", mark)]
        for headers in (sent, [toy.headers()[0], *sent[1:]], [toy.headers()[0], *sent[2:]], toy.headers(*sent[3:])):
            answer = run(ask(toy.guarded, f"/api/{mark}", headers, method="POST", chunks=[mark.encode()]))
            assert answer.status >= 400
            assert mark not in str(answer)


class TestSession:
    def test_a_token_is_exchanged_once(self):
        toy = Toy()
        token, host = toy.keys.invitation, toy.headers()[:1]
        answer = run(ask(toy.guarded, "/", [*host, ("sec-fetch-site", "none")], query=f"token={token}"))
        assert (answer.status, answer.headers["location"]) == (303, "/")
        cookie, *attributes = answer.headers["set-cookie"].split("; ")
        assert attributes == ["Path=/", "HttpOnly", "SameSite=Strict"]
        assert run(ask(toy.guarded, "/", [*host, ("cookie", cookie)])).body == b"plain"
        assert run(ask(toy.guarded, "/", host, query=f"token={token}")).status == 401
        again = run(ask(toy.guarded, "/", [*host, ("cookie", cookie)], query=f"token={token}"))
        assert (again.status, "set-cookie" in again.headers) == (303, False)

    @pytest.mark.parametrize(
        "query", ["token=", "token", "token=x", "token=TOKEN&token=x", "Token=TOKEN", "&" * 500, "token=%ff"]
    )
    def test_other_tokens_open_nothing(self, query):
        toy = Toy()
        token = toy.keys.invitation
        answer = run(ask(toy.guarded, "/", toy.headers()[:1], query=query.replace("TOKEN", token)))
        assert (answer.status, "set-cookie" in answer.headers) == (401, False)
        assert toy.keys.invitation == token

    def test_a_look_ahead_uses_nothing_up(self):
        toy = Toy()
        token = toy.keys.invitation
        for method, site in (("HEAD", "none"), ("GET", "cross-site"), ("POST", "none")):
            headers = [toy.headers()[0], ("sec-fetch-site", site)]
            assert run(ask(toy.guarded, "/", headers, method=method, query=f"token={token}")).status in (
                401,
                403,
            )
        assert toy.keys.invitation == token

    @pytest.mark.parametrize(
        "path", ["/api/plain", "/static/a.js", "/no", "/api/openapi.json", "//", "/health/", "/Health"]
    )
    def test_without_one_nothing_is_said(self, path):
        toy = Toy()
        answer = run(ask(toy.guarded, path, toy.headers()[:1]))
        assert (answer.status, toy.asked) == (401, [])
        assert "latens serve" in answer.error

    def test_without_one_the_page_says_what_to_do_and_runs_nothing(self):
        answer = run(ask(Toy().guarded, "/", Toy().headers()[:1]))
        assert answer.status == 401
        assert b"latens serve" in answer.body
        assert b"<script" not in answer.body
        assert b"style" not in answer.body

    def test_health_needs_none(self):
        for method in ("GET", "HEAD"):
            answer = run(ask(Toy().guarded, "/health", Toy().headers()[:1], method=method))
            assert (answer.status, json.loads(answer.body)) == (200, {"status": "ok"})

    def test_a_cookie_that_others_set_beside_it_does_no_harm(self):
        toy = Toy()
        name = toy.keys.cookie
        for cookie in (
            f"{name}=x; {name}={toy.session}",
            f"a=b;{name}={toy.session}",
            f'{name}="; {name}={toy.session}',
        ):
            assert run(ask(toy.guarded, "/api/plain", [toy.headers()[0], ("cookie", cookie)])).status == 200
        for cookie in (f"{name}=", name, f"x{name}={toy.session}", f"latens-1={toy.session}", "=" * 5000, "\xff=\xff"):
            assert run(ask(toy.guarded, "/api/plain", [toy.headers()[0], ("cookie", cookie)])).status == 401


class TestMethodsAndWrites:
    @pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", ""])
    def test_other_methods_are_none(self, method):
        toy = Toy()
        answer = run(ask(toy.guarded, "/api/plain", toy.headers(), method=method))
        assert (answer.status, answer.headers["allow"], toy.asked) == (405, "GET, HEAD, POST", [])

    @pytest.mark.parametrize(
        "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a", "", "json"]
    )
    def test_writes_are_json(self, kind):
        toy = Toy()
        headers = [(name, kind if name == "content-type" else value) for name, value in toy.writing()]
        answer = run(ask(toy.guarded, "/api/echo", headers, method="POST", chunks=[b"{}"]))
        assert (answer.status, toy.asked) == (415, [])

    @pytest.mark.parametrize("kind", ["application/json", "Application/JSON", "application/json; charset=utf-8"])
    def test_json_is(self, kind):
        toy = Toy()
        headers = [(name, kind if name == "content-type" else value) for name, value in toy.writing()]
        answer = run(ask(toy.guarded, "/api/echo", headers, method="POST", chunks=[b"{", b"}"]))
        assert json.loads(answer.body) == {"length": 2, "session": toy.session}

    def test_writes_need_the_key_of_their_own_session(self):
        toy = Toy()
        other = toy.keys.write_key(toy.keys.exchange(toy.keys.invitation))
        for key in ("", "x", other, toy.session, toy.keys.write_key(toy.session).upper(), "\xff"):
            headers = [(name, key if name == "x-latens-key" else value) for name, value in toy.writing()]
            answer = run(ask(toy.guarded, "/api/echo", headers, method="POST", chunks=[b"{}"]))
            assert (answer.status, toy.asked) == (403, [])

    def test_websockets_are_closed(self):
        toy, sent = Toy(), []

        async def opened() -> None:
            async def receive():
                return {"type": "websocket.connect"}

            async def send(message):
                sent.append(message)

            headers = [(name.encode(), value.encode()) for name, value in toy.headers()]
            await toy.guarded({"type": "websocket", "path": "/api/plain", "headers": headers}, receive, send)

        run(opened())
        assert [message["type"] for message in sent] == ["websocket.close"]

    @pytest.mark.parametrize("path", ["", "*", "api/plain", "http://attacker.example/", f"127.0.0.1:{PORT}"])
    def test_what_is_no_path_is_refused(self, path):
        assert run(ask(Toy().guarded, path, Toy().headers())).status == 400


class TestHeaders:
    CASES = (
        ("GET", "/"),
        ("GET", "/health"),
        ("GET", "/api/plain"),
        ("GET", "/no"),
        ("GET", "/api/fails"),
        ("PUT", "/"),
        ("POST", "/"),
    )

    @pytest.mark.parametrize("with_session", [True, False])
    @pytest.mark.parametrize(("method", "path"), CASES)
    def test_are_on_every_answer_once(self, method, path, with_session):
        toy = Toy()
        answer = run(ask(toy.guarded, path, toy.headers()[: 1 + with_session], method=method))
        assert {name: answer.headers.get(name.decode()) for name in SAFE} == {n: v.decode() for n, v in SAFE.items()}
        assert len(answer.names) == len(set(answer.names))

    def test_the_application_cannot_let_others_in(self):
        toy = Toy()
        answer = run(ask(toy.guarded, "/api/lets-in", toy.headers()))
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-frame-options"] == "DENY"
        assert not [name for name in answer.names if name.startswith("access-control")]

    def test_of_files_let_the_browser_keep_them(self):
        toy = Toy()
        assert run(ask(toy.guarded, "/static/a.js", toy.headers())).headers["cache-control"] == "no-cache"

    def test_forbid_scripts_in_the_line(self):
        policy = SAFE[b"content-security-policy"]
        assert policy.startswith(b"default-src 'none'")
        assert b"unsafe" not in policy
        assert b"*" not in policy
