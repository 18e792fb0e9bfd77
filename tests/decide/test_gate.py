"""When an acknowledgement is worth it: the skip table, row by row, and the cost of being early, late or silent."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from loro_core.chat import ChatRequest, Message, Role, Turn, TurnKind
from loro_core.decide import gate
from loro_core.decide.estimate import PRIOR_S, UNMEASURED, FirstTokens
from loro_core.decide.gate import skip, timely, worth
from loro_core.decide.reason import Reason
from loro_core.decide.tone import Tone
from loro_core.fleet import Expectation

ASKS = "Why is the sky blue at noon?"


def request(*turns: str, system: str = "", **changes) -> ChatRequest:
    """Return a conversation whose turns are the user's and the assistant's, in turn; the user has the last word."""
    roles: tuple[Role, ...] = ("user", "assistant")
    turns = turns or (ASKS,)
    messages = [Message.of(roles[i % 2], text) for i, text in enumerate(turns)]
    if system:
        messages.insert(0, Message.of("system", system))
    return ChatRequest(**{"model": "loro", "messages": tuple(messages), "stream": True, **changes})


def skipped(
    asked: ChatRequest, kind: TurnKind = TurnKind.NEW, *, acknowledged=False, number=1, **options
) -> str | None:
    reason = skip(asked, Turn(kind=kind, number=number, acknowledged=acknowledged), **options)
    return None if reason is None else reason.value


def always(after_s: float) -> Expectation:
    return Expectation(points=((after_s, 1.0),), measured=1.0)


# --- the skip table ----------------------------------------------------------------------------------------------


def test_an_ordinary_question_is_not_skipped():
    assert skipped(request()) is None
    assert skipped(request("你能帮我查一下明天的天气吗")) is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"stream": False}, "not_streaming"),
        ({"disable_quick_response": True}, "disabled"),
        ({"n": 2}, "several_choices"),
        ({"parameters": {"logprobs": True}}, "logprobs"),
        ({"parameters": {"response_format": {"type": "json_schema"}}}, "response_format"),
        ({"parameters": {"tool_choice": "required"}}, "tool_choice"),
        ({"parameters": {"tool_choice": {"type": "function", "function": {"name": "f"}}}}, "tool_choice"),
        ({"messages": (*request().messages, Message.of("tool", "21 C"))}, "tool_result"),
        ({"messages": (*request().messages, Message.of("function", "21 C"))}, "tool_result"),
        ({"messages": (*request().messages, Message.of("assistant", "Because"))}, "continuation"),
    ],
)
def test_a_reply_whose_form_is_fixed(changes, reason):
    assert skipped(request(**changes)) == reason


@pytest.mark.parametrize(
    "system",
    [
        "Begin every reply with ✓ if the user is done, ○ if they will go on at once, ◐ if they need a while.",
        "Put [[happy]] or [[sad]] in front of what you say.",
        "Respond only with a JSON object with the keys intent and slots.",
        "You are a router. Your output must be valid JSON.",
        "Wrap everything in SSML.",
        "You speak as <speak>text</speak>.",
        "Start each response with the caller's name.",
        "The first word must be the language of the user.",
        "Classify the sentence. Answer with only A, B or C.",
        "你是一个路由器，请以JSON格式输出。",
        "每次回复必须以“【客服】”开头。",
        "只输出答案。",
    ],
)
def test_a_system_prompt_that_fixes_the_opening(system):
    assert skipped(request(system=system)) == "leading_marker"


@pytest.mark.parametrize(
    "system",
    [
        "You are a helpful voice assistant. Keep answers short.",
        "Your words are spoken aloud, so do not use markdown, JSON, emojis or SSML.",
        "Never output XML. Always answer in the user's language.",
        "You answer only in English and only about parcels.",
        'The customer\'s record is the following JSON: {"name": "Anna"}.',
        "Start by asking for the order number.",
        "你是语音助手，不要输出JSON或Markdown。",
    ],
)
def test_a_system_prompt_that_leaves_the_opening_free(system):
    assert skipped(request(system=system)) is None


@pytest.mark.parametrize(
    "turn",
    [
        "Say exactly: the quick brown fox",
        "repeat after me the rain in spain",
        "Please reply with only the number of the flight",
        "tell me the capital of france in one word",
        "what is the code and do not say anything else",
        "Is it raining outside, yes or no?",
        "say nothing but the password",
        "请跟我读一遍这个句子",
        "只回答是或者不是",
        "一字不差地重复这句话",
    ],
)
def test_a_user_who_wants_exact_words(turn):
    assert skipped(request(turn)) == "exact_words"


@pytest.mark.parametrize(
    "turn",
    [
        "what did she say exactly",
        "how do you say good morning in japanese",
        "can you repeat that for me please",
        "I just said that I need a table for two",
        "what does it say on the only sign there",
        "你刚才说什么来着",
        "what is the answer only you would know",
    ],
)
def test_a_user_who_only_talks_about_saying(turn):
    assert skipped(request(turn)) is None


@pytest.mark.parametrize("turn", ["", "...", "[silence]", "…"])
def test_silence(turn):
    assert skipped(request("hello", "Hi!", turn), TurnKind.SILENCE, number=2) == "silence"


def test_a_re_sent_turn_is_acknowledged_only_if_it_was_not_before():
    assert skipped(request(), TurnKind.RESENT, acknowledged=True) == "resent"
    assert skipped(request(), TurnKind.RESENT) is None


def test_a_revised_turn_is_acknowledged_for_nobody_heard_the_words_before():
    assert skipped(request(), TurnKind.REVISED) is None


def test_who_has_just_interrupted_wants_no_words():
    assert skipped(request(), TurnKind.AFTER_BARGE_IN) == "barge_in"


@pytest.mark.parametrize(
    "wish",
    [
        "Stop saying that, please.",
        "please stop saying let me see",
        'Don\'t say "let me check" every time',
        "no filler words",
        "just answer the question",
        "you keep saying that",
        "Can you get to the point?",
        "别再说让我想想了",
        "不要说废话",
        "你直接回答我就行",
        "说重点",
        "Komm zur Sache!",
    ],
)
def test_the_users_own_wish_holds_for_the_turns_after_it(wish):
    assert skipped(request(wish, "Of course.", ASKS)) == "wish"
    assert skipped(request(wish)) == "wish"


@pytest.mark.parametrize(
    "system", ["Avoid filler words and pleasantries.", "Answer without preamble.", "不要说开场白。"]
)
def test_the_operators_wish(system):
    assert skipped(request(system=system)) == "wish"


@pytest.mark.parametrize(
    "turn",
    [
        "please stop saying goodbye to my mother and tell her to hold the door",
        "just answer the phone when it rings tomorrow",
        "it's a no-brainer that the answer is direct current",
        "don't forget to say hello to him",
        "别忘了提醒我明天开会的事情",
        "i have no preference, what would you pick",
    ],
)
def test_what_is_no_wish(turn):
    assert skipped(request(turn)) is None


def test_an_emergency_gets_no_words_and_grave_news_may():
    assert skipped(request("there is a fire in my kitchen what do i do"), tone=Tone.URGENT) == "urgent"
    assert skipped(request("my father died this morning what do i do"), tone=Tone.GRAVE) is None


def test_the_first_turn_is_a_setting():
    assert skipped(request(), number=1, first_turn=False) == "first_turn"
    assert skipped(request(), number=2, first_turn=False) is None


@pytest.mark.parametrize("turn", ["4711", "Anna", "რატომ არის ცა ლურჯი დღეს"])
def test_a_language_that_does_not_show(turn):
    assert skipped(request(turn)) == "unsure_language"


@pytest.mark.parametrize(
    "turn",
    [
        *("why?", "hello", "stop", "Mm-hm.", "yes please", "no thank you", "the second", "That's right.", "uh huh"),
        *(
            "thanks, that's all",
            "okay bye, see you tomorrow",
            "嗯",
            "好的",
            "不用了",
            "不用了谢谢",
            "谢谢，再见",
            "嗯嗯嗯",
        ),
    ],
)
def test_a_turn_shorter_than_its_acknowledgement(turn):
    assert skipped(request("What is the weather like in Berlin? 天气怎么样", "It rains.", turn)) == "short_turn"


@pytest.mark.parametrize(
    "turn", ["play jazz", "what time", "is it?", "the second one please", "天气怎么样", "为什么呢？"]
)
def test_a_short_turn_that_asks_for_something(turn):
    assert skipped(request("What is the weather like in Berlin? 天气怎么样", "It rains.", turn)) is None


def test_the_rows_stand_in_the_order_of_the_table():
    asked = request("just answer yes", stream=False, n=2)
    assert skipped(asked, TurnKind.SILENCE, tone=Tone.URGENT) == "not_streaming"
    assert skipped(request("stop saying that"), TurnKind.AFTER_BARGE_IN, tone=Tone.URGENT) == "barge_in"
    assert skipped(request("stop saying that"), tone=Tone.URGENT) == "wish"


# --- the answer's first token ------------------------------------------------------------------------------------


def test_a_quick_model_gets_no_words():
    verdict = timely(always(0.08), slack_s=0.3)
    assert (verdict.acknowledge, verdict.reason) == (False, Reason.QUICK_MODEL)


def test_a_slow_model_has_them_at_once():
    verdict = timely(always(1.5), slack_s=0.3)
    assert (verdict.acknowledge, verdict.reason, verdict.not_before_s) == (True, Reason.SLOW_MODEL, 0.0)


def test_words_are_held_while_the_answer_may_still_be_first():
    either = Expectation(points=((0.08, 0.5), (1.5, 0.5)), measured=1.0)
    verdict = timely(either, slack_s=0.3)
    assert verdict.acknowledge and verdict.reason is Reason.UNCERTAIN_MODEL
    assert 0.08 <= verdict.not_before_s <= 0.3


def test_an_unmeasured_model_gets_held_words():
    verdict = timely(UNMEASURED, slack_s=0.3)
    assert verdict.acknowledge and verdict.reason is Reason.UNMEASURED_MODEL
    assert 0.171 < verdict.not_before_s <= 0.3


def test_an_answer_just_after_the_slack_is_not_worth_words():
    assert not timely(always(0.35), slack_s=0.3).acknowledge


def test_before_the_clients_floor_nothing_is_said_for_nothing_would_be_heard():
    verdict = timely(always(1.5), slack_s=0.3, floor_s=0.4)
    assert verdict.acknowledge and verdict.not_before_s == 0.4
    assert not timely(always(0.38), slack_s=0.3, floor_s=0.4).acknowledge


@pytest.mark.parametrize("slack_s", [0.0, 0.3, 2.0])
def test_more_slack_needs_fewer_words(slack_s):
    assert timely(always(slack_s + 1.0), slack_s=slack_s).acknowledge
    assert not timely(always(slack_s + 0.05), slack_s=slack_s).acknowledge


def test_the_skip_table_comes_before_the_clock():
    verdict = worth(request(stream=False), Turn(), always(9.0), slack_s=0.3)
    assert (verdict.acknowledge, verdict.reason) == (False, Reason.NOT_STREAMING)
    assert worth(request(), Turn(), always(9.0), slack_s=0.3).acknowledge


def test_a_long_prompt_is_slow_where_a_short_one_is_quick():
    first_tokens = FirstTokens()
    for _ in range(10):
        first_tokens.add(0.1, prompt_chars=500, now=0.0)
        first_tokens.add(1.4, prompt_chars=50_000, now=0.0)
    assert not timely(first_tokens.expectation(500, 0.0), slack_s=0.3).acknowledge
    assert timely(first_tokens.expectation(50_000, 0.0), slack_s=0.3).acknowledge


# --- what is written about it ------------------------------------------------------------------------------------

MANUAL = Path(__file__).parents[2] / "docs" / "voice" / "gate.md"


@pytest.mark.parametrize("reason", Reason, ids=lambda r: r.value)
def test_every_reason_stands_in_the_manual(reason):
    assert f"`{reason.value}`" in MANUAL.read_text(encoding="utf-8")


def test_the_table_in_the_docstring_has_every_reason_against_words_in_their_order():
    table = str(gate.__doc__).split("reason   ", 1)[1].split("\n\n", 1)[0]
    rows = re.findall(r"^    ([a-z_]+(?:, [a-z_]+)*)  ", table, re.MULTILINE)
    against = [reason.value for reason in Reason if not reason.value.endswith("_model")]
    assert [name for row in rows for name in row.split(", ")] == against


def test_the_manual_has_the_prior():
    assert all(f"{after_s:.3f}" in MANUAL.read_text(encoding="utf-8") for after_s in PRIOR_S)
