"""Which handler serves which method and path, and what holds for all of them: CORS, HEAD, OPTIONS, 404, 405."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from difflib import get_close_matches

from loro_core.app.log import Field
from loro_core.errors import MethodNotAllowed, NotFound
from loro_core.runtime.http_reply import Reply
from loro_core.wire.cors import CorsRules, preflight
from loro_core.wire.http1 import HttpRequest

Fields = dict[str, Field]
"""What a handler adds to the access line, until it returns or raises."""

Handler = Callable[[HttpRequest, Reply, Fields], Awaitable[None]]
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

    async def __call__(self, request: HttpRequest, reply: Reply, fields: Fields) -> None:
        answer = preflight(self._cors, request)
        if answer is not None:
            await reply.send(answer.status, answer.headers, answer.body)
            return
        methods = self._methods(request.path)
        if request.method == "OPTIONS":
            await reply.send(204, [("allow", ", ".join(_allowed(methods)))])
            return
        handler = methods.get("GET" if request.method == "HEAD" else request.method)
        if handler is None:
            allow = _allowed(methods)
            raise MethodNotAllowed(
                f"{request.method} is not allowed on {request.path}, only {', '.join(allow)}", allow=allow
            )
        await handler(request, reply, fields)

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
