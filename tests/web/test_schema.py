"""What schemathesis makes of the page's own description: whatever is asked, nothing of the server breaks."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable

KINDS = ("images", "table", "text", "events", "series")
# The server is full, or takes too long: answers that a client has to expect.
BUSY = (503, 504)
HEADERS = ("content-security-policy", "x-content-type-options", "cross-origin-resource-policy")
_QUIET = settings(
    max_examples=15,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def faults(client: Any, operation: Any) -> list[str]:
    """What is wrong with the answers to what may be asked of an operation, and to what may not."""
    found: list[str] = []
    tried_too: list[Any] = []

    def tried(case: Any) -> None:
        how = case.as_transport_kwargs(base_url=str(client.base_url))
        sent = {name: how[name] for name in ("params", "json", "data") if how.get(name) is not None}
        if isinstance(sent.get("data"), (bytes, str)):
            sent["content"] = sent.pop("data")
        headers = {name: value for name, value in (how.get("headers") or {}).items() if name != "User-Agent"}
        tried_too.append(case)
        answer = client.request(case.method, how["url"], headers=headers, **sent)
        if answer.status_code >= 500 and answer.status_code not in BUSY:
            found.append(f"{answer.status_code} to {case.method} {how['url']} {sent}: {answer.text[:200]}")
        if answer.status_code >= 400 and set(answer.json()) != {"error"}:
            found.append(f"no error to {case.method} {how['url']} {sent}: {answer.text[:200]}")
        if not all(name in answer.headers for name in HEADERS):
            found.append(f"no headers on {how['url']}")

    for mode in schemathesis.GenerationMode:
        cases = operation.as_strategy(generation_mode=mode)
        with suppress(Unsatisfiable):  # what takes nothing cannot be asked wrongly
            _QUIET(given(case=cases)(tried))()
    assert tried_too, operation.label
    return found


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", KINDS)
def test_whatever_is_asked_the_server_does_not_break(kind: str, asked: Callable[[str], Any]) -> None:
    client = asked(kind)
    schema = schemathesis.openapi.from_dict(client.get("/api/openapi.json").json())
    operations = [each.ok() for each in schema.get_all_operations()]
    assert len(operations) > 5
    assert [fault for operation in operations for fault in faults(client, operation)] == []
