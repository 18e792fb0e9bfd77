"""A tool call that would follow silence: the line that is said before it.

An answer may begin with a tool call. Then the client has nothing to speak until the tool has returned and the model is
asked again, some seconds later: one line before the call fills that hole. It is decided on when the call is there, with
its name, so a line without a call cannot be. The first row that holds decides; so often nothing is said:

    nothing is said where                                                        read from
    ---------------------------------------------------------------------------  -----------------------------------
    1 something was said before, by the model or in acknowledgement              the merge
    2 the request's contract leaves no room for words                            contract
    3 the turn was silent, or is sent again and has its words                    the turn
    4 fillers were unwanted, or the turn is grave or urgent                      demands, tone
    5 the operator's line for this tool is ""                                    [words.tools]
    6 the tool ends, hands over or steers the call, and has no line              tool_names
    7 nothing shows the language, or there are no words in it                    language, the phrase book
    8 a tool's result has come: the user has waited already, and what fits any   the last message, the history
      tool, or was said before in this turn, is no news

    else, the first that there is
    ---------------------------------------------------------------------------
    own      the operator's line for this tool in the turn's language
    named    what the tool is for, in English                                    tool_names
    general  "Let me look that up for you.", if it only looks something up       [lookup] of the phrase file
             else what fits any tool                                             [tool] of the phrase file

Of several calls in one reply, the first decides.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct, field

from loro_core.chat import ChatRequest, Json, Turn, TurnKind
from loro_core.decide.category import Category
from loro_core.decide.contract import forbids_announcement
from loro_core.decide.demands import wish
from loro_core.decide.history import recent, replies_since, spoken_form
from loro_core.decide.language import language_of
from loro_core.decide.phrasebook import Chapter, Phrasebook
from loro_core.decide.release.profile import Phrasing, Profile, shape
from loro_core.decide.tone import Tone, tone_of_call
from loro_core.decide.tool_names import english_line, is_silent, looks_up
from loro_core.errors import ConfigError

Source = Literal["own", "named", "general"]

ANY_LANGUAGE = "*"
"""In the place of a language: what holds where the tool has no line in the turn's. Only "" may; a line is in one."""


class Announcement(Struct, frozen=True, kw_only=True):
    """text: as it is written, what sets it apart from what follows included. source: where it comes from."""

    text: str
    source: Source


class ToolLines(Struct, frozen=True):
    """The operator's lines, by tool and language tag; "" says nothing before that tool."""

    lines: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def from_tables(cls, tables: Mapping[str, Json]) -> ToolLines:
        """Return the lines of `tables`: {"get_weather": {"en": "Let me look at the sky."}, "beep": {"*": ""}}.

        Raises ConfigError with every problem found, each by its key path ("get_weather.en: ...").
        """
        problems: list[str] = []
        lines: dict[str, dict[str, str]] = {}
        for tool, table in tables.items():
            if not isinstance(table, Mapping):
                problems.append(f"{tool}: needs a table of lines by language, this is {table!r}")
                continue
            lines[tool] = {tag: line for tag, line in table.items() if isinstance(line, str)}
            problems += [p for tag, line in table.items() for p in _problems(f"{tool}.{tag}", tag, line)]
        if problems:
            raise ConfigError(problems)
        return cls(lines)

    def line(self, tool: str, language: str | None) -> str | None:
        """Return what to say before `tool`, "" for nothing, None where that is not settled."""
        table = self.lines.get(tool, {})
        return table.get(language or "", table.get(ANY_LANGUAGE))

    def all(self) -> Iterator[str]:
        """Yield every line."""
        for table in self.lines.values():
            yield from filter(None, table.values())


def _problems(path: str, tag: str, line: object) -> Iterator[str]:
    if tag != ANY_LANGUAGE and not re.fullmatch("[a-z]{2,3}(-[A-Z][A-Za-z]{1,3})?", tag):
        yield f"{path}: a language is named like 'en' or 'zh-TW'"
    if not isinstance(line, str) or (line and not spoken_form(line)):
        yield f'{path}: needs a text with words in it, or "", this is {line!r}'
    elif line and tag == ANY_LANGUAGE:
        yield f'{path}: needs "", for a line is in one language, this is {line!r}'
    elif line != line.strip() or not line.isprintable():
        yield f"{path}: {line!r} has white space around it, or a line break or invisible character"


