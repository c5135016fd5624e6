import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from model.latent.macro_auc import _Ranked, macro_auc


def scored(n=300, classes=4, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    scores = rng.normal(size=(n, classes)) + 1.0 * (labels[:, None] == np.arange(classes))
    return np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True), labels


@pytest.mark.parametrize("decimals", [8, 1])
def test_it_is_scikit_learns_macro_average(decimals):
    scores, labels = scored()
    scores = scores.round(decimals)  # one decimal: many ties
    expected = np.mean([roc_auc_score(labels == c, scores[:, c]) for c in range(4)])
    assert macro_auc(scores, labels, range(4), resamples=10).value == pytest.approx(expected, abs=1e-12)


def test_weighted_areas_are_scikit_learns():
    scores, labels = scored()
    weights = np.random.default_rng(1).integers(0, 4, (3, len(labels))).astype(float)
    ranked = _Ranked.of(scores[:, 2].round(1), labels == 2)
    expected = [roc_auc_score(labels == 2, scores[:, 2].round(1), sample_weight=w) for w in weights]
    assert ranked.areas(weights) == pytest.approx(expected, abs=1e-12)


def test_the_interval_covers_the_true_area():
    rng = np.random.default_rng(2)
    truth, covered = norm.cdf(1 / np.sqrt(2)), 0
    for seed in range(300):
        labels = np.repeat([0, 1], 60)
        score = rng.normal(size=120) + labels
        low, high = macro_auc(score[:, None], labels, [1], seed=seed, resamples=300).interval
        covered += low <= truth <= high
    assert 0.91 <= covered / 300 <= 0.98


def test_the_same_seed_gives_the_same_interval():
    scores, labels = scored()
    drawn = [macro_auc(scores, labels, range(4), seed=s).interval for s in (7, 7, 8)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_blocks_of_resamples_do_not_change_what_is_tested(monkeypatch):
    scores, labels = scored()
    whole = macro_auc(scores, labels, range(4), resamples=2000)
    monkeypatch.setattr("model.latent.macro_auc._ELEMENTS", 1000)  # three resamples at a time
    pieces = macro_auc(scores, labels, range(4), resamples=2000)
    assert pieces.value == whole.value
    assert pieces.interval == pytest.approx(whole.interval, abs=0.005)


def test_classes_without_images_or_scores_are_left_out():
    scores, labels = scored()
    kept = labels != 3
    found = macro_auc(scores[kept], labels[kept], range(4), resamples=10)
    assert found.classes == (0, 1, 2)
    # Class 3 has images but no score: its images are among the rest of the others.
    found = macro_auc(scores[:, :3], labels, range(3), resamples=10)
    assert found.value == pytest.approx(np.mean([roc_auc_score(labels == c, scores[:, c]) for c in range(3)]))


def test_one_class_alone_has_no_area():
    scores, _ = scored(20)
    assert macro_auc(scores, np.zeros(20, dtype=int), range(4)) is None
    assert macro_auc(scores, np.arange(20) % 2 + 9, range(4)) is None
