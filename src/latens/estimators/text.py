"""The estimator over text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from latens.data import open_source
from latens.data.corpora import Corpus, encode_corpus
from latens.data.sequences import Windows, aligned_windows, plain_windows
from latens.data.text import TextSource, learn_text
from latens.errors import ConfigError, DataError, choice, setting, whole
from latens.estimators.autoregressor import Autoregressor
from latens.estimators.states import SequenceState, also
from latens.estimators.stepping import Stretch, stretches
from latens.estimators.writing import GeneratedText, Writer, grouped, streamed
from latens.sampling import beam_search
from latens.schema import TextSchema
from latens.seeds import resolve_seed

__all__ = ["GeneratedText", "TextAutoregressor"]

ALIGNMENTS = ("auto", "plain", "newline")

# Items looked at in one go.
_BLOCK = 1 << 24


class TextAutoregressor(Autoregressor):
    r"""A recurrent network that predicts the next character (byte, byte pair) of a text from all before it.

    .. math:: \ell = -\frac{1}{N} \sum_t \log p(x_t \mid x_1, \dots, x_{t-1})

    Embedding, layers of gated cells whose layer-normalised state is the output and is fed back, and a head; never
    bidirectional. It generates in time proportional to what is generated, scores, and gives texts as vectors
    (Graves, 2013, https://arxiv.org/abs/1308.0850; Ba et al., 2016, https://arxiv.org/abs/1607.06450).

    Args:
        cell: ``"gru"`` or ``"lstm"``.
        n_layers: Cells on top of each other.
        hidden_size: Numbers in a cell's output, and in a text's vector.
        embedding_size: Numbers in an item's embedding.
        dropout: Share of each layer's inputs lost in training, the same along a window.
        tokens: ``"characters"``, ``"bytes"`` or ``"bpe"`` (byte pairs, with the extra ``text``).
        vocabulary_size: Of byte pairs.
        lower: Lower-case everything first.
        unknown: A character met after the fit: ``"error"``, ``"drop"``, or ``"token"``, an item of its own.
        chunk: Items of a training window.
        align: ``"plain"``: windows follow each other; ``"newline"``: they start only after a newline, and overlap.
            ``"auto"`` is plain.
        carry_state: Each training window goes on with the state that the one before it left.
        max_epochs: Passes over the training text.
        batch_size: Windows a step.
        learning_rate: Of AdamW.
        weight_decay: Of AdamW.
        schedule: ``"constant"``, ``"cosine"`` or ``"one-cycle"``.
        clip_value: Bound on every number of the gradient; ``"auto"`` is 2 / chunk, the published one; None for none.
        clip_norm: Bound on the gradient's norm, or None.
        precision: ``"32-true"``, ``"bf16-mixed"`` or ``"16-mixed"``.
        validation_fraction: Share held out, in [0, 1): the end of the text, or the last texts of a list.
        early_stopping: Stop when the held-out loss has not improved for `patience` epochs, and keep the best weights.
        patience: Epochs.
        random_state: Seed of the weights, the order and the dropout.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"mps"``.
        verbose: 0 for no progress bar.

    Raises:
        ConfigError: On `fit`: a setting that cannot work.
        DataError: On `fit`: no text, or a string that is no path.

    Example:
        >>> lm = TextAutoregressor(hidden_size=16, chunk=8, max_epochs=2, verbose=0).fit(["to be or not to be"] * 8)
        >>> len(lm.generate("to", max_new_tokens=5, stop=()))
        5
        >>> lm.transform(["to be", "not"]).shape
        (2, 16)
    """

    schema_: TextSchema

    def __init__(
        self,
        cell: str = "gru",
        n_layers: int = 2,
        hidden_size: int = 128,
        embedding_size: int = 32,
        dropout: float = 0.0,
        tokens: str = "characters",
        vocabulary_size: int = 1024,
        lower: bool = True,
        unknown: str = "error",
        chunk: int = 250,
        align: str = "auto",
        carry_state: bool = False,
        max_epochs: int = 100,
        batch_size: int = 128,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.01,
        schedule: str = "constant",
        clip_value: float | str | None = "auto",
        clip_norm: float | None = None,
        precision: str = "32-true",
        validation_fraction: float = 0.1,
        early_stopping: bool = False,
        patience: int = 5,
        random_state: Any = 0,
        device: str = "auto",
        verbose: int = 1,
    ) -> None:
        self.cell, self.n_layers = cell, n_layers
        self.hidden_size, self.embedding_size = hidden_size, embedding_size
        self.dropout = dropout
        self.tokens, self.vocabulary_size = tokens, vocabulary_size
        self.lower, self.unknown = lower, unknown
        self.chunk, self.align, self.carry_state = chunk, align, carry_state
        self.max_epochs, self.batch_size = max_epochs, batch_size
        self.learning_rate, self.weight_decay, self.schedule = learning_rate, weight_decay, schedule
        self.clip_value, self.clip_norm = clip_value, clip_norm
        self.precision = precision
        self.validation_fraction = validation_fraction
        self.early_stopping, self.patience = early_stopping, patience
        self.random_state = random_state
        self.device = device
        self.verbose = verbose

    def network_name(self) -> str:
        return "text"

    # ---- data --------------------------------------------------------------------------------------------------

    def _open(self, X: Any) -> TextSource:
        if isinstance(X, TextSource):
            return X
        source = open_source(X, **(self.schema_.reading() if hasattr(self, "schema_") else {"kind": "text"}))
        assert isinstance(source, TextSource)
        return source

    def _learn_schema(self, source: TextSource) -> TextSchema:
        return learn_text(
            source,
            tokens=self.tokens,
            lower=bool(self.lower),
            unknown=self.unknown,
            vocabulary_size=self.vocabulary_size,
        )

    def _corpus(self, source: TextSource, ended: bool) -> Corpus:
        return encode_corpus(source, self.schema_, None if ended else "")

    def _windows(self, ids: np.ndarray, offsets: np.ndarray) -> Windows:
        chunk = whole("chunk", self.chunk, at_least=1)
        if choice("align", self.align, ALIGNMENTS) != "newline":
            return plain_windows(offsets, chunk)
        newline = self.schema_.encode("\n")
        if len(newline) != 1:
            raise ConfigError(f'align="newline": the text holds no newline; use {setting("align", "plain")}')
        return aligned_windows(offsets, chunk, _places_of(newline[0], ids, offsets) + 1)

    def _text_of(self, ids: np.ndarray) -> str:
        return self.schema_.decode(ids)

    # ---- answers -----------------------------------------------------------------------------------------------

    def surprisal(self, text: str | bytes | Sequence[str | bytes]) -> Any:
        """What each item of a text costs, in nats: (T,) float64, the first item from an empty state.

        Args:
            text: The text itself (for a model of bytes also bytes, of any encoding), or a list, which gives a list.
        """
        check_is_fitted(self)
        texts, alone = _texts(text, (str, bytes) if self.schema_.tokens == "bytes" else (str,))
        costs = self.network_.costs([self._ids(each, "text") for each in texts])
        return costs[0] if alone else costs

    def read(self, prompt: str | Sequence[str], state: SequenceState | None = None) -> SequenceState:
        """Where the model stands once it has read a prompt: to generate from, to fork, to save.

        Args:
            prompt: A text, or several for as many rows.
            state: Where to go on from, one sequence for each prompt; None is from nothing.
        """
        check_is_fitted(self)
        texts, _ = _texts(prompt)
        prompts = [self._ids(text, "prompt") for text in texts]
        if state is None:
            return self._read(prompts)
        if len(state) != len(prompts):
            raise ConfigError(f"state holds {len(state)} sequences for {len(prompts)} prompts; use one for each")
        after, said = self.network_.states(prompts, (state.state, state.said))
        return replace(state, state=after, said=said, seen=also(state.seen, prompts))

    def generate(
        self,
        prompt: str | Sequence[str] | SequenceState = "",
        *,
        max_new_tokens: int = 500,
        temperature: float = 0.75,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
        typical: float | None = None,
        repetition_penalty: float | None = None,
        stop: str | Sequence[str] | None = None,
        n: int = 1,
        random_state: Any = 0,
        stream: bool = False,
        details: bool = False,
    ) -> Any:
        """Continue a prompt; the continuation comes without it.

        The prompt is read once and the state carried on, so that the time is proportional to what is generated. A
        prompt gives the same text with the same seed alone and in any batch.

        Args:
            prompt: A text; a list of them, which gives a list; or a state from `read` or from `details`.
            max_new_tokens: Items to draw at most.
            temperature: Divides the logits; 0 takes the likeliest item always.
            top_k, top_p, min_p, typical, repetition_penalty: Filters, off unless given; see `latens.sampling`.
            stop: Strings that end a text, and are not part of it. None is a newline for a model of short entries, else
                nothing.
            n: Texts for each prompt; more than one gives a list for each.
            random_state: Seed of the draws.
            stream: Return an iterator over pieces of text; of several texts, over lists with a piece of each. What it
                returns at its end (the value of ``yield from``) is what is returned without `stream`.
            details: Return `GeneratedText` instead of text.

        Raises:
            DataError: The prompt holds a character that the model does not know.
            ConfigError: An argument is out of range.
        """
        check_is_fitted(self)
        begun, alone = self._begun(prompt, whole("n", n, at_least=1))
        settings: dict[str, Any] = {"top_k": top_k, "top_p": top_p, "min_p": min_p, "typical": typical}
        settings |= {"temperature": temperature, "repetition_penalty": repetition_penalty}
        stops = ("\n",) if stop is None and self.schema_.lines else stop or ()
        writers = [Writer(self.schema_, stops, row) for row in range(len(begun))]
        length = whole("max_new_tokens", max_new_tokens, at_least=0)
        seed, watched = resolve_seed(random_state), stream or bool(stops)
        drawn = stretches(self.network_, begun, length, settings, seed, watched)
        pieces = self._written(begun, writers, drawn, details)

        def results() -> Any:
            return grouped([writer.result(details) for writer in writers], n, alone=alone)

        if stream:
            return streamed(pieces, results, single=alone and n == 1)
        for _ in pieces:
            pass
        return results()

    def _begun(self, prompt: Any, n: int) -> tuple[SequenceState, bool]:
        if isinstance(prompt, SequenceState):
            return prompt.fork(n), len(prompt) == 1
        texts, alone = _texts(prompt)
        return self._read([self._ids(text, "prompt") for text in texts]).fork(n), alone

    def _written(
        self, begun: SequenceState, writers: Sequence[Writer], drawn: Iterator[Stretch], details: bool
    ) -> Iterator[list[str]]:
        """The pieces of text of each stretch; the writers keep all of it, and with details their states."""
        for stretch in drawn:
            yield [writer.write(stretch) for writer in writers]
            if all(writer.ended for writer in writers):
                break
        yield [writer.finish() for writer in writers]
        if details:
            self._leave_states(begun, writers)

    def _leave_states(self, begun: SequenceState, writers: Sequence[Writer]) -> None:
        """Each writer's state after its own last item, whenever the others ended."""
        states, said_before, items = zip(*(writer.since(begun) for writer in writers), strict=True)
        after, said = self.network_.states(items, (torch.cat(states, dim=1), torch.cat(said_before)))
        seen = also(begun.seen, [np.array(writer.ids, dtype=np.int64) for writer in writers])
        for row, writer in enumerate(writers):
            one, steps = slice(row, row + 1), begun.steps + len(writer.ids)
            writer.state = SequenceState(after[:, one], said[one], seen[one], begun.keys[one], steps)

    def beam_search(
        self, prompt: str = "", *, max_new_tokens: int = 50, beams: int = 5, length_penalty: float = 1.0
    ) -> list[tuple[str, float]]:
        """The likeliest continuations that a search along several of them finds, best first, each with its score.

        Args:
            prompt: One text.
            max_new_tokens: Items of a continuation; a model of short entries ends one earlier at a newline.
            beams: Continuations that are followed.
            length_penalty: α in the score Σ log p / L^α.

        Raises:
            ConfigError: beams < 1, or another argument out of range.
        """
        check_is_fitted(self)
        ids = self._ids(prompt, "prompt")
        begun = self._read([ids])
        end = int(self.schema_.encode("\n")[0]) if self.schema_.lines else None
        found = beam_search(
            self.network_.step,
            begun.state,
            begun.said,
            max_new_tokens,
            beams,
            length_penalty=length_penalty,
            end=end,
        )
        ended = "" if end is None else "\n"
        return [(self.schema_.decode(beam.ids).removesuffix(ended), beam.score) for beam in found]

    def _ids(self, text: str | bytes, where: str) -> np.ndarray:
        return self.schema_.encode_bytes(text) if isinstance(text, bytes) else self.schema_.encode(text, where)


def _texts(prompt: Any, kinds: tuple[type, ...] = (str,)) -> tuple[list[Any], bool]:
    """Texts as a list, and whether one was given alone."""
    if isinstance(prompt, kinds):
        return [prompt], True
    texts = list(prompt) if isinstance(prompt, Iterable) and not isinstance(prompt, bytes) else []
    if not texts or not all(isinstance(text, kinds) for text in texts):
        raise DataError(f"prompt: {prompt!r:.50} is no text; give a text, or a list of at least one text")
    return texts, False


def _places_of(item: int, ids: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Where an item stands between the first offset and the last; a mapped file is looked at block by block."""
    begin, end = int(offsets[0]), int(offsets[-1])
    blocks = ((start, ids[start : min(start + _BLOCK, end)]) for start in range(begin, end, _BLOCK))
    return np.concatenate([np.zeros(0, np.int64), *(np.flatnonzero(block == item) + start for start, block in blocks)])
