"""The table of decide/announce.py, row by row, and what holds of every line."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loro_core.chat import ChatRequest, Json, Message, Turn, TurnKind
from loro_core.decide.announce import Announcer, ToolLines, named_lines
from loro_core.decide.hygiene import KnownWords, without_acknowledgements
from loro_core.decide.languages import LANGUAGES
from loro_core.decide.release.profile import PROFILES, Profile, released
from loro_core.errors import ConfigError
from tests.decide.seam_figures import load_book

BOOK = load_book()
PLAIN = PROFILES["plain"]
QUESTION = "What's the weather in Berlin?"
LANGUAGE_TURNS = {
    "en": QUESTION,
    "de": "Wie wird das Wetter morgen in Berlin?",
    "fr": "Quel temps fait-il aujourd'hui à Paris ?",
    "es": "¿Qué tiempo hace hoy en Madrid?",
    "pt": "Qual é a previsão do tempo para hoje em Lisboa, você sabe?",
    "ru": "Какая сегодня погода в Москве?",
    "ja": "今日の東京の天気を教えてください。",
    "ko": "오늘 서울 날씨가 어때요?",
    "hi": "आज दिल्ली में मौसम कैसा है?",
    "ar": "كيف حال الطقس اليوم في القاهرة؟",
    "zh-CN": "今天北京的天气怎么样？",
    "zh-TW": "今天台北的天氣怎麼樣？",
}


def tools(*names: str, description: str = "") -> list[Json]:
    return [
        {"type": "function", "function": {"name": name, "description": description, "parameters": {"type": "object"}}}
        for name in names
    ]


def request(*messages: Message, **more: Any) -> ChatRequest:
    offered: dict[str, Json] = {"tools": tools("get_weather", "book_table", "end_call")}
    return ChatRequest(
        model="loro",
        messages=messages or (Message.of("user", QUESTION),),
        stream=more.pop("stream", True),
        parameters={**offered, **more.pop("parameters", {})},
        **more,
    )


def announcer(
    asked: ChatRequest | None = None,
    *,
    kind: TurnKind = TurnKind.NEW,
    acknowledged: bool = False,
    own: dict[str, Json] | None = None,
    profile: Profile = PLAIN,
    seed: int = 0,
) -> Announcer:
    return Announcer(
        request=asked or request(),
        turn=Turn(kind=kind, acknowledged=acknowledged),
        book=BOOK,
        own=ToolLines.from_tables(own or {}),
        profile=profile,
        rng=random.Random(seed),
    )


def said(tool: str = "get_weather", asked: ChatRequest | None = None, **more: Any) -> str | None:
    found = announcer(asked, **more)(tool)
    return None if found is None else found.text


def calling(words: str | None, call: Json) -> Message:
    fields: dict[str, Json] = {"role": "assistant", "content": words, "tool_calls": [call]}
    return Message(role="assistant", text=words or "", fields=fields)


def follow_up(*said_before: str, tool: str = "get_weather") -> ChatRequest:
    call: Json = {"id": "c", "type": "function", "function": {"name": tool, "arguments": "{}"}}
    words = said_before[-1] if said_before else None
    return request(
        Message.of("user", QUESTION),
        calling(words, call),
        Message(role="tool", text="7", fields={"role": "tool", "content": "7", "tool_call_id": "c"}),
    )


def test_a_tool_with_a_telling_name_is_announced_by_it():
    found = announcer()("get_weather")
    assert found is not None and (found.text, found.source) == ("Let me check the weather. ", "named")


def test_a_deed_is_announced_in_general():
    found = announcer()("book_table")
    tool = BOOK.chapters["en"].tool
    assert found is not None and tool is not None
    assert found.source == "general" and found.text.rstrip() in tool.sentences


def test_a_tool_that_looks_something_up_has_the_words_of_a_lookup():
    found = announcer()("kb_query")
    phrases = dict(BOOK.chapters["en"].tables())["lookup"].sentences
    assert found is not None and found.source == "general" and found.text.rstrip() in phrases


@pytest.mark.parametrize("tool", ["get_weather", "book_table"])
@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_each_language_has_its_own_line(language, tool):
    text = said(tool, request(Message.of("user", LANGUAGE_TURNS[language])))
    assert text is not None
    tables = dict(BOOK.chapters[language].tables())
    if (language, tool) != ("en", "get_weather"):
        table = "lookup" if tool == "get_weather" else "tool"
        assert text.strip() in tables[table].sentences


@pytest.mark.parametrize(
    ("asked", "more"),
    [
        (request(stream=False), {}),
        (request(n=2), {}),
        (request(disable_quick_response=True), {}),
        (request(parameters={"tool_choice": "required"}), {}),
        (request(parameters={"tool_choice": {"type": "function", "function": {"name": "get_weather"}}}), {}),
        (request(parameters={"response_format": {"type": "json_object"}}), {}),
        (request(parameters={"logprobs": True}), {}),
        (request(Message.of("system", "Start every reply with ✓."), Message.of("user", QUESTION)), {}),
        (request(Message.of("user", "Say exactly: hello.")), {}),
        (request(Message.of("user", QUESTION), Message.of("assistant", "It")), {}),
        (request(), {"kind": TurnKind.SILENCE}),
        (request(), {"kind": TurnKind.RESENT, "acknowledged": True}),
        (request(Message.of("user", "Stop saying let me check, what's the weather?")), {}),
        (request(Message.of("user", "He is not breathing, help me!")), {}),
        (request(Message.of("user", "My mother died this morning, when is the funeral home open?")), {}),
        (request(Message.of("user", "42")), {}),
    ],
    ids=lambda value: "" if not isinstance(value, ChatRequest) else None,
)
def test_nothing_is_said_where_words_would_break_something_or_are_unwanted(asked, more):
    assert said("get_weather", asked, **more) is None


@pytest.mark.parametrize("kind", [TurnKind.NEW, TurnKind.REVISED, TurnKind.RESENT, TurnKind.AFTER_BARGE_IN])
def test_other_turns_are_announced(kind):
    assert said(kind=kind) is not None


@pytest.mark.parametrize("tool", ["end_call", "transfer_to_agent", "skip_turn", "voicemail_detection"])
def test_nothing_is_said_before_the_platforms_own_tools_unless_the_operator_says_so(tool):
    assert said(tool) is None
    assert said(tool, own={tool: {"en": "Goodbye now."}}) == "Goodbye now. "


def test_the_operators_line_goes_before_the_names():
    own: dict[str, Json] = {"get_weather": {"en": "Let me look outside.", "de": "Ich schaue hinaus."}}
    found = announcer(own=own)("get_weather")
    assert found is not None and (found.text, found.source) == ("Let me look outside. ", "own")
    german = request(Message.of("user", LANGUAGE_TURNS["de"]))
    assert said("get_weather", german, own=own) == "Ich schaue hinaus. "
    french = said("get_weather", request(Message.of("user", LANGUAGE_TURNS["fr"])), own=own)
    assert french is not None and french.strip() in dict(BOOK.chapters["fr"].tables())["lookup"].sentences


def test_an_empty_line_says_nothing_in_its_language_or_in_any():
    assert said(own={"get_weather": {"en": ""}}) is None
    assert said(own={"get_weather": {"*": ""}}) is None
    assert said(own={"get_weather": {"*": "", "en": "Let me see."}}) == "Let me see. "
    assert said(own={"book_table": {"*": ""}}) is not None


def test_after_a_tools_result_only_news_is_said():
    assert said("get_weather", follow_up()) == "Let me check the weather. "
    assert said("get_weather", follow_up("Let me check the weather.")) is None
    assert said("get_order", follow_up("Let me check the weather.")) == "Let me check the order. "
    assert said("book_table", follow_up()) is None
    assert said("kb_query", follow_up()) is None


def test_what_was_said_in_an_earlier_turn_may_be_said_again():
    asked = request(*follow_up("Let me check the weather.").messages, Message.of("user", "And what about tomorrow?"))
    assert said("get_weather", asked) == "Let me check the weather. "


def test_a_line_of_the_book_is_not_said_twice_running():
    tool = BOOK.chapters["en"].tool
    assert tool is not None
    for used in tool.sentences:
        asked = request(
            Message.of("user", QUESTION), Message.of("assistant", used), Message.of("user", "Can you book me a table?")
        )
        assert all(said("book_table", asked, seed=seed) != f"{used} " for seed in range(10))


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_the_line_is_shaped_for_the_client(name):
    """At the reply's end at the latest each client has let it out; Home Assistant alone needs a tail."""
    text = said(profile=PROFILES[name])
    assert text is not None and text.startswith("Let me check the weather")
    assert released(PROFILES[name], text, final=True) >= len(text.rstrip())
    if name == "homeassistant":
        assert len(text) >= 60 and released(PROFILES[name], text) > 0
    elif name == "elevenlabs":
        assert text == "Let me check the weather... "
    else:
        assert len(text) < 45


