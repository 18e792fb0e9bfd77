"""The scripted upstream's server: which request gets which script, and the playing of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager

import msgspec
import trio

from loro_core.chat import Json
from loro_core.testing.ask import Ask, ask_of
from loro_core.testing.script import Script
from loro_core.testing.script_options import ScriptError, parse_model, parse_script
from loro_core.testing.upstream.connection import After, Connection, Gone, Malformed, Request, response_bytes
from loro_core.testing.upstream.faces import Called, ollama_ask, openai_error
from loro_core.testing.upstream.player import JSON, Face, Player, error_bytes
from loro_core.testing.upstream.records import Ledger, Moment, Record

BOTH: tuple[Face, ...] = ("openai", "ollama")
ANY = "*"


class Upstream:
    """A scripted upstream that runs. scripts: by model name, "*" for every other name; may be changed at any time.

    loaded_at: when, on the trio clock, it has loaded its models; until then it answers 503 to all.
    """

    def __init__(
        self, *, port: int, host: str, scripts: Script | Mapping[str, Script], ledger: Ledger, load_s: float = 0.0
    ) -> None:
        self.port = port
        self.loaded_at = trio.current_time() + load_s
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        self.scripts: dict[str, Script] = {ANY: scripts} if isinstance(scripts, Script) else dict(scripts)
        self.ledger = ledger
        self.calls: Counter[str] = Counter()

    @property
    def openai_url(self) -> str:
        """What an OpenAI client takes for its base URL; `url` is the one for Ollama."""
        return f"{self.url}/v1"

    @property
    def records(self) -> tuple[Record, ...]:
        """The chat calls so far, in order of arrival."""
        return tuple(record for record in self.ledger.records if record.face)

    @property
    def all_records(self) -> tuple[Record, ...]:
        """All requests so far, in order of arrival."""
        return tuple(self.ledger.records)

    @property
    def models(self) -> list[str]:
        """What the lists of models name."""
        return sorted("scripted" if name == ANY else name for name in self.scripts)

    async def wait_until(self, test: Callable[[Sequence[Record]], object]) -> None:
        """Return once `test` holds for `records`; it is asked again whenever one changes."""
        await self.ledger.wait_until(lambda: test(self.records))

    def reset(self) -> None:
        """Forget all records, and count the calls that `times` is about from 0 again."""
        self.ledger.reset()
        self.calls.clear()

    def script_for(self, model: str) -> Script:
        """Return what a call to `model` is played by, and count it.

        Raises ScriptError where the query behind the name is no script, LookupError where nobody has the name.
        """
        name, options = parse_model(model)
        script = self.scripts.get(name) or self.scripts.get(ANY)
        if script is None:
            raise LookupError(f"no such model: {name!r}; there are {', '.join(self.models)}")
        script = parse_script(options, script)
        self.calls[model] += 1
        return script.on_call(self.calls[model] - 1)


@asynccontextmanager
async def open_upstream(
    scripts: Script | Mapping[str, Script] | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    faces: Iterable[Face] = BOTH,
    log: Callable[[Record], None] | None = None,
    load_s: float = 0.0,
) -> AsyncIterator[Upstream]:
    """Give a scripted upstream in this trio run; leaving the block drops its connections.

    scripts: by model name, "*" for every other; a single one is for every name. port: 0 takes a free one.
    faces: which protocols are spoken. log: is told each request at its arrival and at its end.
    load_s: so long it is like a server that still loads its model: it listens and answers 503 to all, /health included.
    It may be used under an autojump clock as long as its clients are in the same run.
    Raises OSError if the address cannot be had; what the block raises comes out as it is, in no group.
    """
    listeners = await trio.open_tcp_listeners(port, host=host)
    port = listeners[0].socket.getsockname()[1]
    upstream = Upstream(
        port=port, host=host, scripts=Script() if scripts is None else scripts, ledger=Ledger(log), load_s=load_s
    )
    server = _Server(upstream, tuple(faces))
    failure: BaseException | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, server.handle, listeners)
        try:
            yield upstream
        except trio.Cancelled:
            raise
        except BaseException as exc:  # noqa: BLE001  # raised again below, where no nursery wraps it
            failure = exc
        nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure


async def serve_upstream(
    scripts: Script | Mapping[str, Script],
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    faces: Iterable[Face] = BOTH,
    log: Callable[[Record], None] | None = None,
    task_status: trio.TaskStatus[Upstream] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until cancelled: `open_upstream` for a nursery; `task_status.started` gets the Upstream."""
    async with open_upstream(scripts, host=host, port=port, faces=faces, log=log) as upstream:
        task_status.started(upstream)
        await trio.sleep_forever()


