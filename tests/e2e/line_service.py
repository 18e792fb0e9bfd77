"""A service that speaks the line protocol of contrib/examples/loro-example-plugin, on a socket, in a thread."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class LineService:
    """url: where it is. heard: the target and the text of every question so far.

    thinks_s: how long it waits before it answers.
    """

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        self.heard: list[tuple[str, str]] = []
        self.thinks_s = 0.0


@contextmanager
def line_service() -> Iterator[LineService]:
    """Run the service; it answers with what it heard, a line a word. "Fail, please" is answered with an error."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            found = self.path == "/"
            self._answer(200 if found else 404, {"service": "echo-lines"} if found else {"error": "not found"})

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["content-length"])).decode()
            service.heard.append((self.path, text))
            if text == "Fail, please":
                self._answer(503, {"error": "out of breath"})
                return
            time.sleep(service.thinks_s)
            self.send_response(200)
            self.send_header("content-type", "application/x-ndjson")
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            words = text.split()
            for number, word in enumerate(words):
                self._line({"text": word if number == 0 else f" {word}"})
            self._line({"done": "stop", "heard_tokens": len(words), "said_tokens": len(words)})
            self.wfile.write(b"0\r\n\r\n")

        def _line(self, line: dict[str, Any]) -> None:
            data = json.dumps(line).encode() + b"\n"
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))

        def _answer(self, status: int, value: dict[str, Any]) -> None:
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the library's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    service = LineService(server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
