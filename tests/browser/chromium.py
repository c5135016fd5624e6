"""The Chromium that tests and benchmarks drive: Debian's, without a GPU and without traffic of its own."""

import shutil

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_QUIET = (
    "--no-sandbox",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
)
SWITCHES = (*_QUIET, "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
"""For benchmarks and screenshots: pages are put together as on a GPU, which is emulated."""
TEST_SWITCHES = (*_QUIET, "--disable-gpu")
"""For tests: pages are put together by the processor at once, which takes a quarter of their time off."""
