"""An operator reads in the log why a model failed, and nothing of what was said."""

from __future__ import annotations

import logging

import pytest

from loro_core.errors import UpstreamStatus, UpstreamUnreachable
from tests.app.serving import serving
from tests.runtime.fakes import STOP, Continuing, PlayingProvider, says


async def lines(caplog, *moves, retries="0") -> list[str]:
    caplog.set_level(logging.INFO)
    async with serving(None, PlayingProvider(*moves), LORO_REPLY_POLICY="direct", MAX_RETRIES=retries) as client:
        await client.ask()
    return [r.getMessage() for r in caplog.records if r.name == "loro.upstream"]


async def test_a_failed_call_is_told_with_its_reason(caplog, autojump_clock):
    (line,) = await lines(caplog, [UpstreamUnreachable("no connection to 127.0.0.1:9")])
    assert line.startswith("upstream.failed deployment=large leg=answer kind=unreachable phase=connect")
    assert "no connection to 127.0.0.1:9" in line


async def test_each_retry_is_told(caplog, autojump_clock):
    busy = UpstreamStatus("busy", upstream_status=503)
    (line,) = await lines(caplog, [busy], [says("Air."), STOP], retries="2")
    assert line.startswith("upstream.retried deployment=large") and "status 503" in line


@pytest.mark.parametrize("number", [400, None])
async def test_an_upstreams_own_words_may_quote_the_prompt_and_are_not_logged(caplog, number, autojump_clock):
    (line,) = await lines(caplog, [UpstreamStatus("cannot answer 'Why is the sky'", upstream_status=number)])
    assert "sky" not in line


@pytest.mark.parametrize(
    ("first", "why"),
    [
        ([UpstreamStatus("no prefill after 'Why is the sky'", upstream_status=400)], "status 400, code upstream_error"),
        ([STOP], "it ended without a word"),
    ],
)
async def test_a_call_that_had_to_be_asked_otherwise_is_told(caplog, first, why, autojump_clock):
    caplog.set_level(logging.INFO)
    async with serving(None, Continuing(first, [says("Air."), STOP]), LORO_REPLY_POLICY="instant") as client:
        await client.ask()
    (line,) = [r.getMessage() for r in caplog.records if r.name == "loro.upstream"]
    assert line == f"upstream.asked_otherwise deployment=large leg=answer why={why}"


async def test_a_call_that_goes_well_has_no_line(caplog, autojump_clock):
    assert await lines(caplog, [says("Air."), STOP]) == []
