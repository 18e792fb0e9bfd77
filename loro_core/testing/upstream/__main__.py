"""`python -m loro_core.testing.upstream`: a scripted upstream by hand.

The first line on stdout is JSON and says where it listens; it ends on SIGTERM, SIGINT, or with --until-stdin-closes.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack
from functools import partial
from pathlib import Path
from typing import BinaryIO

import msgspec
import trio

from loro_core.testing.script import Script
from loro_core.testing.script_options import RULES, SHORT, ScriptError, from_text, parse_model, parse_script
from loro_core.testing.upstream.records import Record
from loro_core.testing.upstream.server import ANY, BOTH, Upstream, open_upstream


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop and return the exit status."""
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        scripts = _scripts(given)
    except ScriptError as error:
        parser.error("; ".join(error.problems))
    with ExitStack() as stack:
        log: Callable[[Record], None] | None = None
        if given.log == "-":
            log = partial(_write, sys.stdout.buffer)
        elif given.log is not None:
            log = partial(_write, stack.enter_context(Path(given.log).open("ab")))
        opened = open_upstream(
            scripts, host=given.host, port=given.port, faces=given.face or BOTH, log=log, load_s=given.load_s
        )
        try:
            trio.run(_run, opened, given.until_stdin_closes)
        except OSError as error:
            parser.exit(1, f"{given.host}:{given.port}: {error.strerror}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m loro_core.testing.upstream",
        description="A fake model service: scripted models behind an OpenAI and an Ollama face.",
        allow_abbrev=False,
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--log", metavar="FILE", help="append each request, at its arrival and its end; - is stdout")
    parser.add_argument("--face", action="append", choices=BOTH, help="repeat for more; both, if none is given")
    parser.add_argument("--load-s", type=float, default=0.0, metavar="S", help="answer 503 to all for so long at first")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end with whoever holds our stdin")
    parser.add_argument(
        "--script", action="append", default=[], metavar="NAME?QUERY", help="a model of that name; repeat for more"
    )
    group = parser.add_argument_group("the script of every model that no --script names")
    for key, rule in sorted(RULES.items()):
        short = [f"--{alias}" for alias, name in SHORT.items() if name == key]
        group.add_argument(f"--{key.replace('_', '-')}", *short, dest=f"script_{key}", metavar="X", help=rule.wants)
    return parser


def _scripts(given: argparse.Namespace) -> dict[str, Script]:
    texts = {key: getattr(given, f"script_{key}") for key in RULES}
    options = {key: from_text(key, text) for key, text in texts.items() if text is not None}
    scripts = {ANY: parse_script(options)} if options or not given.script else {}
    for script in given.script:
        name, query = parse_model(script)
        scripts[name] = parse_script(query)
    return scripts


async def _run(opened: AbstractAsyncContextManager[Upstream], until_stdin_closes: bool) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with opened as upstream:
            ready = {"event": "ready", "url": upstream.url, "openai_url": upstream.openai_url, "pid": os.getpid()}
            sys.stdout.buffer.write(msgspec.json.encode(ready) + b"\n")
            sys.stdout.buffer.flush()
            async with trio.open_nursery() as nursery:
                if until_stdin_closes:
                    nursery.start_soon(_until_stdin_closes, nursery.cancel_scope)
                await anext(signals)
                nursery.cancel_scope.cancel()


async def _until_stdin_closes(scope: trio.CancelScope) -> None:
    async with trio.lowlevel.FdStream(os.dup(sys.stdin.fileno())) as stdin:
        while await stdin.receive_some():
            pass
    scope.cancel()


def _write(file: BinaryIO, record: Record) -> None:
    file.write(record.line() + b"\n")
    file.flush()


if __name__ == "__main__":
    sys.exit(main())
