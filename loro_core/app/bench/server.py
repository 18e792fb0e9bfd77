"""The server under measurement: what it says of itself, and one reply of it, timed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import trio

from loro_core.app.bench.options import DIRECT, QUICK, Options
from loro_core.app.bench.reading import Broken, ReplyReader, Timing
from loro_core.app.chat import POLICY_HEADER
from loro_core.chat import Json
from loro_core.decide.release.profile import PROFILES
from loro_core.decide.release.recognise import CLIENT_HEADER
from loro_core.errors import UpstreamError
from loro_core.fleet import Deployment
from loro_core.plugin.api import UpstreamHttp, UpstreamResponse
from loro_core.runtime.http_client import HttpClient
from loro_core.wire.json_text import decode_json, encode_json
from loro_core.wire.leg_trace import TRACE_HEADER, TRACE_LEGS
from loro_core.wire.lines import WireFormatError
from loro_core.wire.refusal import MAX_REFUSAL_BYTES, read_refusal

PAGE_TIMEOUT_S = 10.0
"""For each of the server's own pages. They ask no model, but a server with one thread is busy while it speaks."""

PAGE_BYTES = 4 << 20
"""The longest page that is read: a hub's list of models is the longest, and is below 1 MiB."""

FALLBACK_MODEL = "loro"

_NAME = "bench"
_OUR_WORDS = {
    f"deployment '{_NAME}': ": "",
    f"deployment '{_NAME}' ": "the server ",
    "base_url": "--url",
    "see api_key": "see --api-key, OPENAI_API_KEY",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a server says of itself. model: which one is asked for; listed: how many it lists.

    policy, version, mode: loro's; "" where the server is another. demo: why loro plays scripts, "" if it does not.
    health: what /health answered with, None if nothing came.
    """

    model: str
    listed: int
    policy: str = ""
    version: str = ""
    mode: str = ""
    demo: str = ""
    health: int | None = None

    @property
    def is_loro(self) -> bool:
        return bool(self.mode)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One whole reply. policy: the one that the server says it used, "" if it does not say."""

    timing: Timing
    text: str
    policy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """No reply, or not all of one. message: for whoever runs the bench; holds no key."""

    message: str


class Server:
    """Asks one server over `client`."""

    def __init__(self, client: HttpClient, options: Options) -> None:
        self._options = options
        self._deployment = Deployment(
            name=_NAME, provider="openai", base_url=options.address.api, model="", api_key=options.api_key
        )
        self._http: UpstreamHttp = client.bind(self._deployment)
        self._headers = {"accept": "application/json"}
        if options.api_key is not None:
            self._headers["authorization"] = f"Bearer {options.api_key.reveal()}"

    async def look(self) -> About:
        """Return what the server says of itself; that it has none of these pages is no error.

        Raises UpstreamError if there is no server, or none that speaks HTTP.
        """
        root, api = self._options.address.root, self._options.address.api
        health, _ = await self._ask("GET", f"{root}/health")
        info = await self._page(f"{root}/")
        models = _names(await self._page(f"{api}/models")) if self._options.model is None else []
        model = self._options.model or (models[0] if models else FALLBACK_MODEL)
        mode, policy = info.get("mode"), info.get("policy")
        if mode not in ("demo", "gateway") or not isinstance(policy, str):
            return About(model=model, listed=len(models), health=health)
        return About(
            model=model,
            listed=len(models),
            policy=policy,
            version=str(info.get("version", "")),
            mode=str(mode),
            demo=str(info.get("demo", "")) if mode == "demo" else "",
            health=health,
        )

    async def reset(self) -> bool:
        """Return whether the server has forgotten its numbers."""
        try:
            status, _ = await self._ask("POST", f"{self._options.address.root}/metrics/reset")
        except UpstreamError:
            return False
        return status is not None and 200 <= status <= 299

    async def metrics(self) -> Mapping[str, Any]:
        """Return the server's own numbers, in the shape of loro's and its ancestors'; empty if it has none."""
        found = await self._page(f"{self._options.address.root}/metrics")
        return found if isinstance(found.get("quick_response_mode"), dict) else {}

    async def ask(self, model: str, messages: Sequence[Json], policy: str) -> Heard | Failed:
        """Return the reply to `messages`, timed from the sending of the request; whatever goes wrong is a value."""
        limit_s = self._options.timeout_s
        with trio.move_on_after(limit_s):
            try:
                return await self._chat(model, messages, policy)
            except UpstreamError as error:
                return Failed(message=in_words(error.message))
            except Broken as error:
                return Failed(message=str(error))
        return Failed(message=f"the reply was not complete after {limit_s:g} s (--timeout)")

    async def _chat(self, model: str, messages: Sequence[Json], policy: str) -> Heard | Failed:
        asked: dict[str, Json] = {
            "model": model,
            "messages": messages,
            "stream": True,
            "max_tokens": self._options.max_tokens,
        }
        headers = {
            **self._headers,
            "accept": "text/event-stream",
            "content-type": "application/json",
            TRACE_HEADER: TRACE_LEGS,
            CLIENT_HEADER: self._options.client,
        }
        if policy == DIRECT:
            asked["disable_quick_response"] = True
        elif policy != QUICK:
            headers[POLICY_HEADER] = policy
        body = encode_json(asked)
        sent = trio.current_time()
        url = f"{self._options.address.api}/chat/completions"
        async with self._http.send("POST", url, headers=headers, body=body) as response:
            head_s = trio.current_time() - sent
            if response.status != 200:
                return await self._refused(response)
            kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind in ("application/json", "text/html"):
                return Failed(message=f"answered with {kind} where a stream was asked for: is --url right?")
            reader = ReplyReader(self._deployment, head_s, PROFILES[self._options.client])
            async for piece in response.chunks():
                reader.feed(piece, trio.current_time() - sent)
                if reader.done:
                    break
            timing = reader.end(trio.current_time() - sent)
            return Heard(timing=timing, text=reader.text, policy=response.headers.get(POLICY_HEADER, ""))

    async def _refused(self, response: UpstreamResponse) -> Failed:
        body = await response.read(MAX_REFUSAL_BYTES)
        error = read_refusal(self._deployment, response.status, response.headers, body)
        return Failed(message=f"{response.status}: {in_words(error.message)}")

    async def _page(self, url: str) -> Mapping[str, Any]:
        """Return the JSON object at `url`, empty if there is none."""
        try:
            status, value = await self._ask("GET", url)
        except UpstreamError:
            return {}
        return value if status == 200 and isinstance(value, dict) else {}

    async def _ask(self, method: str, url: str) -> tuple[int | None, Any]:
        """Return status and JSON of a page: (None, None) if nothing came in time, no value where it is not JSON.

        Raises UpstreamError if it cannot be asked.
        """
        status: int | None = None
        with trio.move_on_after(PAGE_TIMEOUT_S):
            async with self._http.send(method, url, headers=self._headers) as response:
                status = response.status
                try:
                    return status, decode_json(await response.read(PAGE_BYTES))
                except (UpstreamError, WireFormatError):
                    return status, None
        return status, None


def in_words(message: str) -> str:
    """Return the message of an UpstreamError, in which what a gateway's operator knows becomes what we have."""
    for theirs, ours in _OUR_WORDS.items():
        message = message.replace(theirs, ours)
    return message


def _names(page: Mapping[str, Any]) -> list[str]:
    listed = page.get("data")
    if not isinstance(listed, list):
        return []
    return [m["id"] for m in listed if isinstance(m, dict) and isinstance(m.get("id"), str)]
