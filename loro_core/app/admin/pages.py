"""The handlers of `/-/`: each lets in who has the key, asks the fleet, and tells how the model then stands."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import TypeVar
from urllib.parse import parse_qsl

import trio
from msgspec import Struct

from loro_core.app.admin.fleet import Fleet, Limits
from loro_core.app.admin.gate import Gate
from loro_core.app.admin.page import PAGE, PAGE_HEADERS
from loro_core.app.admin.registering import REGISTERED, read_object, read_registration, refuse_known
from loro_core.app.admin.standing import event_json, line_json, line_text, listing, model_json
from loro_core.app.admin.streams import Waiting, event, stream_events
from loro_core.app.config.changes import Changes
from loro_core.app.config.kinds import Number, Unfit, closest, quote
from loro_core.app.replies import JSON_HEADERS
from loro_core.app.routes import Fields, Handler, NamedHandler, NamedTable, Table
from loro_core.chat import Json
from loro_core.errors import BadRequest, ConfigError, Conflict, LoroError, NotFound, Unprocessable, UpstreamError
from loro_core.fleet import Deployment, Secret
from loro_core.models import FleetEvent, ModelStatus
from loro_core.plugin.api import Provider
from loro_core.runtime.http_reply import Reply
from loro_core.runtime.http_service import Drain
from loro_core.wire.http1 import HttpRequest
from loro_core.wire.json_text import encode_json
from loro_core.wire.openai_out import error_event
from loro_core.wire.parameters import check_boolean

LOG_LINES = 200
"""So many a reader gets who does not say."""

MOST_LOG_LINES = 100_000

MOST_OFTEN_S, LEAST_OFTEN_S = 0.2, 60.0
"""How often it may be asked to tell how all models stand: for some thousand of them it is some milliseconds' work."""

TOGETHER_S = 0.1
"""What happens within this time is told of once: a swap is half a dozen events."""

# What is told here is of now, and of nobody's business but the operator's.
OWN_JSON = (*JSON_HEADERS, ("cache-control", "no-store"))
OWN_TEXT = (
    ("content-type", "text/plain; charset=utf-8"),
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
)

T = TypeVar("T")


class House(Struct, frozen=True, kw_only=True):
    """What the admin API acts on.

    fleet: the models. limits: what they share now. drain: when its streams end.
    reload: reads the configuration again and puts it in force; raises ConfigError, with nothing changed.
    """

    fleet: Fleet
    drain: Drain
    reload: Callable[[], Awaitable[Changes]]
    limits: Callable[[], Limits] = Limits


