"""The load: requests that are framed by hand, on connections that one loop without a framework waits for.

`closed` keeps a number of connections busy: each asks again as soon as it was answered, so a slow server is asked less.
`opened` sends at the moments of a schedule, whether or not replies came, on as many connections as that takes; times
count from the moment a request was due, so a server that makes requests wait does not look faster for it.
"""

from __future__ import annotations

import gc
import json
import random
import select
import socket
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.bench.reader import BadReply, Reply, ReplyReader

GRACE_S = 20.0
"""How long replies under way may take once no more are asked for."""

_RECEIVE = 1 << 18
_NUMBERS = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What is sent: requests that differ in a number, so that none is another's repetition.

    headers: beside those that every request has. answer_mark: as for `ReplyReader`.
    """

    port: int
    model: str = "large"
    path: str = "/v1/chat/completions"
    headers: tuple[tuple[str, str], ...] = ()
    answer_mark: bytes = b"ayleigh"

    def encode(self) -> tuple[bytes, bytes, bytes]:
        """Return what stands before, between and after the request's number, which is written twice."""
        messages = [
            {"role": "system", "content": "You are the voice of a small museum. Answer in one or two sentences."},
            {"role": "user", "content": "Why is the sky blue in picture NUMBER0?"},
        ]
        asked = {"model": self.model, "messages": messages, "stream": True, "max_tokens": 150}
        body = json.dumps(asked).encode()
        fields = {
            "Host": f"127.0.0.1:{self.port}",
            "Content-Type": "application/json",
            "Accept": "text/event-stream",
            "Authorization": "Bearer bench",
            **dict(self.headers),
            "Content-Length": str(len(body)),
            "X-Loro-Call": "NUMBER0",
        }
        head = f"POST {self.path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        before, between, after = (head.encode() + b"\r\n" + body).split(b"NUMBER0")
        return before, between, after


@dataclass(slots=True)
class Outcome:
    """replies: all that ended, well or not. errors: what went wrong, by message.

    elapsed_s: from the first request to the last reply's end. most_open: the most replies under way at once.
    """

    replies: list[Reply] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    elapsed_s: float = 0.0
    most_open: int = 0

    @property
    def good(self) -> list[Reply]:
        return [reply for reply in self.replies if reply.ok]

    @property
    def events(self) -> int:
        return sum(reply.events for reply in self.replies)


def closed(ask: Ask, *, connections: int, seconds: float = 60.0, replies: int | None = None) -> Outcome:
    """Return what came of `connections` that ask one request after the other.

    They stop asking after `seconds`, or once `replies` were asked for; all that was asked is waited for.
    """
    load = _Load(ask)
    with _undisturbed():
        load.run_closed(connections, seconds, _NUMBERS if replies is None else replies)
    return load.outcome


def opened(ask: Ask, schedule: Sequence[float], *, most_connections: int = 1024) -> Outcome:
    """Return what came of requests at the moments of `schedule`, seconds from the start in ascending order.

    A request for which all `most_connections` are busy waits for one; its time goes on counting.
    """
    load = _Load(ask)
    with _undisturbed():
        load.run_open(schedule, most_connections)
    return load.outcome


def steady(rate: float, seconds: float) -> list[float]:
    """Return arrivals at equal distances, `rate` a second."""
    return [k / rate for k in range(int(rate * seconds))]


def poisson(rate: float, seconds: float, rng: random.Random) -> list[float]:
    """Return arrivals that know nothing of each other, `rate` a second on average."""
    arrivals: list[float] = []
    at_s = rng.expovariate(rate)
    while at_s < seconds:
        arrivals.append(at_s)
        at_s += rng.expovariate(rate)
    return arrivals


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Keep the collector out of what is timed: a pause of ours would be taken for the server's."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class _Wire:
    """One connection, and the reply under way on it."""

    __slots__ = ("reader", "socket")

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected
        self.reader: ReplyReader | None = None


