"""``python -m tests.backend.api_examples``, or ``make api-examples``: records what a service answers to the examples.

It serves the offline sample under the shipped base, and a short run of the preset quick. What it writes,
``backend/example_answers.json``, goes into the OpenAPI document.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from backend.examples import EXAMPLES, JOB, JSON, Example
from model.cli import guarded
from model.cli_parser import CommandParser
from model.data.sample import write_sample
from model.inference import load_model
from model.latent.index import build_index
from tests.backend.serving import REPOSITORY, served

ANSWERS = REPOSITORY / "backend" / "example_answers.json"
KEY = "of-the-examples-alone-and-of-nothing-else"
"""Without a key nothing may be reloaded."""
_MOST_OBJECTS, _MOST_VALUES, _MOST_LETTERS = 1, 3, 80


def ask_all(
    client: httpx.Client, *, model: str | None = None, code: int | None = None
) -> dict[str, httpx.Response]:
    """What is answered to each example, by method and path.

    Args:
        client: of a service over the sample with the run ``two``.
        model: name of the one that it serves, if it is not base.
        code: one that images of its index contain, if the examples' own may be none there.
    """
    answers: dict[str, httpx.Response] = {}
    job = JOB
    for name, example in EXAMPLES.items():
        if model is not None and isinstance(example.body, dict) and "model" in example.body:
            example = replace(example, body={**example.body, "model": model})
        if example.parameters.get("id") == JOB:
            example = replace(example, parameters={"id": job})
        if code is not None and "code" in example.parameters:
            example = replace(example, parameters={**example.parameters, "code": code})
        answers[name] = _ask(client, name, example)
        if name == "POST /v1/maps":
            job = answers[name].json()["id"]
    return answers


def _ask(client: httpx.Client, name: str, example: Example) -> httpx.Response:
    method, path = name.split()
    in_path = {key: value for key, value in example.parameters.items() if f"{{{key}}}" in path}
    query = {key: value for key, value in example.parameters.items() if key not in in_path}
    body = {} if example.body is None else {"json": example.body}
    return client.request(method, path.format(**in_path), params=query, **body)


def shortened(value: Any) -> Any:
    """An answer without the rest of long lists, and of texts such as pictures in base64."""
    if isinstance(value, Mapping):
        return {key: shortened(one) for key, one in value.items()}
    if isinstance(value, list):
        most = _MOST_OBJECTS if value and isinstance(value[0], Mapping) else _MOST_VALUES
        return [shortened(one) for one in value[:most]]
    if isinstance(value, str) and len(value) > _MOST_LETTERS and " " not in value:
        return value[:_MOST_LETTERS] + "…"
    return value


def main(argv: Sequence[str]) -> int:
    """Record the answers."""
    CommandParser(prog="make api-examples", description=__doc__).parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        data, index, runs = (Path(folder) / name for name in ("data", "index", "runs"))
        write_sample(data)
        names = sorted(path.stem for path in data.glob("*.npz"))
        command = [sys.executable, "-m", "model.cli", "train", "--preset", "quick", "--data-dir", str(data)]
        command += [
            "--datasets",
            ",".join(names),
            "--run-dir",
            str(runs / "two"),
            "--trainer.max_epochs",
            "2",
        ]
        subprocess.run(command, check=True)
        build_index(load_model(device="cpu"), data_dir=data, datasets=names, out=index)
        environment = {"VQSCOPE_RUNS": str(runs), "VQSCOPE_API_KEYS": KEY}
        with (
            served(model=None, index=index, data_dir=data, environment=environment) as (_, url),
            httpx.Client(base_url=url, timeout=300, headers={"X-API-Key": KEY}) as client,
        ):
            answers = ask_all(client)
    for name, answer in answers.items():
        print(f"{answer.status_code} {name}")
        answer.raise_for_status()
    job = answers["POST /v1/maps"].json()["id"]
    recorded = {
        name: shortened(answer.json())
        for name, answer in answers.items()
        if answer.headers["Content-Type"] == JSON
    }
    ANSWERS.write_text(json.dumps(recorded, indent=1, ensure_ascii=False).replace(job, JOB) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main))
