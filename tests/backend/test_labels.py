"""Labels of a data set whose images have several: named, filtered and grouped by class, from index to API."""

from collections import Counter

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from backend.labels import Labels
from model.latent import several_separation
from model.latent.index import build_index

NAME = "lungs"
CLASSES = [f"finding {number}" for number in range(14)]


@pytest.fixture(scope="module")
def lungs():
    """Images (N, 28, 28) and labels (N, 14) by split, in the way of ChestMNIST: some images have no finding."""
    rng = np.random.default_rng(0)
    splits = {}
    for split, n in (("train", 24), ("val", 8), ("test", 8)):
        labels = (rng.random((n, 14)) < 0.15).astype(np.uint8)
        labels[0], labels[1], labels[2] = 0, np.eye(14)[13], np.eye(14)[0] + np.eye(14)[13]
        splits[split] = rng.integers(0, 256, (n, 28, 28), np.uint8), labels
    return splits


@pytest.fixture(scope="module", params=["with a card's own words for the task", "without a card"])
def findings(request, lungs, run_service, make_settings, model, sample_dir, sample_names, tmp_path_factory):
    """A client of a service over the multi-label set and, beside it, one of the sample's."""
    folder = tmp_path_factory.mktemp("lungs")
    arrays = {}
    for split, (images, labels) in lungs.items():
        arrays |= {f"{split}_images": images, f"{split}_labels": labels}
    np.savez_compressed(folder / f"{NAME}.npz", **arrays)
    names = ",".join(f'"{number}": "{name}"' for number, name in enumerate(CLASSES))
    if request.param != "without a card":
        (folder / f"{NAME}.json").write_text(
            f'{{"task": "findings, several an image", "labels": {{{names}}}}}'
        )
    for suffix in (".npz", ".json"):
        (folder / sample_names[0]).with_suffix(suffix).symlink_to(
            (sample_dir / sample_names[0]).with_suffix(suffix)
        )
    out = build_index(
        model,
        data_dir=folder,
        datasets=(NAME, sample_names[0]),
        out=folder / "index",
        splits=("train", "val", "test"),
        progress=False,
    )
    with run_service(make_settings(index=out, data_dir=folder)) as service:
        yield service.client


def name_of(client, row):
    names = client.get("/v1/datasets").json()["items"][0]["labels"]
    return " + ".join(names[str(number)] for number in np.flatnonzero(row)) or "none"


def test_datasets_tell_which_is_multi_label(findings, sample_names):
    response = findings.get("/v1/datasets")
    told = {item["name"]: item["multi_label"] for item in response.json()["items"]}
    assert told == {NAME: True, sample_names[0]: False}
    document = findings.get("/openapi.json").json()
    schema = {"$ref": "#/components/schemas/Datasets", "components": document["components"]}
    Draft202012Validator(schema).validate(response.json())


def test_labels_are_named_by_all_their_classes(findings, lungs):
    labels = lungs["test"][1]
    items = findings.get("/v1/samples", params={"dataset": NAME, "split": "test"}).json()["items"]
    assert [item["label_name"] for item in items] == [name_of(findings, row) for row in labels]
    assert [item["label"] for item in items] == (labels @ (1 << np.arange(14))).tolist()
    one = findings.get(f"/v1/samples/{NAME}/test/2").json()
    assert one["label_name"] == name_of(findings, labels[2])


def test_neighbours_are_named_by_all_their_classes(findings, lungs, png):
    images, labels = lungs["test"]
    answer = findings.post("/v1/project", files={"file": ("a.png", png(images[2]))}, params={"k": 1})
    (neighbour,) = answer.json()["items"][0]["neighbours"]
    assert (neighbour["dataset"], neighbour["split"], neighbour["position"]) == (NAME, "test", 2)
    assert neighbour["label_name"] == name_of(findings, labels[2])


@pytest.mark.parametrize("label", [0, 5, 13, 14, 31, 2**31 - 1, -1])
def test_samples_of_a_class_are_those_that_have_it(findings, lungs, label):
    answer = findings.get(
        "/v1/samples", params={"dataset": NAME, "split": "train", "label": label, "limit": 200}
    ).json()
    labels = lungs["train"][1]
    expected = np.flatnonzero(labels[:, label]).tolist() if 0 <= label < 14 else []
    assert [item["position"] for item in answer["items"]] == expected
    assert answer["total"] == len(expected)
    if label in (0, 13):
        assert len(expected) > 1  # alone and beside others


def test_what_is_left_out_is_no_part_of_a_selection(findings, lungs):
    """An image goes with the last of its labels; of one that stays, a label that is left out is not told of."""
    rows = np.concatenate([labels for _, labels in lungs.values()])
    asked = {"map": "pca", "polygon": [[-1e6, -1e6], [1e6, -1e6], [0, 1e6]], "datasets": [NAME]}
    out = [-1, 0, 13, 40]
    answer = findings.post(
        "/v1/selections", json=asked | {"without": [{"dataset": NAME, "labels": out}]}
    ).json()
    others = np.delete(rows, [0, 13], axis=1)
    assert answer["total"] == answer["n"] == int(others.any(axis=1).sum())
    kept = rows[others.any(axis=1)]
    expected = {1 << place: int(kept[:, place].sum()) for place in range(1, 13) if kept[:, place].any()}
    assert {part["label"]: part["count"] for part in answer["labels"]} == expected
    assert kept[:, [0, 13]].any()


