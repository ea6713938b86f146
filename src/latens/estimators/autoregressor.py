"""What the estimators over items of a vocabulary share: fit, embed, score, continue, save."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from latens.analysis.ngrams import Documents, documents
from latens.analysis.sequence_referee import SequenceReferee, judge_sequences
from latens.callbacks import Callback
from latens.data.batches import TrainingData
from latens.data.corpora import Corpus
from latens.data.sequences import EVALUATION_CHUNK, SequenceRows, Windows, plain_windows, split_sequences
from latens.devices import resolve_device
from latens.errors import ConfigError, DataError, finite, setting, whole
from latens.estimators.fitting import Run, all_or_nothing, fitted_state, learn, network_to_train
from latens.estimators.reading import Reader
from latens.estimators.saving import save
from latens.estimators.states import SequenceState, also
from latens.history import History
from latens.models import network_digest
from latens.seeds import resolve_seed
from latens.training import evaluate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Autoregressor"]

# Items that the referee counts, at most: eight bytes each, several times.
_COUNTED = 1 << 24


class Autoregressor(BaseEstimator):  # type: ignore[misc]
    """The common part; `network_name`, `_open`, `_learn_schema` and `_corpus` make it one estimator or another.

    Attributes after `fit`:
        schema_: The vocabulary.
        network_: The trained network, applied.
        history_: A row an epoch; losses are mean nats an item.
        referee_: Unigram, 5-gram and xz on the same held-out part, beside the model.
        resumed_from_step_: The checkpoint's step that the fit went on from, or None.
    """

    cell: str
    n_layers: int
    hidden_size: int
    embedding_size: int
    dropout: float
    chunk: int
    carry_state: bool
    batch_size: int
    clip_value: Any
    validation_fraction: float
    early_stopping: bool
    random_state: Any
    device: str

    schema_: Any
    network_: Reader
    history_: History
    referee_: SequenceReferee
    resumed_from_step_: int | None

    # ---- what a subclass says ----------------------------------------------------------------------------------

    def network_name(self) -> str:
        """The network's key in `MODELS`."""
        raise NotImplementedError

    def _open(self, X: Any) -> Any:
        """X as a source of this estimator's kind."""
        raise NotImplementedError

    def _learn_schema(self, source: Any) -> Any:
        raise NotImplementedError

    def _corpus(self, source: Any, ended: bool) -> Corpus:
        """The source's items in the schema's ids, each sequence with or without what ends it."""
        raise NotImplementedError

    def _windows(self, ids: np.ndarray, offsets: np.ndarray) -> Windows:
        """The windows to learn from."""
        return plain_windows(offsets, whole("chunk", self.chunk, at_least=1))

    def _text_of(self, ids: np.ndarray) -> str | None:
        """What ids stand for, where that is text."""
        return None

    # ---- learning ----------------------------------------------------------------------------------------------

    def network_config(self, schema: Any) -> dict[str, Any]:
        """The network's arguments for data of this schema."""
        return {
            "n_items": schema.n_items,
            "embedding_size": self.embedding_size,
            "hidden_size": self.hidden_size,
            "n_layers": self.n_layers,
            "cell": self.cell,
            "dropout": self.dropout,
        }

    def clip_bound(self) -> float:
        """The published bound of two on each number of the gradient of a summed loss, under the mean."""
        return 2.0 / self.chunk

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        target: Any = None,
        callbacks: Sequence[Callback] = (),
        run_folder: str | Path | None = None,
        resume: bool = False,
    ) -> Self:
        """Learn to predict each item from those before it.

        Args:
            X: A path, a list of paths, a source, or the sequences themselves.
            y: Ignored.
            target: Must be None: what is predicted is the data itself.
            callbacks: Who watches the fit.
            run_folder: Where checkpoints go, and come from with `resume`.
            resume: Go on from the folder's newest valid checkpoint, if there is one.

        Raises:
            DataError: The data cannot be learned from.
            ConfigError: A setting that cannot work.
            DivergedError: The loss stopped being a number.
        """
        with all_or_nothing(self):
            source = self._open(X)
            self._fit(source, target, Run.of(callbacks, run_folder, resume))
        return self

    def continue_fit(
        self,
        X: Any,
        y: Any = None,
        *,
        target: Any = None,
        callbacks: Sequence[Callback] = (),
        run_folder: str | Path | None = None,
        resume: bool = False,
    ) -> Self:
        """Learn on from new data of the same vocabulary, starting at the weights of the last fit; see `fit`.

        If it fails, the fitted model stays.
        """
        check_is_fitted(self)
        with all_or_nothing(self, before=fitted_state(self)):
            self._fit(self._open(X), target, Run.of(callbacks, run_folder, resume), begun=self.network_)
        return self

    def _fit(self, source: Any, target: Any, run: Run, begun: Reader | None = None) -> None:
        if target is not None:
            raise ConfigError("target: an autoregressive model predicts the data itself; leave it out")
        if begun is None:
            self.schema_ = self._learn_schema(source)
        corpus = self._corpus(source, ended=True)
        fraction = finite("validation_fraction", self.validation_fraction, at_least=0.0, at_most=0.999)
        if self.early_stopping and not fraction:
            raise ConfigError(f"early_stopping=True needs a held-out part; use {setting('validation_fraction', 0.1)}")
        cut = split_sequences(corpus.offsets, fraction)
        data = self._data(corpus, cut, resolve_seed(self.random_state))
        network: Any = network_to_train(self, data.train.seed, None if begun is None else begun.network)
        if begun is None:
            network.begin_with(*_counts(corpus.ids, cut[0], self.schema_.n_items))
        learn(self, network, data, run)
        self._keep(network)
        self._judge(corpus, cut, data)

    def _data(self, corpus: Corpus, cut: tuple[np.ndarray, np.ndarray], seed: int) -> TrainingData[SequenceRows]:
        device = resolve_device(self.device)
        items = _tensor(corpus.ids, device)
        size = whole("batch_size", self.batch_size, at_least=1)
        learned, held_out = self._windows(corpus.ids, cut[0]), plain_windows(cut[1], EVALUATION_CHUNK)
        train = SequenceRows(items, learned, size, seed, device, carry=bool(self.carry_state))
        return TrainingData(train, SequenceRows(items, held_out, size, seed, device))

    def _keep(self, network: Any) -> None:
        network.carried.clear()
        self.network_ = Reader(network, resolve_device(self.device))

    def _judge(self, corpus: Corpus, cut: tuple[np.ndarray, np.ndarray], data: TrainingData[SequenceRows]) -> None:
        """Beside what counting and xz make of the same items; of a long corpus they learn from its end only."""
        nats = evaluate(self.network_.network, data.validation if len(data.validation) else data.train)
        train, held_out = (_documents(corpus.ids, offsets) for offsets in cut)
        judged = held_out if len(held_out) else train
        text = self._text_of(judged.ids)
        more: dict[str, Any] = {}
        if text is not None:
            learned = self._text_of(train.ids) or ""
            more["texts"] = learned.encode(), text.encode() if len(held_out) else b""
            more["characters_per_item"] = max(len(text), 1) / len(judged)
        self.referee_ = judge_sequences(train, held_out, float(nats or 0.0), self.schema_.n_items, **more)

    # ---- answers -----------------------------------------------------------------------------------------------

    def _sequences(self, X: Any) -> list[np.ndarray]:
        """Every sequence of X in ids."""
        check_is_fitted(self)
        corpus = self._corpus(self._open(X), ended=False)
        return [corpus.ids[begin:end] for begin, end in zip(corpus.offsets[:-1], corpus.offsets[1:], strict=True)]

    def transform(self, X: Any, pooling: str = "last") -> np.ndarray:
        """The sequences as vectors, (n, hidden_size) float32.

        Args:
            X: As for `fit`.
            pooling: ``"last"``: the top layer's output after the last item; ``"mean"`` or ``"max"`` over all items.
        """
        sequences = self._sequences(X)  # first, for it says whether there is a network
        return self.network_.vectors(sequences, pooling)

    def fit_transform(self, X: Any, y: Any = None) -> np.ndarray:
        """`fit`, then `transform`."""
        return self.fit(X).transform(X)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """The names of a vector's numbers."""
        check_is_fitted(self)
        name = type(self).__name__.lower()
        return np.array([f"{name}{i}" for i in range(self.n_components_)], dtype=object)

    @property
    def n_components_(self) -> int:
        """Numbers in a vector."""
        check_is_fitted(self)
        return int(self.network_.network.hidden_size)

    def score_samples(self, X: Any) -> np.ndarray:
        """The mean log-likelihood of an item of each sequence, in nats, (n,) float64; the first from an empty state.

        An empty sequence has nothing to be judged by and scores 0.
        """
        return np.array([-costs.mean() if len(costs) else 0.0 for costs in self._costs(X)])

    def score(self, X: Any, y: Any = None) -> float:
        """The mean log-likelihood of an item of all sequences together, in nats; y is ignored.

        Raises:
            DataError: There is no item to be judged by.
        """
        costs = np.concatenate(self._costs(X))
        if not len(costs):
            raise DataError("score: nothing here has an item that the model reads; give it longer sequences")
        return -float(costs.mean())

    def _costs(self, X: Any) -> list[np.ndarray]:
        """What each item of each sequence costs, in nats."""
        sequences = self._sequences(X)
        return self.network_.costs(sequences)

    def save(self, path: str | Path) -> None:
        """Write one safe file with the weights, the vocabulary, the settings, the history and the referee.

        Raises:
            OutputError: The path cannot be written.
        """
        check_is_fitted(self)
        save(self, path)

    def plot_map(self, X: Any, labels: Any = None) -> Figure:
        """Scatter of the vectors by their first two principal components, coloured by `labels`."""
        from latens.plots import plot_map

        check_is_fitted(self)
        source = self._open(X)
        return plot_map(self.transform(source), source.label() if labels is None else np.asarray(labels))

    # ---- states ------------------------------------------------------------------------------------------------

    def save_state(self, state: SequenceState, path: str | Path) -> None:
        """Write a state as one safe file; only this model can go on from it.

        Raises:
            OutputError: The path cannot be written.
        """
        state.save(path, network_digest(self.network_.network))

    def load_state(self, path: str | Path) -> SequenceState:
        """The state in a file that `save_state` wrote.

        Raises:
            ModelFileError: It is no state, or that of another model.
        """
        check_is_fitted(self)
        network = self.network_.network
        shapes = {"state": (network.n_layers, network.state_size), "said": tuple(network.opening(1).shape[1:])}
        return SequenceState.load(path, network_digest(network), shapes).to(self.network_.device)

    def _read(self, prompts: Sequence[np.ndarray]) -> SequenceState:
        """Where each prompt stands once it is read."""
        state, said = self.network_.states(prompts)
        nothing = torch.zeros(len(prompts), self.schema_.n_items, dtype=torch.bool, device=state.device)
        return SequenceState(
            state, said, also(nothing, prompts), torch.tensor(list(map(_key, prompts)), device=state.device), 0
        )


