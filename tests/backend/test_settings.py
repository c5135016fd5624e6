"""Settings: from arguments and from the environment, frozen, documented."""

import pytest
from pydantic import ValidationError

from backend.settings import Limits, Settings
from model.shipped import ZOO, find_model


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    for name in [*Settings.model_fields, *Limits.model_fields, "data"]:
        monkeypatch.delenv(f"VQSCOPE_{name.upper()}", raising=False)


def test_defaults_are_safe(tmp_path):
    settings = Settings(model="m", index=tmp_path)
    assert settings.host == "127.0.0.1"
    assert settings.limits == Limits()


def test_the_shipped_model_is_served_unless_another_is_named(tmp_path):
    assert find_model(Settings(index=tmp_path).model) == ZOO / "base"
    with pytest.raises(ValidationError, match="index"):
        Settings()


def test_every_limit_can_be_set_in_the_environment(monkeypatch, tmp_path):
    for name, field in Limits.model_fields.items():
        monkeypatch.setenv(f"VQSCOPE_{name.upper()}", str(int(field.default) + 1))
    limits = Settings(model="m", index=tmp_path).limits
    assert limits.model_dump() == {name: field.default + 1 for name, field in Limits.model_fields.items()}


def test_what_is_served_can_be_set_in_the_environment(monkeypatch, tmp_path):
    for name, value in (
        ("MODEL", "m"),
        ("INDEX", "i"),
        ("DATA", str(tmp_path)),
        ("HOST", "::1"),
        ("PORT", "81"),
    ):
        monkeypatch.setenv(f"VQSCOPE_{name}", value)
    settings = Settings()
    assert (settings.model, str(settings.index), settings.data_dir) == ("m", "i", tmp_path)
    assert (settings.host, settings.port) == ("::1", 81)
    assert Settings(model="other", data_dir="d").model == "other"
    assert str(Settings(data_dir="d").data_dir) == "d"


def test_allowed_hosts_are_a_list_with_commas(monkeypatch, tmp_path):
    assert Settings(model="m", index=tmp_path).allowed_hosts == frozenset()
    monkeypatch.setenv("VQSCOPE_ALLOWED_HOSTS", "scope.example, 127.0.0.1,")
    assert Settings(model="m", index=tmp_path).allowed_hosts == {"scope.example", "127.0.0.1"}


def test_frozen(tmp_path):
    settings = Settings(model="m", index=tmp_path)
    for thing, name in ((settings, "port"), (settings.limits, "queue_length")):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(thing, name, 1)


@pytest.mark.parametrize(
    "limits",
    [{"queue_length": 0}, {"batch_size": -1}, {"body_bytes": 0}, {"request_seconds": 0}, {"pixels": "x"}],
)
def test_senseless_limits_are_refused(limits):
    with pytest.raises(ValidationError, match=next(iter(limits))):
        Limits(**limits)


def test_a_request_must_fit_the_queue():
    with pytest.raises(ValidationError, match="queue_length"):
        Limits(queue_length=8, images_per_request=9)
    assert Limits(queue_length=8, images_per_request=8)


def test_a_body_must_fit_the_bodies_in_flight():
    with pytest.raises(ValidationError, match="body_bytes_in_flight"):
        Limits(body_bytes=11, body_bytes_in_flight=10)
    assert Limits(body_bytes=10, body_bytes_in_flight=10)


def test_every_setting_is_documented():
    for settings in (Settings, Limits):
        for name, field in settings.model_fields.items():
            assert field.description or name == "limits", name
