"""What the provider checks do again and again: make a call, hear it to its end, see what is left behind."""

from __future__ import annotations

import logging
import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import trio

from loro_core.chat import ChatRequest, Delta, LastDeltas, Message, ToolCallDelta, Usage
from loro_core.errors import UpstreamError
from loro_core.plugin.api import Call, Provider
from loro_core.testing.bench import ProviderBench, Stage
from loro_core.testing.script import Script

REQUEST = ChatRequest(
    model="bench", messages=(Message.of("user", "marked words of the prompt"),), stream=True, include_usage=True
)
WHOLE_REQUEST = replace(REQUEST, stream=False, include_usage=False)

FINISH_REASONS = ("stop", "length", "tool_calls", "content_filter", "function_call")

GONE_WITHIN_S = 1.0
"""An upstream sees that its caller has left within milliseconds; this much leaves room for a busy machine."""

MOST_AWAITS = 2000


@dataclass(slots=True)
class Heard:
    """What one call gave, and how it ended: error is None if the iterator ended by itself."""

    items: list[Sequence[Delta]] = field(default_factory=list)
    error: UpstreamError | None = None

    @property
    def deltas(self) -> list[Delta]:
        return [delta for item in self.items for delta in item]

    @property
    def usages(self) -> list[Usage]:
        return [delta.usage for delta in self.deltas if delta.usage is not None]

    def text(self, index: int = 0) -> str:
        return "".join(delta.content or "" for delta in self.deltas if delta.index == index)

    def tool_calls(self) -> dict[int, ToolCallDelta]:
        """Return the tool calls of choice 0, their pieces put together."""
        calls: dict[int, ToolCallDelta] = {}
        for piece in (piece for delta in self.deltas if delta.index == 0 for piece in delta.tool_calls):
            known = calls.get(piece.index, ToolCallDelta(index=piece.index))
            calls[piece.index] = replace(
                known,
                id=(known.id or "") + (piece.id or "") or None,
                name=(known.name or "") + (piece.name or "") or None,
                arguments=known.arguments + piece.arguments,
            )
        return calls

    def finishes(self) -> dict[int, str]:
        """Return the finish reason of each choice that has one, after checking that it is one, and the last word."""
        found: dict[int, str] = {}
        for delta in self.deltas:
            if delta.index in found:
                again = delta.finish_reason is not None
                assert not again, f"choice {delta.index} finished twice"
                assert not delta.adds, f"choice {delta.index} went on after its finish_reason"
            if delta.finish_reason is not None:
                known = delta.finish_reason in FINISH_REASONS
                assert known, f"finish_reason is {delta.finish_reason!r}, needs one of {', '.join(FINISH_REASONS)}"
                found[delta.index] = delta.finish_reason
        return found

    def must_be_finished(self, where: str = "") -> None:
        said = self.error and f"{type(self.error).__name__}: {self.error.message}"
        assert self.error is None, f"a good reply{where} ended with {said}"
        assert self.finishes(), f"a good reply{where} got no finish_reason"


@dataclass(frozen=True, slots=True)
class Trial:
    """One provider on one bench."""

    provider: Provider
    bench: ProviderBench

    def stage(self, script: Script) -> AbstractAsyncContextManager[Stage]:
        return self.bench.play(script)

    async def hear(self, script: Script, request: ChatRequest = REQUEST, *, prefill: str = "", **changes: Any) -> Heard:
        """Return what one call gives to whom plays `script` with `changes`; it asks once and leaves nothing.

        prefill: the words that the reply has begun with, "" for none.
        """
        script = replace(script, **changes)
        async with self.stage(script) as stage:
            async with leaves_nothing(stage):
                heard = await listen(self.provider, stage, request, prefill=prefill)
            if stage.calls is not None:
                assert stage.calls() == 1, f"the upstream was asked {stage.calls()} times: retries are not a provider's"
        return heard

    async def check(self, stage: Stage) -> UpstreamError | None:
        """Return what the provider's `check` raises."""
        try:
            await self.provider.check(stage.deployment, stage.http)
        except UpstreamError as error:
            return error
        except Exception as exc:
            raise AssertionError(f"check raised {type(exc).__name__}, needs an UpstreamError: {exc}") from exc
        return None


