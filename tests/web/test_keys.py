from __future__ import annotations

import base64

import pytest

from latens.web.keys import Keys


@pytest.fixture
def keys() -> Keys:
    return Keys.new(8000)


class TestInvitation:
    def test_has_256_bits_and_fits_an_address(self, keys):
        assert len(base64.urlsafe_b64decode(keys.invitation + "=")) == 32
        assert keys.invitation != Keys.new(8000).invitation

    def test_opens_one_session(self, keys):
        token = keys.invitation
        session = keys.exchange(token)
        assert session is not None
        assert keys.knows(session)
        assert keys.exchange(token) is None
        assert keys.invitation != token
        assert keys.exchange(keys.invitation) not in (None, session)

    @pytest.mark.parametrize("token", ["", " ", "\x00", "ä", "\ud800", "x" * 100_000])
    def test_no_other_does(self, keys, token):
        assert keys.exchange(token) is None

    def test_nearly_the_right_one_does_not(self, keys):
        token = keys.invitation
        wrong = [token[:-1], token + "=", token.swapcase(), f" {token}", f"{token}\n", token + token]
        assert [keys.exchange(each) for each in wrong] == [None] * 6
        assert keys.invitation == token


class TestSessions:
    def test_are_bounded_and_the_oldest_go(self, keys):
        sessions = [keys.exchange(keys.invitation) for _ in range(70)]
        assert [keys.knows(session) for session in sessions] == [False] * 6 + [True] * 64

    @pytest.mark.parametrize("session", ["", "a", "ä", "\ud800", "x" * 100_000])
    def test_others_are_not_known(self, keys, session):
        keys.exchange(keys.invitation)
        assert not keys.knows(session)

    def test_of_another_server_is_not_known(self, keys):
        other = Keys.new(8000)
        assert not keys.knows(other.exchange(other.invitation))

    def test_each_has_a_write_key_of_its_own(self, keys):
        first, second = (keys.exchange(keys.invitation) for _ in range(2))
        assert keys.write_key(first) == keys.write_key(first) != keys.write_key(second)
        assert keys.write_key(first) != first
        assert keys.may_write(first, keys.write_key(first))
        assert not keys.may_write(first, keys.write_key(second))
        assert not keys.may_write(first, "")
        assert keys.write_key(first) != Keys.new(8000).write_key(first)

    def test_cookie_is_named_after_the_port(self, keys):
        assert (keys.cookie, Keys.new(9).cookie) == ("latens-8000", "latens-9")
