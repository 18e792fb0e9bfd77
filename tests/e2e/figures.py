"""`make figures`: the gateway's headline figures on this machine, measured now, with everything in its own process."""

from __future__ import annotations

import platform
import statistics
import time

import httpx

from loro_core.testing import Script, upstream_process
from tests.e2e.gateway import gateway, models
from tests.e2e.test_two_legs import ANSWER, WORDS, ask

ROUNDS = 7
MiB = 1024 * 1024


def main() -> None:
    print(f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, medians of {ROUNDS}")
    starts_s, sizes = zip(*(_start() for _ in range(ROUNDS)), strict=True)
    print(f"start to first 200               {statistics.median(starts_s):.2f} s")
    print(f"resident memory after the start  {statistics.median(sizes) / MiB:.1f} MiB")
    for first_token_s in (0.6, 0.05):
        _race(first_token_s)


def _start() -> tuple[float, int]:
    start = time.monotonic()
    with gateway() as loro:
        httpx.get(f"{loro.url}/health").raise_for_status()
        return time.monotonic() - start, loro.resident_bytes()


def _race(first_token_s: float) -> None:
    scripts = {
        "small": Script(text=WORDS, first_token_s=0.1),
        "large": Script(text=ANSWER, first_token_s=first_token_s, tokens_per_s=100.0),
    }
    with (
        upstream_process(scripts) as upstream,
        gateway("--policy", "race", **models(upstream.openai_url)) as loro,
        httpx.Client(base_url=loro.url, timeout=10) as client,
    ):
        ask(client)  # the first reply pays for the connections
        upstream.reset()
        quick, direct = [], []
        for _ in range(ROUNDS):
            quick.append(ask(client))
            direct.append(ask(client, disable_quick_response=True))
        arrived = {name: [r.arrived.unix_s for r in upstream.records() if r.model == name] for name in scripts}
    print(f"small 100 ms, large {first_token_s * 1000:.0f} ms to the first token, policy race")
    print(f"  first content   {_ms(h.first_s for h in quick)} ms, direct {_ms(h.first_s for h in direct)} ms")
    print(f"  total           {_ms(h.total_s for h in quick)} ms, direct {_ms(h.total_s for h in direct)} ms")
    # Quick and direct replies take turns, so every other request to the large model belongs to a quick one.
    apart_s = [abs(s - a) for s, a in zip(arrived["small"], arrived["large"][::2], strict=True)]
    print(f"  the two requests reach the upstream within {max(apart_s) * 1000:.1f} ms of each other")
    print(f"  acknowledged    {sum(h.text != ANSWER for h in quick)} of {len(quick)} replies")


def _ms(seconds) -> str:
    return f"{statistics.median(seconds) * 1000:.0f}"


if __name__ == "__main__":
    main()
