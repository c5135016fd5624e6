"""Replicas over the same folders share nothing, and a client cannot tell them apart."""

import pytest


@pytest.fixture(scope="module")
def pair(run_service, make_settings):
    with run_service(make_settings()) as one, run_service(make_settings()) as other:
        yield one, other


@pytest.mark.parametrize(
    "path",
    [
        "/v1/models",
        "/v1/datasets",
        "/v1/maps/pca/points?format=arrow",
        "/v1/samples?sort=psnr&limit=50",
        "/v1/samples/sample_ct/test/0/reconstruction",
    ],
)
def test_any_replica_gives_the_same_answer_under_the_same_tag(pair, path):
    first, second = (service.client.get(path) for service in pair)
    assert first.status_code == second.status_code == 200
    assert first.content == second.content
    same = ("etag", "cache-control", "x-vqscope-model", "x-vqscope-index")
    assert [first.headers.get(name) for name in same] == [second.headers.get(name) for name in same]
    if tag := first.headers.get("etag"):
        assert pair[1].client.get(path, headers={"If-None-Match": tag}).status_code == 304


def test_uploads_go_to_any_replica(pair, grey, png):
    files = {"file": ("a.png", png(grey[0]))}
    first, second = (service.client.post("/v1/encode", files=files).json() for service in pair)
    assert first == second
