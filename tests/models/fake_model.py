"""A model server for tests: a child process that loads for a while, says who it is, and dies as told.

    python fake_model.py --port 9000 --alias small --load-s 0.5 --log calls.jsonl

It is the scripted upstream (`loro_core.testing.upstream`), which speaks like llama.cpp's server as far as a gateway
looks. Its every answer begins with "ALIAS PID"; its log has a line for each request's arrival and end, on a clock that
is the same in all processes, so what was in flight when can be told after the process is gone.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO

import trio

from loro_core.testing import Record, Script, open_upstream


def main() -> None:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--alias", default="fake")
    parser.add_argument("--load-s", type=float, default=0.0, help="answer 503 to all for so long at first")
    parser.add_argument("--tokens", type=int, default=8)
    parser.add_argument("--first-token-s", type=float, default=0.0)
    parser.add_argument("--gap-s", type=float, default=0.0)
    parser.add_argument("--exit-at-start", type=int, metavar="STATUS", help="die at once, with a word on stderr")
    parser.add_argument("--ignore-sigterm", action="store_true")
    parser.add_argument("--log", type=Path, help="append each request, at its arrival and its end")
    given = parser.parse_args()
    if given.exit_at_start is not None:
        sys.stderr.write("cannot load the model: it was told to die\n")
        sys.exit(given.exit_at_start)
    if given.ignore_sigterm:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    pieces = (f"{given.alias} {os.getpid()}", *(f" word-{n}" for n in range(1, given.tokens)))
    script = Script(pieces=pieces, first_token_s=given.first_token_s, gap_s=given.gap_s)
    log = None if given.log is None else partial(_write, given.log.open("ab", buffering=0))
    trio.run(_serve, given, script, log)


async def _serve(given: argparse.Namespace, script: Script, log: Callable[[Record], None] | None) -> None:
    async with open_upstream(script, host=given.host, port=given.port, log=log, load_s=given.load_s):
        await trio.sleep_forever()


def _write(file: BinaryIO, record: Record) -> None:
    if record.face:
        file.write(record.line() + b"\n")


if __name__ == "__main__":
    main()
