"""What a scripted model says, how fast, and how it misbehaves: a value, played by the scripted upstream and provider.

A script has no chance in it: the same script and the same request give the same tokens at the same times.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

DEFAULT_TEXT = "This is a scripted answer, spoken one word at a time."
GREETING = "Hello there!"

# Han, kana, Hangul and their punctuation, full-width forms: such scripts get a token a character.
_SPACELESS = "\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff"
_TOKEN = re.compile(rf"\s*(?:[{_SPACELESS}]|[^\s{_SPACELESS}]+)|\s+")


def tokenise(text: str) -> tuple[str, ...]:
    """Return `text` in pieces that a model might say it in: words with the space before them, single characters in
    scripts without spaces. Joined they are `text` again."""
    return tuple(_TOKEN.findall(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedToolCall:
    """A tool call that a script makes. arguments: as the model writes them, JSON or not. id: "" makes one up."""

    name: str
    arguments: str = "{}"
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What a scripted model does with one call. Each field is one option of the same name (`parse_script`).

    What it says
        text: None is a default sentence, or nothing where tool calls are scripted; "" is an empty answer.
        tokens: exactly so many tokens: the text cut, or said again and again.
        pieces: what each content delta holds, instead of the text's tokens.
        think: said first, as content, between <think> and </think>.
        reasoning: said first, in `reasoning_content` (Ollama: `thinking`).
        tool_calls: made after the text; not made again when the request's last message is a tool's result.
        finish_reason: None is stop, length or tool_calls, as it fits.
        prefill: what it does where its reply was begun for it (`Ask.prefill`): it says what is left of the text after
            the part of it that the words end with ("continue"), the words and what is left ("echo"), the whole text
            ("ignore"), a greeting and the text ("greet") or nothing ("silent"), or answers with status 400 ("refuse").

    When: seconds from the arrival of the request
        first_token_s: the first token of any kind. tokens_per_s, gap_s: how fast the others follow; give one.
        head: the response's head comes at once ("early") or with the first token ("late").
        role: the delta that names the role: "with_first_token", "with_head" or "never".

    How it ends
        finish: the finish reason comes "alone", beside an empty content ("empty_content"), with the last token
            ("with_content"), in one chunk with the usage ("with_usage") or "never".
        usage: sent when "asked", "always" or "never". done: whether a stream is closed by [DONE].
        prompt_tokens: None counts them from the messages.

    Faults, for the first `times` calls only, or for all (None). k counts the tokens said before; a k beyond the last
    token strikes after it, before the finish reason. Of those that end the reply, give one.
        status: answers with this HTTP status and an OpenAI error body (error_message, error_type, error_code) and,
            with retry_after_s, a Retry-After. unreachable: no connection; a server, which has been reached by then,
            resets it. reset_before_head: RST instead of a head. fault_s: when these three happen.
        hang: silent for ever "before_head" or "after_head". hang_after: silent for ever after k.
        cut_after: FIN in the middle of the body after k. end_after: the body ends in good form after k, but the reply
            does not. reset_after: RST after k. error_after: an error object in the stream after k, then its end.
        stall_after, stall_s: silent for that long after k, then it goes on.
        malformed_after: an event that is not JSON after k, then it goes on.

    Framing: only what travels as bytes has it
        newline: "lf", "crlf" or "cr". space: whether `data:` is followed by one. bom: whether a BOM opens the stream.
        keepalives: comments before the first event, evenly spread. write_bytes: the body in writes of so many bytes.
        giant_bytes: all that is said is one token of so many bytes. body: "chunked", or until the connection's "close".
    """

    text: str | None = None
    tokens: int | None = None
    pieces: tuple[str, ...] | None = None
    think: str = ""
    reasoning: str = ""
    tool_calls: tuple[ScriptedToolCall, ...] = ()
    finish_reason: str | None = None
    prefill: Literal["continue", "echo", "ignore", "greet", "silent", "refuse"] = "continue"

    first_token_s: float = 0.0
    tokens_per_s: float | None = None
    gap_s: float = 0.0
    head: Literal["early", "late"] = "early"
    role: Literal["with_first_token", "with_head", "never"] = "with_first_token"

    finish: Literal["alone", "empty_content", "with_content", "with_usage", "never"] = "alone"
    usage: Literal["asked", "always", "never"] = "asked"
    done: bool = True
    prompt_tokens: int | None = None

    status: int | None = None
    retry_after_s: float | None = None
    error_message: str = "The scripted model fails, as it was told to."
    error_type: str | None = None
    error_code: str | None = None
    unreachable: bool = False
    reset_before_head: bool = False
    fault_s: float = 0.0
    hang: Literal["before_head", "after_head"] | None = None
    hang_after: int | None = None
    stall_after: int | None = None
    stall_s: float = 1.0
    cut_after: int | None = None
    end_after: int | None = None
    reset_after: int | None = None
    error_after: int | None = None
    malformed_after: int | None = None
    times: int | None = None

    newline: Literal["lf", "crlf", "cr"] = "lf"
    space: bool = True
    bom: bool = False
    keepalives: int = 0
    write_bytes: int | None = None
    giant_bytes: int | None = None
    body: Literal["chunked", "close"] = "chunked"

    @property
    def interval_s(self) -> float:
        """Between two tokens."""
        return 1 / self.tokens_per_s if self.tokens_per_s else self.gap_s

    def on_call(self, number: int) -> Script:
        """Return what the `number`th call gets, counted from 0: once `times` calls were struck, no faults."""
        return self if self.times is None or number < self.times else replace(self, **_HEALED)

    def says(self, *, after_tool: bool = False, prefill: str = "") -> tuple[str, ...]:
        """Return what the content deltas hold, `think` included. prefill: what the reply was begun with."""
        thought = tokenise(f"<think>\n{self.think}\n</think>\n\n") if self.think else ()
        words = self._words(after_tool=after_tool)
        return thought + (self._gone_on(words, prefill) if prefill else words)

    def _gone_on(self, words: tuple[str, ...], prefill: str) -> tuple[str, ...]:
        if self.prefill == "silent":
            return ()
        if self.prefill in ("continue", "echo"):
            left = _without_beginning(words, prefill)
            if self.prefill == "continue":
                return left
            if left is not words:
                return (*tokenise(prefill), *left)
        first = {"echo": prefill, "greet": GREETING}.get(self.prefill, "")
        return (*tokenise(first), _spaced(words[0]), *words[1:]) if first and words else words

    def _words(self, *, after_tool: bool) -> tuple[str, ...]:
        if self.giant_bytes is not None:
            return ("x" * self.giant_bytes,)
        text = self.text
        if text is None:
            text = "" if self.tool_calls and not after_tool else DEFAULT_TEXT
        words = tokenise(text) if self.pieces is None else self.pieces
        if self.tokens is None:
            return words
        if not words:
            words = tokenise(DEFAULT_TEXT)
        again = words if self.pieces is not None else (_spaced(words[0]), *words[1:])
        return tuple(itertools.islice(itertools.chain(words, itertools.cycle(again)), self.tokens))