class _Load:
    _numbers = iter(range(_NUMBERS))

    def __init__(self, ask: Ask) -> None:
        self.outcome = Outcome()
        self._ask = ask
        self._parts = ask.encode()
        self._epoll = select.epoll()
        self._wires: dict[int, _Wire] = {}
        self._idle: deque[_Wire] = deque()
        self._open = 0
        self._ends = False

    def run_closed(self, connections: int, seconds: float, replies: int) -> None:
        start = time.monotonic()
        end = start + seconds
        asked = 0
        try:
            for _ in range(connections):
                self._idle.append(self._connect())
            while self._open or (asked < replies and time.monotonic() < end):
                while self._idle and asked < replies and (now := time.monotonic()) < end:
                    self._send(self._idle.popleft(), now)
                    asked += 1
                self._receive(None if self._open else 0.0, end + GRACE_S)
        finally:
            self._close(start)

    def run_open(self, schedule: Iterable[float], most_connections: int) -> None:
        start = time.monotonic()
        due = deque(start + at_s for at_s in schedule)
        last = due[-1] if due else start
        try:
            while due or self._open:
                now = time.monotonic()
                while due and due[0] <= now and (self._idle or len(self._wires) < most_connections):
                    self._send(self._idle.popleft() if self._idle else self._connect(), due.popleft())
                can_send = due and (self._idle or len(self._wires) < most_connections)
                self._receive(max(0.0, due[0] - time.monotonic()) if can_send else None, last + GRACE_S)
        finally:
            self._close(start)

    def _connect(self) -> _Wire:
        connected = socket.create_connection(("127.0.0.1", self._ask.port), timeout=10)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected.setblocking(False)
        wire = self._wires[connected.fileno()] = _Wire(connected)
        self._epoll.register(connected, select.EPOLLIN)
        return wire

    def _drop(self, wire: _Wire) -> None:
        del self._wires[wire.socket.fileno()]
        self._epoll.unregister(wire.socket)
        wire.socket.close()

    def _close(self, start: float) -> None:
        self.outcome.elapsed_s = time.monotonic() - start
        self._ends = True
        for wire in list(self._wires.values()):
            if wire.reader is not None:
                self._fail(wire, "not complete in time")
            else:
                self._drop(wire)
        self._epoll.close()

    def _send(self, wire: _Wire, due_s: float) -> None:
        before, between, after = self._parts
        number = b"%07d" % next(self._numbers)
        request = b"".join((before, number, between, number, after))
        wire.reader = ReplyReader(Reply(due_s, time.monotonic()), self._ask.answer_mark)
        self._open += 1
        self.outcome.most_open = max(self.outcome.most_open, self._open)
        try:
            sent = wire.socket.send(request)
        except OSError as error:
            self._fail(wire, f"{error.strerror} in sending")
            return
        if sent < len(request):  # a request is smaller than any socket's buffer
            self._fail(wire, "the request was not taken whole")

    def _receive(self, wait_s: float | None, until_s: float) -> None:
        """Read what came, waiting at most `wait_s` for it, None for as long as it takes; give up at `until_s`."""
        left_s = until_s - time.monotonic()
        if left_s <= 0:
            self._ends = True
            for wire in [wire for wire in self._wires.values() if wire.reader is not None]:
                self._fail(wire, "not complete in time")
            return
        wait_s = left_s if wait_s is None else min(wait_s, left_s)
        if wait_s:  # epoll's own timeout counts whole milliseconds, select's microseconds
            select.select([self._epoll], [], [], wait_s)
        for descriptor, _ in self._epoll.poll(0):
            self._read(self._wires[descriptor])

    def _read(self, wire: _Wire) -> None:
        try:
            data = wire.socket.recv(_RECEIVE)
        except BlockingIOError:
            return
        except OSError as error:
            self._fail(wire, f"{error.strerror} in reading")
            return
        now = time.monotonic()
        reader = wire.reader
        if reader is None or not data:
            if reader is not None:
                self._fail(wire, "the connection was closed before the reply's end")
            else:
                self._leave(wire)
            return
        try:
            reader.feed(data, now)
        except BadReply as error:
            self._fail(wire, str(error))
            return
        if reader.ended:
            self._ended(wire, reader)

    def _ended(self, wire: _Wire, reader: ReplyReader) -> None:
        self._open -= 1
        wire.reader = None
        self.outcome.replies.append(reader.reply)
        if not reader.reply.ok:
            self.outcome.errors[f"status {reader.reply.status}" if reader.reply.status != 200 else "no [DONE]"] += 1
        if reader.closes:
            self._drop(wire)
            wire = self._connect()
        self._idle.append(wire)

    def _fail(self, wire: _Wire, message: str) -> None:
        assert wire.reader is not None
        self._open -= 1
        wire.reader.reply.done_s = time.monotonic()
        self.outcome.replies.append(wire.reader.reply)
        self.outcome.errors[message] += 1
        self._drop(wire)
        if not self._ends:
            self._idle.append(self._connect())

    def _leave(self, wire: _Wire) -> None:
        """Replace a connection that was closed while nothing was asked on it."""
        self._drop(wire)
        if wire in self._idle:
            self._idle.remove(wire)
            self._idle.append(self._connect())
