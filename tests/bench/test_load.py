"""The load and its upstream against each other, without a gateway between them; and against another generator."""

from __future__ import annotations

import random
import re
import shutil
import socket
import statistics
import subprocess
import threading
from collections.abc import Iterator
from itertools import pairwise

import pytest

from tests.bench.load import Ask, closed, opened, poisson, steady
from tests.bench.processes import UpstreamRunning, upstream
from tests.bench.shapes import Shape


@pytest.fixture(scope="module")
def service() -> Iterator[UpstreamRunning]:
    with upstream() as running:
        yield running


def test_closed_asks_as_often_as_it_is_told(service):
    service.play(large=Shape())
    outcome = closed(Ask(port=service.port), connections=4, replies=50)
    assert len(outcome.good) == 50 and not outcome.errors and outcome.most_open == 4
    assert outcome.events == 50 * 18 and service.counts()["calls"] == {"large": 50}


def test_closed_ends_in_time_with_all_replies_whole(service):
    service.play(large=Shape(first_s=0.05))
    outcome = closed(Ask(port=service.port), connections=2, seconds=0.12)
    assert 4 <= len(outcome.good) == len(outcome.replies) <= 6 and outcome.elapsed_s < 1.0


@pytest.mark.timing
def test_open_sends_whether_or_not_replies_came(service):
    service.play(large=Shape(first_s=0.3))
    outcome = opened(Ask(port=service.port), steady(100, 0.2))
    assert len(outcome.good) == 20 and outcome.most_open == 20
    sent = [reply.sent_s for reply in sorted(outcome.replies, key=lambda reply: reply.sent_s)]
    assert sent[-1] - sent[0] < 0.3, "all were sent before the first was answered"


def test_a_request_that_had_to_wait_is_timed_from_when_it_was_due(service):
    service.play(large=Shape(first_s=0.05))
    outcome = opened(Ask(port=service.port), [0.0, 0.0, 0.0], most_connections=1)
    waited = sorted(reply.done_s - reply.due_s for reply in outcome.good)
    assert len(waited) == 3 and waited[0] >= 0.05 and waited[1] >= 0.1 and waited[2] >= 0.15


@pytest.mark.timing
def test_the_upstream_writes_each_event_at_its_time(service):
    service.play(large=Shape(tokens=10, first_s=0.02, interval_s=0.02, stamped=True))
    (reply,) = closed(Ask(port=service.port), connections=1, replies=1).good
    assert reply.reads >= 11 and len(reply.stamps_s) == 10
    distances = [b - a for a, b in pairwise(reply.stamps_s)]
    assert statistics.median(distances) == pytest.approx(0.02, abs=0.005)


def test_the_upstream_counts_the_replies_whose_reader_left(service):
    service.play(large=Shape(tokens=4, first_s=5.0, interval_s=0.02))
    with socket.create_connection(("127.0.0.1", service.port)) as connection:
        connection.sendall(b"".join(b"1234567".join(Ask(port=service.port).encode()).split(b"NUMBER0")))
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 200")
    # It reads the connection's end before it takes another.
    counts = service.counts()
    assert counts["cut"] == 1 and counts["calls"] == {"large": 1}


def test_an_unknown_model_is_an_error_that_is_counted(service):
    service.play(large=Shape())
    outcome = closed(Ask(port=service.port, model="unheard-of"), connections=1, replies=2)
    assert outcome.errors == {"status 404": 2} and not outcome.good


def test_a_server_that_closes_behind_a_request_is_an_error_that_is_counted():
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def close_two() -> None:
            for _ in range(2):
                accepted, _ = listener.accept()
                accepted.recv(1 << 16)
                accepted.close()

        closer = threading.Thread(target=close_two)
        closer.start()
        outcome = closed(Ask(port=listener.getsockname()[1]), connections=1, replies=2)
        closer.join()
    assert outcome.errors == {"the connection was closed before the reply's end": 2}


def test_requests_differ_and_say_how_long_they_are():
    before, between, after = Ask(port=80).encode()
    request = before + b"1234567" + between + b"1234567" + after
    head, _, body = request.partition(b"\r\n\r\n")
    assert int(re.search(rb"Content-Length: (\d+)", head)[1]) == len(body)  # type: ignore[index]
    assert b"X-Loro-Call: 1234567" in head and b"picture 1234567?" in body


def test_steady_arrivals_are_equally_far_apart():
    assert steady(4, 1.0) == [0.0, 0.25, 0.5, 0.75]


def test_poisson_arrivals_have_the_rate_and_no_memory():
    arrivals = poisson(1000, 20.0, random.Random(7))
    apart = [b - a for a, b in pairwise(arrivals)]
    assert arrivals == sorted(arrivals) and arrivals[0] >= 0 and arrivals[-1] < 20.0
    assert len(arrivals) == pytest.approx(20_000, rel=0.03)
    # Exponential: the deviation is the mean, and half of them are shorter than ln 2 of it.
    assert statistics.stdev(apart) == pytest.approx(statistics.mean(apart), rel=0.05)
    assert statistics.median(apart) == pytest.approx(0.693 * statistics.mean(apart), rel=0.05)


@pytest.mark.slow
@pytest.mark.timing
@pytest.mark.skipif(shutil.which("hey") is None, reason="needs hey (Debian: apt-get install hey)")
def test_another_generator_measures_the_same(service):
    """hey (closed, as many workers) and ours at a server whose reply takes 50 ms."""
    service.play(large=Shape(first_s=0.05))
    ask = Ask(port=service.port)
    ours = closed(ask, connections=8, replies=400)
    url = f"http://127.0.0.1:{service.port}/v1/chat/completions"
    body = '{"model": "large", "stream": true, "messages": [{"role": "user", "content": "hello"}]}'
    command = ["hey", "-n", "400", "-c", "8", "-m", "POST", "-T", "application/json", "-d", body, url]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    rate, half = re.search(r"Requests/sec:\s+([\d.]+)", said), re.search(r"50% in ([\d.]+) secs", said)
    assert rate and half and "[200]\t400 responses" in said, said
    our_half_s = statistics.median(reply.done_s - reply.due_s for reply in ours.good)
    assert our_half_s == pytest.approx(float(half[1]), abs=0.005)
    assert len(ours.good) / ours.elapsed_s == pytest.approx(float(rate[1]), rel=0.1)
