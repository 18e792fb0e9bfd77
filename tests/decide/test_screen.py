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
        *("OK，我看一下。", "正在为您查询。"),
    ],
)
def test_chinese_words_that_may_be_said(words):
    assert screen(words, language="zh-CN", user_text=天气) == words


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
    assert screen("「我看一下」", language="zh-CN") == "我看一下。"
    assert screen("我看一下。嗯", language="zh-CN") == "我看一下。嗯，"


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
    assert screen(words, language="zh-CN", user_text=天气) == Rejection(reason=reason)


SAYABLE = [
    ("zh-TW", "幫我查一下明天的天氣", "我來看看明天的天氣。"),
    ("ja", "明日の京都の天気は", "なるほど、京都の天気、見てみますね。"),
    ("ko", "내일 부산 날씨 알려 줘", "내일 날씨를 찾아볼게요."),
    ("es", "qué tiempo hace mañana en Sevilla", "Déjeme ver el tiempo en Sevilla."),
    ("fr", "quel temps fera-t-il demain à Lyon", "Je regarde le temps pour Lyon."),
    ("de", "wie wird das Wetter morgen in Kiel", "Ich schaue nach dem Wetter in Kiel."),
    ("pt", "como fica o tempo amanhã no Porto", "Deixe-me ver o tempo no Porto."),
    ("ru", "какая завтра погода в Туле", "Давайте посмотрим погоду в Туле."),
    ("ar", "كيف الطقس غدا في الرباط", "فلننظر في الطقس في الرباط."),
    ("hi", "कल पुणे में मौसम कैसा रहेगा", "पुणे का मौसम देखते हैं।"),
]


@pytest.mark.parametrize(("language", "user_text", "words"), SAYABLE)
def test_words_that_take_up_what_the_user_said_may_be_said(language, user_text, words):
    assert screen(words, language=language, user_text=user_text) == words


@pytest.mark.parametrize(
    ("language", "words", "reason"),
    [
        ("zh-TW", "好的，請稍等。", Reason.PROMISE),
        ("zh-TW", "没问题。", Reason.WRONG_LANGUAGE),
        ("ja", "はい、見てみますね。", Reason.YES_NO),
        ("ja", "かしこまりました。", Reason.YES_NO),
        ("ja", "少々お待ちください。", Reason.PROMISE),
        ("ja", "申し訳ございません。", Reason.REFUSAL),
        ("ja", "明日は晴れです。", Reason.ANSWER),
        ("ja", "何をお探しですか", Reason.QUESTION),
        ("ko", "네, 살펴볼게요.", Reason.YES_NO),
        ("ko", "잠시만 기다려 주세요.", Reason.PROMISE),
        ("ko", "죄송합니다.", Reason.REFUSAL),
        ("ko", "무엇을 찾으시나요.", Reason.QUESTION),
        ("es", "Claro, déjeme ver eso.", Reason.YES_NO),
        ("es", "Un momento, por favor.", Reason.PROMISE),
        ("es", "Lo siento mucho.", Reason.REFUSAL),
        ("es", "Déjeme ver, es lunes.", Reason.ANSWER),
        ("es", "Deixe-me ver isso com calma.", Reason.WRONG_LANGUAGE),
        ("fr", "Bien sûr, je regarde.", Reason.YES_NO),
        ("fr", "Un instant, je regarde cela.", Reason.PROMISE),
        ("fr", "Je suis désolé.", Reason.REFUSAL),
        ("fr", "Que voulez-vous savoir", Reason.QUESTION),
        ("de", "Ja, ich schaue das nach.", Reason.YES_NO),
        ("de", "Einen Moment, ich schaue nach.", Reason.PROMISE),
        ("de", "Das tut mir leid.", Reason.REFUSAL),
        ("pt", "Claro, deixe-me ver isso.", Reason.YES_NO),
        ("pt", "Um momento, por favor.", Reason.PROMISE),
        ("pt", "Sinto muito por isso.", Reason.REFUSAL),
        ("ru", "Да, давайте посмотрим.", Reason.YES_NO),
        ("ru", "Секунду, смотрю.", Reason.PROMISE),
        ("ru", "Извините меня.", Reason.REFUSAL),
        ("ar", "نعم، فلننظر في ذلك.", Reason.YES_NO),
        ("ar", "لحظة من فضلك.", Reason.PROMISE),
        ("ar", "آسف على ذلك.", Reason.REFUSAL),
        ("hi", "हाँ, इसे देखते हैं।", Reason.YES_NO),
        ("hi", "एक मिनट, इसे देखते हैं।", Reason.PROMISE),
        ("hi", "माफ़ कीजिए।", Reason.REFUSAL),
    ],
)
def test_words_that_answer_promise_or_decline_are_refused_in_every_language(language, words, reason):
    assert screen(words, language=language) == Rejection(reason=reason)


@pytest.mark.parametrize(("language", "user_text", "words"), SAYABLE)
def test_a_number_a_question_and_a_name_that_the_user_did_not_say_are_refused(language, user_text, words):
    stop = words[-1]
    for spoilt in (words[:-1] + " 25" + stop, words[:-1] + "?", words[:-1] + " Qwertz" + stop):
        assert isinstance(screen(spoilt, language=language, user_text=user_text), Rejection), spoilt


def test_every_reason_but_repetition_is_tried_above():
    assert {reason for _, reason in REFUSED_IN_ENGLISH} == set(Reason) - {Reason.REPEATED}


def test_words_that_the_last_replies_opened_with_are_refused():
    said = history("Let me see. So, it is sunny.", "It is cold.")
    assert screen("Let me see. Well,", language="en", history=said) == Rejection(reason=Reason.REPEATED)
    assert screen("Let me look.", language="en", history=said) == "Let me look."


def test_a_greeting_returned_is_no_echo():
    assert screen("Good morning!", language="en", user_text="Good morning") == "Good morning!"
    assert screen("你好！", language="zh-CN", user_text="你好") == "你好！"


def test_only_the_users_own_names_are_said():
    assert screen("Checking on Johnson.", language="en", user_text="where is johnson") == "Checking on Johnson."
    assert screen("Checking on Johnson.", language="en", user_text="where is she") == Rejection(reason=Reason.ANSWER)


def test_a_word_of_the_users_may_be_bent():
    assert (
        screen("Booking that, let me see.", language="en", user_text="can you book it") == "Booking that, let me see."
    )


@pytest.mark.parametrize("language", ["it", "und", None])
def test_words_in_a_language_that_cannot_be_judged_are_refused(language):
    assert screen("Let me see.", language=language) == Rejection(reason=Reason.WRONG_LANGUAGE)


def test_the_limits_count_characters_of_the_script():
    words = "Let me have a look at that."
    assert screen(words, language="en", limits=Limits(words=len(words))) == words
    tight = Limits(words=len(words) - 1)
    assert screen(words, language="en", limits=tight) == Rejection(reason=Reason.TOO_LONG)
    assert screen("我来看一下。", language="zh-CN", limits=Limits(characters=5)) == Rejection(reason=Reason.TOO_LONG)
