"""Writing text with the model of S25: 500 characters in one stream, and in 256 at once.

The plain listings write with the same weights: one carries the state and draws with `torch.multinomial`, the other
reads all that it wrote anew for each character more. Greedily all of them must write the same text. The listings run on
one thread, on which they are fastest.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from listings import Autoregressive, write, write_again
from reporting import run
from timing import Goal, Options, Row, data_folder, faster, race, same_weights, timed

import latens
from latens.devices import threads

PROMPT = "emilia:"
TEMPERATURE = 0.75
STREAMS = 256
# Seconds of a turn, at least.
TURN = 0.1
# Characters that a model with 100,000 a second takes 5 ms for.
STRETCH = 100_000


class Writers:
    """The model, and the listing with its weights."""

    def __init__(self, options: Options) -> None:
        self.device = options.device
        text = (data_folder() / "text" / "shakespear-karpathy-100k.txt").read_text()
        how = {"max_epochs": 1, "validation_fraction": 0.0, "verbose": 0, "device": options.device}
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "text.txt"
            path.write_text(text[: options.sized(50_000, 5000)])
            self.model = latens.TextAutoregressor(batch_size=16, **how).fit(path)
        network = self.model.network_.network
        config = network.config
        sizes = (config["n_items"], config["embedding_size"], config["hidden_size"], config["n_layers"])
        self.listing = same_weights(network, Autoregressive(config["cell"], *sizes).to(options.device)).eval()
        self.prompt = self.model.schema_.encode(PROMPT).tolist()

    def ours(self, count: int, temperature: float = TEMPERATURE, n: int | None = None) -> object:
        more = {} if n is None else {"n": n}
        return self.model.generate(PROMPT, max_new_tokens=count, temperature=temperature, random_state=0, **more)

    def plain(self, function: Callable[..., torch.Tensor], count: int, rows: int = 1) -> object:
        more = {} if rows == 1 else {"rows": rows}
        with threads(1):
            return function(self.listing, self.prompt, count, TEMPERATURE, **more).tolist()

    def agree(self, count: int) -> None:
        """All three write the same where nothing is drawn.

        Raises:
            SystemExit: They do not.
        """
        written = self.ours(count, temperature=0)
        for function in (write, write_again):
            theirs = self.model.schema_.decode(function(self.listing, self.prompt, count, 0)[0].tolist())
            if theirs != written:
                raise SystemExit(f"{function.__name__} writes {theirs!r}, latens {written!r}; no comparison")


def one_stream(writers: Writers, options: Options) -> Row:
    count = options.sized(500, 40)
    seconds = race(
        {
            "carried": timed(lambda: writers.plain(write, count), options.device, TURN),
            "latens": timed(lambda: writers.ours(count), options.device, TURN),
        },
        options,
    )
    # O(n²): once is enough to see that it is thousands of times slower.
    seconds["re-fed"] = timed(lambda: writers.plain(write_again, count), options.device)()
    rate = count / seconds["latens"]
    goals = [
        faster(seconds, "carried", options.bound(15.0, 20.0)),
        faster(seconds, "re-fed", options.bound(2000.0)),
        Goal("characters a second", rate, options.bound(STRETCH), at_least=True),
    ]
    note = f"re-fed was timed once; {STRETCH:,} characters a second is the stretch, not the target"
    return Row(f"{count} characters, one stream", seconds, goals, note)


def many_streams(writers: Writers, options: Options) -> Row:
    count, streams = options.sized(500, 40), options.sized(STREAMS, 8)
    seconds = race(
        {
            "carried": timed(lambda: writers.plain(write, count, streams), options.device),
            "latens": timed(lambda: writers.ours(count, n=streams), options.device),
            "one stream": timed(lambda: writers.ours(count), options.device, TURN),
        },
        options,
    )
    gain = streams * seconds["one stream"] / seconds["latens"]
    goals = [
        Goal("rate / one stream's", gain, options.bound(3.0, 100.0), at_least=True),
        Goal("characters a second", streams * count / seconds["latens"], None, at_least=True),
        faster(seconds, "carried", None),
    ]
    return Row(f"{count} characters, {streams} streams", seconds, goals)


def measure(options: Options) -> list[Row]:
    writers = Writers(options)
    writers.agree(options.sized(60, 20))
    return [one_stream(writers, options), many_streams(writers, options)]


if __name__ == "__main__":
    run(measure)
