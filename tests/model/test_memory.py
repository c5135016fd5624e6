import platform
import subprocess
import sys

import pytest

HELD = """
import re
from pathlib import Path
from model.memory import give_back

def private() -> int:
    return int(re.search(r"RssAnon:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024

parts = [bytearray(100_000) for _ in range(1000)]
top = bytearray(100_000)  # what lies beneath a part in use stays, whatever is freed
del parts
before = private()
give_back()
print(before - private())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be asked to")
def test_freed_memory_goes_back():
    found = subprocess.run(
        [sys.executable, "-c", HELD], check=True, capture_output=True, text=True, timeout=60
    )
    assert float(found.stdout) > 80  # MiB, of 95
