"""``latens serve``: a page in the browser to explore data with a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from latens.cli.models import load_model, open_for
from latens.cli.terminal import say
from latens.cli.verbs import Columns, ModelArgument, Reading, Shared, SourceArgument, verb
from latens.errors import MissingExtra

__all__ = ["OpenOption", "check_web", "serve", "show"]

PortOption = Annotated[
    int, typer.Option("--port", min=0, max=65535, help="On 127.0.0.1; a free one if left out.", show_default=False)
]
OpenOption = Annotated[bool, typer.Option("--open/--no-open", help="Open it in a browser, where there is a display.")]


@verb("latens serve digits.latens dataset:digits")
def serve(
    model: ModelArgument,
    source: SourceArgument,
    reading: Reading,
    columns: Columns,
    shared: Shared,
    port: PortOption = 0,
    open_page: OpenOption = True,
) -> None:
    """Explore data with a model in a page of this machine, until Ctrl-C.

    It has the map, every row with its reconstruction, outliers to be marked, clusters, cleaning, generation or
    forecasts, and the training. The address that is printed opens it once; nobody else on the network can.
    """
    check_web()
    estimator = load_model(model, shared)
    show(estimator, open_for(estimator, source, reading, columns), model, shared, port=port, open_page=open_page)


def show(estimator: Any, data: Any, path: Path, shared: Shared, *, port: int = 0, open_page: bool = True) -> None:
    """Serve the page until Ctrl-C.

    Raises:
        SystemExit: Another signal ended it.
    """
    from latens.web import serve as run

    def heard(address: str) -> None:
        """Said at once, although the verb goes on."""
        if shared.json:
            typer.echo(json.dumps({"address": address}))
        else:
            say(address if shared.quiet else f"open {address} (Ctrl-C ends it)")

    shared.report("looking at the rows")
    code = run(estimator, data, path=path, port=port, open_page=open_page, seed=shared.seed or 0, say=heard)
    if code:
        raise SystemExit(code)
    if not (shared.quiet or shared.json):
        say("stopped")


def check_web() -> None:
    """Refuse before any work is done.

    Raises:
        MissingExtra: What the page needs is not there.
    """
    for package in ("fastapi", "uvicorn"):
        try:
            __import__(package)
        except ImportError as error:
            raise MissingExtra.of(package, "web") from error
