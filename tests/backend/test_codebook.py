"""The codebook over HTTP, against the index and the model asked directly."""

import asyncio
import io
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from backend.codebook_work import sheet as atlas_sheet
from backend.computed import Computed
from backend.problems import Problem
from model.data.arrays import open_split
from model.latent.code_patches import crop
from model.latent.enrichment import enriched_codes

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def there(index):
    return np.array([np.isin(np.arange(64), grid) for grid in index.codes])


@pytest.fixture(scope="module")
def code(there):
    """A code that a fair number of images contain."""
    return int(np.abs(there.sum(0) - 300).argmin())


def pixels(response) -> np.ndarray:
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "image/png"
    with Image.open(io.BytesIO(response.content), formats=["PNG"]) as image:
        return np.array(image)


def test_every_code_has_a_line(client, index, there):
    answer = client.get("/v1/codebook").json()
    assert answer["index"] == index.version
    assert (answer["codebook_size"], answer["n"]) == (64, index.n)
    assert [item["code"] for item in answer["items"]] == list(range(64))
    assert [item["images"] for item in answer["items"]] == there.sum(0).tolist()
    assert [item["cells"] for item in answer["items"]] == np.bincount(
        index.codes.ravel(), minlength=64
    ).tolist()
    assert answer["dead"] == np.flatnonzero(~there.any(0)).tolist()
    named = [item for item in answer["items"] if item["dataset"]]
    assert named
    for item in named:
        assert item["dataset_q"] <= 0.05
        assert item["dataset_log2_odds"] > 0
        assert item["dataset_low"] < item["dataset_log2_odds"] < item["dataset_high"]


def test_order_and_pages(client):
    by_rank = client.get("/v1/codebook", params={"sort": "rank"}).json()["items"]
    assert [item["rank"] for item in by_rank] == list(range(64))
    used = client.get("/v1/codebook", params={"sort": "images", "offset": 2, "limit": 5}).json()["items"]
    every = sorted((item["images"] for item in by_rank), reverse=True)
    assert [item["images"] for item in used] == every[2:7]


def test_arrow_holds_the_same(client):
    answer = client.get("/v1/codebook", headers={"accept": "application/vnd.apache.arrow.stream"})
    table = pa.ipc.open_stream(answer.content).read_all()
    assert table.schema.metadata[b"model"].decode().startswith("tiny@")
    assert table.to_pylist() == client.get("/v1/codebook").json()["items"]


def test_one_code_in_full(client, index, there, code):
    answer = client.get(f"/v1/codebook/{code}").json()
    np.testing.assert_array_equal(answer["positions"], (index.codes == code).sum(0))
    assert sum(group["images"] for group in answer["by_dataset"]) == answer["images"] == there[:, code].sum()
    group = answer["by_dataset"][0]
    rows = np.flatnonzero(np.array(index.images["dataset"].to_pylist()) == group["dataset"])
    expected = enriched_codes(index.codes, rows, codebook_size=64, level=1, depleted=True)
    (own,) = [found for found in expected if found.code == code]
    assert group["n"] == len(rows)
    assert group["p"] == pytest.approx(own.p)
    assert group["interval"] == pytest.approx([own.low, own.high])
    assert all(0 <= entry["p"] <= entry["q"] <= 1 for entry in answer["by_dataset"] + answer["by_label"])
    assert all(entry["label_name"] for entry in answer["by_label"])
    images = {entry["dataset"]: entry["n"] for entry in answer["by_dataset"]}
    only = [entry["n"] == images[entry["dataset"]] for entry in answer["by_label"]]
    assert [entry["share_elsewhere"] is None for entry in answer["by_label"]] == only
    companion = answer["companions"][0]
    assert companion["images"] == (there[:, code] & there[:, companion["code"]]).sum()
    line = client.get("/v1/codebook", params={"offset": code, "limit": 1}).json()["items"][0]
    assert line["rank"] == answer["rank"]


def test_images_with_a_code(client, index, there, code):
    rows = np.flatnonzero(there[:, code])
    answer = client.get(f"/v1/codebook/{code}/images", params={"offset": 3, "limit": 4}).json()
    assert answer["total"] == len(rows)
    found = [index.row(item["dataset"], item["split"], item["position"]) for item in answer["items"]]
    assert found == rows[3:7].tolist()
    name = answer["items"][0]["dataset"]
    some = client.get(f"/v1/codebook/{code}/images", params={"dataset": name, "split": "train"}).json()
    assert all((item["dataset"], item["split"]) == (name, "train") for item in some["items"])
    dataset, split = (np.array(index.images[c].to_pylist()) for c in ("dataset", "split"))
    assert some["total"] == (there[:, code] & (dataset == name) & (split == "train")).sum()


