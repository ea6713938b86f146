"""The local page: a model and its rows in the browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["serve"]


def serve(
    model: Any,
    source: Any,
    *,
    path: Path | None = None,
    port: int = 0,
    open_page: bool = True,
    seed: int = 0,
    say: Callable[[str], None],
) -> int:
    """Show a page on this machine until somebody stops it; the exit code.

    Args:
        model: Fitted, of any kind.
        source: What its `transform` takes.
        path: Of the model's file, beside which marks are kept.
        port: On 127.0.0.1; 0 takes a free one.
        open_page: Open a browser.
        seed: Of all that is random.
        say: Hears the address.

    Raises:
        DataError: The source is not what the model was fitted on.
        MissingExtra: FastAPI or uvicorn is not there.
        ConfigError: The port is taken.
    """
    from latens.web.app import create_app
    from latens.web.explorer import Explorer
    from latens.web.serving import serve as run

    explorer = Explorer.of(model, source, path, seed)
    explorer.warm()
    return run(lambda keys, at: create_app(explorer, keys, at), port=port, open_page=open_page, say=say)
