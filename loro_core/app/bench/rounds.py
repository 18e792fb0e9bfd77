"""The measuring itself: every scenario, round by round, the policies in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import trio

from loro_core.app.bench.options import Options
from loro_core.app.bench.reading import Timing
from loro_core.app.bench.scenarios import Scenario
from loro_core.app.bench.server import Failed, Heard, Server
from loro_core.chat import Json

GIVE_UP_AFTER = 6
"""When so many replies failed and none came, the rest will not either: better to say so than to time out for hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One reply that was asked for. round, turn: from 1. served: the policy that the server says it used, or "".

    label: what is said to the server; samples of one label are the same question. Either timing or error is there.
    """

    label: str
    scenario: str
    language: str
    policy: str
    round: int
    turn: int
    served: str = ""
    timing: Timing | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """One reply that is about to be asked for."""

    scenario: Scenario
    policy: str
    round: int
    turn: int

    @property
    def label(self) -> str:
        return self.scenario.label(self.turn)


async def measure(
    server: Server, model: str, options: Options, samples: list[Sample], tell: Callable[[Asking], None]
) -> None:
    """Ask for all replies and put a sample of each into `samples`. tell: hears of each before it is asked for.

    The policies take turns reply by reply, so that what drifts (a model's load, a machine's heat) meets them all alike.
    After Cancelled `samples` holds what was measured until then.
    """
    for conversation in _conversations(options):
        for asking in conversation.turns(options.policies):
            if samples:
                await trio.sleep(options.pause_s)
            tell(asking)
            messages = conversation.messages(asking)
            found = await server.ask(model, messages, asking.policy)
            samples.append(_sample(asking, found))
            if isinstance(found, Heard):
                conversation.remember(asking, found.text)
            elif len(samples) >= GIVE_UP_AFTER and all(sample.timing is None for sample in samples):
                return


def _conversations(options: Options) -> Iterator[_Conversation]:
    for scenario in options.scenarios:
        for number in range(1, options.rounds + 1):
            yield _Conversation(scenario, number)


class _Conversation:
    """One round of a scenario: what each policy's replies made of it so far."""

    def __init__(self, scenario: Scenario, number: int) -> None:
        self._scenario = scenario
        self._number = number
        self._replies: dict[str, list[str]] = {}

    def turns(self, policies: tuple[str, ...]) -> Iterator[Asking]:
        """Yield the next reply to ask for; a policy whose reply failed has no history to go on from."""
        for turn in range(1, len(self._scenario.turns) + 1):
            for policy in policies:
                if len(self._replies.get(policy, ())) == turn - 1:
                    yield Asking(scenario=self._scenario, policy=policy, round=self._number, turn=turn)

    def messages(self, asking: Asking) -> list[Json]:
        """Return the conversation up to what the user says now, the server's own replies in it."""
        messages: list[Json] = []
        for said, reply in zip(self._scenario.turns, self._replies.get(asking.policy, ()), strict=False):
            messages += [{"role": "user", "content": said}, {"role": "assistant", "content": reply}]
        return [*messages, {"role": "user", "content": self._scenario.turns[asking.turn - 1]}]

    def remember(self, asking: Asking, text: str) -> None:
        self._replies.setdefault(asking.policy, []).append(text)


def _sample(asking: Asking, found: Heard | Failed) -> Sample:
    heard = found if isinstance(found, Heard) else None
    return Sample(
        label=asking.label,
        scenario=asking.scenario.name,
        language=asking.scenario.language,
        policy=asking.policy,
        round=asking.round,
        turn=asking.turn,
        served=heard.policy if heard else "",
        timing=heard.timing if heard else None,
        error=found.message if isinstance(found, Failed) else None,
    )
