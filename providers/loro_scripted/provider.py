"""The provider: it counts calls, and leaves the playing to `play`.

`play` needs the testing kit, which a gateway without a scripted model has no use for and loads longer than all the
other plugins together. So it is imported when the first scripted deployment is judged (`problems`: at the start) or
called, and not with this module.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager

from loro_core import Call, ChatRequest, Delta, Deployment, UpstreamHttp


class ScriptedProvider:
    """Speaks no protocol: each deployment's options are what its model does.

    It counts the calls of each deployment, for faults that strike the first `times` of them only.
    """

    name = "scripted"

    def __init__(self) -> None:
        self._calls: Counter[str] = Counter()

    @asynccontextmanager
    async def open(self, call: Call) -> AsyncGenerator[AsyncIterator[Sequence[Delta]], None]:
        from loro_scripted import play  # noqa: PLC0415 - see above

        name = call.deployment.name
        played = play.items_of(call, self._calls[name])
        self._calls[name] += 1
        async with aclosing(played) as items:
            await anext(items)  # the response's head
            yield items

    async def check(self, deployment: Deployment, http: UpstreamHttp) -> None:  # noqa: ARG002  # a script is reached without one
        """Return, or raise what the deployment's next call will meet before its head."""
        from loro_scripted import play  # noqa: PLC0415 - see above

        await play.check(deployment, self._calls[deployment.name])

    def problems(self, deployment: Deployment) -> Sequence[str]:
        from loro_scripted import play  # noqa: PLC0415 - see above

        return play.problems_of(deployment)

    def continues(self, deployment: Deployment, request: ChatRequest) -> bool:  # noqa: ARG002
        """Always: what becomes of it is in the script (`prefill`)."""
        return True
