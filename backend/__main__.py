"""``python -m backend``: the same as ``vqscope serve``."""

import sys

from model.cli import main

if __name__ == "__main__":
    sys.exit(main(["serve", *sys.argv[1:]]))
