"""docs/service.md says what the settings, metrics and signals are; here it is held to that."""

import re
from pathlib import Path

import pytest

from backend.settings import Limits, Settings

DOCS = (Path(__file__).resolve().parents[2] / "docs" / "service.md").read_text()


def row(name, field):
    """A setting's line in the table."""
    variable = "VQSCOPE_DATA" if name == "data_dir" else f"VQSCOPE_{name.upper()}"
    default = field.default
    if field.is_required() or default is None or default in ((), frozenset()):
        shown = ""
    elif isinstance(default, str):
        shown = default
    else:
        shown = f"{float(default):.15g}"  # as the variable has it: 0 for False, no point where none is needed
    return f"| `{variable}` | {shown} | {field.description} |"


@pytest.mark.parametrize("settings", [Settings, Limits])
def test_every_setting_has_its_line(settings):
    rows = [row(name, field) for name, field in settings.model_fields.items() if name != "limits"]
    missing = [line for line in rows if line not in DOCS]
    assert not missing, "\n".join(missing)


def test_no_setting_is_described_that_does_not_exist():
    described = set(re.findall(r"^\| `VQSCOPE_(\w+)`", DOCS, flags=re.M))
    fields = (Settings.model_fields.keys() | Limits.model_fields.keys()) - {"limits", "data_dir"}
    assert described == {name.upper() for name in fields} | {"DATA"}


def test_every_metric_is_described(client):
    families = set(re.findall(r"^# TYPE (vqscope_\w+) ", client.get("/metrics").text, flags=re.M))
    families = {name for name in families if not name.endswith("_created")}
    assert len(families) > 8
    described = set(re.findall(r"^\| `(vqscope_\w+)`", DOCS, flags=re.M))
    assert described == families
