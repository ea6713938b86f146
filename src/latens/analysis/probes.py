"""What features are worth when labels are few: simple classifiers on a handful of labelled rows."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from latens.analysis.agreement import known_classes
from latens.errors import ConfigError, DataError, whole

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["BUDGETS", "PROBES", "Probe", "ProbeCurve", "labelled_rows", "probe_features"]

BUDGETS = (10, 50, 100, 1000)
CODES, RAW = "codes", "raw"

# Strengths of the penalty to choose from, as scikit-learn's C, and the one where nothing can be chosen.
_STRENGTHS = tuple(10.0**power for power in range(-4, 2))
_UNCHOSEN = 0.01
_FOLDS = 3
# Enough steps for a hundredth of a point.
_ITERATIONS = 200
# Neighbours that vote, at most.
_NEIGHBOURS = 5
# Differences below this are none, whatever the spread.
_LEVEL = 0.005


@dataclass(frozen=True)
class Probe:
    """A classifier on some features with so many labels.

    Args:
        features: Whose: ``"raw"``, ``"PCA"``, ``"codes"``.
        probe: A key of `PROBES`.
        n_labels: Labelled rows it learned from.
        accuracies: On the test rows, one for each draw of labelled rows.
    """

    features: str
    probe: str
    n_labels: int
    accuracies: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Over the draws."""
        return float(np.mean(self.accuracies))

    @property
    def std(self) -> float:
        """The deviation between draws."""
        return float(np.std(self.accuracies))


@dataclass(frozen=True)
class ProbeCurve:
    """Accuracy by the number of labels.

    Args:
        probes: In the order of features, classifiers, budgets.
        n_train: Rows that the labelled ones were drawn from.
        n_test: Other rows, that judge.
        n_classes: Different classes.
        left_out: Budgets for which there are too few rows.
    """

    probes: tuple[Probe, ...]
    n_train: int
    n_test: int
    n_classes: int
    left_out: tuple[int, ...] = ()

    @property
    def budgets(self) -> tuple[int, ...]:
        """Numbers of labels, the smallest first."""
        return tuple(dict.fromkeys(each.n_labels for each in self.probes))

    def of(self, features: str, probe: str, n_labels: int) -> Probe:
        """One of them.

        Raises:
            KeyError: It was not carried out.
        """
        places = {(each.features, each.probe, each.n_labels): each for each in self.probes}
        return places[features, probe, n_labels]

    @property
    def verdict(self) -> str:
        """The answer in one sentence: the linear probe on codes against raw features, by paired draws."""
        names = {each.features for each in self.probes}
        if not {CODES, RAW} <= names:
            return f"only {', '.join(sorted(names))} probed: nothing to compare"
        gains = ", ".join(f"{100 * self._gain(n)[0]:+.1f} at {n:,}" for n in self.budgets)
        better, worse = ([n for n in self.budgets if self._gain(n)[1] == sign] for sign in (1, -1))
        figures = f"(linear probe, points of accuracy by labels: {gains})"
        if not better and not worse:
            return f"the codes are worth no more than the raw features {figures}"
        if better and worse:
            where = f"at {_listed(better)} labels, less at {_listed(worse)}"
            return f"the codes are worth more than the raw features {where} {figures}"
        n = better or worse
        where = "" if len(n) == len(self.budgets) else f" at {_listed(n)} labels"
        return f"the codes are worth {'more' if better else 'less'} than the raw features{where} {figures}"

    def _gain(self, n_labels: int) -> tuple[float, int]:
        """Codes minus raw, the mean over draws, and its sign; 0 if it lies within twice its standard error."""
        ours, theirs = (np.array(self.of(name, "linear", n_labels).accuracies) for name in (CODES, RAW))
        gains = ours - theirs
        error = float(gains.std()) / max(len(gains) - 1, 1) ** 0.5
        mean = float(gains.mean())
        return mean, 0 if abs(mean) <= max(_LEVEL, 2 * error) else int(np.sign(mean))

    def to_frame(self) -> pd.DataFrame:
        """A pandas frame with a row for each: features, probe, n_labels, accuracy, std, draws."""
        import pandas as pd

        return pd.DataFrame([*map(_record, self.probes)])


