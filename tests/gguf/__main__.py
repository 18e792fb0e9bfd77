"""Make a model for tests: python -m tests.gguf PATH [--name NAME] [--layers N] [--context N] [--seed N]."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

# Threads that wait for one another by spinning take minutes on a machine that has other things to do.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from tests.gguf.make import Shape, make


def main() -> None:
    usual = Shape()
    parser = argparse.ArgumentParser(
        prog="python -m tests.gguf",
        description="Make a GGUF file that llama.cpp serves. It is a test fixture: it speaks legible nonsense.",
    )
    parser.add_argument("path", type=Path, help="the file to write")
    parser.add_argument("--name", default=usual.name, help="what every answer begins with (default: %(default)s)")
    parser.add_argument(
        "--layers", type=int, default=usual.layers, help="more cost more time and memory (default: %(default)s)"
    )
    parser.add_argument("--context", type=int, default=usual.context, help="tokens (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=usual.seed, help="what it learns (default: %(default)s)")
    options = parser.parse_args()
    began = time.monotonic()
    options.path.parent.mkdir(parents=True, exist_ok=True)
    make(
        options.path,
        Shape(name=options.name, layers=options.layers, context=options.context, seed=options.seed),
    )
    size_mb = options.path.stat().st_size / 1e6
    sys.stdout.write(f"{options.path}: {size_mb:.0f} MB in {time.monotonic() - began:.1f} s, a test fixture\n")


if __name__ == "__main__":
    main()
