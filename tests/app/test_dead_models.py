"""Models that fail: no words before an error, and words before an answer that comes at the second try."""

from __future__ import annotations

import pytest

from loro_core.app.legs import FAILS_WITHIN_S
from loro_core.errors import UpstreamStatus
from tests.app.serving import serving
from tests.runtime.fakes import STOP, PlayingProvider, says

ANSWER = "Because of the air."


def refusing() -> UpstreamStatus:
    return UpstreamStatus("broken", upstream_status=500)


@pytest.mark.parametrize("policy", ["adaptive", "race"])
async def test_nothing_is_said_before_an_error_when_both_models_are_dead(policy, autojump_clock):
    small, large = PlayingProvider([0.01, refusing()]), PlayingProvider([0.005, refusing()])
    async with serving(small, large, LORO_REPLY_POLICY=policy) as client:
        heard = await client.ask()
    assert len(large.calls) > 1
    assert heard.status == 500 and heard.events == [] and heard.json["error"]["message"]


async def test_words_are_said_once_the_second_try_has_not_failed_as_well(autojump_clock):
    large = PlayingProvider([0.005, refusing()], [3.0, says(ANSWER), STOP])
    async with serving(None, large) as client:
        heard = await client.ask()
    again_s = large.started_s[1] - large.started_s[0]
    assert heard.first_text_s == pytest.approx(again_s + FAILS_WITHIN_S, abs=0.02)
    assert heard.text.endswith("ecause of the air.") and len(heard.text) > len(ANSWER)


async def test_an_answer_that_comes_at_the_second_try_at_once_needs_no_words(autojump_clock):
    large = PlayingProvider([refusing()], [0.05, says(ANSWER), STOP])
    async with serving(None, large) as client:
        assert (await client.ask()).text == ANSWER