def _record(probe: Probe) -> dict[str, Any]:
    return {
        "features": probe.features,
        "probe": probe.probe,
        "n_labels": probe.n_labels,
        "accuracy": probe.mean,
        "std": probe.std,
        "draws": len(probe.accuracies),
    }


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(f"{number:,}" for number in numbers)


def probe_features(
    features: Mapping[str, tuple[Any, Any]],
    labels: np.ndarray,
    test_labels: np.ndarray,
    *,
    budgets: Sequence[int] = BUDGETS,
    n_draws: int = 10,
    seed: int = 0,
) -> ProbeCurve:
    """Classify test rows from a few labelled ones, on several features of the same rows.

    ``linear`` is logistic regression on standardised features, its penalty chosen by cross-validation among the
    labelled rows (where a class has a single one, there is nothing to choose by, and C = 0.01); ``kNN`` lets up to 5
    neighbours vote, as many as a class has labels on average. Mean and deviation for the standardisation come from all
    training rows, whose labels it does not need. Draws are stratified, and the same for all features.

    Args:
        features: By name, (n, d) of the training rows and (m, d) of the test rows, dense or sparse. Sparse ones, which
            are counted words, are not standardised.
        labels: (n,) classes of the training rows, of any dtype; rows whose class is missing are left out.
        test_labels: (m,).
        budgets: Numbers of labelled rows; those beyond the training rows are left out.
        n_draws: Of the labelled rows, for each budget.
        seed: Of the draws.

    Raises:
        DataError: Fewer than two classes, or no test row with a class.
        ConfigError: No budget is left, or a number is out of range.

    Example:
        >>> x = np.repeat([[0.0], [5.0]], 10, axis=0)
        >>> y = np.repeat(["a", "b"], 10)
        >>> probe_features({"raw": (x, x)}, y, y, budgets=[4], n_draws=2).of("raw", "linear", 4).mean
        1.0
    """
    classes, test_classes = _classes(labels, test_labels)
    wanted = sorted({whole("budgets", budget, at_least=2) for budget in budgets})
    possible = [budget for budget in wanted if budget <= np.count_nonzero(classes >= 0)]
    if not possible:
        least = f"{wanted[0]} labels exceed" if wanted else "no labels are asked of"
        raise ConfigError(f"budgets={list(budgets)}: {least} the {len(classes)} training rows; use fewer")
    draws = range(whole("n_draws", n_draws, at_least=1))
    rows = {budget: [labelled_rows(classes, budget, (seed, draw)) for draw in draws] for budget in possible}
    judged = np.flatnonzero(test_classes >= 0)
    probes = [
        Probe(
            name,
            probe,
            budget,
            tuple(fit((x, classes), chosen, test[judged], test_classes[judged]) for chosen in rows[budget]),
        )
        for name, (train, held_out) in features.items()
        for probe, (prepare, fit) in PROBES.items()
        for x, test in [prepare(train, held_out)]
        for budget in possible
    ]
    left_out = tuple(budget for budget in wanted if budget not in possible)
    n_classes = len(np.unique(classes[classes >= 0]))
    return ProbeCurve(tuple(probes), int((classes >= 0).sum()), len(judged), n_classes, left_out)