def _tensor(ids: np.ndarray, device: torch.device) -> Tensor:
    """Ids on the device; those that are mapped from a file stay there."""
    if not isinstance(ids, np.memmap):
        return torch.from_numpy(np.array(ids)).to(device)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that it cannot be written to, which nobody does
        return torch.from_numpy(ids)


def _documents(ids: np.ndarray, offsets: np.ndarray) -> Documents:
    """The sequences between some offsets, of many items the last ones."""
    begin, end = int(max(offsets[0], offsets[-1] - _COUNTED)), int(offsets[-1])
    inner = np.unique(offsets.clip(begin, end)) - begin
    return documents(np.asarray(ids[begin:end], dtype=np.int64), inner if begin < end else np.array([0, 0]))


def _counts(ids: np.ndarray, offsets: np.ndarray, n_items: int) -> tuple[Tensor, Tensor]:
    """How often sequences begin with each item, and how often each occurs."""
    starts = offsets[:-1][np.diff(offsets) > 0]
    anywhere = np.zeros(n_items, dtype=np.int64)
    for first in range(int(offsets[0]), int(offsets[-1]), 1 << 24):  # a mapped file is never all in memory
        anywhere += np.bincount(ids[first : min(first + (1 << 24), int(offsets[-1]))], minlength=n_items)
    openings = np.bincount(ids[starts], minlength=n_items)
    return torch.from_numpy(openings), torch.from_numpy(anywhere)


def _key(ids: np.ndarray) -> int:
    """The number that a row's draws are keyed by: the same prompt draws the same in any place of any batch."""
    return int.from_bytes(hashlib.blake2b(ids.astype(np.int64).tobytes(), digest_size=6).digest(), "little")
