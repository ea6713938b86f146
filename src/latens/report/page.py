"""The shell of every page: style, data and scripts in one file, with a policy that lets nothing else in."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib.resources import files
from typing import Any

from markupsafe import Markup

__all__ = ["fragment", "render_page"]


def render_page(
    title: str,
    body: Markup,
    data: Mapping[str, object],
    scripts: Sequence[str] = ("scatter.js",),
    styles: Sequence[str] = ("page.css",),
) -> str:
    """A page as text.

    The scripts and the style are let in by their hashes, pictures as data, and nothing else: no network, no ``eval``,
    no script that the data brings. Data are JSON in which no tag can begin.

    Args:
        title: Of the window; escaped.
        body: Markup, whose values are escaped; see `fragment`.
        data: What scripts read, by the id of its element.
        scripts: Files of this package.
        styles: Likewise; later ones have the last word.

    Example:
        >>> page = render_page("<i>", Markup("<p>Hello</p>"), {"map": {"name": "</script>"}}, scripts=())
        >>> "<title>&lt;i&gt;</title>" in page, page.count("</script>")
        (True, 1)
    """
    style, sources = "".join(map(_text, styles)), [_text(name) for name in scripts]
    content = {
        "title": title,
        "policy": _policy(style, sources),
        "style": Markup(style),
        "body": body,
        "data": [(name, Markup(_json(value))) for name, value in data.items()],
        "scripts": [Markup(source) for source in sources],
    }
    return str(fragment("page.html", content))


def fragment(template: str, content: Mapping[str, Any]) -> Markup:
    """A template of this package with every value escaped that is not markup itself."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return Markup(environment.from_string(_text(template)).render(content))


def _text(name: str) -> str:
    return files("latens.report").joinpath(name).read_text(encoding="utf-8")


def _policy(style: str, scripts: Sequence[str]) -> str:
    hashes = " ".join(map(_hash, scripts)) or "'none'"
    rules = ("default-src 'none'", f"script-src {hashes}", f"style-src {_hash(style)}", "img-src data:")
    return "; ".join((*rules, "base-uri 'none'", "form-action 'none'"))


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode('ascii')}'"


def _json(value: object) -> str:
    """Strict JSON that ends no element and starts no comment."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