def _without_beginning(pieces: tuple[str, ...], said: str) -> tuple[str, ...]:
    """Return what `pieces` say after their part that `said` ends with, from a word's beginning on; all without one."""
    left, at = _overlap("".join(pieces), said), 0
    if not left:
        return pieces
    while at < len(pieces) and left >= len(pieces[at]):
        left -= len(pieces[at])
        at += 1
    return (pieces[at][left:], *pieces[at + 1 :]) if at < len(pieces) else ()


def _overlap(text: str, said: str) -> int:
    """Return with how many of its last characters `said` begins `text`; the first of them may differ in case."""
    at = 0
    for token in tokenise(said):
        tail = said[at:].lstrip()
        if tail and text[:1].lower() == tail[0].lower() and text[1:].startswith(tail[1:]):
            return len(tail)
        at += len(token)
    return 0


def _spaced(word: str) -> str:
    """Return `word` as it follows other words."""
    return f" {word}" if word[:1].isascii() and not word[:1].isspace() else word


FAULTS = (
    "status",
    "unreachable",
    "reset_before_head",
    "hang",
    "hang_after",
    "cut_after",
    "end_after",
    "reset_after",
    "error_after",
    "stall_after",
    "malformed_after",
)
"""The options that are faults; of those that end a reply a script has one at most."""

ENDING_FAULTS = tuple(name for name in FAULTS if name not in ("stall_after", "malformed_after"))

_HEALED: dict[str, Any] = {f.name: f.default for f in fields(Script) if f.name in FAULTS}