def test_prototype_is_a_grid_of_the_code(client, model, code):
    response = client.get(f"/v1/codebook/{code}/prototype")
    np.testing.assert_array_equal(pixels(response), model.decode(np.full((1, 7, 7), code))[0])
    tag = response.headers["etag"]
    for given in ([tag], ['"other"', tag], [f'"other", W/{tag}']):  # a header may come in several lines
        headers = [("if-none-match", line) for line in given]
        assert client.get(f"/v1/codebook/{code}/prototype", headers=headers).status_code == 304


def test_the_atlas_holds_every_prototype(client, index, model, code):
    url = "/v1/codebook/atlas/0"
    response = client.get(url, params={"v": index.version})
    sheet = pixels(response)
    assert sheet.shape == (4 * 28, 16 * 28, 3)
    tiles = sheet.reshape(4, 28, 16, 28, 3).swapaxes(1, 2).reshape(64, 28, 28, 3)
    for one in (0, code, 63):
        alone = model.decode(np.full((1, 7, 7), one))[0].astype(int)
        assert np.abs(tiles[one] - alone).max() <= 1  # another size of the batch rounds differently
    assert "immutable" in response.headers["cache-control"]
    again = client.get(url, headers={"if-none-match": response.headers["etag"]})
    assert (again.status_code, again.headers["cache-control"]) == (304, "private, no-cache")


def test_the_atlas_of_patches_cuts_them_from_images_with_the_code(client, index, model, sample_dir, there):
    sheet = pixels(client.get("/v1/codebook/atlas/0", params={"show": "patch"}))
    assert sheet.shape == (4 * 12, 16 * 12, 3)
    tiles = sheet.reshape(4, 12, 16, 12, 3).swapaxes(1, 2).reshape(64, 12, 12, 3)
    dead = ~there.any(0)
    assert dead.any()
    assert (tiles[dead] == 255).all()
    rare = int(
        np.where(dead, index.n, there.sum(0)).argmin()
    )  # few images: the nearest of all of them is shown
    rows = np.flatnonzero(there[:, rare])
    nearest = client.get(f"/v1/codebook/{rare}/patches", params={"k": 48}).json()["items"]
    expected = []
    for item in nearest:
        image = open_split(item["dataset"], item["split"], data_dir=sample_dir).images[item["position"]]
        patch = crop(np.asarray(image), (7, 7), item["row"], item["column"])
        expected.append(patch if patch.ndim == 3 else np.repeat(patch[..., None], 3, axis=2))
    if len(rows) <= 4:
        np.testing.assert_array_equal(tiles[rare], expected[0])
    assert any(np.array_equal(tiles[rare], patch) for patch in expected)


def test_the_atlas_leaves_the_queue_room_for_others(run_service, make_settings):
    settings = make_settings(queue_length=32, images_per_request=32)
    # 16 as for the patches of a code, which its page asks for at the same time
    with run_service(settings) as service, service.batcher.slots(16):
        pixels(service.client.get("/v1/codebook/atlas/0"))


def test_the_atlas_is_decoded_once_for_all_who_ask(run_service, make_settings):
    with run_service(make_settings()) as service, ThreadPoolExecutor(8) as pool:
        before = service.batcher.images
        answers = list(pool.map(lambda _: service.client.get("/v1/codebook/atlas/0"), range(8)))
        assert len({answer.content for answer in answers}) == 1
        assert pixels(answers[0]).any()
        assert service.batcher.images - before == 64
        assert ("atlas", "prototype", 0) not in service.service._served.loaded.computed._stepwise


def test_the_atlas_fits_a_short_queue(run_service, make_settings):
    with run_service(make_settings(queue_length=5, images_per_request=5)) as service:
        for show in ("prototype", "patch"):
            assert pixels(service.client.get("/v1/codebook/atlas/0", params={"show": show})).any()


def test_the_atlas_of_a_full_queue_is_made_when_there_is_room(run_service, make_settings, problem):
    with run_service(make_settings(queue_length=32, images_per_request=32)) as service:
        with service.batcher.slots(32):
            problem(service.client.get("/v1/codebook/atlas/0"), 429, "queue-full")
        assert pixels(service.client.get("/v1/codebook/atlas/0")).any()


def test_the_atlas_goes_on_where_somebody_gave_up(run_service, make_settings, problem, monkeypatch):
    settings = make_settings(request_seconds=1.0)
    with run_service(settings) as service:
        release, submit = threading.Event(), service.batcher.submit

        def held(*work):
            assert release.wait(30)
            return submit(*work)

        monkeypatch.setattr(service.batcher, "submit", held)
        problem(service.client.get("/v1/codebook/atlas/0"), 503, "timeout")
        before = service.batcher.images
        release.set()
        answers = (service.client.get("/v1/codebook/atlas/0") for _ in range(60))  # a second each
        assert pixels(next(answer for answer in answers if answer.status_code != 503)).any()
        assert service.batcher.images - before == 64


