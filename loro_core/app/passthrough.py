"""Requests that are handed on as they are: embeddings and speech, to a model of the fleet that serves them.

    body -> the model it names -> a seat at one of its instances
         -> the same body, with the instance's name for the model -> the reply's bytes, as they come

What fails before the first byte is asked of another instance, or another model of the same name; afterwards the reply
is cut off, so that nobody takes it for a whole one. Whoever leaves gives the seat back, and the model sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import trio

from loro_core.app.metrics import Metrics
from loro_core.app.routes import Fields, Handler
from loro_core.decide.catalogue import DEFAULT_NAMES, Catalogue
from loro_core.decide.failover import blames_instance, may_move
from loro_core.decide.identity import CALL_HEADER
from loro_core.errors import BadRequest, LoroError, UpstreamError, UpstreamTimeout
from loro_core.fleet import Deployment
from loro_core.models import ModelKind
from loro_core.plugin.api import UpstreamHttp, UpstreamResponse
from loro_core.runtime.http_reply import Reply
from loro_core.runtime.seats import Seat, Seats
from loro_core.wire.http1 import HttpRequest
from loro_core.wire.json_text import decode_json, encode_json
from loro_core.wire.lines import WireFormatError
from loro_core.wire.refusal import MAX_REFUSAL_BYTES, read_refusal

PATHS = {"/embeddings": ModelKind.EMBEDDING, "/audio/speech": ModelKind.SPEECH}
"""What is handed on, below `/v1` and without it, and which kind of model serves it."""


class Passthrough:
    """fleet: where seats come from. bind: gives a deployment its transport.

    catalogue: may be set anew; requests under way go on as they were begun.
    """

    def __init__(
        self, fleet: Seats, bind: Callable[[Deployment], UpstreamHttp], catalogue: Catalogue, metrics: Metrics
    ) -> None:
        self._fleet = fleet
        self._bind = bind
        self._metrics = metrics
        self.catalogue = catalogue

    def handler(self, path: str) -> Handler:
        """Return the handler of POST `path`, one of PATHS."""

        async def handle(request: HttpRequest, reply: Reply, fields: Fields) -> None:
            try:
                await self._serve(path, request, reply, fields)
            except LoroError as error:
                self._metrics.count_refused(error)
                raise

        return handle

    async def _serve(self, path: str, request: HttpRequest, reply: Reply, fields: Fields) -> None:
        body = _object(request.body)
        name = _model_name(body)
        fields["model"] = name
        models = [model.name for model in self.catalogue.of_kind(name, PATHS[path])]
        avoid: set[str] = set()
        while True:
            try:
                await self._once(path, models, avoid, body, request=request, reply=reply, fields=fields)
            except UpstreamError as error:
                if reply.started or not may_move(error, asked=len(avoid)) or not self._fleet.elsewhere(models, avoid):
                    raise
            else:
                return

    async def _once(
        self,
        path: str,
        models: Sequence[str],
        avoid: set[str],
        body: dict[str, Any],
        *,
        request: HttpRequest,
        reply: Reply,
        fields: Fields,
    ) -> None:
        async with self._fleet.seat(
            models,
            caller=request.header("authorization") or "",
            call=request.header(CALL_HEADER) or "",
            cost=max(1, len(request.body)),
            avoid=frozenset(avoid) if self._fleet.elsewhere(models, avoid) else frozenset(),
        ) as seat:
            fields["instance"], fields["queued_s"] = seat.instance, seat.queued_s
            try:
                await self._call(path, seat, body, reply)
                seat.answered()
            except UpstreamError as error:
                if blames_instance(error):
                    seat.failed()
                    avoid.add(seat.instance)
                else:
                    seat.answered()
                raise

    async def _call(self, path: str, seat: Seat, body: dict[str, Any], reply: Reply) -> None:
        deployment = seat.deployment
        headers = {"content-type": "application/json", "accept": "*/*"}
        if deployment.api_key is not None:
            headers["authorization"] = f"Bearer {deployment.api_key.reveal()}"
        sent = encode_json({**body, **deployment.extra_fields, "model": deployment.model})
        url = deployment.base_url.rstrip("/") + path
        with trio.CancelScope(deadline=trio.current_time() + deployment.reply_timeout_s) as scope:
            async with self._bind(deployment).send("POST", url, headers=headers, body=sent) as response:
                if not 200 <= response.status <= 299:
                    raise read_refusal(deployment, response.status, response.headers, await _refusal_body(response))
                await self._relay(response, seat, reply, scope)
        if scope.cancelled_caught:
            raise _silence(deployment, begun=reply.started)

    async def _relay(self, response: UpstreamResponse, seat: Seat, reply: Reply, scope: trio.CancelScope) -> None:
        """Hand the body on as it comes. scope: what may take its time; its deadline is moved on with every piece."""
        idle_s = seat.deployment.idle_timeout_s
        kind = response.headers.get("content-type", "application/octet-stream")
        async for data in response.chunks():
            scope.deadline = float("inf")
            if reply.status is None:
                seat.first_token(trio.current_time() - seat.granted_at)
                await reply.start(200, [("content-type", kind), ("x-accel-buffering", "no")])
            await reply.write(data)
            scope.deadline = trio.current_time() + idle_s
        scope.deadline = float("inf")
        if reply.status is None:
            await reply.send(200, [("content-type", kind)])
        else:
            await reply.finish()


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = decode_json(body)
    except WireFormatError as error:
        raise BadRequest(f"the body is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise BadRequest("the body is no JSON object")
    return value


def _model_name(body: dict[str, Any]) -> str:
    name = body.get("model", DEFAULT_NAMES[-1])
    if not isinstance(name, str) or not name.strip():
        raise BadRequest("model: needs the name of a model", param="model")
    return name


async def _refusal_body(response: UpstreamResponse) -> bytes:
    try:
        return await response.read(MAX_REFUSAL_BYTES)
    except UpstreamError:
        return b""  # the status counts even if its body breaks off


def _silence(deployment: Deployment, *, begun: bool) -> UpstreamTimeout:
    said = (
        f"fell silent for {deployment.idle_timeout_s:g} s in the middle of its reply"
        if begun
        else f"gave no reply within {deployment.reply_timeout_s:g} s"
    )
    return UpstreamTimeout(
        f"deployment '{deployment.name}' {said}", deployment=deployment.name, phase="decode" if begun else "prefill"
    )
