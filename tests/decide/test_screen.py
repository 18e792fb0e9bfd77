"""What of a small model's words may be spoken."""

from __future__ import annotations

import pytest

from loro_core.chat import ChatRequest, Message
from loro_core.decide.history import recent
from loro_core.decide.screen import Limits, Reason, Rejection, screen

WEATHER = "what's the weather like in Paris tomorrow"
天气 = "帮我查一下明天北京的天气"


def history(*replies: str) -> tuple[str, ...]:
    return recent(ChatRequest(model="loro", messages=tuple(Message.of("assistant", text) for text in replies)))


@pytest.mark.parametrize(
    "words",
    [
        "Let me check that for you.",
        "Hmm.",
        "Okay, let me see. So,",
        "Okay. Let me see. So,",
        "Let me see... So,",
        "Let me check the weather in Paris.",
        "Checking the weather in Paris for you.",
        "Good question.",
        "That's a good question.",
        "Understood, checking Paris.",
        "Okay, let's find out!",
        "Let me see what I can do.",
    ],
)
def test_english_words_that_may_be_said(words):
    assert screen(words, language="en", user_text=WEATHER) == words


@pytest.mark.parametrize(
    "words",
    [
        *(
            "嗯，",
            "好的，我来查一下。",
            "我看看明天的天气。",
            "我帮您查查北京的天气。",
            "好的。我看一下，",
            "我来看看。嗯，",
        ),
        *("OK，我看一下。", "正在为您查询。", "讓我看看。"),
    ],
)
def test_chinese_words_that_may_be_said(words):
    assert screen(words, language="zh", user_text=天气) == words


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('"Let me see."', "Let me see."),
        ("“Let me see.”", "Let me see."),
        ("**Let me see.**", "Let me see."),
        ("- `Let me see.`", "Let me see."),
        ("\n\n Let  me see. \n", "Let me see."),
        ("...let me see.", "let me see."),
        ("Let me see", "Let me see."),
        ("Let me see. So", "Let me see. So,"),
        ("<think>\n\n</think>\n\nLet me see.", "Let me see."),  # Qwen3, told not to think
    ],
)
def test_what_stands_around_the_words_is_taken_off(written, said):
    assert screen(written, language="en") == said


def test_chinese_words_get_chinese_marks():
    assert screen("「我看一下」", language="zh") == "我看一下。"
    assert screen("我看一下。嗯", language="zh") == "我看一下。嗯，"


REFUSED_IN_ENGLISH = [
    ("", Reason.EMPTY),
    ("  \n", Reason.EMPTY),
    ('""', Reason.EMPTY),
    ("👍", Reason.EMPTY),
    ("...", Reason.EMPTY),
    ("<think>\n\n</think>", Reason.EMPTY),
    ("<think", Reason.THINKING),
    ("<think>", Reason.THINKING),
    ("<think>The user wants", Reason.THINKING),
    ("<THINK>ok</THINK>Let me see.", Reason.THINKING),
    ("Let me see.</think>", Reason.THINKING),
    ("Let me <think></think>see.", Reason.THINKING),
    ("Let me see.<|im_end|>", Reason.THINKING),
    ("Assistant: Let me see.", Reason.ROLE_LABEL),
    ("Acknowledgement: Let me see.", Reason.ROLE_LABEL),
    ("Let me see.\nIt is sunny.", Reason.SEVERAL_LINES),
    ("Let me\u2028see.", Reason.SEVERAL_LINES),
    ("Let me\x00see.", Reason.CONTROL_CHARACTER),
    ("Let me\u200bsee.", Reason.CONTROL_CHARACTER),
    ("Let me \u202esee.", Reason.CONTROL_CHARACTER),
    ("Let me see?", Reason.QUESTION),
    ("Let me see؟", Reason.QUESTION),
    ("what would you like", Reason.QUESTION),
    ("Okay, do you want more", Reason.QUESTION),
    ("Let me check 5 things.", Reason.DIGITS),
    ("Let me check ٥ things.", Reason.DIGITS),
    ("Let me check ５ things.", Reason.DIGITS),
    ("42", Reason.DIGITS),
    ("Let me see https://example.com", Reason.MARKUP),
    ("Let me see example.com", Reason.MARKUP),
    ("Let me <b>see</b>.", Reason.MARKUP),
    ("Let me see [laughs].", Reason.MARKUP),
    ("Let me see 😊", Reason.MARKUP),
    ("Let me see: well", Reason.MARKUP),
    ("Let me think about all that you have just said to me right there.", Reason.TOO_LONG),
    ("Let me see. " * 200, Reason.TOO_LONG),
    ("Let me see. I hear you.", Reason.TOO_MANY_SENTENCES),
    ("Let me see. So here we go then,", Reason.TOO_MANY_SENTENCES),
    ("让我想一想。", Reason.WRONG_LANGUAGE),
    ("Déjame ver qué tiempo hace.", Reason.WRONG_LANGUAGE),
    ("Yes, let me see.", Reason.YES_NO),
    ("No.", Reason.YES_NO),
    ("Sure, let me check that.", Reason.YES_NO),
    ("Of course!", Reason.YES_NO),
    ("Hmm, yes, let me see.", Reason.YES_NO),
    ("Let me see. Yes,", Reason.YES_NO),
    ("That's right, let me see.", Reason.YES_NO),
    ("Okay, one moment.", Reason.PROMISE),
    ("Okay, just a second.", Reason.PROMISE),
    ("Let me check, hold on.", Reason.PROMISE),
    ("I'll check that.", Reason.PROMISE),
    ("Okay, I can do that.", Reason.PROMISE),
    ("Right away!", Reason.PROMISE),
    ("I'm sorry to hear that.", Reason.REFUSAL),
    ("Okay, I cannot say.", Reason.REFUSAL),
    ("Hmm, I don't know.", Reason.REFUSAL),
    ("The weather like in Paris tomorrow", Reason.ECHO),
    ("It's sunny.", Reason.ANSWER),
    ("The capital is Lyon.", Reason.ANSWER),
    ("Okay, the weather is good.", Reason.ANSWER),
    ("Let me ask Johnson.", Reason.ANSWER),
    ("Sunny and warm.", Reason.ANSWER),
    ("Okay, по-русски.", Reason.WRONG_LANGUAGE),
]


