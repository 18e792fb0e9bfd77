"""Several processes at one port: they serve, die and are replaced, drain together, and count as one."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from loro_core.testing import Script, upstream_process
from tests.e2e.gateway import Gateway, gateway, models
from tests.e2e.test_process import QUESTION, read_all

pytestmark = pytest.mark.slow

WITHIN_S = 15.0
SECRET = "sk-a-key-of-the-operator"


def wait_until(holds: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def pids(loro: Gateway) -> dict[int, int]:
    """Return the process ids of the workers that were started last, by number."""
    found = re.findall(r"worker\.ready worker=(\d+) pid=(\d+)", "\n".join(loro.lines))
    return {int(number): int(pid) for number, pid in found}


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def whole(url: str, **more) -> httpx.Response:
    return httpx.post(f"{url}/v1/chat/completions", json={**QUESTION, "stream": False, **more}, timeout=20)


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with upstream_process(Script(text="Air scatters blue.")) as running:
        yield running.openai_url


@pytest.fixture(scope="module")
def two(upstream) -> Iterator[Gateway]:
    """Two workers which tests must leave as they found them."""
    environment = {**models(upstream), "LARGE_MODEL_API_KEY": SECRET}
    with gateway("--workers", "2", "--policy", "direct", **environment) as loro:
        assert loro.url
        yield loro


def test_one_banner_and_the_workers_number_in_every_line(two):
    assert whole(two.url).status_code == 200
    assert sum("loro.listening" in line for line in two.lines) == 1
    assert any("workers=2" in line for line in two.lines if "loro.listening" in line)
    wait_until(lambda: any("/v1/chat/completions" in line for line in two.lines), "no access line")
    assert all(re.search(r" worker=[12]$", line) for line in two.lines if "loro.access" in line)


def test_keys_stand_in_no_argument_of_a_worker(two):
    for pid in pids(two).values():
        assert SECRET not in Path(f"/proc/{pid}/cmdline").read_text()


def test_pages_tell_of_the_workers(two):
    for path in ("/", "/health", "/ready"):
        told = httpx.get(two.url + path).json()
        assert told["worker"] in (1, 2) and told["workers"] == {"count": 2, "ready": 2, "restarts": 0}, path


def test_metrics_of_all_workers_add_up_exactly_and_are_reset_together(two):
    assert httpx.post(f"{two.url}/metrics/reset").json()["workers"]["reporting"] == 2
    for _ in range(40):  # each on a connection of its own: they are spread over the workers
        assert whole(two.url).status_code == 200
    served = {int(found[1]) for line in two.lines if (found := re.search(r"completions.* worker=(\d)$", line))}
    numbers = [httpx.get(f"{two.url}/metrics").json() for _ in range(6)]
    assert {n["direct_mode"]["total_requests"] for n in numbers} == {40}
    assert {n["upstreams"]["large"]["calls"] for n in numbers} == {40}
    assert {n["workers"]["reporting"] for n in numbers} == {2}
    assert served == {1, 2}, "one worker has served everything"
    text = httpx.get(f"{two.url}/metrics", headers={"accept": "text/plain"}).text
    assert 'loro_replies_total{mode="direct",outcome="finished"} 40\n' in text
    assert 'loro_total_response_seconds_count{mode="direct"} 40\n' in text
    assert "loro_workers 2\n" in text and "loro_workers_reporting 2\n" in text
    httpx.post(f"{two.url}/metrics/reset")
    assert {httpx.get(f"{two.url}/metrics").json()["direct_mode"]["total_requests"] for _ in range(6)} == {0}


@pytest.mark.slow
def test_a_second_loro_at_the_port_of_workers_is_refused(two):
    port = two.url.rpartition(":")[2]
    for arguments in ([], ["--workers", "2"]):
        ended = subprocess.run(
            [sys.executable, "-m", "loro_core", "--host", "127.0.0.1", "--port", port, *arguments],
            capture_output=True,
            text=True,
            timeout=15,
        )
        assert ended.returncode == 1
        assert f"127.0.0.1:{port}" in ended.stderr and "worker.started" not in ended.stderr


@pytest.mark.slow
def test_a_stuck_worker_keeps_no_scraper_waiting_and_its_last_numbers_stay(upstream):
    with gateway("--workers", "2", "--policy", "direct", **models(upstream)) as loro:
        for _ in range(10):
            whole(loro.url)
        assert httpx.get(f"{loro.url}/metrics").json()["direct_mode"]["total_requests"] == 10
        stuck = pids(loro)[1]
        os.kill(stuck, signal.SIGSTOP)
        try:
            asked = time.monotonic()
            # The stopped one may have taken a connection's wake-up; the other takes the connection.
            numbers = httpx.get(f"{loro.url}/metrics", timeout=10).json()
            assert time.monotonic() - asked < 5
        finally:
            os.kill(stuck, signal.SIGCONT)
        assert numbers["workers"] == {"count": 2, "ready": 2, "restarts": 0, "reporting": 1}
        assert numbers["direct_mode"]["total_requests"] == 10


def test_a_killed_worker_is_replaced_and_requests_go_on_and_counters_do_not_fall(upstream):
    with gateway("--workers", "2", "--policy", "direct", **models(upstream)) as loro:
        for _ in range(10):
            assert whole(loro.url).status_code == 200
        assert httpx.get(f"{loro.url}/metrics").json()["direct_mode"]["total_requests"] == 10
        before = pids(loro)
        os.kill(before[1], signal.SIGKILL)
        wait_until(lambda: any("worker.died worker=1" in line for line in loro.lines), "its death was not told")
        for _ in range(10):
            assert whole(loro.url).status_code == 200
        wait_until(lambda: pids(loro)[1] != before[1], "it was not replaced")
        wait_until(lambda: httpx.get(f"{loro.url}/health").json()["workers"]["ready"] == 2, "it is not ready")
        numbers = httpx.get(f"{loro.url}/metrics").json()
        assert numbers["direct_mode"]["total_requests"] == 20
        assert numbers["workers"]["restarts"] == 1
        assert any("status=SIGKILL" in line for line in loro.lines)
        assert pids(loro)[2] == before[2]


@pytest.mark.slow
def test_sigterm_to_the_supervisor_drains_a_live_stream_and_refuses_new_connections():
    script = {"large": Script(text="word " * 20, first_token_s=0.1, tokens_per_s=20.0)}
    with (
        upstream_process(script) as upstream,
        gateway("--workers", "2", "--policy", "direct", **models(upstream.openai_url)) as loro,
    ):
        lines: list[str] = []
        started = threading.Event()
        reading = threading.Thread(target=read_all, args=(loro.url, lines, started))
        reading.start()
        assert started.wait(10)
        workers = pids(loro)
        loro.process.send_signal(signal.SIGTERM)

        def refused() -> bool:
            try:
                httpx.get(f"{loro.url}/health")
            except httpx.TransportError:
                return True
            return False

        wait_until(refused, "it still takes connections")
        assert reading.is_alive(), "the stream ended before the test looked"
        reading.join(10)
        assert lines[-2:] == ["data: [DONE]", ""]
        assert loro.process.wait(10) == 0
        assert not [pid for pid in workers.values() if is_alive(pid)]


@pytest.mark.slow
def test_sigint_twice_is_now_for_all():
    script = {"large": Script(text="word " * 400, first_token_s=0.1, tokens_per_s=20.0)}
    with (
        upstream_process(script) as upstream,
        gateway("--workers", "2", "--policy", "direct", **models(upstream.openai_url)) as loro,
    ):
        lines: list[str] = []
        started = threading.Event()
        reading = threading.Thread(target=read_all, args=(loro.url, lines, started))
        reading.start()
        assert started.wait(10)
        workers = pids(loro)
        loro.process.send_signal(signal.SIGINT)
        wait_until(lambda: any("loro.draining" in line for line in loro.lines), "it does not drain")
        began = time.monotonic()
        loro.process.send_signal(signal.SIGINT)
        assert loro.process.wait(10) == 0
        assert time.monotonic() - began < 5
        reading.join(5)
        assert "data: [DONE]" not in lines
        assert not [pid for pid in workers.values() if is_alive(pid)]


def test_no_worker_outlives_a_killed_supervisor(upstream):
    with gateway("--workers", "2", **models(upstream)) as loro:
        assert loro.url
        workers = pids(loro).values()
        loro.process.kill()
        loro.process.wait()
        wait_until(lambda: not [pid for pid in workers if is_alive(pid)], "a worker is left")


BLOCKING = """
import time
from loro_core import Plan, hookimpl

