"""The service of README.md in memory, playing scripts: all that `check_provider` needs to know of a protocol."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field

import trio

from loro_core import Deployment, UpstreamClosed, UpstreamProtocolError, UpstreamResponse, UpstreamUnreachable
from loro_core.testing import Ask, ProviderBench, Script, Stage
from loro_core.testing.performance import Break, Done, End, Fail, Garbage, Hang, Head, Refuse, Say, Step, perform

NAME = "line-service"
FRAMINGS = (*({"write_bytes": size} for size in (1, 7, 64)), {"head": "late"}, {"newline": "crlf"})


@dataclass(kw_only=True)
class Response:
    """`UpstreamResponse`: an answer of some pieces."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    pieces: AsyncIterator[bytes]

    def chunks(self) -> AsyncIterator[bytes]:
        return self.pieces

    async def read(self, max_bytes: int) -> bytes:
        body = b"".join([piece async for piece in self.pieces])
        if len(body) > max_bytes:
            raise UpstreamProtocolError(f"{len(body)} bytes", deployment=NAME)
        return body


class LineService:
    """`UpstreamHttp` with the service behind it. calls: how many replies it was asked for."""

    def __init__(self, script: Script) -> None:
        self.calls = 0
        self._script = script
        self._open = 0
        self._changed = trio.Condition()

    async def settled(self) -> None:
        """Return when no reply is under way."""
        async with self._changed:
            while self._open:
                await self._changed.wait()

    @asynccontextmanager
    async def send(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> AsyncGenerator[UpstreamResponse, None]:
        await trio.lowlevel.checkpoint()
        if self._script.unreachable:
            raise UpstreamUnreachable("nobody listens there", deployment=NAME)
        if method == "GET":
            async with aclosing(_once(b'{"service": "echo-lines"}')) as pieces:
                yield Response(pieces=pieces)
            return
        self.calls += 1
        self._open += 1
        try:
            # The service always counts, and always streams.
            steps = perform(self._script, Ask(include_usage=True, prompt_tokens=len(body.split())))
            async with self._answer(steps, trio.current_time()) as response:
                yield response
        finally:
            with trio.CancelScope(shield=True):
                async with self._changed:
                    self._open -= 1
                    self._changed.notify_all()

    @asynccontextmanager
    async def _answer(self, steps: Iterator[Step], start_s: float) -> AsyncGenerator[Response, None]:
        step = next(steps)
        await trio.sleep_until(start_s + step.at_s)
        if isinstance(step, Refuse):
            headers = {} if step.retry_after_s is None else {"retry-after": str(step.retry_after_s)}
            async with aclosing(_once(json.dumps({"error": dict(step.error)}).encode())) as pieces:
                yield Response(status=step.status, headers=headers, pieces=pieces)
        elif isinstance(step, Head):
            async with aclosing(self._body(steps, start_s)) as pieces:
                yield Response(pieces=pieces)
        else:
            raise UpstreamClosed("it broke off before its head", deployment=NAME)

    async def _body(self, steps: Iterator[Step], start_s: float) -> AsyncGenerator[bytes, None]:
        lines = Lines(b"\r\n" if self._script.newline == "crlf" else b"\n")
        for step in steps:
            await trio.sleep_until(start_s + step.at_s)
            if isinstance(step, Break):
                raise UpstreamClosed("it broke off", deployment=NAME)
            if isinstance(step, Hang):
                await trio.sleep_forever()
            if isinstance(step, End):
                return
            data = lines.of(step)
            size = self._script.write_bytes or len(data) or 1
            for at in range(0, len(data), size):
                yield data[at : at + size]


class Lines:
    """The steps of one reply in the line protocol, which says the finish reason and the count in its last line."""

    def __init__(self, end: bytes) -> None:
        self._end = end
        self._last: dict[str, object] = {"done": "stop"}

    def of(self, step: Step) -> bytes:
        """Return what `step` puts into the body, b"" for nothing."""
        if isinstance(step, Say):
            for delta in step.deltas:
                if delta.finish_reason:
                    self._last["done"] = delta.finish_reason
                if delta.usage:
                    self._last["heard_tokens"] = delta.usage.prompt_tokens
                    self._last["said_tokens"] = delta.usage.completion_tokens
            return b"".join(self._line({"text": delta.content}) for delta in step.deltas if delta.content)
        if isinstance(step, Fail):
            return self._line({"error": step.error["message"]})
        if isinstance(step, Garbage):
            return b'{"text":' + self._end
        return self._line(self._last) if isinstance(step, Done) else b""

    def _line(self, line: Mapping[str, object]) -> bytes:
        return json.dumps(line, ensure_ascii=False).encode() + self._end


async def _once(body: bytes) -> AsyncGenerator[bytes, None]:
    await trio.lowlevel.checkpoint()
    yield body


@asynccontextmanager
async def _play(script: Script) -> AsyncGenerator[Stage, None]:
    service = LineService(script)
    deployment = Deployment(name=NAME, provider="echo-lines", base_url="http://lines", model="parrot")
    if script.unreachable:  # Nobody is there to count.
        yield Stage(deployment=deployment, http=service)
    else:
        yield Stage(deployment=deployment, http=service, calls=lambda: service.calls, settled=service.settled)


LINE_BENCH = ProviderBench(play=_play, framings=FRAMINGS)
