"""The protocols a plugin implements, with their contracts in full.

`loro_core.testing.check_provider`, `check_policy` and `check_balancer` test an implementation against what is written
here, and in `decide.fleet.balance` and `decide.fleet.scorers`.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from loro_core.chat import ChatRequest, Delta
from loro_core.decide.fleet.balance import Balancer as Balancer  # noqa: PLC0414  # what decides is written where it is used
from loro_core.decide.fleet.scorers import Scorer as Scorer  # noqa: PLC0414
from loro_core.fleet import Deployment, Plan, Snapshot


class UpstreamResponse(Protocol):
    """An upstream's answer whose head has arrived. Valid inside the `send` block that gave it."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]:
        """By lower-case name; of a header that came twice, the last."""

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives, decoded of transfer and content encoding, in pieces of any size, never empty.

        Raises UpstreamClosed if the body ends before its announced end. Iterate once.
        """

    async def read(self, max_bytes: int) -> bytes:
        """Return the whole body.

        Raises UpstreamProtocolError when it exceeds max_bytes, UpstreamClosed when it ends early.
        """


class UpstreamHttp(Protocol):
    """The way to an upstream: it pools, pre-warms and verifies; a provider names no HTTP library.

    It carries no deadline but the deployment's connect timeout: whoever called the provider cancels it.
    """

    def send(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> AbstractAsyncContextManager[UpstreamResponse]:
        """Send one request and give its response once the head is there; any status is a response.

        Raises UpstreamUnreachable, UpstreamTimeout (phase "connect"), UpstreamClosed or UpstreamProtocolError.
        Leaving the block early, by an exception or Cancelled, closes the connection: the upstream sees it at once.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call to one upstream.

    deployment: where, and with which model name, key and field lists.
    request: what to ask. `request.stream` says whether the upstream is asked to stream.
    http: the transport, bound to this deployment; its errors carry the deployment's name.
    prefill: the words that the reply has begun with, and from which the upstream is to go on; "" for none. Only a
        provider that says it `Continues` is given any. They end in no white space.
    """

    deployment: Deployment
    request: ChatRequest
    http: UpstreamHttp
    prefill: str = ""


@runtime_checkable
class Provider(Protocol):
    """Speaks one upstream protocol.

    - It may be cancelled at any await; it leaves no task, connection or file behind, and the upstream is told by the
      closing of the connection.
    - It raises only UpstreamError kinds (and lets Cancelled pass), never retries, sets no deadline of its own, and
      logs neither prompts nor replies.
    - It holds no state between calls but what makes the next one cheaper.
    """

    @property
    def name(self) -> str:
        """How a configuration names it: lower-case letters, digits, hyphens."""

    def open(self, call: Call) -> AbstractAsyncContextManager[AsyncIterator[Sequence[Delta]]]:
        """Start one call and give its deltas.

        Entering may send the request and wait for the response head. Each item holds the deltas that became ready
        together, in order, at least one. What the iterator owes:

        - content exactly as the upstream wrote it, nothing lost, added or merged across choices;
        - for every choice one finish_reason, in the upstream's last delta for that choice or after it, spelt as
          OpenAI spells it (stop, length, tool_calls, content_filter);
        - usage at most once, if the upstream gave it; with `request.include_usage` it is asked for;
        - it ends when the upstream has said that the reply is complete; if the upstream ends without saying so, it
          raises UpstreamClosed instead: a truncated answer never looks finished;
        - an error status or an error object inside the stream raises UpstreamStatus with the upstream's words.

        The last item may be a `LastDeltas`, where the upstream has said with it that the reply is complete: then the
        reply's end goes out in the same write. Nothing may follow it, neither an item nor an error. Deltas of one
        choice that only add text may come as one whose content is a `JoinedText`.

        When `request.stream` is false the whole reply comes as one item, a delta a choice.
        """

    async def check(self, deployment: Deployment, http: UpstreamHttp) -> None:
        """Return if the upstream is there and would take a call; raise an UpstreamError that says what is wrong.

        Cheap: it must not make a model generate. The caller sets the deadline.
        """


@runtime_checkable
class ProviderSettings(Protocol):
    """A provider may also check its deployments' settings, before anything is started."""

    def problems(self, deployment: Deployment) -> Sequence[str]:
        """Return what is wrong with `deployment`, each "key: value and expectation"; empty if all is well."""


AUTO = "auto"
"""The provider of a deployment whose service is asked which protocol it speaks; no plugin can take this name."""


@runtime_checkable
class Recogniser(Protocol):
    """A provider may also recognise its protocol at an address: deployments with provider "auto" ask for it."""

    async def recognise(self, deployment: Deployment, http: UpstreamHttp) -> bool:
        """Return whether the service at `deployment.base_url` speaks this protocol natively.

        Raises UpstreamError when the service cannot be asked; the question is then put again another time.
        """


@runtime_checkable
class Continues(Protocol):
    """A provider may also make a model go on from words that its reply has begun with (`Call.prefill`).

    The deltas of such a call hold what the upstream wrote, no more and no less: should it repeat the words, they come
    out again. An upstream that will not have them raises UpstreamStatus like any other refusal. Both are noticed by
    the gateway, which also finds another way to tell the model, and remembers.
    """

    def continues(self, deployment: Deployment, request: ChatRequest) -> bool:
        """Return whether it is worth trying with `deployment` and a request like this one. Does no I/O."""


@runtime_checkable
class Policy(Protocol):
    """Decides how a reply is made: alone or acknowledged, with which words and deadlines.

    A plan is data: a policy cannot await, so it cannot stall the server or leak. Where an acknowledgement would break
    what the client asked for (not streaming, n > 1, logprobs, response_format, a forced tool, a tool's result, an
    opening fixed by the system prompt, exact words) the gateway drops it from the plan, whatever the policy says.
    """

    @property
    def name(self) -> str:
        """How a configuration or the header `x-loro-policy` names it: lower-case letters, digits, hyphens."""

    def plan(self, request: ChatRequest, fleet: Snapshot, now: float, rng: random.Random) -> Plan:
        """Return the plan for `request`: a pure function of its arguments, for every valid request.

        now: the runtime's clock in seconds, only good for differences. rng: the only source of chance.
        """
