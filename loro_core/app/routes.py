"""Which handler serves which method and path, and what holds for all of them: CORS, HEAD, OPTIONS, 404, 405.

Most paths are fixed. A path of the other table has one part that names something, `{name}`: it is matched on the path
as it was sent, so that a name may hold slashes, written as they are or as %2F. Of two patterns that fit, the longer
one is meant, if it has the method: `/-/models/{name}/log` before `/-/models/{name}`.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from difflib import get_close_matches
from functools import partial
from urllib.parse import unquote

from msgspec import Struct

from loro_core.app.log import Field
from loro_core.errors import MethodNotAllowed, NotFound
from loro_core.runtime.http_reply import Reply
from loro_core.wire.cors import CorsRules, preflight
from loro_core.wire.http1 import HttpRequest


class Fields(dict[str, Field]):
    """What a handler adds to the access line, until it returns or raises.

    late: gives more of it, which is worked out when the line is written.
    """

    late: Callable[[], Mapping[str, Field]] | None = None


Handler = Callable[[HttpRequest, Reply, Fields], Awaitable[None]]
Table = Mapping[str, Mapping[str, Handler]]
"""path -> method -> handler. HEAD is served by GET's handler, OPTIONS by the routes themselves."""

NamedHandler = Callable[[HttpRequest, Reply, Fields, str], Awaitable[None]]
NamedTable = Mapping[str, Mapping[str, NamedHandler]]
"""The same of paths with one part `{name}`, which their handlers are given as the last argument, decoded."""

NAME = "{name}"

OWN_PAGES = "/-/"
"""Below it no page of another origin is let in: what is there is for the operator, at this address."""


class Routes:
    """The handler of all requests. A trailing slash makes no difference."""

    def __init__(self, table: Table, cors: CorsRules, named: NamedTable | None = None) -> None:
        self._table = table
        self._cors = cors
        self._patterns = [_Pattern.of(path, methods) for path, methods in (named or {}).items()]
        self._patterns.sort(key=lambda pattern: len(pattern.path), reverse=True)

    @property
    def paths(self) -> tuple[str, ...]:
        return (*self._table, *(pattern.path for pattern in self._patterns))

    async def __call__(self, request: HttpRequest, reply: Reply, fields: Fields) -> None:
        answer = None if request.path.startswith(OWN_PAGES) else preflight(self._cors, request)
        if answer is not None:
            await reply.send(answer.status, answer.headers, answer.body)
            return
        method = "GET" if request.method == "HEAD" else request.method
        methods = self._methods(request, method)
        if request.method == "OPTIONS":
            await reply.send(204, [("allow", ", ".join(_allowed(methods)))])
            return
        handler = methods.get(method)
        if handler is None:
            allow = _allowed(methods)
            raise MethodNotAllowed(
                f"{request.method} is not allowed on {request.path}, only {', '.join(allow)}"
                f"{self._other_path(request)}",
                allow=allow,
            )
        await handler(request, reply, fields)

    def _methods(self, request: HttpRequest, method: str) -> Mapping[str, Handler]:
        path = request.path
        methods = self._table.get(path) or self._table.get(path.rstrip("/") or "/")
        if methods is None and self._patterns:
            found = list(self._named(request))
            methods = next((having for having in found if method in having), found[0] if found else None)
        if methods is None:
            near = get_close_matches(path, self.paths, n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(self._table)}"
            raise NotFound(f"no such path: {path}{hint}", code="unknown_path")
        return methods

    def _named(self, request: HttpRequest) -> Iterator[Mapping[str, Handler]]:
        """Yield what each pattern that fits has, the longest first, its handlers given the name."""
        sent = _sent_path(request)
        for pattern in self._patterns:
            match = pattern.fits.fullmatch(sent)
            if match is not None:
                name = unquote(match[1])
                yield {method: partial(_call, handler, name) for method, handler in pattern.methods.items()}

    def _other_path(self, request: HttpRequest) -> str:
        """Return a hint at a path that was probably meant where the method does not fit."""
        if not self._patterns or not request.path.startswith(OWN_PAGES):
            return ""
        stem, _, _ = request.path.rpartition("/")
        name = stem.rpartition("/")[2]
        having = [p.path.replace(NAME, name) for p in self._patterns if request.method in p.methods]
        near = get_close_matches(request.path, having, n=1, cutoff=0.8)
        return f"; did you mean {near[0]}?" if near else ""


class _Pattern(Struct, frozen=True):
    path: str
    fits: re.Pattern[str]
    methods: Mapping[str, NamedHandler]

    @classmethod
    def of(cls, path: str, methods: Mapping[str, NamedHandler]) -> _Pattern:
        before, found, after = path.partition(NAME)
        if not found or NAME in after:
            raise ValueError(f"{path} needs {NAME}, once")
        return cls(path, re.compile(f"{re.escape(before)}(.*[^/])(?:{re.escape(after)})/*"), methods)


async def _call(handler: NamedHandler, name: str, request: HttpRequest, reply: Reply, fields: Fields) -> None:
    await handler(request, reply, fields, name)


def _sent_path(request: HttpRequest) -> str:
    """Return the request's path before its percent escapes are read."""
    target = re.sub(r"^https?://[^/?]*", "", request.target, flags=re.IGNORECASE)
    return target.partition("?")[0]


def _allowed(methods: Mapping[str, Handler]) -> list[str]:
    allowed = set(methods) | {"OPTIONS"}
    if "GET" in methods:
        allowed.add("HEAD")
    return sorted(allowed)