def test_the_atlas_ends_with_the_codebook(client, problem):
    assert "has 0 to 0" in problem(client.get("/v1/codebook/atlas/1"), 404, "not-found")
    problem(client.get("/v1/codebook/atlas/-1"), 422, "invalid-request")


@pytest.mark.parametrize("count", [1, 16, 17, 256])
def test_tiles_of_a_large_model_are_brought_down(count):
    tiles = [np.full((224, 224, 3), shade % 250, np.uint8) for shade in range(count)]
    sheet = atlas_sheet(tiles)
    rows, columns = -(-count // 16), min(count, 16)
    assert sheet.shape == (rows * 64, columns * 64, 3)
    last = count - 1
    assert (sheet[last // 16 * 64 :, last % 16 * 64 :][:64, :64] == last % 250).all()


def test_patches_are_the_nearest_cells(client, index, model, sample_dir, code):
    answer = client.get(f"/v1/codebook/{code}/patches", params={"k": 5}).json()
    assert answer["searched"] == min(64, answer["containing"])
    distances = [item["distance"] for item in answer["items"]]
    assert distances == sorted(distances)
    assert len(distances) == 5
    crops = []
    for item in answer["items"]:
        image = np.asarray(
            open_split(item["dataset"], item["split"], data_dir=sample_dir).images[item["position"]]
        )
        codes, errors = model.cell_errors(image[None])
        assert codes[0, item["row"], item["column"]] == code
        assert item["distance"] == pytest.approx(errors[0][codes[0] == code].min(), rel=1e-3)
        patch = crop(image, (7, 7), item["row"], item["column"])
        crops.append(patch if patch.ndim == 3 else np.repeat(patch[..., None], 3, axis=2))
    sheet = pixels(client.get(f"/v1/codebook/{code}/patches/sheet", params={"k": 5}))
    assert sheet.shape == (12, 5 * 13 - 1, 3)
    np.testing.assert_array_equal(sheet[:, :12], crops[0])
    np.testing.assert_array_equal(sheet[:, 52:], crops[4])


def test_a_code_that_nothing_contains(client, problem):
    dead = client.get("/v1/codebook").json()["dead"][0]
    assert client.get(f"/v1/codebook/{dead}").json()["companions"] == []
    assert client.get(f"/v1/codebook/{dead}/images").json()["total"] == 0
    assert client.get(f"/v1/codebook/{dead}/patches").json()["items"] == []
    problem(client.get(f"/v1/codebook/{dead}/patches/sheet"), 404, "not-found")
    assert client.get(f"/v1/codebook/{dead}/prototype").status_code == 200


@pytest.mark.parametrize("part", ["", "/images", "/patches", "/patches/sheet", "/prototype"])
def test_no_such_code(client, problem, part):
    assert "0 to 63" in problem(client.get(f"/v1/codebook/64{part}"), 404, "not-found")
    problem(client.get(f"/v1/codebook/-1{part}"), 422, "invalid-request")


# --- what is computed once ---


async def test_what_many_ask_for_is_computed_once_and_failures_again():
    computed, calls = Computed(), []

    def count():
        calls.append(1)
        if len(calls) == 1:
            raise OSError("full")
        return "done"

    with pytest.raises(OSError, match="full"):
        await computed.get("x", count, seconds=30)
    assert await asyncio.gather(*(computed.get("x", count, seconds=30) for _ in range(8))) == ["done"] * 8
    assert len(calls) == 2
    computed.close()


async def test_who_cannot_wait_is_told_so_and_the_work_goes_on():
    computed, release = Computed(), threading.Event()

    def slow():
        assert release.wait(30)
        return 7

    with pytest.raises(Problem) as told:
        await computed.get("x", slow, seconds=0.01)
    assert (told.value.status, told.value.kind) == (503, "timeout")
    release.set()
    assert await computed.get("x", slow, seconds=30) == 7
    computed.close()


async def test_what_takes_minutes_keeps_what_takes_seconds_from_nothing():
    computed, release = Computed(), threading.Event()

    def long():
        assert release.wait(30)

    waiting = asyncio.create_task(computed.get("long", long, seconds=30, minutes=True))
    assert await computed.get("short", lambda: 7, seconds=30) == 7
    assert await computed.wait(lambda: 8, "pictures", seconds=30) == 8
    assert not waiting.done()
    release.set()
    await waiting
    computed.close()


async def test_nothing_is_begun_at_the_end():
    computed = Computed()
    computed.close()
    with pytest.raises(Problem) as told:
        await computed.get("x", lambda: 7, seconds=30)
    assert (told.value.status, told.value.kind) == (503, "model-gone")
