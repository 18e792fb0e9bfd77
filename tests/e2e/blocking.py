"""`make blocking`: what one client does to the live streams of others, with and without it in the same run."""

from __future__ import annotations

import contextlib
import json
import platform
import select
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from loro_core.app.config.settings import WordsSettings
from loro_core.app.phrases import phrasebook
from loro_core.decide.hygiene import KnownWords, without_acknowledgements
from loro_core.decide.turn import CallMemory, classify
from loro_core.testing import Script, upstream_process
from loro_core.wire.json_text import encode_json
from loro_core.wire.openai_in import RequestRules, decode_chat_request
from tests.e2e.disturber import KINDS, conversation, request
from tests.e2e.gateway import gateway, models

STREAMS = 32
PACE_S = 0.020
PHASE_S = 4.0
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class Gaps:
    """Between two pieces of a stream, over all streams, in seconds."""

    p50: float
    p99: float
    longest: float

    @classmethod
    def of(cls, gaps: list[float]) -> Gaps:
        ordered = sorted(gaps)
        return cls(p50=ordered[len(ordered) // 2], p99=ordered[int(len(ordered) * 0.99)], longest=ordered[-1])

    def __str__(self) -> str:
        return f"p50 {self.p50 * 1000:6.1f}  p99 {self.p99 * 1000:6.1f}  longest {self.longest * 1000:7.1f} ms"


def measure(kind: str, **environment: str) -> tuple[Gaps, Gaps]:
    """Return the gaps of the same live streams before a disturbance and while it goes on."""
    tokens = int((2 * PHASE_S + 8) / PACE_S)
    script = Script(text="word " * tokens, first_token_s=0.05, tokens_per_s=1 / PACE_S)
    with (
        upstream_process({"large": script}) as upstream,
        gateway("--policy", "direct", **models(upstream.openai_url), **environment) as loro,
        contextlib.ExitStack() as stack,
    ):
        streams = [stack.enter_context(_stream(loro.url)) for _ in range(STREAMS)]
        _until_all_speak(streams)
        before = _gaps(streams, PHASE_S)
        command = [sys.executable, "-m", "tests.e2e.disturber", kind, loro.url, str(PHASE_S + 1)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as disturber:
            assert disturber.stdout is not None
            while not select.select([disturber.stdout], [], [], 0)[0]:
                _gaps(streams, 0.25)  # it gets ready
            during = _gaps(streams, PHASE_S)
            disturber.kill()
    return before, during


def _stream(url: str) -> socket.socket:
    parts = urlsplit(url)
    client = socket.create_connection((parts.hostname or "", parts.port or 0))
    body = json.dumps({"model": "loro", "messages": [{"role": "user", "content": "Go on."}], "stream": True})
    client.sendall(request(body.encode()))
    client.setblocking(False)
    return client


def _until_all_speak(streams: list[socket.socket]) -> None:
    for client in streams:
        client.settimeout(20)
        assert client.recv(65536)
        client.setblocking(False)


def _gaps(streams: list[socket.socket], seconds: float) -> Gaps:
    gaps: list[float] = []
    last: dict[int, float] = {}
    until = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        for client in streams:
            selector.register(client, selectors.EVENT_READ)
        while (now := time.monotonic()) < until:
            for key, _ in selector.select(until - now):
                data = key.fileobj.recv(65536)  # type: ignore[union-attr]
                assert data, "a stream ended"
                at = time.monotonic()
                if key.fd in last:
                    gaps.append(at - last[key.fd])
                last[key.fd] = at
    # A stream that says nothing more until the end has a gap, too.
    gaps += [until - at for at in last.values()]
    # Nor has one that said nothing at all.
    gaps += [seconds] * (len(streams) - len(last))
    return Gaps.of(gaps)


def costs(size: int) -> dict[str, float]:
    """Return what a conversation of `size` bytes costs on its way through, in seconds of the processor's time."""
    body = conversation(size)
    known = KnownWords.of(phrasebook(WordsSettings(), ROOT))
    asked = decode_chat_request(body, RequestRules())
    steps = {
        "decode": lambda: decode_chat_request(body, RequestRules()),
        "classify": lambda: classify(asked, CallMemory(), 0.0),
        "hygiene": lambda: without_acknowledgements(asked.messages, known),
        "encode": lambda: encode_json([message.fields for message in asked.messages]),
    }
    return {name: min(_processor_s(step) for _ in range(3)) for name, step in steps.items()}


def _processor_s(step: Callable[[], object]) -> float:
    start = time.process_time()
    step()
    return time.process_time() - start


def main() -> None:
    print(f"Python {platform.python_version()}, {platform.system()} {platform.machine()}")
    print("what a conversation costs on its way through, in ms of the processor's time")
    for kibibytes in (16, 64, 256, 1024, 10240):
        steps = costs(kibibytes * 1024)
        told = "  ".join(f"{name} {seconds * 1000:7.1f}" for name, seconds in steps.items())
        print(f"{kibibytes:6} KiB  {told}  together {sum(steps.values()) * 1000:7.1f}")
    print(f"{STREAMS} live streams, a piece every {PACE_S * 1000:.0f} ms; gaps between pieces")
    for kind in KINDS:
        before, during = measure(kind)
        print(f"{kind:18} before {before}\n{'':18} during {during}")
    before, during = measure("large-request", LORO_SERVER_ASIDE_BYTES="never")
    print(f"{'large-request':18} before {before}\n{'  aside_bytes=never':18} during {during}")


if __name__ == "__main__":
    main()
