"""Why a reply is acknowledged, or is not: the words of the access line and the metrics' label."""

from __future__ import annotations

from enum import Enum


class Reason(Enum):
    """The first that holds; `gate` has them in their order, with what each means."""

    NOT_STREAMING = "not_streaming"
    DISABLED = "disabled"
    SEVERAL_CHOICES = "several_choices"
    LOGPROBS = "logprobs"
    RESPONSE_FORMAT = "response_format"
    TOOL_CHOICE = "tool_choice"
    TOOL_RESULT = "tool_result"
    CONTINUATION = "continuation"
    LEADING_MARKER = "leading_marker"
    EXACT_WORDS = "exact_words"
    SILENCE = "silence"
    RESENT = "resent"
    BARGE_IN = "barge_in"
    WISH = "wish"
    URGENT = "urgent"
    FIRST_TURN = "first_turn"
    UNSURE_LANGUAGE = "unsure_language"
    SHORT_TURN = "short_turn"
    QUICK_MODEL = "quick_model"
    SLOW_MODEL = "slow_model"
    UNCERTAIN_MODEL = "uncertain_model"
    UNMEASURED_MODEL = "unmeasured_model"
