"""Whether an acknowledgement is worth it: an acknowledgement is a cost, and only silence is a greater one.

First, is there anything against words on this turn? The first row that holds decides; nothing is said:

    reason              the turn                                                          read from
    ------------------  ----------------------------------------------------------------  -------------------------
    not_streaming       is not streamed: a batch, an evaluation                           stream
    disabled            wants the answer alone                                            disable_quick_response
    several_choices     wants several answers                                             n
    logprobs            wants to see how likely each token was                            logprobs
    response_format     is to be answered in a format                                     response_format
    tool_choice         is to be answered by a tool call                                  tool_choice
    tool_result         brings a tool's result; the user has been kept waiting already    the last message's role
    continuation        ends with the reply's own beginning                               the last message's role
    leading_marker      belongs to a parser: ✓ ○ ◐, [[tag]], JSON, SSML                   the system prompt
    exact_words         wants something said exactly, or nothing beside it                the user's words
    silence             says nothing: "", "...", "[silence]"                              the turn's kind
    resent              was acknowledged before, and is sent again                        the turn's kind and memory
    barge_in            follows a reply cut short: who interrupts does not want words     the turn's kind
    wish                was asked to have no fillers                                      history, system prompt
    urgent              tells of an emergency or of despair, or follows one that did      the tone
    first_turn          is the user's first; a setting, off by default                    the turn's number
    unsure_language     is in no language that it shows                                   the user's turns
    short_turn          is a word, "mm-hm", an answer to a yes-no question, a goodbye     the user's words

The rows down to exact_words hold for every policy (`contract`); they are what the client could not read. The others are
taste, and hold where a policy asks for it. A revised turn has no row: see `turn`. Nor have grave news, a death or an
illness: silence is no kindness there, so they are acknowledged like other turns, in sober words (`words`).

Then, will the answer be late? Words can be written at the client's floor, before which it speaks nothing; or held up to
its slack, within which its user feels no silence, and be dropped if the answer is there first; or not planned at all.
Each way has a cost for each time T at which the answer may begin, and the expected cost decides:

    written at h        NEEDLESS if the answer begins by then or within the slack, less the later it begins, nothing
                        from USEFUL_S later on; nothing at all if it begins before h, for then the words are dropped;
                        and DELAYED for each second past the floor that the user waits for them
    not planned         MISSED if the answer begins USEFUL_S after the slack or later, less the earlier it begins

So a model that is always quick gets no words, one that is always slow has them at once, and with one that may be
either they are held while the answer may still be first: what is needless then was not written, and what is missed is
a part of the slack. Replies without words are measured like the others, so a model that turns slow is noticed.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from loro_core.chat import ChatRequest, Turn, TurnKind
from loro_core.decide.brevity import is_short
from loro_core.decide.contract import forbids_acknowledgement
from loro_core.decide.demands import wish
from loro_core.decide.language import UNDETERMINED, language_of
from loro_core.decide.reason import Reason
from loro_core.decide.tone import Tone
from loro_core.fleet import Expectation

NEEDLESS = 1.0
"""The unit: words before an answer that was there anyway. They put it off by a second or two."""

MISSED = 2.0
"""Silence where words should have been. Callers complain of both ("most afraid of sudden silence", "do not slow short
chats with needless fillers"), of silence more; what experience falls with is waiting (CUI 2025)."""

DELAYED = 0.1
"""A second that words come later than they could. Fillers do best 200 to 500 ms after the user ends (Lala, Nakamura,
Kawahara, Interspeech 2019), so what is held within the slack costs little."""

PLANNED = 0.02
"""Words that are prepared and dropped: a call to the small model for nothing."""

USEFUL_S = 0.4
"""Words that fill less than this much silence are not worth hearing, and less silence than this is not missed."""

_STEPS = 3
"""So many moments from the floor to the slack are tried, beside the floor."""


class Verdict(Struct, frozen=True, kw_only=True):
    """not_before_s: from the start of the reply; the words are held until then, for the answer may still be first."""

    acknowledge: bool
    reason: Reason
    not_before_s: float = 0.0


def worth(
    request: ChatRequest,
    turn: Turn,
    expectation: Expectation,
    *,
    slack_s: float,
    floor_s: float = 0.0,
    first_turn: bool = True,
    tone: Tone = Tone.PLAIN,
) -> Verdict:
    """Return whether to acknowledge `request`, and from when on.

    slack_s: how long the user feels no silence, from the start of the reply. floor_s: until when the client speaks
    nothing, whatever it gets; where it is later than the slack, it is the slack.
    first_turn: whether the user's first turn is acknowledged. tone: of the turn, as `tone_of_call` has it.
    """
    against = skip(request, turn, first_turn=first_turn, tone=tone)
    if against is not None:
        return Verdict(acknowledge=False, reason=against)
    return timely(expectation, slack_s=slack_s, floor_s=floor_s)


def skip(request: ChatRequest, turn: Turn, *, first_turn: bool = True, tone: Tone = Tone.PLAIN) -> Reason | None:
    """Return why nothing should be said on this turn however late the answer is: the table's first row that holds."""
    broken = forbids_acknowledgement(request)
    if broken is not None:
        return broken
    if turn.kind is TurnKind.SILENCE:
        return Reason.SILENCE
    if turn.kind is TurnKind.RESENT and turn.acknowledged:
        return Reason.RESENT
    if turn.kind is TurnKind.AFTER_BARGE_IN:
        return Reason.BARGE_IN
    if wish(request):
        return Reason.WISH
    if tone is Tone.URGENT:
        return Reason.URGENT
    if turn.number <= 1 and not first_turn:
        return Reason.FIRST_TURN
    language = language_of(request)
    if language is None or language == UNDETERMINED:
        return Reason.UNSURE_LANGUAGE
    if is_short(request.last_user_text, language):
        return Reason.SHORT_TURN
    return None


def timely(expectation: Expectation, *, slack_s: float, floor_s: float = 0.0) -> Verdict:
    """Return the cheapest way to handle an answer that may begin as `expectation` says."""
    slack_s = max(slack_s, floor_s)
    points = [(after_s, share, _lateness(after_s, slack_s)) for after_s, share in expectation.points]
    moments = [floor_s + (slack_s - floor_s) * step / _STEPS for step in range(_STEPS + 1)]
    costs = {h: _cost_of_words(points, h, delay=DELAYED * (h - floor_s)) for h in moments}
    best = min(moments, key=costs.__getitem__)
    if sum(share * MISSED * lateness for _, share, lateness in points) <= costs[best]:
        return Verdict(acknowledge=False, reason=Reason.QUICK_MODEL)
    if expectation.measured < 0.5:
        reason = Reason.UNMEASURED_MODEL
    else:
        reason = Reason.SLOW_MODEL if best == floor_s else Reason.UNCERTAIN_MODEL
    return Verdict(acknowledge=True, reason=reason, not_before_s=best)


def _cost_of_words(points: Sequence[tuple[float, float, float]], at_s: float, *, delay: float) -> float:
    """points: (when the answer begins, share, lateness). delay: what it costs that they come no earlier."""
    return PLANNED + sum(share * (NEEDLESS * (1.0 - late) + delay) for after_s, share, late in points if after_s > at_s)


def _lateness(after_s: float, slack_s: float) -> float:
    """Return 0.0 for an answer within the slack, 1.0 for one that leaves a hole worth filling."""
    return min(1.0, max(0.0, (after_s - slack_s) / USEFUL_S))
