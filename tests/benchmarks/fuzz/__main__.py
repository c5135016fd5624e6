"""``python -m tests.benchmarks.fuzz READER [libFuzzer's options]``: one reader of bytes under atheris.

For example ``python -m tests.benchmarks.fuzz npy -max_total_time=60``. Without a reader it lists them. A crash is
an exception that the reader may not raise; libFuzzer then leaves the bytes in a file.
"""

import sys

import atheris

with atheris.instrument_imports(include=["backend", "model.data.reading", "python_multipart", "PIL"]):
    from tests.backend.readers import READERS, survives


def main() -> None:
    """Fuzz until told to stop."""
    if len(sys.argv) < 2 or sys.argv[1] not in READERS:
        sys.exit("name a reader: " + ", ".join(map(repr, READERS)))
    name = sys.argv[1]
    atheris.Setup([sys.argv[0], *sys.argv[2:]], lambda body: _one(name, body))
    atheris.Fuzz()


def _one(name: str, body: bytes) -> None:
    survives(name, body)


if __name__ == "__main__":
    main()
