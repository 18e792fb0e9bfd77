"""One question for a local server's health, on a connection of its own."""

from __future__ import annotations

import trio

from loro_core.decide.liveness import Probe
from loro_core.runtime.streams import ByteStream, open_tcp
from loro_core.wire.http1_request import encode_request, parse_url
from loro_core.wire.http1_response import ResponseDecoder
from loro_core.wire.lines import WireFormatError

_SAY = {"user-agent": "loro-health", "accept": "*/*"}


async def probe(url: str, within_s: float) -> Probe:
    """Ask for `url`, which must be http://, and return what was met. After Cancelled no connection is left.

    Proxies are not asked: what we started ourselves is on this machine.
    """
    target = parse_url(url)
    request = encode_request("GET", target.path, target.authority, defaults=_SAY, headers={}, body=b"")
    connected = False
    with trio.move_on_after(within_s):
        try:
            stream = await open_tcp(target.host, target.port)
        except OSError:
            return Probe(connected=False, told="connection refused")
        connected = True
        try:
            return await _answer(stream, request)
        finally:
            stream.close()
    return Probe(connected=connected, silent=True, told=f"silent for {within_s:g} s")


async def _answer(stream: ByteStream, request: bytes) -> Probe:
    decoder = ResponseDecoder("GET")
    try:
        await stream.send_all(request)
        while decoder.head is None:
            data = await stream.receive()
            if not data:
                return Probe(connected=True, told="closed without an answer")
            decoder.feed(data)
    except OSError:
        return Probe(connected=True, told="closed without an answer")
    except WireFormatError:
        return Probe(connected=True, told="its answer is not HTTP")
    status = decoder.head.status
    return Probe(connected=True, good=200 <= status < 300, told=f"status {status}")
