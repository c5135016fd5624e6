"""Which metadata each data set of the index came with."""

import shutil

import pytest

from model.latent.index import build_index

pytestmark = pytest.mark.integration


def test_columns_of_a_data_set_with_their_kinds_and_what_is_missing(
    run_service, make_settings, model, sample_dir, sample_names, tmp_path
):
    one, other = sample_names[:2]
    data = tmp_path / "data"
    data.mkdir()
    for name in (one, other):
        shutil.copy(sample_dir / f"{name}.npz", data)
    (data / f"{one}.metadata.csv").write_text(
        "split,index,age,sex,visits\nval,1,45.5,male,2\nval,0,,female,1\n"
    )
    out = tmp_path / "index"
    build_index(model, data_dir=data, datasets=[one, other], out=out, splits=["val"], progress=False)
    with run_service(make_settings(index=out, data_dir=data)) as service:
        items = {item["name"]: item for item in service.client.get("/v1/datasets").json()["items"]}
    n = items[one]["n_indexed"]["val"]
    assert items[one]["metadata"] == [
        {"name": "age", "kind": "number", "missing": pytest.approx((n - 1) / n)},
        {"name": "sex", "kind": "text", "missing": pytest.approx((n - 2) / n)},
        {"name": "visits", "kind": "integer", "missing": pytest.approx((n - 2) / n)},
    ]
    assert items[other]["metadata"] == []


def test_without_metadata_there_are_none(client):
    assert all(item["metadata"] == [] for item in client.get("/v1/datasets").json()["items"])
