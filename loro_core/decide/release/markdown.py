"""What LiveKit's text filter holds back and takes out before its sentence splitter sees the text.

The filter of an agent's default TTS node (livekit-agents 1.8: `filter_markdown`, then `filter_emoji`) passes text on up
to the last space or punctuation mark, but not that mark; and nothing of a line in which markup may still be open. So a
text's last word waits for what follows it, and "、", which is none of its marks, lets nothing out.

The markup itself is taken out here as the filter does it for what models write: emphasis, code, headings, list marks,
quotes, links. Its finer rules only shift a length by a few characters.
"""

from __future__ import annotations

import re

_SPLIT_MARKS = " ,.?!;，。？！；"
_MAY_OPEN = tuple("#-+*_>!`~ ")
_MARKUP = re.compile(r"[*_`~\[]")

_OPEN_EMPHASIS = re.compile(r"(?<![A-Za-z0-9*])\*{1,3}(?![\s*])|(?<!\w)_{1,3}(?![\s_])")
_EMPHASIS = re.compile(
    r"(?<![A-Za-z0-9*])(?P<stars>\*{1,3})(?![\s*])(?P<body>[^*\n]+?)(?<!\s)(?P=stars)(?![A-Za-z0-9*])"
    r"|(?<!\w)(?P<lines>_{1,3})(?![\s_])(?P<text>[^_\n]+?)(?<!\s)(?P=lines)(?!\w)"
)
_OPEN_LINK = re.compile(r"\[[^\]]*(?:\](?:\([^)]*)?)?\Z")
_LINK = re.compile(r"!?\[(?P<body>[^\]]*)\]\([^)]*\)")
_CODE = re.compile(r"`{3,4}\S*|`(?P<body>[^`]+)`")
_STRUCK = re.compile(r"~~(?!\s)[^~]*(?<!\s)~~")
_LINE_START = re.compile(r"#{1,6}\s+|\s*[-+*]\s+|\s*>\s+")
_RULE = re.compile(r" {0,3}(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,})\Z")

_PICTURES = re.compile("[\U0001f000-\U0001fbff\u2600-\u27bf\u2b00-\u2bff\ufe00-\ufe0f\u200d\u20e3]")

Kept = list[tuple[str, int]]
"""What is left of a text: characters, each with how many of the source's characters end with it."""


class MarkdownFilter:
    """The filter, fed with what is streamed; it tells for each character it passes on where that came from."""

    def __init__(self, *, start: int = 0) -> None:
        """start: how many characters came before."""
        self._held = ""
        self._start = start
        self._line_start = True

    def feed(self, piece: str) -> Kept:
        """Return what is passed on once `piece` has come."""
        held = self._held + piece
        if "\n" in held:
            return self._lines(held)
        at = max(held.rfind(mark) for mark in _SPLIT_MARKS)
        if at < 1 or _may_be_open(held[:at]):
            self._held = held
            return []
        kept = self._pass(held[:at], ended=False)
        self._held = held[at:]
        self._line_start = False
        return kept

    def finish(self) -> Kept:
        """Return what is passed on when nothing more comes."""
        kept = self._pass(self._held, ended=True)
        self._held = ""
        return kept

    def _lines(self, held: str) -> Kept:
        kept: Kept = []
        *lines, self._held = held.split("\n")
        for line in lines:
            kept += self._pass(line, ended=True)
            self._start += 1
            kept.append(("\n", self._start))
            self._line_start = True
        return kept

    def _pass(self, text: str, *, ended: bool) -> Kept:
        kept: Kept = [(char, self._start + at + 1) for at, char in enumerate(text)]
        self._start += len(text)
        if self._line_start:
            if ended and _RULE.match(text):
                kept = []
            elif marker := _LINE_START.match(text):
                kept = kept[marker.end() :]
        if _MARKUP.search(text):
            for pattern in (_LINK, _EMPHASIS, _EMPHASIS, _CODE, _STRUCK):
                kept = _without(kept, pattern)
        return [pair for pair in kept if not _PICTURES.match(pair[0])]


def _may_be_open(text: str) -> bool:
    if text.endswith(_MAY_OPEN):
        return True
    if not _MARKUP.search(text):
        return False
    if _OPEN_EMPHASIS.search(_EMPHASIS.sub(lambda m: m["body"] or m["text"], text)):
        return True
    return text.count("`") % 2 == 1 or text.count("~~") % 2 == 1 or _OPEN_LINK.search(text) is not None


def _without(kept: Kept, pattern: re.Pattern[str]) -> Kept:
    """Return `kept` with each match of `pattern` reduced to its body."""
    text = "".join(char for char, _ in kept)
    left: Kept = []
    done = 0
    for match in pattern.finditer(text):
        bodies = [name for name in ("body", "text") if name in match.groupdict() and match[name] is not None]
        left += kept[done : match.start()]
        if bodies:
            start, end = match.span(bodies[0])
            left += kept[start:end]
        done = match.end()
    return left + kept[done:]
