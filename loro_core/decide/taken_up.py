"""Whether an answer goes on from the words it was told, by how it begins; and whether a refusal was about the telling.

Both are read from what an upstream sent, and err on the side of no verdict: a verdict changes how later replies are
made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from loro_core.decide.history import spoken_form
from loro_core.decide.languages import LANGUAGES
from loro_core.decide.prefill import TakenUp
from loro_core.decide.rules import plain
from loro_core.errors import UpstreamStatus

ENOUGH_LETTERS = 24
"""So many letters hold the longest greeting; an answer that has more of them and greets nobody goes on."""

_MARKS = ".,!?;:。、…~—-"
_SPACELESS_FROM = "\u2e80"
"""From here on scripts (Han, kana) end no word with a space. Hangul does, but its particles follow without one."""


def taken_up(words: str, said: str, language: str | None, *, whole: bool) -> TakenUp | None:
    """Return what an answer that begins with `said` made of `words`, None while its next letters may decide.

    language: of the words; None where it is not known, and then greetings are not. whole: nothing follows `said`.
    """
    heard = spoken_form(said)
    if not heard:
        return TakenUp.SAID_NOTHING if whole else None
    if said.lstrip().startswith("<think"):
        return TakenUp.BEGAN_ANEW  # Nobody thinks in the middle of a sentence.
    repeats = _repeats(spoken_form(words), said)
    if repeats:
        return TakenUp.ECHOED
    if _greets(said, language):
        return TakenUp.BEGAN_ANEW
    if whole or (repeats is False and len(heard) >= ENOUGH_LETTERS):
        return TakenUp.WENT_ON
    return None


def _repeats(form: str, said: str) -> bool | None:
    """Return whether `said` begins with the words of `form`, to the end of a word; None if it has not come so far."""
    heard = ""
    if not form:
        return False
    for at, character in enumerate(said):
        heard += spoken_form(character)
        if not form.startswith(heard):
            return False
        if heard == form:
            following = said[at + 1 : at + 2]
            if not following:
                return None
            return not following.isalnum() or following >= _SPACELESS_FROM
    return None


def _greets(said: str, language: str | None) -> bool:
    known = LANGUAGES.get(language or "")
    if known is None:
        return False
    rules = known.turns
    text = plain(said).translate(rules.variants).lstrip()
    greeting = rules.greeting.match(text)
    # "Hello World is a program" greets nobody.
    return greeting is not None and text[greeting.end() :].lstrip()[:1] in tuple(_MARKS)


# --- refusals ----------------------------------------------------------------------------------------------------

UNREADABLE = (400, 422)
"""How services refuse a request that they do not understand or do not want; 422 is FastAPI's."""

_OTHER_CODES = frozenset(
    {
        "context_length_exceeded",
        "content_filter",
        "content_policy_violation",
        "invalid_api_key",
        "model_not_found",
        "insufficient_quota",
    }
)
_NAMES_PREFILL = re.compile(
    r"prefill|prefix|\bpartial\b|continue_final_message|generation[ _]prompt|end with a user"
    r"|(?:last|final|trailing) (?:message|role|turn)|assistant (?:message|role|response)",
    re.IGNORECASE,
)
_NAMES_SYSTEM = re.compile(r"\bsystem\b|\bdeveloper\b", re.IGNORECASE)


def refuses_prefill(error: UpstreamStatus, parameters: Mapping[str, object]) -> bool | None:
    """Return whether `error` answers a prefilled request so for the prefill's sake; None if it may, or may not.

    parameters: what else the client asked for; an error that names one of them is about that.
    The wordings are those of Anthropic ("does not support assistant message prefill. The conversation must end with a
    user message"), llama.cpp ("Assistant response prefill is incompatible with enable_thinking"), Mistral ("Expected
    last role User or Tool") and of services that name the field.
    """
    return _is_about(_NAMES_PREFILL, error, parameters)


def refuses_system_message(error: UpstreamStatus, parameters: Mapping[str, object]) -> bool | None:
    """Return the same of a request that was given a system message ("System role not supported")."""
    return _is_about(_NAMES_SYSTEM, error, parameters)


def _is_about(names: re.Pattern[str], error: UpstreamStatus, parameters: Mapping[str, object]) -> bool | None:
    status = error.upstream_status
    if status not in (*UNREADABLE, 500, None) or error.code in _OTHER_CODES:
        return False
    if error.param is not None and re.split(r"[.\[]", error.param)[0] in parameters:
        return False
    if names.search(error.message) or (error.param is not None and names.search(error.param)):
        return True
    return None if status in UNREADABLE else False
