"""Which handler serves which method and path, and what holds for all of them: CORS, HEAD, OPTIONS, 404, 405."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from difflib import get_close_matches

from loro_core.errors import MethodNotAllowed, NotFound
from loro_core.runtime.http_connection import Reply
from loro_core.wire.cors import CorsRules, cors_headers, preflight
from loro_core.wire.http1 import HttpRequest

Handler = Callable[[HttpRequest, Reply], Awaitable[None]]
Table = Mapping[str, Mapping[str, Handler]]
"""path -> method -> handler. HEAD is served by GET's handler, OPTIONS by the routes themselves."""


class Routes:
    """The handler of all requests. A trailing slash makes no difference."""

    def __init__(self, table: Table, cors: CorsRules) -> None:
        self._table = table
        self._cors = cors

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(self._table)

    async def __call__(self, request: HttpRequest, reply: Reply) -> None:
        origin = request.header("origin")
        reply.add_headers(cors_headers(self._cors, origin))
        methods = self._methods(request.path)
        allow = _allowed(methods)
        if request.method == "OPTIONS":
            headers = [("allow", ", ".join(allow))]
            await reply.send(204, [*headers, *preflight(self._cors, request.header, allow)], b"")
            return
        handler = methods.get("GET" if request.method == "HEAD" else request.method)
        if handler is None:
            raise MethodNotAllowed(
                f"{request.method} is not allowed on {request.path}, only {', '.join(allow)}", allow=allow
            )
        await handler(request, reply)

    def _methods(self, path: str) -> Mapping[str, Handler]:
        methods = self._table.get(path) or self._table.get(path.rstrip("/") or "/")
        if methods is None:
            near = get_close_matches(path, self._table, n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(self._table)}"
            raise NotFound(f"no such path: {path}{hint}", code="unknown_path")
        return methods


def _allowed(methods: Mapping[str, Handler]) -> list[str]:
    allowed = set(methods) | {"OPTIONS"}
    if "GET" in methods:
        allowed.add("HEAD")
    return sorted(allowed)
