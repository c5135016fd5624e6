"""How much of the labels the frozen embeddings hold: linear probe and nearest neighbours, fitted on training images.

A probe never sees the images it is evaluated on: it is fitted from training (and tuned on validation) embeddings by
`LinearProbe.fit` and `NeighbourProbe.fit`, which are given nothing else.
"""

import copy
import warnings
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from model.intervals import independent_mean_interval, proportion_interval
from model.latent.macro_auc import macro_auc

NEIGHBOURS = 11
"""As Doerrich et al. 2025 (Rethinking model prototyping through the MedMNIST+ dataset collection) have it."""

C_GRID = tuple(float(c) for c in 10.0 ** np.arange(-4, 1.25, 0.5))
"""Inverse strengths of the L2 penalty, strongest first."""

_MAX_ITERATIONS = 1000
_HELD_OUT = 0.2  # of the training images, where there is no split to choose C on


@dataclass(frozen=True)
class Labelled:
    """Embeddings (N, D) float32 with one label each, (N,) integers."""

    embeddings: NDArray[np.float32]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


class Probe(Protocol):
    """A classifier on frozen embeddings."""

    @property
    def classes(self) -> NDArray[np.int64]:
        """(K,) labels that it can give, ascending."""

    def probabilities(self, embeddings: NDArray[np.float32]) -> NDArray[np.floating]:
        """(N, D) -> (N, K)."""


@dataclass(frozen=True)
class LinearProbe:
    """Multinomial logistic regression on embeddings standardised as the training images are."""

    scaler: StandardScaler
    regression: LogisticRegression

    @classmethod
    def fit(cls, train: Labelled, tuning: Labelled | None, *, seed: int = 0) -> "LinearProbe":
        """Fit to the training images, with the C of `C_GRID` that has the smallest log-loss on the tuning images.

        The path goes from the strongest penalty to weaker ones, each fit starting from the last, and ends as soon as
        the loss rises or a fit does not converge.

        Args:
            train: of at least two classes.
            tuning: images of another split (those of classes that training lacks are left out); where it is None or
                empty, C is chosen on a fifth of the training images, held out, and the fit to all of them follows.
            seed: of that fifth.

        Raises:
            ValueError: training has fewer than two classes.
        """
        if len(np.unique(train.labels)) < 2:
            raise ValueError("a probe needs training images of at least two classes")
        scaler = StandardScaler().fit(train.embeddings)
        x, y = scaler.transform(train.embeddings), train.labels
        known = None if tuning is None else np.isin(tuning.labels, y)
        if tuning is not None and known is not None and known.any():
            held = scaler.transform(tuning.embeddings[known]), tuning.labels[known]
            return cls(scaler, _best_on_path((x, y), held))
        fitted, held_out = _hold_out(y, seed)
        chosen = _best_on_path((x[fitted], y[fitted]), (x[held_out], y[held_out]))
        return cls(scaler, LogisticRegression(C=chosen.C, max_iter=_MAX_ITERATIONS).fit(x, y))

    @property
    def c(self) -> float:
        """Inverse strength of the penalty."""
        return float(self.regression.C)

    @property
    def classes(self) -> NDArray[np.int64]:
        """(K,) labels of the training images."""
        classes: NDArray[np.int64] = self.regression.classes_
        return classes

    def probabilities(self, embeddings: NDArray[np.float32]) -> NDArray[np.floating]:
        """(N, D) -> (N, K)."""
        probabilities: NDArray[np.floating] = self.regression.predict_proba(self.scaler.transform(embeddings))
        return probabilities


@dataclass(frozen=True)
class NeighbourProbe:
    """Majority of the nearest training images by cosine distance; of equal shares the lower label wins."""

    neighbours: KNeighborsClassifier

    @classmethod
    def fit(cls, train: Labelled, k: int = NEIGHBOURS) -> "NeighbourProbe":
        """Remember the training images; with fewer than k of them, all are asked."""
        neighbours = KNeighborsClassifier(min(k, len(train)), metric="cosine", algorithm="brute")
        return cls(neighbours.fit(train.embeddings, train.labels))

    @property
    def classes(self) -> NDArray[np.int64]:
        """(K,) labels of the training images."""
        classes: NDArray[np.int64] = self.neighbours.classes_
        return classes

    def probabilities(self, embeddings: NDArray[np.float32]) -> NDArray[np.floating]:
        """(N, D) -> (N, K): share of the neighbours."""
        probabilities: NDArray[np.floating] = self.neighbours.predict_proba(embeddings)
        return probabilities


