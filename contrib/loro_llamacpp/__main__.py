"""python -m loro_llamacpp --model PATH [--port N] ...

It ends at SIGTERM and SIGINT at once, in the middle of a load too, and soon after the process that started it.
"""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from loro_llamacpp.header import Header, NotGguf, read_header

EXTRA = "pip install 'loro-core[llamacpp]'"

USUAL_CONTEXT_TOKENS = 8192
"""Room for an hour's talk. What a model was trained for may be sixteen times as much, and is memory for every call."""

CACHE_MIB = 512
"""llama.cpp keeps prompts that had to leave their slot in up to 8 GiB by default: more than most models take."""

PARENT_EVERY_S = 0.5

# Exit statuses: 2 for what the command line says, 1 for what happened.
WRONG, BROKEN = 2, 1


class Unusable(Exception):
    """It cannot serve; the message says why, and what would help."""


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m loro_llamacpp",
        description="Serve one GGUF file with llama.cpp's own HTTP server: OpenAI-compatible, at /v1.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--model", required=True, metavar="PATH", type=Path, help="the GGUF file")
    add("--host", default="127.0.0.1", help="the address to listen at (default: %(default)s)")
    add("--port", type=_at_least(0), default=8080, help="the port; 0 takes a free one (default: %(default)s)")
    add("--alias", metavar="NAME", help="how the server calls the model (default: the file's name)")
    add(
        "--ctx-size", type=_at_least(0), default=0, metavar="TOKENS",
        help=f"prompt and answer of one call; 0: the model's own, {USUAL_CONTEXT_TOKENS} at most",
    )  # fmt: skip
    add("--parallel", type=_at_least(1), default=1, metavar="N", help="calls at once, each with its own context")
    add("--batch-size", type=_at_least(1), metavar="TOKENS", help="tokens of a prompt that are read at once")
    add("--threads", type=_at_least(1), metavar="N", help="processors that compute (default: as many as it may use)")
    add("--gpu-layers", type=_at_least(0), metavar="N", help="layers on the GPU (default: as many as fit)")
    add("--embedding", action="store_true", help="answer /v1/embeddings as well as chats")
    add(
        "--cache-ram", type=_at_least(0), default=CACHE_MIB, metavar="MIB",
        help="memory for prompts that have left their slot; 0 for none (default: %(default)s)",
    )  # fmt: skip
    return parser.parse_args(words)


def _at_least(least: int) -> Any:
    def number(text: str) -> int:
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"{value} is too small, needs at least {least}")
        return value

    number.__name__ = "number"
    return number


def context_tokens(asked: int, header: Header) -> int:
    """Return how many tokens one call may have. asked: 0 for what is usual."""
    return asked or min(header.context_tokens or USUAL_CONTEXT_TOKENS, USUAL_CONTEXT_TOKENS)


def parameters(library: Any, options: argparse.Namespace, header: Header) -> Any:
    """Return xllamacpp's parameters for what was asked."""
    params = library.CommonParams()
    params.model.path = str(options.model)
    params.model_alias = {options.alias or options.model.stem}
    params.hostnames = [options.host]
    params.port = options.port
    params.n_parallel = options.parallel
    # llama.cpp divides its context among the calls at once.
    params.n_ctx = context_tokens(options.ctx_size, header) * options.parallel
    params.cache_ram_mib = options.cache_ram
    params.endpoint_metrics = True
    params.ui = False
    if options.batch_size is not None:
        params.n_batch = options.batch_size
        params.n_ubatch = min(options.batch_size, params.n_ubatch)
    threads = options.threads or fewer_processors()
    if threads is not None:
        params.cpuparams.n_threads = threads
        params.cpuparams_batch.n_threads = threads
    if options.gpu_layers is not None:
        params.n_gpu_layers = options.gpu_layers
    if options.embedding:
        params.embedding = True
        params.pooling_type = library.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
        params.n_batch = params.n_ubatch  # an input that is embedded is read in one piece
    return params


def fewer_processors(quota: Path = Path("/sys/fs/cgroup/cpu.max")) -> int | None:
    """Return how many processors this process may use if that is fewer than there are, else None.

    llama.cpp counts what there is. Its threads wait for one another by spinning: with more of them than a container may
    use, each token takes many times as long. quota: cgroup v2's file, "MICROSECONDS PERIOD" or "max PERIOD".
    """
    there = os.cpu_count() or 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else there
    try:
        share, period = quota.read_text(encoding="ascii").split()
        allowed = min(allowed, max(1, int(share) // int(period)))
    except (OSError, ValueError):
        pass  # no limit, or none that is told there
    return allowed if allowed < there else None


def load(options: argparse.Namespace) -> Any:
    """Return the running server; raise Unusable."""
    try:
        header = read_header(options.model)
    except NotGguf as error:
        raise Unusable(f"{options.model} is not a GGUF file that can be read: {error}") from error
    except OSError as error:
        raise Unusable(f"{options.model}: {error.strerror}") from error
    try:
        library = importlib.import_module("xllamacpp")
    except ImportError as error:
        raise Unusable(f"the package xllamacpp is not installed, which has llama.cpp: {EXTRA}") from error
    try:
        return library.Server(parameters(library, options, header))
    except RuntimeError as error:
        raise Unusable(f"llama.cpp could not serve {options.model}; its own words are above") from error


def end_with_parent(every_s: float = PARENT_EVERY_S) -> None:
    """End this process soon after the one that started it.

    By looking: what Linux offers for it is about the parent's thread, which may end long before the process.
    """
    parent = os.getppid()

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(every_s)
        os._exit(BROKEN)

    threading.Thread(target=look, name="parent", daemon=True).start()


def main() -> int:
    # Python's own handlers wait until llama.cpp gives the thread back, which may be after a long load.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    options = arguments()
    end_with_parent()
    try:
        server = load(options)
    except Unusable as error:
        sys.stderr.write(f"error: {error}\n")
        return WRONG
    sys.stderr.write(f"serving {options.model} at {server.listening_address}\n")
    while True:
        signal.pause()


if __name__ == "__main__":
    sys.exit(main())
