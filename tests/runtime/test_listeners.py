from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from loro_core.runtime import listeners
from loro_core.runtime.listeners import Ownership, family, resident_bytes, who_listens
from loro_core.runtime.ports import Ports, is_free

linux = pytest.mark.skipif(not listeners.KNOWN, reason="only Linux tells whose a port is")


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@linux
def test_a_listener_of_the_family_is_ours(port):
    assert who_listens(port, os.getppid()) == Ownership(ours=True)


@linux
def test_a_listener_that_is_no_descendant_is_named(port):
    owner = who_listens(port, os.getpid())
    assert owner is not None and not owner.ours
    assert owner.others.startswith(f"process {os.getpid()} (")


@linux
@pytest.mark.skipif(not socket.has_ipv6, reason="needs IPv6")
def test_a_listener_at_all_addresses_of_both_families_is_seen():
    try:
        listener = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with listener:
        assert who_listens(listener.getsockname()[1], os.getppid()) == Ownership(ours=True)


@linux
def test_a_port_that_is_shared_is_ours_and_anothers():
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as listener:
        port = listener.getsockname()[1]
        code = (
            "import socket, sys; s = socket.create_server(('127.0.0.1', int(sys.argv[1])), reuse_port=True);"
            "print(flush=True); sys.stdin.read()"
        )
        with subprocess.Popen(
            [sys.executable, "-c", code, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as child:
            assert child.stdout is not None
            child.stdout.readline()
            owner = who_listens(port, os.getpid())
            assert child.stdin is not None
            child.stdin.close()
        assert owner is not None and owner.ours and str(os.getpid()) in owner.others


@linux
def test_where_nobody_listens_or_there_is_no_table_nothing_is_claimed(port, tmp_path, monkeypatch):
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        assert who_listens(bound.getsockname()[1], os.getppid()) is None
    monkeypatch.setattr(listeners, "PROC", tmp_path)
    assert who_listens(port, os.getppid()) is None


def test_elsewhere_than_on_linux_nothing_is_claimed(port, monkeypatch):
    monkeypatch.setattr(listeners, "KNOWN", False)
    assert who_listens(port, os.getppid()) is None
    assert resident_bytes(os.getppid()) is None


@linux
@pytest.mark.parametrize("lists", [True, False])
def test_the_memory_of_a_family_is_that_of_all_its_processes(lists, monkeypatch):
    if not lists:  # not every kernel keeps them
        monkeypatch.setattr(listeners, "_family_quickly", lambda root: [])
    measured = resident_bytes(os.getppid())
    assert measured is not None and measured > 10e6
    assert os.getpid() in family(os.getppid())


def test_no_port_is_given_twice_before_it_is_given_back():
    ports = Ports()
    taken = [ports.take("127.0.0.1") for _ in range(50)]
    assert len(set(taken)) == 50
    for port in taken:
        ports.give(port)


def test_a_port_with_a_listener_is_not_free(port):
    assert not is_free("127.0.0.1", port)
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        free = bound.getsockname()[1]
    assert is_free("127.0.0.1", free)
