"""Whether an answer goes on from words, and whether a refusal is about them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loro_core.decide.prefill import TakenUp
from loro_core.decide.taken_up import refuses_prefill, refuses_system_message, taken_up
from loro_core.errors import UpstreamStatus

WORDS = "Let me think about that. So,"


@pytest.mark.parametrize(
    ("words", "language", "said", "how"),
    [
        (WORDS, "en", " the sky is blue.", TakenUp.WENT_ON),
        (WORDS, "en", "The sky is blue.", TakenUp.WENT_ON),
        (WORDS, "en", " so many colours reach the eye", TakenUp.WENT_ON),
        (WORDS, "en", "Let me think about that. So, the sky", TakenUp.ECHOED),
        (WORDS, "en", "\nLet me think about that... so the sky", TakenUp.ECHOED),
        (WORDS, "en", "Let me think about those.", TakenUp.WENT_ON),
        (WORDS, "en", "Let me think about that. Some skies are green", TakenUp.WENT_ON),
        (WORDS, "en", "Hello! The sky is blue.", TakenUp.BEGAN_ANEW),
        (WORDS, "en", "Hi there, the sky is blue.", TakenUp.BEGAN_ANEW),
        (WORDS, "en", "Hello World is a program.", TakenUp.WENT_ON),
        (WORDS, "en", "High above us there is air.", TakenUp.WENT_ON),
        (WORDS, "en", "<think>\nThe user", TakenUp.BEGAN_ANEW),
        (WORDS, None, "Hello! The sky is blue.", TakenUp.WENT_ON),
        ("让我想想。", "zh-CN", "天空是蓝色的，因为", TakenUp.WENT_ON),
        ("让我想想。", "zh-CN", "让我想想。天空是蓝色的", TakenUp.ECHOED),
        ("让我想想。", "zh-CN", "你好！天空是蓝色的", TakenUp.BEGAN_ANEW),
        ("让我想想。", "zh-CN", "你好像在问天空", TakenUp.WENT_ON),
        (WORDS, "en", " ...\n", TakenUp.SAID_NOTHING),
        ("...", "en", "the sky", TakenUp.WENT_ON),
    ],
)
def test_what_an_answer_makes_of_words(words, language, said, how):
    assert taken_up(words, said, language, whole=True) is how


@pytest.mark.parametrize("said", ["", " ", "He", "Hello", "Let me", "Let me think about that. So", " the sky"])
def test_no_verdict_while_the_next_letters_may_decide(said):
    assert taken_up(WORDS, said, "en", whole=False) is None


@given(st.text(alphabet="abCdE fg.,!?你好 hiéß\n", max_size=60), st.text(alphabet="abC 好.,", max_size=20))
def test_a_verdict_does_not_hang_on_how_the_answer_was_cut(answer, words):
    found = {taken_up(words, answer, "en", whole=True)}
    for end in range(len(answer)):
        verdict = taken_up(words, answer[:end], "en", whole=False)
        if verdict is not None:
            found.add(verdict)
            break
    assert len(found) == 1


@given(st.text(min_size=1, max_size=40), st.text(max_size=40))
def test_any_text_is_taken(words, said):
    assert taken_up(words, said, "zh-CN", whole=True) is not None


def status(message="nothing to see", number: int | None = 400, **more) -> UpstreamStatus:
    return UpstreamStatus(message, upstream_status=number, **more)


SAID_SO = [
    "This model does not support assistant message prefill. The conversation must end with a user message.",
    "Assistant response prefill is incompatible with enable_thinking.",
    "Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant",
    "Unrecognized request argument supplied: prefix",
    "body.continue_final_message: Extra inputs are not permitted",
    "Cannot set both `add_generation_prompt` and `continue_final_message`",
    "Partial mode does not support enable_thinking",
    "Cannot have 2 or more assistant messages at the end of the list.",
]


@pytest.mark.parametrize("number", [400, 422, 500, None])
@pytest.mark.parametrize("message", SAID_SO)
def test_a_refusal_that_says_so(message, number):
    assert refuses_prefill(status(message, number), {}) is True


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (status("bad request"), None),
        (status("bad request", 422), None),
        (status("bad request", 500), False),
        (status("bad request", None), False),
        (status("maximum context length is 8192", code="context_length_exceeded"), False),
        (status("temperature must be below 2", param="temperature"), False),
        (status("bad tool", param="tools[0].function"), False),
        (status("not allowed", param="prefix"), True),
        (status("not allowed", param="messages[3].role"), None),
        (status(SAID_SO[0], 429), False),
        (status(SAID_SO[0], 503), False),
        (status(SAID_SO[0], 401), False),
    ],
)
def test_what_else_a_refusal_may_be_about(error, verdict):
    assert refuses_prefill(error, {"temperature": 3, "tools": []}) is verdict


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (status("System role not supported"), True),
        (status("System role not supported", 500), True),
        (status("bad request"), None),
        (status("busy", 503), False),
    ],
)
def test_a_system_message_that_is_refused(error, verdict):
    assert refuses_system_message(error, {}) is verdict
