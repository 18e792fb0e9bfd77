"""What a user hears however many models it takes: the whole text once, or its beginning and an error."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from loro_core.app.legs import Line
from loro_core.app.relay import Relay
from loro_core.chat import ChatRequest, Delta, Message
from loro_core.decide.merge import Abort, Acknowledged, Action, Emit, Finish, Merge
from loro_core.decide.prefill import Ladder
from loro_core.errors import UpstreamClosed, UpstreamError, UpstreamStatus
from loro_core.fleet import Deployment
from loro_core.plugin.api import Call, UpstreamHttp
from loro_core.runtime.race import run_race
from loro_core.runtime.upstreams import Upstreams
from tests.runtime.fakes import NoHttp

# A name at its beginning, which the seam leaves as it is.
TEXT = "Paris is the capital, and the Seine\n\nruns through it. 塞纳河。"
WORDS = "Let me see. So, "


@dataclass(frozen=True)
class Model:
    """What one model does. cut: after so many characters of its reply it dies, None if it does not."""

    cut: int | None
    size: int
    echoes: bool
    first_token_s: float


models = st.builds(
    Model,
    cut=st.none() | st.integers(0, len(TEXT)),
    size=st.integers(1, 9),
    echoes=st.booleans(),
    first_token_s=st.sampled_from([0.1, 60.0]),
)


class Playing:
    """A provider whose models know TEXT, and go on with it from whatever they are handed."""

    name = "playing"

    def __init__(self, models: dict[str, Model]) -> None:
        self._models = models
        self.open_calls = 0

    @asynccontextmanager
    async def open(self, call: Call) -> AsyncIterator[AsyncIterator[Sequence[Delta]]]:
        self.open_calls += 1
        try:
            async with aclosing(self._play(self._models[call.deployment.name], call.prefill)) as deltas:
                yield deltas
        finally:
            self.open_calls -= 1

    async def _play(self, model: Model, prefill: str) -> AsyncGenerator[Sequence[Delta], None]:
        await trio.sleep(model.first_token_s)
        # The longest part of TEXT that the words end with; only a whole word of it is meant.
        known = max((n for n in range(len(TEXT) + 1) if prefill.endswith(TEXT[:n])), default=0)
        known = known if prefill in (TEXT[:known], WORDS + TEXT[:known]) else 0
        text = (prefill if model.echoes and len(prefill) >= 8 else "") + TEXT[known:]
        text = text if known or not prefill else f" {text}"
        said = text if model.cut is None else text[: model.cut]
        for at in range(0, len(said), model.size):
            await trio.sleep(0.01)
            yield [Delta(content=said[at : at + model.size])]
        if model.cut is not None:
            raise UpstreamClosed("cut")
        yield [Delta(finish_reason="stop")]

    async def check(self, deployment: Deployment, http: UpstreamHttp) -> None:
        await trio.lowlevel.checkpoint()

    def continues(self, deployment: Deployment, request: ChatRequest) -> bool:
        return True


async def reply(chain: list[Model], *, acknowledged: bool) -> tuple[str, Action]:
    """Return what is written, and how it ends."""
    names = [f"m{number}" for number in range(len(chain))]
    playing = Playing(dict(zip(names, chain, strict=True)))
    line = Line(
        upstreams=Upstreams({"playing": playing}, lambda _: NoHttp()),
        observer=lambda _: None,
        rng=random.Random(1),
        ladder=Ladder(),
    )
    deployments = [
        Deployment(name=name, provider="playing", model="m", first_token_timeout_s=6.0, max_retries=0) for name in names
    ]
    merge = Merge(acknowledging=acknowledged)
    request = ChatRequest(model="loro", messages=(Message.of("user", "Where?"),), stream=True)
    relay = Relay(line, deployments, request, merge=merge)
    written: list[Action] = []

    async def write(actions: Sequence[Action]) -> None:
        await trio.lowlevel.checkpoint()
        written.extend(actions)

    async def acknowledge(say) -> None:
        await say(Acknowledged(words=WORDS, language="en"))

    await run_race(merge, relay, acknowledge if acknowledged else None, write)
    assert playing.open_calls == 0
    return "".join(a.delta.content or "" for a in written if isinstance(a, Emit)), written[-1]


@given(st.lists(models, min_size=1, max_size=3), st.booleans())
def test_the_text_is_said_once_or_it_ends_with_an_error(chain: list[Model], acknowledged: bool) -> None:
    async def run() -> tuple[str, Action]:
        return await reply(chain, acknowledged=acknowledged)

    said, end = trio.run(run, clock=trio.testing.MockClock(autojump_threshold=0))
    whole = (WORDS if acknowledged else "") + TEXT
    if isinstance(end, Finish):
        assert said == whole
    else:
        assert isinstance(end, Abort) and isinstance(end.error, UpstreamError)
        assert not isinstance(end.error, UpstreamStatus) and whole.startswith(said)
    survivor = any(model.cut is None and model.first_token_s < 1 for model in chain)
    assert isinstance(end, Finish) or not survivor
