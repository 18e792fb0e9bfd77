"""The load's upstream: a process that writes what was encoded before, each event alone and at its time, and no more.

The scripted upstream of `loro_core.testing` plays every fault there is; this one plays none and costs a tenth, so that
it is never what a gateway waits for. What it says is told it by `POST /__play__`, a `Shape` for each model, which also
forgets the counts that `GET /__counts__` gives. Where it is late itself, two pieces of a reply stay half their distance
apart at least.

    calls      requests by model: what a gateway answered without asking shows here
    late_s     how much later than due pieces were written: the median, the 99th percentile and the most
    cut        replies whose reader left before their end
    cpu_s      this process's own time

`python -m tests.bench.upstream` writes the port it listens at on standard output and ends when standard input closes.
"""

from __future__ import annotations

import heapq
import json
import os
import re
import select
import socket
import sys
import time
from array import array
from collections import Counter

from loro_core.decide.estimate import nearest_rank
from tests.bench.shapes import Encoded, encode, from_json, stamped

_MODEL = re.compile(rb'"model"\s*:\s*"([^"]+)"')
_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
_CLOSES = re.compile(rb"\r\nconnection:\s*close", re.IGNORECASE)
_RECEIVE = 1 << 16
_LATENESS_KEPT = 1 << 18


class _Connection:
    """One accepted connection: what it has asked and not been answered yet, and the reply being written."""

    __slots__ = ("asked", "closes", "next", "reply", "socket", "started_s", "unsent", "written_s")

    def __init__(self, accepted: socket.socket) -> None:
        self.socket = accepted
        self.asked = b""
        self.unsent = b""
        self.reply: Encoded | None = None
        self.next = 0
        self.started_s = 0.0
        self.written_s = 0.0
        self.closes = False


class Upstream:
    """Serves on `listener` until `stop` is readable."""

    def __init__(self, listener: socket.socket, stop: int) -> None:
        self._listener = listener
        self._stop = stop
        self._epoll = select.epoll()
        self._connections: dict[int, _Connection] = {}
        self._due: list[tuple[float, int, _Connection]] = []
        self._shapes: dict[str, Encoded] = {}
        self._forget()

    def _forget(self) -> None:
        self._calls: Counter[str] = Counter()
        self._cut = 0
        self._late = array("d")

    def run(self) -> None:
        """Serve; returns once `stop` is readable."""
        self._listener.setblocking(False)
        self._epoll.register(self._listener, select.EPOLLIN)
        self._epoll.register(self._stop, select.EPOLLIN)
        while True:
            wait_s = max(0.0, self._due[0][0] - time.monotonic()) if self._due else None
            # epoll's own timeout counts whole milliseconds, select's microseconds.
            if wait_s != 0.0:
                select.select([self._epoll], [], [], wait_s)
            for descriptor, events in self._epoll.poll(0):
                if descriptor == self._stop:
                    return
                if descriptor == self._listener.fileno():
                    self._accept()
                elif descriptor in self._connections:
                    self._serve(self._connections[descriptor], events)
            self._write_what_is_due()

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self._listener.accept()
            except BlockingIOError:
                return
            accepted.setblocking(False)
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections[accepted.fileno()] = _Connection(accepted)
            self._epoll.register(accepted, select.EPOLLIN)

    def _close(self, connection: _Connection) -> None:
        if connection.socket.fileno() < 0:
            return
        self._cut += connection.reply is not None
        connection.reply = None
        del self._connections[connection.socket.fileno()]
        self._epoll.unregister(connection.socket)
        connection.socket.close()

    # --- requests ----------------------------------------------------------------------------------------------------

    def _serve(self, connection: _Connection, events: int) -> None:
        if events & select.EPOLLOUT:
            self._send(connection, b"")
        if not events & ~select.EPOLLOUT:
            return
        try:
            received = connection.socket.recv(_RECEIVE)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        if not received:
            self._close(connection)
            return
        connection.asked += received
        head, found, rest = connection.asked.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not found or len(rest) < (size := int(length[1]) if length else 0):
            return
        connection.asked = rest[size:]
        connection.closes = _CLOSES.search(head) is not None
        self._answer(connection, head, rest[:size])

    def _answer(self, connection: _Connection, head: bytes, body: bytes) -> None:
        line = head.partition(b"\r\n")[0]
        if line.startswith(b"POST /__play__ "):
            self._shapes = {model: encode(shape, model) for model, shape in from_json(body).items()}
            self._forget()
            self._page(connection, {})
        elif line.startswith(b"GET /__counts__ "):
            self._page(connection, self._counts())
        elif line.startswith(b"POST ") and (model := _MODEL.search(body)) and model[1].decode() in self._shapes:
            self._play(connection, model[1].decode())
        else:
            self._page(connection, {"error": {"message": "no such page or model"}}, status=b"404 Not Found")

    def _counts(self) -> dict[str, object]:
        late = sorted(self._late)
        late_s = [nearest_rank(late, p) for p in (0.5, 0.99, 1.0)] if late else [0.0, 0.0, 0.0]
        return {"calls": dict(self._calls), "cut": self._cut, "late_s": late_s, "cpu_s": time.process_time()}

    def _page(self, connection: _Connection, value: object, status: bytes = b"200 OK") -> None:
        body = json.dumps(value).encode()
        head = b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (status, len(body))
        self._send(connection, head + body)

    # --- replies -----------------------------------------------------------------------------------------------------

    def _play(self, connection: _Connection, model: str) -> None:
        self._calls[model] += 1
        connection.reply = self._shapes[model]
        connection.next = 0
        connection.started_s = time.monotonic()
        self._await_turn(connection, connection.reply)

    def _await_turn(self, connection: _Connection, reply: Encoded) -> None:
        due_s = connection.started_s + reply.at_s[connection.next]
        if connection.next:  # what is late is not made up for in a burst: events that come alone are what is wanted
            distance_s = reply.at_s[connection.next] - reply.at_s[connection.next - 1]
            due_s = max(due_s, connection.written_s + distance_s / 2)
        heapq.heappush(self._due, (due_s, connection.socket.fileno(), connection))

    def _write_what_is_due(self) -> None:
        now = time.monotonic()
        while self._due and self._due[0][0] <= now:
            due_s, descriptor, connection = heapq.heappop(self._due)
            reply = connection.reply
            if reply is None or connection.socket.fileno() != descriptor:
                continue  # its reader has left
            if len(self._late) < _LATENESS_KEPT:
                self._late.append(now - due_s)
            piece, at = reply.pieces[connection.next], reply.stamps[connection.next]
            connection.next += 1
            last = connection.next == len(reply.pieces)
            if last:
                connection.reply = None
            now = time.monotonic()
            self._send(connection, piece if at is None else stamped(piece, at, now))
            connection.written_s = now
            if last and connection.closes:
                self._close(connection)
            elif not last and connection.reply is not None:
                self._await_turn(connection, reply)

    def _send(self, connection: _Connection, data: bytes) -> None:
        data = connection.unsent + data
        try:
            sent = connection.socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._close(connection)
            return
        if connection.unsent or sent < len(data):
            connection.unsent = data[sent:]
            waits = select.EPOLLIN | (select.EPOLLOUT if connection.unsent else 0)
            self._epoll.modify(connection.socket, waits)


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    os.set_blocking(sys.stdin.fileno(), False)
    Upstream(listener, sys.stdin.fileno()).run()


if __name__ == "__main__":
    main()
