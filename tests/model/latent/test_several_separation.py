"""Images with several classes each: every class against the rest, as scikit-learn has it, fitted to training alone."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, roc_auc_score, silhouette_score

from model.latent import several_separation as module
from model.latent.macro_auc import macro_auc
from model.latent.probes import Labelled, LinearProbe, NeighbourProbe
from model.latent.separation import separation
from model.latent.several_separation import several_separation


def images(n, seed, shares=(0.5, 0.3), apart=2.0, dimensions=12):
    """Each class is drawn by itself, and moves its images `apart` along an axis of its own: many have two or none."""
    rng = np.random.default_rng(seed)
    having = rng.random((n, len(shares))) < shares
    x = rng.normal(size=(n, dimensions)) + 1
    x[:, : len(shares)] += apart * having
    return Labelled(x.astype(np.float32), (having @ (1 << np.arange(len(shares)))).astype(np.int64))


def binary(part, bit):
    return Labelled(part.embeddings, part.labels >> bit & 1)


def relabelled(part, labels):
    return Labelled(part.embeddings, np.asarray(labels, np.int64))


def test_of_one_class_it_is_the_separation_of_two():
    parts = [images(n, seed, shares=(0.5,)) for seed, n in enumerate((200, 80, 120))]
    parts = [relabelled(part, np.arange(len(part)) % 2) for part in parts]  # one half is then the threshold
    for part in parts:
        part.embeddings[:, 0] += 2 * part.labels
    several, two = several_separation(*parts), separation(*parts)
    assert several["silhouette"] == {**two["silhouette"], "classes": 1}
    for probe in ("linear", "knn"):
        for figure in ("auc", "auc_interval", "balanced_accuracy", "balanced_accuracy_interval"):
            assert several[probe][figure] == pytest.approx(two[probe][figure], abs=1e-12)


@pytest.mark.parametrize("tuned", [True, False])
def test_each_class_against_the_rest_is_scikit_learns(tuned):
    train, test = images(300, 0), images(150, 2)
    tuning = images(100, 1) if tuned else None
    found = several_separation(train, tuning, test)
    areas, balanced, apart = {"linear": [], "knn": []}, {"linear": [], "knn": []}, []
    for bit in (0, 1):
        told, truth = binary(train, bit), binary(test, bit).labels
        linear = LinearProbe.fit(told, tuning and binary(tuning, bit))
        for name, probe in (("linear", linear), ("knn", NeighbourProbe.fit(told))):
            scores = probe.probabilities(test.embeddings)[:, 1]
            areas[name].append(roc_auc_score(truth, scores))
            balanced[name].append(balanced_accuracy_score(truth, scores > told.labels.mean()))
        apart.append(silhouette_score(test.embeddings, truth, metric="cosine"))
    for name in ("linear", "knn"):
        assert found[name]["auc"] == pytest.approx(np.mean(areas[name]), abs=1e-9)
        assert found[name]["balanced_accuracy"] == pytest.approx(np.mean(balanced[name]), abs=1e-9)
        assert found[name]["auc"] > 0.8
        for figure in ("auc", "balanced_accuracy"):
            low, high = found[name][f"{figure}_interval"]
            assert 0 <= low < found[name][figure] < high <= 1
        assert found[name]["accuracy"] is found[name]["accuracy_interval"] is None
    assert found["silhouette"]["value"] == pytest.approx(np.mean(apart), abs=1e-5)
    assert (found["classes"], found["left_out"], found["chance"]) == (2, [], None)


def test_nothing_of_the_evaluated_images_is_learnt():
    """Their classes lie far apart, but those of the training and tuning images do not."""
    train, tuning, test = images(300, 0, apart=0), images(100, 1, apart=0), images(300, 2, apart=9)
    found = several_separation(train, tuning, test)
    assert found["silhouette"]["value"] > 0.1
    # With each class turned into its opposite, a probe that saw the test labels would do as well again.
    again = several_separation(train, tuning, relabelled(test, 3 - test.labels))
    for name in ("linear", "knn"):
        assert found[name]["auc"] + again[name]["auc"] == pytest.approx(1, abs=1e-9)


def test_a_rare_class_is_named_all_the_same():
    shares = (0.06, 0.5)
    train, tuning, test = (images(n, i, shares, apart=3) for i, n in enumerate((600, 300, 600)))
    found = several_separation(train, tuning, test)
    assert min(found[name]["balanced_accuracy"] for name in ("linear", "knn")) > 0.82
    scores = NeighbourProbe.fit(binary(train, 0)).probabilities(test.embeddings)[:, 1]
    assert balanced_accuracy_score(test.labels & 1, scores > 0.5) < 0.7


def test_classes_with_too_few_images_are_left_out():
    train, tuning, test = (images(n, seed) for seed, n in enumerate((200, 60, 100)))
    few = np.arange(100) < 9
    enough = np.arange(100) < 10
    everywhere, always = 1 << 4, 1 << 6

    def with_more(part):
        return relabelled(
            part,
            part.labels + everywhere * (np.arange(len(part)) % 2) + always + (1 << 5) * (part.labels == 3),
        )

    plain = several_separation(train, tuning, test)
    short = several_separation(
        relabelled(train, train.labels | (1 << 2) * (np.arange(200) % 2)),
        tuning,
        relabelled(test, test.labels | (1 << 2) * few | (1 << 3) * enough),  # bit 3: no training image has it
    )
    assert short["left_out"] == [2, 3]
    assert short["linear"] == plain["linear"]
    assert short["silhouette"]["value"] == pytest.approx(plain["silhouette"]["value"])
    more = several_separation(with_more(train), with_more(tuning), with_more(test))
    assert (more["classes"], more["left_out"]) == (4, [6])  # which all images have
    just = relabelled(test, test.labels | (1 << 2) * enough)
    assert several_separation(with_bit(train, 2), tuning, just)["left_out"] == []


def with_bit(part, bit):
    return relabelled(part, part.labels | (np.arange(len(part)) % 2 << bit))


def test_without_a_class_there_is_nothing():
    train, test = images(200, 0), images(100, 1)
    none = np.zeros(100)
    assert several_separation(train, None, relabelled(test, none)) is None
    assert several_separation(relabelled(train, np.zeros(200)), None, relabelled(test, none)) is None


def test_a_class_without_enough_tuning_images_is_tuned_on_training():
    train, test = images(200, 0), images(100, 1)
    without = relabelled(images(50, 2), np.zeros(50))
    assert several_separation(train, without, test) == several_separation(train, None, test)


def test_a_class_told_twice_is_known_no_better():
    """Intervals that took classes for independent would be narrower by the root of their number."""
    parts = [images(n, seed, shares=(0.4,), apart=1) for seed, n in enumerate((200, 80, 150))]
    once = several_separation(*parts)
    thrice = several_separation(*(relabelled(part, part.labels * 0b111) for part in parts))
    assert (once["classes"], thrice["classes"]) == (1, 3)
    for figure in ("auc_interval", "balanced_accuracy_interval"):
        for name in ("linear", "knn"):
            assert thrice[name][figure] == pytest.approx(once[name][figure], abs=1e-9)
    assert thrice["silhouette"]["interval"] == pytest.approx(once["silhouette"]["interval"], abs=1e-9)


@pytest.mark.parametrize("together", [0.0, 0.9])
def test_intervals_cover_the_truth(together):
    """Of scores whose errors go together over classes or do not; truth: of 400,000 images."""
    shares = np.array([0.5, 0.2, 0.1, 0.3])

    def drawn(rng, n):
        having = rng.random((n, 4)) < shares
        noise = together * rng.normal(size=(n, 1)) + (1 - together**2) ** 0.5 * rng.normal(size=(n, 4))
        return noise + 1.2 * having, having

    def balanced(scores, having):
        return module._balanced_accuracy((scores > 0.6) == having, having)

    scores, having = drawn(np.random.default_rng(0), 400_000)
    area = np.mean([roc_auc_score(having[:, c], scores[:, c]) for c in range(4)])
    middle = balanced(scores, having)[0]
    covered = np.zeros(2)
    rng = np.random.default_rng(1)
    for _ in range(200):
        scores, having = drawn(rng, 200)
        low, high = module.macro_auc_of_several(scores, having, range(4)).interval
        least, most = balanced(scores, having)[1]
        covered += [low <= area <= high, least <= middle <= most]
    assert (covered >= 0.91 * 200).all()
    assert (covered < 200).all()  # nor are they so wide that they say nothing


def test_two_classes_that_exclude_each_other_have_the_area_of_one():
    rng = np.random.default_rng(0)
    labels, score = rng.integers(0, 2, 80), rng.normal(size=80)
    scores = np.stack([-score, score], axis=1)
    several = module.macro_auc_of_several(scores, labels[:, None] == np.arange(2), [0, 1])
    assert several.interval == pytest.approx(macro_auc(scores, labels, [0, 1]).interval)
