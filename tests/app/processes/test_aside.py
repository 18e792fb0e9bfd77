"""Which requests are handed to the process for large ones."""

from __future__ import annotations

import pytest

from loro_core.app.config import load
from loro_core.app.processes.aside import Aside
from loro_core.wire.http1 import Headers
from loro_core.wire.http1_decoder import RequestHead

KiB = 1024


@pytest.fixture
def aside(tmp_path):
    (tmp_path / ".env").touch()

    def made(**environ: str) -> Aside:
        return Aside(load(environ=environ, directory=tmp_path), "aside")

    return made


def head(path: str = "/v1/chat/completions", length: int | None = None) -> RequestHead:
    fields = [] if length is None else [("content-length", str(length))]
    return RequestHead(
        method="POST",
        target=path,
        path=path,
        query="",
        headers=Headers(fields),
        http_version="1.1",
        keep_alive=True,
        expects_continue=False,
    )


@pytest.mark.parametrize(
    ("length", "came", "wanted"),
    [
        (256 * KiB, 0, False),
        (256 * KiB + 1, 0, True),
        (None, 256 * KiB, False),
        (None, 256 * KiB + 1, True),
        (None, 0, False),
        (100, 100, False),
    ],
)
def test_what_is_larger_than_256_kib_or_going_to_be(aside, length, came, wanted):
    assert aside().wants(head(length=length), came) is wanted


@pytest.mark.parametrize("path", ["/chat/completions", "/v1/chat/completions/"])
def test_chat_by_all_its_names(aside, path):
    assert aside().wants(head(path, 1024 * KiB), 0)


@pytest.mark.parametrize("path", ["/metrics/reset", "/", "/v1/models"])
def test_chat_requests_alone(aside, path):
    assert not aside().wants(head(path, 1024 * KiB), 0)


def test_the_limit_is_a_setting(aside):
    assert aside(LORO_SERVER_ASIDE_BYTES="16384").wants(head(length=16385), 0)
    assert not aside(LORO_SERVER_ASIDE_BYTES="never").wants(head(length=1024 * KiB), 0)


def test_where_models_may_be_ones_own_nothing_is_handed_over(aside, tmp_path):
    assert not aside(LORO_ADMIN_KEY="a-key-of-sixteen").wants(head(length=1024 * KiB), 0)
    (tmp_path / "loro.toml").write_text('[[local_models]]\nname = "a"\nbase_url = "http://127.0.0.1:9/v1"\n')
    assert not aside().wants(head(length=1024 * KiB), 0)


def test_a_reload_changes_what_is_large(aside, tmp_path):
    running = aside()
    running.reconfigure(load(environ={"LORO_SERVER_ASIDE_BYTES": "16384"}, directory=tmp_path))
    assert running.wants(head(length=16385), 0)