class _Server:
    """Answers connections."""

    def __init__(self, upstream: Upstream, faces: tuple[Face, ...]) -> None:
        self._upstream = upstream
        self._ledger = upstream.ledger
        self._faces = faces
        self._connections = 0

    async def handle(self, stream: trio.SocketStream) -> None:
        self._connections += 1
        connection = Connection(stream, self._connections)
        after: After = "keep"
        try:
            while after == "keep":
                try:
                    request = await connection.read()
                except Malformed as exc:
                    error = {"message": str(exc), "type": "invalid_request_error", "param": None, "code": None}
                    await connection.write(response_bytes(400, JSON, openai_error(error)))
                    break
                if request is None:
                    break
                after = await self._answer(connection, request)
        except Gone:
            pass  # seen by whoever keeps the record; there is nobody left to tell
        finally:
            await connection.close(reset=after == "reset")

    async def _answer(self, connection: Connection, request: Request) -> After:
        face = self._face(request)
        if request.path in ("/__log__", "/__reset__"):
            await connection.write(self._own(request))
            return "keep" if request.keeps else "close"
        if trio.current_time() < self._upstream.loaded_at:
            await connection.write(response_bytes(503, JSON, _LOADING))
            return "keep" if request.keeps else "close"
        body = _decoded(request.body)
        model = body.get("model") if isinstance(body, Mapping) else None
        number = self._ledger.arrive(
            connection=connection.number,
            method=request.method,
            path=request.path,
            face=face or "",
            headers=request.headers,
            model=model if isinstance(model, str) else "",
            body=body,
        )
        if face is None:
            await connection.write(self._plain(request))
            self._ledger.end(number, "finished")
            return "keep" if request.keeps else "close"
        return await self._chat(connection, request, face, body, number)

    def _face(self, request: Request) -> Face | None:
        """The face of a chat call; None for any other request."""
        if request.method == "POST" and "openai" in self._faces and request.path.endswith("/chat/completions"):
            return "openai"
        if request.method == "POST" and "ollama" in self._faces and request.path == "/api/chat":
            return "ollama"
        return None

    async def _chat(self, connection: Connection, request: Request, face: Face, body: Json, number: int) -> After:
        try:
            called = self._called(face, body, number)
        except (ScriptError, LookupError, _Unusable) as exc:
            error = {"message": str(exc.args[0]), "type": "invalid_request_error", "param": "model", "code": None}
            status = 404 if isinstance(exc, LookupError) else 400
            await connection.write(response_bytes(status, JSON, error_bytes(face, error)))
            self._ledger.end(number, "fault")
            return "keep" if request.keeps else "close"
        player = Player(connection, request, face, called, self._ledger)
        return await player.play_watched()

    def _called(self, face: Face, body: Json, number: int) -> Called:
        if not isinstance(body, Mapping):
            raise _Unusable("the body is not a JSON object")
        model, messages = body.get("model"), body.get("messages")
        if not isinstance(model, str) or not model:
            raise _Unusable(f"model: is {model!r}, needs a name")
        if not isinstance(messages, Sequence) or isinstance(messages, str) or not messages:
            raise _Unusable("messages: needs at least one")
        ask: Ask = ask_of(body) if face == "openai" else ollama_ask(body)
        script = self._upstream.script_for(model)
        return Called(number=number, unix_s=Moment.now().unix_s, model=model, script=script, ask=ask)

    def _own(self, request: Request) -> bytes:
        """What is no part of a model service: the log, and forgetting it."""
        if request.path == "/__log__" and request.method == "GET":
            return response_bytes(200, JSON, msgspec.json.encode(self._upstream.all_records))
        if request.path == "/__reset__" and request.method == "POST":
            self._upstream.reset()
            return response_bytes(200, JSON, b"{}")
        return response_bytes(405, JSON, b"{}")

    def _plain(self, request: Request) -> bytes:
        """What needs no model."""
        method, path, models = request.method, request.path, self._upstream.models
        if method == "GET" and "openai" in self._faces and path.endswith("/models"):
            data = [{"id": name, "object": "model", "created": 0, "owned_by": "scripted"} for name in models]
            return response_bytes(200, JSON, msgspec.json.encode({"object": "list", "data": data}))
        if method == "GET" and path == "/health":
            return response_bytes(200, JSON, b'{"status":"ok"}')
        if method == "GET" and "ollama" in self._faces and path == "/api/version":
            return response_bytes(200, JSON, b'{"version":"0.12.0"}')
        if method == "GET" and "ollama" in self._faces and path == "/api/tags":
            tags = [{"name": name, "model": name, "modified_at": "1970-01-01T00:00:00Z", "size": 0} for name in models]
            return response_bytes(200, JSON, msgspec.json.encode({"models": tags}))
        error = {"message": f"no {method} {path} here", "type": "invalid_request_error", "param": None, "code": None}
        return response_bytes(404, JSON, openai_error(error))


# llama.cpp's server says so in these words.
_LOADING = b'{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}'


class _Unusable(ValueError):
    """A chat call that no model service would take."""


def _decoded(body: bytes) -> Json:
    try:
        value: Json = msgspec.json.decode(body) if body else None
    except msgspec.DecodeError:
        return None
    return value