class Admin:
    """The handlers. key: what opens them, None closes them.

    providers: who can speak to what is registered. check: whether an address is there; None says that it is.
    """

    def __init__(
        self,
        key: Secret | None,
        house: House,
        providers: Mapping[str, Provider],
        check: Callable[[Deployment], Awaitable[UpstreamError | None]],
    ) -> None:
        self._gate = Gate(key)
        self._house = house
        self._fleet = house.fleet
        self._providers = providers
        self._check = check
        self._registering = trio.Lock()

    def table(self) -> Table:
        """Return the handlers of the fixed paths."""
        return {
            "/-": {"GET": self.page},
            "/-/models": {"GET": self._behind(self.models)},
            "/-/upstreams": {"POST": self._behind(self.register)},
            "/-/events": {"GET": self._behind(self.events)},
            "/-/reload": {"POST": self._behind(self.reload)},
        }

    def named(self) -> NamedTable:
        """Return the handlers of the paths with a model's name in them."""
        return {
            "/-/models/{name}": {"GET": self._behind_for(self.model)},
            "/-/models/{name}/load": {"POST": self._behind_for(self.load)},
            "/-/models/{name}/unload": {"POST": self._behind_for(self.unload)},
            "/-/models/{name}/drain": {"POST": self._behind_for(self.drain)},
            "/-/models/{name}/log": {"GET": self._behind_for(self.log)},
            "/-/upstreams/{name}": {"DELETE": self._behind_for(self.unregister)},
        }

    def _behind(self, handler: Handler) -> Handler:
        async def admitted(request: HttpRequest, reply: Reply, fields: Fields) -> None:
            self._gate.admit(request)
            await handler(request, reply, fields)

        return admitted

    def _behind_for(self, handler: NamedHandler) -> NamedHandler:
        async def admitted(request: HttpRequest, reply: Reply, fields: Fields, name: str) -> None:
            self._gate.admit(request)
            fields["model"] = name
            await handler(request, reply, fields, name)

        return admitted

    async def page(self, request: HttpRequest, reply: Reply, fields: Fields) -> None:  # noqa: ARG002
        """The models page; it has no secrets, and asks for the key itself."""
        await reply.send(200, PAGE_HEADERS, PAGE)

    async def models(self, request: HttpRequest, reply: Reply, fields: Fields) -> None:  # noqa: ARG002
        await _send(reply, listing(self._fleet.models(), self._house.limits()))

    async def model(self, request: HttpRequest, reply: Reply, fields: Fields, name: str) -> None:  # noqa: ARG002
        await _send(reply, {"model": model_json(self._status(name))})

    async def load(self, request: HttpRequest, reply: Reply, fields: Fields, name: str) -> None:  # noqa: ARG002
        """Load, and answer once the model is ready; with `Accept: text/event-stream`, tell what happens meanwhile."""
        self._status(name)
        if "text/event-stream" in (request.header("accept") or ""):

            async def produce(waiting: Waiting) -> None:
                await self._load_aloud(name, waiting)

            await stream_events(request, reply, self._house.drain, produce)
            return
        await self._fleet.load(name)
        await _send(reply, {"model": model_json(self._status(name))})

    async def unload(self, request: HttpRequest, reply: Reply, fields: Fields, name: str) -> None:  # noqa: ARG002
        """Stop a model's instances, at once with {"drain": false}."""
        asked = read_object(request.body)
        drain = asked.pop("drain", True)
        check_boolean("drain", drain)
        _refuse_more(asked, "drain")
        self._status(name)
        await self._fleet.unload(name, drain=drain)
        await _send(reply, {"model": model_json(self._status(name))})

    async def drain(self, request: HttpRequest, reply: Reply, fields: Fields, name: str) -> None:
        """Let a model's calls end, then stop it; answer when that is done."""
        del fields
        _refuse_more(read_object(request.body))
        self._status(name)
        await self._fleet.drain(name)
        await _send(reply, {"model": model_json(self._status(name))})

    async def log(self, request: HttpRequest, reply: Reply, fields: Fields, name: str) -> None:  # noqa: ARG002
        """Tell the last lines of a model's log, as text or JSON; with `follow=1` as events, and then what comes."""
        most, follow = _log_query(request.query)
        self._status(name)
        log = self._fleet.log(name)
        if not follow:
            lines = log.lines()[-most:]
            if "application/json" in (request.header("accept") or ""):
                await _send(reply, {"lines": [line_json(line) for line in lines]})
                return
            await reply.send(
                200, OWN_TEXT, "".join(f"{line_text(line)}\n" for line in lines).encode("utf-8", "replace")
            )
            return

        async def produce(waiting: Waiting) -> None:
            # No other task runs between these two: no line is lost, and none comes twice.
            for line in log.lines()[-most:]:
                waiting.put(event(line_json(line)))
            await _each(log.follow(), lambda line: waiting.put(event(line_json(line))))

        await stream_events(request, reply, self._house.drain, produce)

    async def events(self, request: HttpRequest, reply: Reply, fields: Fields) -> None:  # noqa: ARG002
        """Tell what happens; with `standing=SECONDS` also how all models stand, so often and after what happened."""
        every_s = _events_query(request.query)

        async def produce(waiting: Waiting) -> None:
            happened = trio.lowlevel.ParkingLot()

            def tell(one: FleetEvent) -> None:
                waiting.put(event(event_json(one)))
                happened.unpark_all()

            async with self._fleet.subscribe() as happening, trio.open_nursery() as nursery:
                if every_s is not None:
                    nursery.start_soon(self._tell_standing, waiting, every_s, happened)
                await _each(happening, tell)
                nursery.cancel_scope.cancel()

        await stream_events(request, reply, self._house.drain, produce)

    async def _tell_standing(self, waiting: Waiting, every_s: float, happened: trio.lowlevel.ParkingLot) -> None:
        while True:
            waiting.put_latest(event({"kind": "standing", **listing(self._fleet.models(), self._house.limits())}))
            with trio.move_on_after(every_s):
                await happened.park()
                await trio.sleep(TOGETHER_S)

    async def register(self, request: HttpRequest, reply: Reply, fields: Fields) -> None:
        """Add an address, once it was asked whether it is there."""
        registration = read_registration(request.body, self._providers)
        model = registration.model
        fields["model"] = model.name
        # One at a time: while one is being checked, another of the same name must not get past.
        async with self._registering:
            refuse_known(model, [status.model for status in self._fleet.models()])
            if registration.check:
                error = await self._check(model.deployment)
                if error is not None:
                    raise Unprocessable(
                        f"url: {error.message}. Nothing was registered; "
                        'with "check": false it is, without being asked first.',
                        param="url",
                        code="upstream_check_failed",
                    )
                refuse_known(model, [status.model for status in self._fleet.models()])
            self._fleet.register(model)
        await reply.send(201, OWN_JSON, encode_json({"model": model_json(self._status(model.name))}))

    async def unregister(self, request: HttpRequest, reply: Reply, fields: Fields, name: str) -> None:  # noqa: ARG002
        model = self._status(name).model
        if model.source != REGISTERED:
            raise Conflict(
                f"{quote(name)} was not registered, it is configured in {model.source or 'the configuration'}: "
                "take it out there, then POST /-/reload.",
                code="configured_model",
            )
        self._fleet.unregister(name)
        await _send(reply, {"name": name, "unregistered": True})

    async def reload(self, request: HttpRequest, reply: Reply, fields: Fields) -> None:
        """Read the configuration again: 200 with what changed, or 422 with all that is wrong and nothing changed."""
        _refuse_more(read_object(request.body))
        try:
            done = await self._house.reload()
        except ConfigError as error:
            fields["error"] = "configuration_invalid"
            count = len(error.problems)
            envelope: dict[str, Json] = {
                "message": f"Nothing was changed: the configuration has {count} "
                f"{'problem' if count == 1 else 'problems'}.",
                "type": Unprocessable.type,
                "param": None,
                "code": "configuration_invalid",
                "problems": list(error.problems),
            }
            await reply.send(422, OWN_JSON, encode_json({"error": envelope}))
            return
        await _send(
            reply,
            {
                "added": list(done.added),
                "changed": list(done.changed),
                "restarted": list(done.restarted),
                "removed": list(done.removed),
                "pairs": list(done.pairs),
                "settings": list(done.keys),
                "next_start": list(done.waits),
            },
        )

    async def _load_aloud(self, name: str, waiting: Waiting) -> None:
        """Load, with an event for each change of the model, and at last how it stands or what went wrong."""

        def tell(one: FleetEvent) -> None:
            if one.model == name and one.kind == "state":
                waiting.put(event(event_json(one)))

        async with self._fleet.subscribe() as happening, trio.open_nursery() as nursery:
            nursery.start_soon(_each, happening, tell)
            try:
                await self._fleet.load(name)
                last = event({"kind": "done", "model": model_json(self._status(name))})
            except LoroError as error:
                last = error_event(error)
            nursery.cancel_scope.cancel()
        waiting.put(last)

    def _status(self, name: str) -> ModelStatus:
        """Return how `name` stands. Raises NotFound, with the name that was probably meant."""
        statuses = self._fleet.models()
        for status in statuses:
            if status.model.name == name:
                return status
        raise NotFound(f"There is no model {quote(name)}{_hint(name, statuses)}.", code="model_not_found")


