"""Images out of codes, over HTTP."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from model.latent.code_path import PathEnd, walk
from model.metrics import error_map

NPY = "application/x-npy"


@pytest.fixture(scope="module")
def grids(model):
    random = np.random.default_rng(0)
    return random.integers(0, model.codebook_size, (3, *model.code_grid))


def unpacked(answer):
    """The array of an npy answer."""
    assert answer.headers["content-type"] == NPY
    return np.load(io.BytesIO(answer.content), allow_pickle=False)


def pictures(items, unpng):
    return np.stack([unpng(base64.b64decode(item["image"], validate=True)) for item in items])


def test_grids_become_images(client, model, grids, unpng):
    expected = model.decode(grids)
    answer = client.post("/v1/decode", json={"codes": grids.tolist()})
    body = answer.json()
    assert answer.status_code == 200
    assert (body["model"], body["synthetic"]) == (model.version, True)
    np.testing.assert_array_equal(pictures(body["items"], unpng), expected)
    for given in ({"params": {"format": "npy"}}, {"headers": {"Accept": NPY}}):
        answer = client.post("/v1/decode", json={"codes": grids.tolist()}, **given)
        np.testing.assert_array_equal(unpacked(answer), expected)
        assert answer.headers["x-vqscope-model"] == model.version
        assert answer.headers["x-vqscope-synthetic"] == "true"


def test_the_difference_from_the_first_is_drawn_where_asked_for(client, model, grids, unpng):
    items = client.post("/v1/decode", json={"codes": grids.tolist(), "difference": True}).json()["items"]
    decoded = model.decode(grids)
    expected = error_map(np.stack([decoded[0]] * len(grids)), decoded)
    got = np.stack([unpng(base64.b64decode(item["difference"], validate=True)) for item in items])
    np.testing.assert_array_equal(got, expected)
    assert len(np.unique(got[0])) < len(np.unique(got[1]))  # nothing differs from itself
    plain = client.post("/v1/decode", json={"codes": grids.tolist()}).json()["items"]
    assert [item["difference"] for item in plain] == [None] * len(grids)


def test_one_grid_as_png_says_that_it_is_synthetic(client, model, grids):
    for given in ({"params": {"format": "png"}}, {"headers": {"Accept": "image/png"}}):
        answer = client.post("/v1/decode", json={"codes": grids[:1].tolist()}, **given)
        assert answer.headers["content-type"] == "image/png"
        assert answer.headers["x-vqscope-synthetic"] == "true"
        with Image.open(io.BytesIO(answer.content)) as image:
            assert "synthetic" in image.info["Comment"]
            np.testing.assert_array_equal(np.array(image), model.decode(grids[:1])[0])


def test_grey_is_the_mean_of_the_channels(client, model, grids):
    body = {"codes": grids.tolist(), "channels": 1}
    got = unpacked(client.post("/v1/decode", json=body, params={"format": "npy"}))
    canvas = np.zeros((3, model.image_size, model.image_size), np.uint8)
    np.testing.assert_array_equal(got, model.decode_like(grids, canvas))


def test_several_grids_are_no_png(client, grids, problem):
    answer = client.post("/v1/decode", json={"codes": grids.tolist()}, params={"format": "png"})
    assert "one image" in problem(answer, 422, "invalid-request")


def test_bad_codes_are_422(running, model, grids, problem):
    good = grids[0].tolist()
    for wrong in (
        [good[1:]],
        [good, [good[0][1:], *good[1:]]],
        [[[model.codebook_size, *good[0][1:]], *good[1:]]],
        [[[-1, *good[0][1:]], *good[1:]]],
        [[[0.5, *good[0][1:]], *good[1:]]],
        [[[True, *good[0][1:]], *good[1:]]],
        [[["0", *good[0][1:]], *good[1:]]],
        [[[2**70, *good[0][1:]], *good[1:]]],
        [[]],
        [],
        None,
    ):
        problem(running.client.post("/v1/decode", json={"codes": wrong}), 422, "invalid-request")
    for body in (b"", b"{", b"[" * 100_000, b'{"codes": [[[NaN]]]}', b"\xff"):
        answer = running.client.post("/v1/decode", content=body, headers={"Content-Type": "application/json"})
        problem(answer, 422, "invalid-request")
    problem(running.client.post("/v1/decode", content=b"x"), 415, "unsupported-media-type")
    assert running.batcher._occupied == 0


def test_decoding_has_limits(run_service, make_settings, grids, problem):
    with run_service(make_settings(images_per_request=2)) as service:
        ask = service.client.post
        problem(ask("/v1/decode", json={"codes": grids.tolist()}), 413, "too-many-images")
        problem(ask("/v1/decode", json={"codes": [[[0] * 10_000]]}), 413, "too-many-images")
        ends = {"start": {"codes": grids[0].tolist()}, "end": {"codes": grids[1].tolist()}}
        assert "steps" in problem(ask("/v1/decode/path", json={**ends, "steps": 3}), 422, "invalid-request")
        assert ask("/v1/decode/path", json={**ends, "steps": 2}).status_code == 200


@pytest.fixture(scope="module")
def greys(index):
    """Two grey images of the index, as a client names them."""
    name = next(info["name"] for info in index.datasets if info["n_channels"] == 1)
    return [{"dataset": name, "split": "test", "position": position} for position in (0, 5)]


def test_a_path_between_images_of_the_index(client, model, index, grey, greys, unpng):
    body = client.post("/v1/decode/path", json={"start": greys[0], "end": greys[1], "steps": 6}).json()
    expected = walk(model, PathEnd(image=grey[0]), PathEnd(image=grey[5]), 6)
    assert (body["model"], body["index"], body["synthetic"]) == (model.version, index.version, True)
    assert body["cells"] == np.prod(model.code_grid)
    steps = body["steps"]
    assert [step["weight"] for step in steps] == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])
    np.testing.assert_array_equal([step["codes"] for step in steps], expected.codes)
    for step, flipped in zip(steps, expected.flipped, strict=True):
        assert step["flips"] == flipped.sum()
        assert step["flipped"] == np.argwhere(flipped).tolist()
    for step, end in ((steps[0], greys[0]), (steps[-1], greys[1])):
        assert step["codes"] == index.codes[index.row(*end.values())].tolist()
    got = pictures(steps, unpng)
    assert got.ndim == 3  # grey, as both ends are
    assert np.abs(got - expected.pictures.mean(-1)).max() <= 0.5


def test_a_path_between_codes(client, model, grids):
    question = {"start": {"codes": grids[0].tolist()}, "end": {"codes": grids[1].tolist()}, "steps": 5}
    expected = walk(model, PathEnd(codes=grids[0]), PathEnd(codes=grids[1]), 5)
    body = client.post("/v1/decode/path", json=question).json()
    assert body["index"] is None
    assert [step["codes"] for step in body["steps"]] == expected.codes.tolist()
    answer = client.post("/v1/decode/path", json=question, headers={"Accept": NPY})
    np.testing.assert_array_equal(unpacked(answer), expected.pictures)


def test_a_path_needs_ends_that_exist(running, greys, grids, problem):
    def ask(**given):
        return running.client.post("/v1/decode/path", json={"start": greys[0], "end": greys[1], **given})

    problem(ask(end={**greys[0], "dataset": "nothing"}), 404, "not-found")
    problem(ask(end={**greys[0], "position": 10**6}), 404, "not-found")
    problem(ask(end={"codes": grids[0][1:].tolist()}), 422, "invalid-request")
    for wrong in (
        {"steps": 1},
        {"steps": "4"},
        {"end": None},
        {"channels": 2},
        {"channels": True},
        {"other": 1},
    ):
        detail = problem(ask(**wrong), 422, "invalid-request")
        assert json.dumps(wrong) not in detail
    assert running.batcher._occupied == 0


@pytest.mark.parametrize(
    ("end", "told"),
    [
        (
            {"dataset": "a", "split": "nope", "position": 0},
            "end split: Input should be 'train', 'val' or 'test'",
        ),
        ({"dataset": "a", "split": "test", "position": -1}, "end position: Input should be greater"),
        ({"codes": [[1, "x"]]}, "end codes 0 1: Input should be a valid integer"),
    ],
)
def test_of_a_wrong_end_only_what_is_wrong_is_told(running, greys, problem, end, told):
    answer = running.client.post("/v1/decode/path", json={"start": greys[0], "end": end})
    detail = problem(answer, 422, "invalid-request")
    assert detail.startswith(told)
    assert ";" not in detail.removesuffix("; see /openapi.json for the question")
