"""A model's server for the tests of supervision, as a program of its own: quick to start, and as bad as it is told.

    python -I -S child_server.py [--port N] [WORD ...]

    load=S            answers 503 for S seconds, then 200          never            answers 503 for ever
    until=FILE        answers 503 until there is FILE
    exit=N            ends with status N before it listens         exit-after=S     ends with status 3 after S seconds
    deaf              ignores SIGTERM                              slow-end=S       ends S seconds after SIGTERM
    grandchild        starts a process that holds its pipes        daemon           starts one in a session of its own
    grandchild-serves the grandchild listens, not it itself        hang-after=S     answers nobody after S seconds
    say=TEXT          writes TEXT                                  taken            says that its port is taken, ends
    shared            shares its port (SO_REUSEPORT)               break-after=S    answers 503 after S seconds

It answers every GET with its process id.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time


def end_after(seconds: float) -> None:
    time.sleep(seconds)
    os._exit(0)


def answer(connection: socket.socket, response: bytes) -> None:
    """Answer one request; whoever connects and goes again gets nothing."""
    with connection:
        connection.settimeout(1)
        request = b""
        try:
            # All of it: what is closed with something unread is reset, and the answer may be lost with it.
            while b"\r\n\r\n" not in request:
                received = connection.recv(4096)
                if not received:
                    return
                request += received
            connection.sendall(response)
        except OSError:
            return


def main() -> None:
    words = sys.argv[1:]
    port = int(words.pop(words.index("--port") + 1)) if "--port" in words else 0
    told = dict(word.partition("=")[::2] for word in words)
    began = time.monotonic()
    for line in told.get("say", "").split("|"):
        if line:
            sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
    if "deaf" in told:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "slow-end" in told:
        signal.signal(signal.SIGTERM, lambda *_: end_after(float(told["slow-end"])))
    if "exit" in told:
        sys.stderr.write("cannot go on\n")
        sys.exit(int(told["exit"]))
    if "taken" in told:
        sys.stderr.write(f"bind {port}: Address already in use\n")
        sys.exit(1)
    for kind in ("grandchild", "daemon"):
        if kind in told and os.fork() == 0:
            if kind == "daemon":
                os.setsid()
            time.sleep(60)
            os._exit(0)
    if "grandchild-serves" in told and os.fork() != 0:
        while True:
            time.sleep(60)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if "shared" in told:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen()
    while True:
        listener.settimeout(0.02)
        age_s = time.monotonic() - began
        if age_s > float(told.get("exit-after", "inf")):
            sys.exit(3)
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            continue
        except OSError as error:
            if "timed out" in str(error):
                continue
            raise
        if age_s > float(told.get("hang-after", "inf")):
            continue
        good = "never" not in told and float(told.get("load", "0")) <= age_s < float(told.get("break-after", "inf"))
        good = good and ("until" not in told or os.path.exists(told["until"]))  # noqa: PTH110  # nothing to import
        body = str(os.getpid()).encode()
        status = b"200 OK" if good else b"503 Loading"
        answer(connection, b"HTTP/1.1 %s\r\ncontent-length: %d\r\n\r\n%s" % (status, len(body), body))


if __name__ == "__main__":
    main()
