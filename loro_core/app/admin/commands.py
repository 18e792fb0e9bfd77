"""`python -m loro_core models ACTION`: the admin API of a running gateway, from a terminal."""

from __future__ import annotations

import argparse
import functools
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TextIO

import trio

from loro_core.app.admin.client import AdminClient, Refused, model_path
from loro_core.app.admin.options import Options, options_of, registration
from loro_core.app.admin.tables import model_table, plain, total_line
from loro_core.runtime.http_client import HttpClient

DONE, NOT_DONE = 0, 1


def run(args: argparse.Namespace) -> int:
    """Do what `args` ask, and return the exit status: 0, or 1 if the gateway did not do all of it.

    Raises ConfigError for a command line that cannot be used, KeyboardInterrupt.
    """
    options = options_of(args, os.environ)
    body = registration(args, os.environ) if args.action == "add" else {}
    return trio.run(functools.partial(run_action, args, options, body, sys.stdout, sys.stderr))


async def run_action(
    args: argparse.Namespace, options: Options, body: Mapping[str, object], out: TextIO, err: TextIO
) -> int:
    """Do one action; results go to `out`, progress and what went wrong to `err`. body: what `add` registers."""
    async with HttpClient() as http:
        action = _Action(AdminClient(http, options), out, err, as_json=options.as_json)
        try:
            return await _do(action, args, body)
        except Refused as refused:
            action.complain(refused)
            return NOT_DONE


async def _do(action: _Action, args: argparse.Namespace, body: Mapping[str, object]) -> int:
    if args.action == "ls":
        return await action.ls(args.names)
    if args.action == "add":
        return await action.add(body)
    if args.action == "log":
        return await action.log(args.name, args.lines, follow=args.follow)
    if args.action == "reload":
        return await action.reload()
    status = DONE
    for name in args.names:  # one that fails does not keep the others from being done
        try:
            if args.action == "load":
                await action.load(name)
            elif args.action == "rm":
                await action.rm(name)
            elif args.action == "drain":
                await action.drain(name)
            else:
                await action.unload(name, drain=not args.now)
        except Refused as refused:
            action.complain(refused)
            status = NOT_DONE
    return status


@dataclass(slots=True)
class _Action:
    client: AdminClient
    out: TextIO
    err: TextIO
    as_json: bool

    def complain(self, refused: Refused) -> None:
        self.err.write(f"loro: {plain(refused.message)}\n")
        self.err.writelines(f"  {plain(problem)}\n" for problem in refused.problems)

    def _print(self, value: Any, text: str) -> None:
        self.out.write(f"{json.dumps(value, ensure_ascii=False)}\n" if self.as_json else text)
        self.out.flush()

    async def ls(self, names: Sequence[str]) -> int:
        told = await self.client.ask("GET", "models")
        known = {model["name"]: model for model in told["models"]}
        status = DONE
        for name in names:
            if name not in known:
                try:
                    await self.client.ask("GET", model_path(name))  # for the hint at what was meant
                except Refused as refused:
                    self.complain(refused)
                status = NOT_DONE
        models = [known[name] for name in names if name in known] if names else told["models"]
        text = model_table(models, time.time()) if models else ""
        if not names:
            text = f"{text}\n{total_line(told['total'])}" if models else "No model is configured or registered.\n"
        self._print({**told, "models": models} if not names else {"models": models}, text)
        return status

    async def load(self, name: str) -> None:
        start = trio.current_time()
        async with self.client.events("POST", model_path(name, "load")) as events:
            async for event in events:
                waited = trio.current_time() - start
                if event is None:
                    # The gateway says that the stream is alive: so is the load, and it has been for a while.
                    if waited > 1:
                        self.err.write(f"{name}: still loading after {waited:.0f} s\n")
                elif "error" in event:
                    raise Refused(str(event["error"].get("message", "it could not be loaded")))
                elif event["kind"] == "done":
                    self._print(event["model"], f"{name}: ready after {waited:.1f} s\n")
                    return
                elif event["kind"] == "state":
                    reason = f": {plain(event['reason'])}" if event.get("reason") else ""
                    self.err.write(f"{event.get('instance', name)}: {event.get('state')}{reason}\n")
                self.err.flush()
        raise Refused(f"{name}: the gateway ended before it was loaded")

    async def unload(self, name: str, *, drain: bool) -> None:
        told = await self.client.ask("POST", model_path(name, "unload"), {"drain": drain})
        self._print(told["model"], f"{name}: {told['model']['state']}\n")

    async def drain(self, name: str) -> None:
        self.err.write(f"{name}: waiting for its calls to end\n")
        told = await self.client.ask("POST", model_path(name, "drain"), patient=True)
        self._print(told["model"], f"{name}: {told['model']['state']}\n")

    async def add(self, body: Mapping[str, object]) -> int:
        told = await self.client.ask("POST", "upstreams", body)
        model = told["model"]
        self._print(model, f"{model['name']}: registered, {model['state']}, at {model['url']}\n")
        return DONE

    async def rm(self, name: str) -> None:
        told = await self.client.ask("DELETE", f"upstreams/{model_path(name).removeprefix('models/')}")
        self._print(told, f"{name}: unregistered\n")

    async def log(self, name: str, lines: int, *, follow: bool) -> int:
        path = f"{model_path(name, 'log')}?lines={lines}"
        if not follow and self.as_json:
            self._print(await self.client.ask("GET", path), "")
        elif not follow:
            self.out.write(await self.client.text(path))
        else:
            async with self.client.events("GET", f"{path}&follow=1") as events:
                async for event in events:
                    if event is not None:
                        self._print(event, _log_line(event))
        return DONE

    async def reload(self) -> int:
        told = await self.client.ask("POST", "reload", patient=True)
        parts = [
            f"{what}: {', '.join(told[what])}"
            for what in ("added", "changed", "removed", "pairs", "settings")
            if told[what]
        ]
        if told["next_start"]:
            parts.append(f"at the next start: {', '.join(told['next_start'])}")
        self._print(told, "".join(f"{part}\n" for part in parts) or "nothing has changed\n")
        return DONE


def _log_line(event: Mapping[str, Any]) -> str:
    if event.get("kind") == "missed":
        return f"... {event['count']} lines missed ...\n"
    at = datetime.fromtimestamp(event["at"]).astimezone().strftime("%H:%M:%S")
    return f"{at} {event['instance']} {plain(event['text'])}\n"