def _classes(labels: np.ndarray, test_labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both as numbers of one kind; -1 where a class is not known."""
    both = np.concatenate([np.asarray(part).astype(object) for part in (labels, test_labels)])
    codes = known_classes(both, len(both))
    train, test = codes[: len(labels)], codes[len(labels) :]
    n_classes = len(np.unique(train[train >= 0]))
    if n_classes < 2:
        raise DataError(f"labels: {n_classes} class{'es' * (n_classes != 1)} in the training rows; give at least 2")
    if not (test >= 0).any():
        raise DataError("test labels: no row has a class; name a column that has some")
    return train, test


def labelled_rows(classes: np.ndarray, budget: int, key: tuple[int, int]) -> np.ndarray:  # -> (budget,)
    """A draw of labelled rows in which classes are as frequent as among all rows, each at least once if that fits.

    Args:
        classes: (n,) from 0; -1 for rows that are not to be drawn.
        budget: How many.
        key: The seed and the number of the draw. A larger budget draws, by class, the same rows and more.

    Example:
        >>> sorted(np.repeat([0, 1], [6, 2])[labelled_rows(np.repeat([0, 1], [6, 2]), 4, (0, 0))].tolist())
        [0, 0, 0, 1]
    """
    random = np.random.default_rng(key)
    shuffled = random.permutation(len(classes))
    sizes = np.bincount(classes[classes >= 0])
    shares = _shares(sizes, budget, random.permutation(len(sizes)))
    return np.concatenate([shuffled[classes[shuffled] == i][:share] for i, share in enumerate(shares)])


def _shares(sizes: np.ndarray, budget: int, turn: np.ndarray) -> np.ndarray:
    """How many of each class: one of each, and what is left to the class that lacks the most (largest remainder)."""
    wanted = budget * sizes / sizes.sum()
    shares = np.zeros(len(sizes), dtype=np.int64)
    present = turn[sizes[turn] > 0][:budget]
    shares[present] = 1
    while shares.sum() < budget:
        lack = np.where(shares < sizes, wanted - shares, -np.inf)
        shares[turn[np.argmax(lack[turn])]] += 1
    return shares


# ---- the classifiers -------------------------------------------------------------------------------------------------


def _standardised(train: Any, test: Any) -> tuple[Any, Any]:
    if not isinstance(train, np.ndarray):
        return train, test
    mean, deviation = train.mean(axis=0, dtype=np.float64), train.std(axis=0, dtype=np.float64)
    scale = np.where(deviation > 1e-8 * np.maximum(np.abs(mean), 1e-30), deviation, np.inf)  # a constant says nothing
    return (train - mean) / scale, (test - mean) / scale


def _as_they_are(train: Any, test: Any) -> tuple[Any, Any]:
    return train, test


def _linear(learned: tuple[Any, np.ndarray], rows: np.ndarray, test: Any, truth: np.ndarray) -> float:
    """Its accuracy. Few rows lie in a space of as many dimensions, in which the same classifier is found faster."""
    from sklearn.linear_model import LogisticRegression

    x, classes = learned[0][rows], learned[1][rows]
    x, test = _in_their_span(x, test)
    with warnings.catch_warnings():
        _ignore_unsettled()
        strength = _chosen_strength(x, classes)
        return float(LogisticRegression(C=strength, max_iter=_ITERATIONS).fit(x, classes).score(test, truth))


def _in_their_span(x: Any, test: Any) -> tuple[Any, Any]:
    """Both in coordinates of the space that x spans: an L2 penalty does not see a rotation, nor what lies outside."""
    if not isinstance(x, np.ndarray) or x.shape[0] >= x.shape[1]:
        return x, test
    directions = np.linalg.qr(x.T)[0]
    return x @ directions, test @ directions


def _chosen_strength(x: Any, classes: np.ndarray) -> float:
    """By cross-validation; the strongest penalty among equals."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_score

    folds = min(_FOLDS, int(np.bincount(classes)[np.unique(classes)].min()))
    if folds < 2:
        return _UNCHOSEN
    splits = StratifiedKFold(folds)
    scores = [
        cross_val_score(LogisticRegression(C=strength, max_iter=_ITERATIONS), x, classes, cv=splits).mean()
        for strength in _STRENGTHS
    ]
    return _STRENGTHS[int(np.argmax(scores))]


def _neighbours(learned: tuple[Any, np.ndarray], rows: np.ndarray, test: Any, truth: np.ndarray) -> float:
    from sklearn.neighbors import KNeighborsClassifier

    classes = learned[1][rows]
    n = int(np.clip(len(rows) // len(np.unique(classes)), 1, _NEIGHBOURS))
    return float(KNeighborsClassifier(n, algorithm="brute").fit(learned[0][rows], classes).score(test, truth))


def _ignore_unsettled() -> None:
    """A hundredth of a point does not hang on the last digit of a weight."""
    from sklearn.exceptions import ConvergenceWarning

    warnings.simplefilter("ignore", ConvergenceWarning)


Prepare = Callable[[Any, Any], tuple[Any, Any]]
Fit = Callable[[tuple[Any, np.ndarray], np.ndarray, Any, np.ndarray], float]

# What is done to features, and the accuracy of the classifier.
PROBES: dict[str, tuple[Prepare, Fit]] = {"linear": (_standardised, _linear), "kNN": (_as_they_are, _neighbours)}