def _hint(name: str, statuses: Sequence[ModelStatus]) -> str:
    for status in statuses:
        if name in status.model.aliases:
            return f"; it is an alias of {status.model.name}"
    near = closest(name, [status.model.name for status in statuses])
    if near:
        return f"; did you mean {near}?"
    names = [status.model.name for status in statuses[:20]]
    return f"; there are {', '.join(names)}" if names else "; none is configured or registered"


def _events_query(query: str) -> float | None:
    """Return the seconds after `standing=`, None if it is not asked for. Raises BadRequest."""
    every_s = None
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name != "standing":
            raise BadRequest(f"{quote(name)} is no parameter of the events; there is standing", param=name)
        try:
            every_s = Number(MOST_OFTEN_S, LEAST_OFTEN_S).accept(Number(0, 0).read(value))
        except Unfit:
            wants = Number(MOST_OFTEN_S, LEAST_OFTEN_S).wants
            raise BadRequest(f"standing is {quote(value)}, needs {wants}", param="standing") from None
    return every_s


def _log_query(query: str) -> tuple[int, bool]:
    """Return (lines, follow) of the query of a log. Raises BadRequest."""
    most, follow = LOG_LINES, False
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name == "lines":
            if not (value.isascii() and value.isdigit() and 1 <= int(value[:9]) <= MOST_LOG_LINES):
                raise BadRequest(f"lines is {quote(value)}, needs a number from 1 to {MOST_LOG_LINES}", param="lines")
            most = int(value)
        elif name == "follow":
            if value not in ("", "0", "1", "true", "false"):
                raise BadRequest(f"follow is {quote(value)}, needs 1 or 0", param="follow")
            follow = value in ("", "1", "true")
        else:
            raise BadRequest(f"{quote(name)} is no parameter of a log; there are lines and follow", param=name)
    return most, follow


def _refuse_more(asked: Mapping[str, Json], *known: str) -> None:
    for name in asked:
        wants = f"; there is {', '.join(known)}" if known else "; none is taken here"
        raise BadRequest(f"{quote(name)} is no field{wants}", param=name)


async def _each(items: AsyncIterator[T], take: Callable[[T], None]) -> None:
    """Hand every item to `take`; close the iterator in the end, where it is one that can be."""
    try:
        async for item in items:
            take(item)
    finally:
        close = getattr(items, "aclose", None)
        if close is not None:
            with trio.move_on_after(1, shield=True):
                await close()


async def _send(reply: Reply, body: Mapping[str, Json]) -> None:
    await reply.send(200, OWN_JSON, encode_json(body))
