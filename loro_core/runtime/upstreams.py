"""Which provider speaks to which deployment, and whether it is there.

A deployment with provider "auto" is asked once: an address with a path (`.../v1`) speaks OpenAI's protocol; a bare
address is put to every provider that can recognise its own, and is OpenAI's if none does. Ports decide nothing.

A deployment with provider "local" stands for models of the fleet, by a name or an alias: each call to it takes a seat
at one of their instances, and is made as that one's model is configured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

import trio

from loro_core.chat import ChatRequest
from loro_core.errors import UpstreamError, UpstreamTimeout, UpstreamUnreachable
from loro_core.fleet import Deployment
from loro_core.models import LOCAL
from loro_core.plugin.api import AUTO, Call, Provider, Recogniser, UpstreamHttp
from loro_core.runtime.fleet.seats import NOBODY, Asking, Seats, seated

USUAL = "openai"
"""What an address speaks when nobody recognises it."""

RECOGNISE_WITHIN_S = 2.0
CHECK_WITHIN_S = 3.0


class Upstreams:
    """providers: by name; every deployment's provider is among them or "auto".

    bind: gives a deployment its transport. fleet: where seats at local models come from, None if there are none.
    """

    def __init__(
        self,
        providers: Mapping[str, Provider],
        bind: Callable[[Deployment], UpstreamHttp],
        fleet: Seats | None = None,
    ) -> None:
        self._providers = providers
        self._bind = bind
        self._fleet = fleet
        self._recognised: dict[str, Provider] = {}
        self._asking = trio.Lock()

    async def call(
        self, deployment: Deployment, request: ChatRequest, asking: Asking = NOBODY
    ) -> tuple[Provider, Call]:
        """Return who makes this call, and the call. asking: for whom, where it may have to wait.

        What is given for a local model keeps in mind what failed, so it is for one leg only.
        Raises UpstreamUnreachable if there is no local model of that name.
        """
        if deployment.provider == LOCAL:
            return self._local(deployment, request, asking)
        provider = self._settled(deployment) or await self._recognise(deployment)
        return provider, Call(deployment=deployment, request=request, http=self._bind(deployment))

    def _local(self, deployment: Deployment, request: ChatRequest, asking: Asking) -> tuple[Provider, Call]:
        fleet, models = self._fleet, () if self._fleet is None else self._fleet.serving(deployment.model)
        if fleet is None or not models:
            raise UpstreamUnreachable(f"there is no local model '{deployment.model}'", deployment=deployment.name)
        inner = self._settled(fleet.deployment(models[0])) or self._providers[USUAL]
        provider = seated(fleet, models, self.call, inner, asking)
        return provider, Call(deployment=deployment, request=request, http=self._bind(deployment))

    async def check(self, deployment: Deployment) -> UpstreamError | None:
        """Return None if `deployment` is there and would take a call, else what is wrong with it.

        A local model that is not loaded is there: it can be.
        """
        if deployment.provider == LOCAL:
            await trio.lowlevel.checkpoint()
            return self._check_local(deployment)
        try:
            with trio.fail_after(CHECK_WITHIN_S):
                provider = self._settled(deployment) or await self._recognise(deployment)
                await provider.check(deployment, self._bind(deployment))
        except UpstreamError as error:
            return error
        except trio.TooSlowError:
            return UpstreamTimeout(
                f"deployment '{deployment.name}' gave no sign of life within {CHECK_WITHIN_S:g} s",
                deployment=deployment.name,
                phase="connect",
            )
        return None

    def _check_local(self, deployment: Deployment) -> UpstreamError | None:
        models = () if self._fleet is None else self._fleet.serving(deployment.model)
        reason = f"there is no local model '{deployment.model}'"
        for name in models:
            failure = None if self._fleet is None else self._fleet.failure(name)
            if failure is None:
                return None
            reason = f"model '{name}': {failure}"
        return UpstreamUnreachable(reason, deployment=deployment.name)

    def _settled(self, deployment: Deployment) -> Provider | None:
        if deployment.provider != AUTO:
            return self._providers[deployment.provider]
        if urlsplit(deployment.base_url).path.strip("/"):
            return self._providers[USUAL]
        return self._recognised.get(deployment.base_url)

    async def _recognise(self, deployment: Deployment) -> Provider:
        async with self._asking:
            known = self._settled(deployment)
            if known is not None:
                return known
            http = self._bind(deployment)
            try:
                with trio.fail_after(RECOGNISE_WITHIN_S):
                    provider = await self._first_that_recognises(deployment, http)
            except (UpstreamError, trio.TooSlowError):
                return self._providers[USUAL]  # Nobody there to ask; the question is put again at the next call.
            self._recognised[deployment.base_url] = provider
            return provider

    async def _first_that_recognises(self, deployment: Deployment, http: UpstreamHttp) -> Provider:
        for provider in self._providers.values():
            if isinstance(provider, Recogniser) and await provider.recognise(deployment, http):
                return provider
        return self._providers[USUAL]