def test_each_data_set_has_its_own_meaning_of_a_label(findings, lungs, sample_names):
    """Without a filter of data sets, both are asked, each in its way."""
    item = findings.get("/v1/datasets").json()["items"][1]
    label = next(int(value) for value, n in item["class_counts"]["test"].items() if n)
    answer = findings.get("/v1/samples", params={"label": label, "split": "test", "limit": 200}).json()
    found = Counter(item["dataset"] for item in answer["items"])
    assert answer["total"] <= 200
    assert found == Counter(
        {
            NAME: int(lungs["test"][1][:, label].sum()),
            sample_names[0]: item["class_counts"]["test"][str(label)],
        }
    )


def test_each_class_is_a_group_of_labels(findings, lungs):
    rows = np.concatenate([labels for _, labels in lungs.values()])
    expected = {
        f"{NAME} / {name_of(findings, np.eye(14)[place])}": int(rows[:, place].sum()) for place in range(14)
    }
    expected[f"{NAME} / none"] = int((rows.sum(axis=1) == 0).sum())
    asked = {"group_by": "label", "dataset": NAME}
    answer = findings.get("/v1/maps/pca/ellipses", params=asked).json()
    assert {item["group"]: item["n"] for item in answer["items"]} == {k: n for k, n in expected.items() if n}
    both = findings.get("/v1/maps/pca/ellipses/overlap", params=asked | {"min_n": 3}).json()
    assert {item["group"]: item["n"] for item in both["groups"]} == {
        k: n for k, n in expected.items() if n >= 3
    }


def test_a_selection_counts_each_class(findings, lungs):
    everywhere = [[-1e6, -1e6], [1e6, -1e6], [1e6, 1e6], [-1e6, 1e6]]
    answer = findings.post("/v1/selections", json={"polygon": everywhere, "datasets": [NAME]}).json()
    rows = np.concatenate([labels for _, labels in lungs.values()])
    expected = {name_of(findings, np.eye(14)[place]): int(rows[:, place].sum()) for place in range(14)}
    expected["none"] = int((rows.sum(axis=1) == 0).sum())
    told = {part["label_name"]: (part["count"], part["share"]) for part in answer["labels"]}
    assert told == {name: (n, pytest.approx(n / len(rows))) for name, n in expected.items() if n}


@pytest.mark.parametrize("position", range(8))
def test_a_neighbour_with_a_class_in_common_agrees(findings, lungs, position):
    answer = findings.get(f"/v1/neighbours/{NAME}/test/{position}", params={"k": 30}).json()
    own = lungs["test"][1][position]

    def agrees(labels):
        return (labels & own).any(axis=-1) if own.any() else ~labels.any(axis=-1)

    near = [lungs[item["split"]][1][item["position"]] for item in answer["items"] if item["dataset"] == NAME]
    everywhere = np.concatenate([labels for _, labels in lungs.values()])
    n = sum(sum(item["n_indexed"].values()) for item in findings.get("/v1/datasets").json()["items"])
    assert len(answer["items"]) == 30 > len(near) - 1
    assert answer["same_label"] == {
        "n": 30,
        "count": agrees(np.array(near)).sum(),
        "share": pytest.approx(agrees(np.array(near)).sum() / 30),
        "expected": pytest.approx((agrees(everywhere).sum() - 1) / (n - 1)),
    }
    assert answer["same_label_within"] == {
        "n": len(near),
        "count": agrees(np.array(near)).sum(),
        "share": pytest.approx(agrees(np.array(near)).mean()),
        "expected": pytest.approx((agrees(everywhere).sum() - 1) / (len(everywhere) - 1)),
    }
    if position == 1:  # of class 13 alone: those of class 13 among others agree, too
        assert agrees(everywhere).sum() > (everywhere == own).all(axis=1).sum()


def test_separation_is_that_of_each_class_from_the_rest(findings, monkeypatch):
    monkeypatch.setattr(several_separation, "MIN_IMAGES", 1)
    answer = findings.get(f"/v1/separation/{NAME}").json()
    figures = answer["figures"]
    assert answer["not_computed"] is None
    assert figures["classes"] + len(figures["left_out"]) == 14
    assert figures["classes"] >= 2
    assert figures["chance"] is figures["linear"]["accuracy"] is figures["knn"]["accuracy"] is None
    for probe in (figures["linear"], figures["knn"]):
        assert probe["auc_interval"][0] <= probe["auc"] <= probe["auc_interval"][1]
    document = findings.get("/openapi.json").json()
    schema = {"$ref": "#/components/schemas/Separation", "components": document["components"]}
    Draft202012Validator(schema).validate(answer)


def test_values_agree():
    one, several = Labels({}, multi=False), Labels({}, multi=True)
    assert one.agree(3, 3)
    assert not one.agree(3, 1)
    assert several.agree(0b110, 0b011)
    assert not several.agree(0b100, 0b011)
    assert several.agree(0, 0)
    assert not several.agree(0, 0b1)
    assert not several.agree(0b1, 0)


def test_a_name_that_is_not_known_is_the_number():
    assert Labels({"0": "a"}, multi=False).name(3) == "3"
    assert Labels({"0": "a"}, multi=True).name(0b1001) == "a + 3"


def test_an_image_is_left_out_if_all_that_it_has_is():
    several = Labels({}, multi=True)
    values = np.array([0, 0b01, 0b11, 0b101], np.int32)
    assert several.all_among(values, [0, 1]).tolist() == [False, True, True, False]
    assert several.all_among(values, [-1]).tolist() == [True, False, False, False]
    assert several.all_among(values, [40]).tolist() == [False] * 4
    one = Labels({}, multi=False)
    assert one.all_among(np.array([0, 1, 2], np.int32), [2, 0]).tolist() == [True, False, True]