class Blocking:
    name = "blocking"
    def plan(self, request, fleet, now, rng):
        time.sleep(60)
        return Plan(policy="blocking")

@hookimpl
def loro_register_policies(register):
    register(Blocking())
"""


@pytest.mark.slow
def test_not_even_a_worker_whose_loop_is_stuck_outlives_a_killed_supervisor(tmp_path, upstream):
    (tmp_path / "blocking.py").write_text(BLOCKING, encoding="utf-8")
    path = {"PYTHONPATH": str(tmp_path)}
    with gateway("--workers", "2", "--plugin", "blocking", "--policy", "blocking", **models(upstream), **path) as loro:
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{loro.url}/v1/chat/completions", json=QUESTION, timeout=0.5)
        workers = pids(loro).values()
        loro.process.kill()
        loro.process.wait()
        wait_until(lambda: not [pid for pid in workers if is_alive(pid)], "a worker is left")


@pytest.mark.slow
def test_workers_that_die_at_once_are_given_up_with_a_message(tmp_path, upstream):
    (tmp_path / "dies.py").write_text(
        "import os, sys\nif 'loro-worker' in ' '.join(sys.argv):\n    os._exit(7)\n"
        "def loro_register_policies(register): pass\n",
        encoding="utf-8",
    )
    with gateway(
        "--workers", "2", "--plugin", "dies", **models(upstream), PYTHONPATH=str(tmp_path), LORO_SERVER_DRAIN_S="1"
    ) as loro:
        assert loro.process.wait(60) == 1
        wait_until(lambda: any("loro gave up" in line for line in loro.lines), "nothing was said")
    assert any("worker.given_up" in line and "status=7" in line for line in loro.lines)
    assert not any("loro.listening" in line for line in loro.lines)


def test_a_taken_port_is_an_error_for_workers_too():
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = subprocess.run(
            [sys.executable, "-m", "loro_core", "--workers", "2", "--host", "127.0.0.1", "--port", port],
            capture_output=True,
            text=True,
            timeout=15,
        )
    assert ended.returncode == 1
    assert f"127.0.0.1:{port}" in ended.stderr and "Traceback" not in ended.stderr
