"""Asking the admin API of a running gateway."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any
from urllib.parse import quote

import trio

from loro_core.app.admin.options import Options
from loro_core.errors import UpstreamError
from loro_core.fleet import Deployment
from loro_core.plugin.api import UpstreamHttp, UpstreamResponse
from loro_core.runtime.http_client import HttpClient
from loro_core.wire.json_text import decode_json, encode_json
from loro_core.wire.lines import WireFormatError
from loro_core.wire.sse import SSEDecoder

ANSWERED_WITHIN_S = 30.0
"""For what the gateway answers by itself; loads and drains take as long as they take."""

MOST_BYTES = 64 << 20
"""The longest answer that is read: a log of 100,000 lines is below it."""

_NAME = "gateway"


class Refused(Exception):
    """The gateway did not do it. message: its reason, or why it could not be asked. problems: of its configuration."""

    def __init__(self, message: str, problems: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.problems = tuple(problems)


class AdminClient:
    """Asks one gateway. All its methods raise Refused."""

    def __init__(self, http: HttpClient, options: Options) -> None:
        self._root = options.root
        deployment = Deployment(name=_NAME, provider="openai", base_url=options.root, model="")
        self._http: UpstreamHttp = http.bind(deployment)
        self._headers = {"authorization": f"Bearer {options.key.reveal()}"}

    async def ask(
        self, method: str, path: str, body: Mapping[str, object] | None = None, *, patient: bool = False
    ) -> Any:
        """Return the JSON at `/-/PATH`. patient: wait as long as it takes."""
        async with self._asked(method, path, "application/json", body, patient=patient) as response:
            return await _json(response)

    async def text(self, path: str) -> str:
        """Return the text at `/-/PATH`."""
        async with self._asked("GET", path, "text/plain", None, patient=False) as response:
            return (await response.read(MOST_BYTES)).decode("utf-8", "replace")

    @asynccontextmanager
    async def events(self, method: str, path: str) -> AsyncIterator[AsyncIterator[Any]]:
        """Give the events at `/-/PATH`, as they come; None stands for a sign of life between two."""
        async with self._asked(method, path, "text/event-stream", None, patient=True) as response:
            if not response.headers.get("content-type", "").startswith("text/event-stream"):
                raise Refused(f"{self._root} answered with something else than events: is --url right?")
            async with aclosing(_events(response)) as events:
                yield events

    @asynccontextmanager
    async def _asked(
        self, method: str, path: str, accept: str, body: Mapping[str, object] | None, *, patient: bool
    ) -> AsyncIterator[UpstreamResponse]:
        headers = {**self._headers, "accept": accept}
        data = b""
        if body is not None:
            headers["content-type"] = "application/json"
            data = encode_json(body)
        try:
            with trio.fail_after(float("inf") if patient else ANSWERED_WITHIN_S):
                async with self._http.send(method, f"{self._root}/-/{path}", headers=headers, body=data) as response:
                    if not 200 <= response.status <= 299:
                        raise await self._refusal(response)
                    yield response
        except UpstreamError as error:
            raise Refused(_in_words(error.message)) from error
        except trio.TooSlowError:
            raise Refused(f"{self._root} did not answer within {ANSWERED_WITHIN_S:g} s") from None

    async def _refusal(self, response: UpstreamResponse) -> Refused:
        try:
            told = decode_json(await response.read(MOST_BYTES))
        except WireFormatError:
            told = None
        error = told.get("error") if isinstance(told, dict) else None
        if not isinstance(error, dict) or not isinstance(error.get("message"), str):
            return Refused(f"{self._root} answered {response.status}, and not as loro does: is --url right?")
        if error.get("code") in ("unknown_path", "not_found"):
            return Refused(f"{self._root} has no admin API: it runs no models, or is no loro")
        problems = error.get("problems")
        return Refused(error["message"], [str(p) for p in problems] if isinstance(problems, list) else ())


def model_path(name: str, verb: str = "") -> str:
    """Return the path of a model below `/-/`."""
    path = f"models/{quote(name, safe='')}"
    return f"{path}/{verb}" if verb else path


async def _json(response: UpstreamResponse) -> Any:
    try:
        return decode_json(await response.read(MOST_BYTES))
    except WireFormatError as exc:
        raise Refused(f"the answer is not JSON ({exc}): is --url right?") from None


async def _events(response: UpstreamResponse) -> AsyncGenerator[Any, None]:
    decoder = SSEDecoder()
    async for data in response.chunks():
        events = decoder.decode(data)
        if not events:
            yield None
        for event in events:
            yield decode_json(event.data_bytes)


def _in_words(message: str) -> str:
    """Return the message of an UpstreamError for somebody who knows of no deployments."""
    return message.replace(f"deployment '{_NAME}': ", "").replace("base_url", "--url")