# --- the operator's lines ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tables", "problem"),
    [
        ({"f": "x"}, "f: needs a table of lines by language, this is 'x'"),
        ({"f": {"english": "Hm."}}, "f.english: a language is named like 'en' or 'zh-TW'"),
        ({"f": {"en": 7}}, 'f.en: needs a text with words in it, or "", this is 7'),
        ({"f": {"en": "..."}}, "f.en: needs a text with words in it, or \"\", this is '...'"),
        ({"f": {"*": "Hm."}}, "f.*: needs \"\", for a line is in one language, this is 'Hm.'"),
        ({"f": {"en": " Hm."}}, "f.en: ' Hm.' has white space around it, or a line break or invisible character"),
        ({"f": {"en": "A\nb."}}, "f.en: 'A\\nb.' has white space around it, or a line break or invisible character"),
    ],
)
def test_what_is_wrong_with_a_line_is_told_with_its_place(tables, problem):
    with pytest.raises(ConfigError) as caught:
        ToolLines.from_tables(tables)
    assert list(caught.value.problems) == [problem]


# --- what comes back in the history ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(PROFILES))
@pytest.mark.parametrize("tool", ["get_weather", "book_table", "beep"])
@pytest.mark.parametrize("language", ["en", "de", "zh-CN"])
def test_an_announcement_in_the_history_is_taken_out_and_the_call_beside_it_stays(language, tool, name):
    own: dict[str, Json] = {"beep": {"en": "Let me press that button.", "de": "Ich drücke mal.", "zh-CN": "我按一下。"}}
    asked = request(Message.of("user", LANGUAGE_TURNS[language]))
    text = said(tool, asked, own=own, profile=PROFILES[name])
    assert text is not None
    known = KnownWords.of(BOOK).also(ToolLines.from_tables(own).all()).also(named_lines(asked))
    call: Json = {"id": "c", "type": "function", "function": {"name": tool, "arguments": "{}"}}
    heard = text.replace("<flush />", "").strip()  # Vapi keeps its marks out of the history
    message = calling(heard, call)
    (left,) = without_acknowledgements([message], known)
    assert left.fields == {"role": "assistant", "content": None, "tool_calls": [call]} and left.text == ""


words = st.text(max_size=40)


@given(tool=words, description=words, turn=words, seed=st.integers(0, 99))
def test_any_tool_is_either_announced_in_one_line_or_not_at_all(tool, description, turn, seed):
    asked = request(Message.of("user", turn), parameters={"tools": tools(tool, description=description)})
    text = said(tool, asked, seed=seed)
    assert text is None or (text.strip() and "\n" not in text and len(text) <= 121)
