import os
import subprocess
import sys

AFTER_A_PRODUCT = """
import time
import model  # before NumPy, as in every command
import numpy as np

a = np.ones((1000, 1000), np.float32)
for _ in range(3):
    a @ a
before = time.process_time()
time.sleep(0.05)  # what is measured: that nothing works meanwhile
print((time.process_time() - before) / 0.05)
"""


def test_threads_rest_after_a_product():
    threads = {**os.environ, "OPENBLAS_NUM_THREADS": "2"}  # the tests themselves run with one
    threads.pop("OPENBLAS_THREAD_TIMEOUT", None)  # set when the tests imported the package
    found = subprocess.run(
        [sys.executable, "-c", AFTER_A_PRODUCT],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
        env=threads,
    )
    assert float(found.stdout) < 0.2  # about half where they spin