@pytest.mark.parametrize(("words", "reason"), REFUSED_IN_ENGLISH)
def test_english_words_that_are_refused(words, reason):
    assert screen(words, language="en", user_text=WEATHER) == Rejection(reason=reason)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("嗯？", Reason.QUESTION),
        ("您想查哪天的天气", Reason.QUESTION),
        ("好的，查三天。３", Reason.DIGITS),
        ("助手：我看一下", Reason.ROLE_LABEL),
        ("好的我来帮您仔细查一下明天北京的天气情况。", Reason.TOO_LONG),
        ("我来看看。我想想。", Reason.TOO_MANY_SENTENCES),
        ("Let me see.", Reason.WRONG_LANGUAGE),
        ("OK", Reason.WRONG_LANGUAGE),
        ("ちょっと見てみます。", Reason.WRONG_LANGUAGE),
        ("是的，我看看。", Reason.YES_NO),
        ("不是。", Reason.YES_NO),
        ("可以的，我看看。", Reason.YES_NO),
        ("没问题", Reason.YES_NO),
        ("好的，请稍等。", Reason.PROMISE),
        ("收到，马上查。", Reason.PROMISE),
        ("我会查天气。", Reason.PROMISE),
        ("很抱歉。", Reason.REFUSAL),
        ("帮我查一下明天北京的天气", Reason.ECHO),
        ("明天晴天。", Reason.ANSWER),
        ("好的，明天有大雨。", Reason.ANSWER),
    ],
)
def test_chinese_words_that_are_refused(words, reason):
    assert screen(words, language="zh", user_text=天气) == Rejection(reason=reason)


def test_every_reason_but_repetition_is_tried_above():
    assert {reason for _, reason in REFUSED_IN_ENGLISH} == set(Reason) - {Reason.REPEATED}


def test_words_that_the_last_replies_opened_with_are_refused():
    said = history("Let me see. So, it is sunny.", "It is cold.")
    assert screen("Let me see. Well,", language="en", history=said) == Rejection(reason=Reason.REPEATED)
    assert screen("Let me look.", language="en", history=said) == "Let me look."


def test_a_greeting_returned_is_no_echo():
    assert screen("Good morning!", language="en", user_text="Good morning") == "Good morning!"
    assert screen("你好！", language="zh", user_text="你好") == "你好！"


def test_only_the_users_own_names_are_said():
    assert screen("Checking on Johnson.", language="en", user_text="where is johnson") == "Checking on Johnson."
    assert screen("Checking on Johnson.", language="en", user_text="where is she") == Rejection(reason=Reason.ANSWER)


def test_a_word_of_the_users_may_be_bent():
    assert (
        screen("Booking that, let me see.", language="en", user_text="can you book it") == "Booking that, let me see."
    )


@pytest.mark.parametrize("language", ["ja", "es", "und", None])
def test_words_in_a_language_that_cannot_be_judged_are_refused(language):
    assert screen("Let me see.", language=language) == Rejection(reason=Reason.WRONG_LANGUAGE)


def test_the_limits_count_characters_of_the_script():
    words = "Let me have a look at that."
    assert screen(words, language="en", limits=Limits(spaced_characters=len(words))) == words
    tight = Limits(spaced_characters=len(words) - 1)
    assert screen(words, language="en", limits=tight) == Rejection(reason=Reason.TOO_LONG)
    assert screen("我来看一下。", language="zh", limits=Limits(unspaced_characters=5)) == Rejection(
        reason=Reason.TOO_LONG
    )