def probe(train: Labelled, tuning: Labelled | None, evaluated: Labelled, *, seed: int = 0) -> dict[str, Any]:
    """Both probes, fitted to training images, on the images of another split (JSON-able).

    Args:
        train: of at least two classes.
        tuning: to choose the linear probe's penalty on; never the evaluated images.
        evaluated: at least one image.
        seed: of the held-out fifth where there is no tuning split.
    """
    linear, neighbours = LinearProbe.fit(train, tuning, seed=seed), NeighbourProbe.fit(train)
    values, counts = np.unique(train.labels, return_counts=True)
    return {
        "n_train": len(train),
        "n": len(evaluated),
        "classes": len(values),
        "classes_evaluated": len(np.unique(evaluated.labels)),
        "chance": float((evaluated.labels == values[counts.argmax()]).mean()),
        "linear": {"c": linear.c, **score(linear, evaluated)},
        "knn": {"k": int(neighbours.neighbours.n_neighbors), **score(neighbours, evaluated)},
    }


def score(fitted: Probe, evaluated: Labelled) -> dict[str, Any]:
    """Accuracy, balanced accuracy and macro-AUC of a probe, each with its 95 % interval (JSON-able).

    Accuracy has Wilson's interval. Balanced accuracy is the mean recall over the classes that have evaluated images
    (one that training lacks has recall 0), its interval that of a mean of independent proportions. Macro-AUC is over
    the classes that both splits have, None where that leaves nothing to tell apart.
    """
    probabilities = fitted.probabilities(evaluated.embeddings)
    right = fitted.classes[probabilities.argmax(axis=1)] == evaluated.labels
    per_class = [right[evaluated.labels == c] for c in np.unique(evaluated.labels)]
    recalls = [float(images.mean()) for images in per_class]
    intervals = [proportion_interval(int(images.sum()), len(images)) for images in per_class]
    area = macro_auc(probabilities, evaluated.labels, fitted.classes.tolist())
    return {
        "accuracy": float(right.mean()),
        "accuracy_interval": proportion_interval(int(right.sum()), len(right)),
        "balanced_accuracy": float(np.mean(recalls)),
        "balanced_accuracy_interval": independent_mean_interval(recalls, intervals),
        "auc": None if area is None else area.value,
        "auc_interval": None if area is None else area.interval,
        "auc_classes": 0 if area is None else len(area.classes),
    }


Arrays = tuple[NDArray[np.float32], NDArray[np.int64]]


def _best_on_path(train: Arrays, held: Arrays) -> LogisticRegression:
    regression = LogisticRegression(C=C_GRID[0], max_iter=_MAX_ITERATIONS, warm_start=True)
    best, best_loss = None, np.inf
    for c in C_GRID:
        regression.set_params(C=c)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # seen below, and the end of the path
            regression.fit(*train)
        loss = _log_loss(regression, *held)
        if best is not None and (loss > best_loss or regression.n_iter_.max() >= _MAX_ITERATIONS):
            break
        best, best_loss = copy.deepcopy(regression), loss
    assert best is not None
    return best


def _log_loss(regression: LogisticRegression, x: NDArray[np.float32], y: NDArray[np.int64]) -> float:
    probabilities = regression.predict_proba(x).astype(np.float64)
    own = probabilities[np.arange(len(y)), np.searchsorted(regression.classes_, y)]
    # What float32 rounds to 0 is wrong by a lot, not by infinity.
    return float(-np.log(np.maximum(own, np.finfo(np.float32).tiny)).mean())


def _hold_out(labels: NDArray[np.int64], seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows to fit and rows held out; every class keeps an image to be fitted to."""
    _, first = np.unique(labels, return_index=True)
    others = np.setdiff1d(np.arange(len(labels)), first)
    if len(others) < 2:  # two or three images: nothing can be spared
        return np.arange(len(labels)), np.arange(len(labels))
    fitted, held_out = train_test_split(others, test_size=_HELD_OUT, random_state=seed)
    return np.concatenate([first, fitted]), held_out
