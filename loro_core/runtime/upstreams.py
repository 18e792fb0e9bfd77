"""Which provider speaks to which deployment, and whether it is there.

A deployment with provider "auto" is asked once: an address with a path (`.../v1`) speaks OpenAI's protocol; a bare
address is put to every provider that can recognise its own, and is OpenAI's if none does. Ports decide nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

import trio

from loro_core.chat import ChatRequest
from loro_core.errors import UpstreamError, UpstreamTimeout
from loro_core.fleet import Deployment
from loro_core.plugin.api import AUTO, Call, Provider, Recogniser, UpstreamHttp

USUAL = "openai"
"""What an address speaks when nobody recognises it."""

RECOGNISE_WITHIN_S = 2.0
CHECK_WITHIN_S = 3.0


class Upstreams:
    """providers: by name; every deployment's provider is among them or "auto".

    bind: gives a deployment its transport.
    """

    def __init__(self, providers: Mapping[str, Provider], bind: Callable[[Deployment], UpstreamHttp]) -> None:
        self._providers = providers
        self._bind = bind
        self._recognised: dict[str, Provider] = {}
        self._asking = trio.Lock()

    async def call(self, deployment: Deployment, request: ChatRequest) -> tuple[Provider, Call]:
        """Return who makes this call, and the call."""
        provider = self._settled(deployment) or await self._recognise(deployment)
        return provider, Call(deployment=deployment, request=request, http=self._bind(deployment))

    async def check(self, deployment: Deployment) -> UpstreamError | None:
        """Return None if `deployment` is there and would take a call, else what is wrong with it."""
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