class Announcer(Struct, frozen=True, kw_only=True):
    """What is known when a reply begins; whether a line is said, and which, is decided when its first call is there.

    book, own: the phrases, and the operator's lines. profile: the client's, which the line is shaped for.
    """

    request: ChatRequest
    turn: Turn
    book: Phrasebook
    own: ToolLines
    profile: Profile
    rng: random.Random

    def __call__(self, tool: str) -> Announcement | None:
        """Return what to say before a call of `tool`, where nothing was said before (1)."""
        if self._wants_silence():
            return None
        language = language_of(self.request)
        if tone_of_call(self.request, language) is not Tone.PLAIN:  # 4
            return None
        own = self.own.line(tool, language)
        if own == "" or (own is None and is_silent(tool)):  # 5, 6
            return None
        chapter = self.book.chapters.get(language or "")
        particular = own or self._named(tool, language)
        if particular is not None:
            if self._follows_up and self._was_said(particular):  # 8
                return None
            return self._shaped(particular, chapter, "own" if own else "named")
        general = self._general(tool, chapter)
        return None if general is None else self._shaped(general, chapter, "general")

    @property
    def _follows_up(self) -> bool:
        return self.request.messages[-1].role in ("tool", "function")

    def _wants_silence(self) -> bool:
        if forbids_announcement(self.request) is not None:  # 2
            return True
        if self.turn.kind is TurnKind.SILENCE or (self.turn.kind is TurnKind.RESENT and self.turn.acknowledged):  # 3
            return True
        return wish(self.request)  # 4

    def _named(self, tool: str, language: str | None) -> str | None:
        return english_line(tool, described(self.request, tool)) if language == "en" else None

    def _general(self, tool: str, chapter: Chapter | None) -> str | None:
        if chapter is None or self._follows_up:  # 7, 8
            return None
        phrases = chapter.tool
        if looks_up(tool, described(self.request, tool)):
            phrases = chapter.phrases.get(Category.LOOKUP) or phrases
        if phrases is None or not phrases.sentences:
            return None
        return self._least_worn(phrases.sentences)

    def _least_worn(self, lines: Sequence[str]) -> str:
        """Return one that none of the last replies opened with, or the one whose use is longest ago."""
        history = recent(self.request)
        ages = {line: replies_since(line, history) for line in lines}
        fresh = [line for line, age in ages.items() if age is None]
        return self.rng.choice(fresh) if fresh else max(lines, key=lambda line: ages[line] or 0)

    def _was_said(self, line: str) -> bool:
        """Return whether the assistant has said it since the user spoke."""
        form = spoken_form(line)
        for message in reversed(self.request.messages):
            if message.role == "user":
                return False
            if message.role == "assistant" and form in spoken_form(message.text):
                return True
        return False

    def _shaped(self, line: str, chapter: Chapter | None, source: Source) -> Announcement:
        # A tail is for those clients that would lose a short text before a call (home-assistant/core #151824).
        tails = chapter.tool.tails if chapter is not None and chapter.tool is not None else ()
        join = chapter.join if chapter is not None else " "
        shaped = shape([Phrasing(sentence=line)], self.profile, join=join)
        if tails and not shaped.at_once:
            longer = shape([Phrasing(sentence=f"{line}{join}{self._least_worn(tails)}")], self.profile, join=join)
            shaped = longer if longer.at_once else shaped
        return Announcement(text=shaped.text + shaped.join, source=source)


def offers_tools(request: ChatRequest) -> bool:
    """Return whether the model may call anything."""
    return bool(request.parameters.get("tools")) and request.parameters.get("tool_choice") != "none"


def described(request: ChatRequest, tool: str) -> str:
    """Return how the request describes `tool`, "" if it does not."""
    return next((description for name, description in _tools(request) if name == tool), "")


def named_lines(request: ChatRequest) -> tuple[str, ...]:
    """Return what can have been said before calls of the tools that `request` offers, beside what is written down."""
    lines = (english_line(name, description) for name, description in _tools(request))
    return tuple(line for line in lines if line is not None)


def _tools(request: ChatRequest) -> Iterator[tuple[str, str]]:
    """Yield name and description of each tool that the request offers."""
    tools = request.parameters.get("tools")
    for tool in tools if isinstance(tools, Sequence) and not isinstance(tools, str) else ():
        function = tool.get("function") if isinstance(tool, Mapping) else None
        if isinstance(function, Mapping):
            name, description = function.get("name"), function.get("description")
            if isinstance(name, str):
                yield name, description if isinstance(description, str) else ""