async def listen(
    provider: Provider, stage: Stage, request: ChatRequest, *, items: int | None = None, prefill: str = ""
) -> Heard:
    """Return what one call gives, to its end, or until it has given so many items."""
    heard = Heard()
    ended = False
    call = Call(deployment=stage.deployment, request=request, http=stage.http, prefill=prefill)
    try:
        async with provider.open(call) as stream:
            async for item in stream:
                given = list(item)
                assert not ended, "it gave an item after the one that it called the last"
                ended = isinstance(item, LastDeltas)
                assert given, "it gave an item without a delta"
                assert all(isinstance(delta, Delta) for delta in given), f"an item holds {given}, needs deltas"
                heard.items.append(given)
                if items is not None and len(heard.items) >= items:
                    break
    except UpstreamError as error:
        heard.error = error
    except AssertionError:
        raise
    except Exception as exc:
        raise AssertionError(f"it raised {type(exc).__name__}, needs an UpstreamError: {exc}") from exc
    if heard.error is not None:
        assert not ended, f"it raised {type(heard.error).__name__} after the item that it called the last"
        kind, named = type(heard.error).__name__, heard.error.deployment
        assert named == stage.deployment.name, f"{kind} names deployment {named!r}, it was {stage.deployment.name!r}"
    return heard


class _Family(trio.abc.Instrument):
    """Knows the tasks that a task has started, and that those have started."""

    def __init__(self, parent: trio.lowlevel.Task) -> None:
        self._family = {parent}
        self.alive: set[trio.lowlevel.Task] = set()

    def task_spawned(self, task: trio.lowlevel.Task) -> None:
        try:
            by = trio.lowlevel.current_task()
        except RuntimeError:  # by no task: the run itself
            return
        if by in self._family:
            self._family.add(task)
            self.alive.add(task)

    def task_exited(self, task: trio.lowlevel.Task) -> None:
        self.alive.discard(task)


@contextmanager
def instrument(watching: trio.abc.Instrument) -> Generator[None, None, None]:
    trio.lowlevel.add_instrument(watching)
    try:
        yield
    finally:
        trio.lowlevel.remove_instrument(watching)


@asynccontextmanager
async def leaves_nothing(stage: Stage) -> AsyncGenerator[None, None]:
    """Check that what the block did has left no task, and no call open at the upstream's end."""
    family = _Family(trio.lowlevel.current_task())
    with instrument(family):
        yield
        if stage.settled is not None:
            with trio.move_on_after(GONE_WITHIN_S) as waiting:
                await stage.settled()
            late = waiting.cancelled_caught
            assert not late, f"{GONE_WITHIN_S:g} s after its caller had left the upstream was still answering"
    assert not family.alive, f"it left tasks behind: {', '.join(sorted(task.name for task in family.alive))}"


class _CancelAt(trio.abc.Instrument):
    """Cancels `scope` at the n-th await of a task: while it waits, or when it is about to go on."""

    def __init__(self, scope: trio.CancelScope, n: int, *, while_it_waits: bool) -> None:
        self._scope = scope
        self._task = trio.lowlevel.current_task()
        self._while_it_waits = while_it_waits
        self.left = n

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        if not self._while_it_waits:
            self._step(task)

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        if self._while_it_waits:
            self._step(task)

    def _step(self, task: trio.lowlevel.Task) -> None:
        if task is self._task:
            self.left -= 1
            if self.left == 0:
                self._scope.cancel()


async def cancelled_at_every_await(
    stage: Stage, run: Callable[[], Awaitable[Heard]], *, whole: Callable[[Heard], bool]
) -> None:
    """Run `run` again and again, cancelled one await later each time, until it gets to its end, and check each time
    that nothing is left and Cancelled was let through.

    whole: whether something heard is all there was to hear.
    """
    for while_it_waits in (True, False):
        for n in range(1, MOST_AWAITS):
            heard = None
            async with leaves_nothing(stage):
                with trio.CancelScope() as scope:
                    cancelling = _CancelAt(scope, n, while_it_waits=while_it_waits)
                    with instrument(cancelling):
                        heard = await run()
            if heard is not None:
                swallowed = f"cancelled at its await number {n} it went on as if it had not been"
                assert heard.error is None, f"{swallowed}, and raised {type(heard.error).__name__}"
                assert whole(heard), swallowed
            if cancelling.left > 0:
                break
        else:
            raise AssertionError(f"one short reply takes more than {MOST_AWAITS} awaits")


@contextmanager
def no_logged_words(*words: str) -> Generator[None, None, None]:
    """Check that none of `words` is logged, at any level."""
    root, lines = logging.getLogger(), list[str]()
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]  # a handler in a line
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
    told = [word for word in words for line in lines if word in line]
    assert not told, "it logged words of a prompt or a reply"


def jumps() -> bool:
    """Whether waiting is free here: the run has an autojump clock."""
    # trio.testing.MockClock has it; importing that brings all of pytest, where it is installed, into every gateway.
    threshold_s: float = getattr(trio.lowlevel.current_clock(), "autojump_threshold", math.inf)
    return threshold_s < math.inf
