"""The libraries that a user would pick instead, on a table: PyOD's AutoEncoder and skorch, on annthyroid.

Everyone learns a network with layers of 64 and 32 in batches of 32 for ten epochs by Adam at 1e-3, from standardised
columns, and then gives every row its reconstruction error: a whole call of `fit` and of the scores, scaling included.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import numpy as np
import torch
from listings import autoencoder
from reporting import run
from sklearn.preprocessing import StandardScaler
from timing import Contender, Options, Row, check_same, data_folder, faster, race, timed

import latens

HIDDEN = (64, 32)
BATCH = 32
# Different random weights and orders on each side: what they reach after ten epochs lies close all the same.
SAME = 0.5

Scores = Callable[[], np.ndarray]


def annthyroid(options: Options) -> np.ndarray:  # (7200, 6) float32
    X = np.load(data_folder() / "adbench" / "2_annthyroid.npz", allow_pickle=False)["X"]
    return X[: options.sized(len(X), 320)].astype(np.float32)


def ours(X: np.ndarray, epochs: int, device: str) -> Scores:
    how = {"validation_fraction": 0.0, "verbose": 0, "scaling": "standard", "device": device}
    shape = {"hidden": HIDDEN[:-1], "n_components": HIDDEN[-1]}

    def scores() -> np.ndarray:
        model = latens.Autoencoder(**shape, batch_size=BATCH, max_epochs=epochs, **how).fit(X)
        # In units of the columns' deviations, as the others have it.
        return np.square(model.residuals(X) / X.std(axis=0)).mean(axis=1)

    return scores


def with_pyod(X: np.ndarray, epochs: int, device: str) -> Scores:
    from pyod.models.auto_encoder import AutoEncoder

    how = {"hidden_neuron_list": list(HIDDEN), "dropout_rate": 0.0, "verbose": 0, "device": torch.device(device)}

    def scores() -> np.ndarray:
        model = AutoEncoder(epoch_num=epochs, batch_size=BATCH, lr=1e-3, **how).fit(X)
        return model.decision_scores_**2 / X.shape[1]

    return scores


def with_skorch(X: np.ndarray, epochs: int, device: str) -> Scores:
    from skorch import NeuralNetRegressor

    def scores() -> np.ndarray:
        scaled = StandardScaler().fit_transform(X)
        how = {"train_split": None, "verbose": 0, "iterator_train__shuffle": True, "device": device}
        model = NeuralNetRegressor(
            plain_network(X.shape[1]), max_epochs=epochs, lr=1e-3, optimizer=torch.optim.AdamW, batch_size=BATCH, **how
        )
        model.fit(scaled, scaled)
        return np.square(model.predict(scaled) - scaled).mean(axis=1)

    return scores


def plain_network(features: int) -> torch.nn.Sequential:
    """The layers that ours has: no BatchNorm and no ReLU behind the code, where PyOD has them."""
    return autoencoder([features, *HIDDEN], [*HIDDEN[::-1], features])


def _is_there(name: str) -> bool:
    """Whether a peer can be imported, with all that it needs."""
    try:
        import_module(name)
    except ImportError:
        return False
    return True


PEERS: dict[str, Callable[[np.ndarray, int, str], Scores]] = {"pyod": with_pyod, "skorch": with_skorch}


def measure(options: Options) -> list[Row]:
    X, epochs = annthyroid(options), options.sized(10, 2)
    there = [name for name in PEERS if _is_there(name)]
    last: dict[str, float] = {}

    def contender(name: str, scores: Scores) -> Contender:
        return timed(lambda: last.update({name: float(np.median(scores()))}), options.device)

    contenders = {name: contender(name, PEERS[name](X, epochs, options.device)) for name in there}
    seconds = race(contenders | {"latens": contender("latens", ours(X, epochs, options.device))}, options)
    missing = [name for name in PEERS if name not in there]
    note = "PyOD has a BatchNorm and a ReLU behind the code, the others have not"
    if missing:
        note += f"; not installed: {', '.join(missing)} (pip install 'latens[bench]')"
    if not options.quick:
        for name in there:
            check_same(f"median error of a row, {name}", last["latens"], last[name], SAME)
    goals = [faster(seconds, name, options.bound(3.0)) for name in there]
    return [Row(f"annthyroid, {len(X):,} rows, [64, 32], {epochs} epochs, batch 32", seconds, goals, note)]


if __name__ == "__main__":
    run(measure)
