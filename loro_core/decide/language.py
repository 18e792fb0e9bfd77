"""Which language a turn is in, as far as its letters and commonest words show it.

A wrong language is worse than no acknowledgement, so three answers are kept apart:

- a language tag (BCP 47): the text shows it;
- "und": it is in some language that this module cannot name;
- None: nothing shows it (numerals, emoji, a name, "ok"); an earlier turn may.

Every language gets points: so many letters of its script as make a word count one, in Latin script a common word of
the language does, and a letter that it alone has half of one. The language that the text opens with gets half a point
more, for people quote and borrow in the middle ("how do you say 你好", "帮我 play 一首 jazz"). Most points win.

Chinese is "zh-CN" or "zh-TW" by its characters: more of those that only one of the two ways of writing has. Where all
are the same in both ("你好"), the user's earlier turns tell, else it is "zh-CN".

What it cannot do: a Japanese turn of Chinese characters only, none of them written in Japan's own way ("日本語"), looks
Chinese, unless the user has used kana before. Hindi in Latin letters is known, and has no phrases.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from loro_core.chat import ChatRequest
from loro_core.decide.lexicon import DEVANAGARI, ENGLISH, LETTERS, LOANS, OTHERS, PERSIAN_URDU, SLAVIC, points

UNDETERMINED = "und"
"""ISO 639-3's tag for a language that could not be named."""

LOOKED_AT_CHARACTERS = 1000
"""So much of a text is looked at. A language shows within a sentence; a pasted document must not cost milliseconds."""

LOOKED_AT_TURNS = 6
"""So many of the user's turns are looked at when the last one shows nothing."""

_COMMON_SHARE = 5
"""One word of so many must be a common one of a language for a text to be in it. In running English it is every second;
a command with a title in it ("play despacito by luis fonsi") still has one of five."""

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff々]")
_KANA = re.compile("[\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff]")
_LATIN_WORD = re.compile("[a-z\u00df-\u00f6\u00f8-\u024f\u1e00-\u1eff]+(?:['-][a-z\u00df-\u00f6\u00f8-\u024f]+)*")
_ACCENTED = re.compile("[\u00df-\u00f6\u00f8-\u024f\u1e00-\u1eff]")
_ELISION = re.compile("(?:[djln]|qu)'[a-z\u00e0-\u00ff]{2}")  # d'accord, j'aime, l'heure: no English word begins so
_LETTER = re.compile(r"[^\W\d_]")

# Written so in Japan only: neither traditional nor simplified Chinese has these forms.
_JAPANESE_FORMS = re.compile(
    "[気駅図円込働畑売帰県広応択鉄験発転戻渋桜経済対変辺読続関実絵楽薬検険権観顔様歩毎収戦単営覚浜沢銭悪圧囲塩仮価]"
)
# Never used in Japanese: pronouns and particles of Chinese, and simplified forms in every second sentence.
_CHINESE_FORMS = re.compile("[你您们們她吗嗎呢吧啊哪这這么麼很没沒说說谁誰给給让讓哦嗯]")
# Written Cantonese, which a Mandarin phrase does not answer.
_CANTONESE_FORMS = re.compile("[唔嘅咗佢啲冇嚟喺哋嘢]")

# script -> (its letters, letters to a word, language, what shows another language in the same script)
_SCRIPTS: tuple[tuple[re.Pattern[str], float, str, re.Pattern[str] | None, frozenset[str]], ...] = (
    (re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]"), 2.5, "ko", None, frozenset()),
    (re.compile("[\u0400-\u052f]"), 5, "ru", re.compile("[іїєґўјљњћђџѓќғқңөүұһәӣӯҳҷ]"), SLAVIC),
    (
        re.compile("[\u0620-\u065f\u066e-\u06ef\u06fa-\u06ff\u0750-\u077f]"),
        4,
        "ar",
        re.compile("[پچژگکیٹڈڑےںہ]"),
        PERSIAN_URDU,
    ),
    (re.compile("[\u0900-\u0963\u0970-\u097f]"), 4, "hi", re.compile("[ळ]"), DEVANAGARI),
    (re.compile("[\u0e00-\u0e4f]"), 5, "th", None, frozenset()),
)
_HAN_TO_A_WORD = 1.6
_CHINESE = ("zh-CN", "zh-TW")


def language_of(request: ChatRequest) -> str | None:
    """Return the language that the user speaks: the last turn's, or the latest one that an earlier turn shows.

    A turn of Chinese characters that might be either is Japanese when the user's turn before it was, and written as
    the latest turn that shows one way of writing Chinese.
    """
    turns = [m.text for m in reversed(request.messages) if m.role == "user"][:LOOKED_AT_TURNS]
    if not turns:
        return None
    language = language_of_text(turns[0])
    if language not in (None, *_CHINESE):
        return language
    earlier = next((found for turn in turns[1:] if (found := language_of_text(turn)) is not None), None)
    if language is None and earlier not in _CHINESE:
        return earlier
    if earlier == "ja" and _may_be_japanese(turns[0]):
        return "ja"
    return next((found for turn in turns if (found := _way_of_writing(_folded(turn)))), "zh-CN")


def may_be(text: str, language: str) -> bool:
    """Return whether `text` may be in `language`: it shows that one, or shows no other one more clearly."""
    found = language_of_text(text)
    if found == language:
        return True
    if found in _CHINESE:
        if language in _CHINESE:
            return _way_of_writing(_folded(text)) is None
        return language == "ja" and _may_be_japanese(text)
    if language != "en" and language not in OTHERS:
        return False
    shown = _latin_points(_folded(text))
    if found is None:
        return max(shown.values(), default=0) == shown.get(language, 0)
    return found in (*shown, UNDETERMINED) and 0 < shown.get(language, 0) == max(shown.values())


def language_of_text(text: str) -> str | None:
    """Return the language of one text: a tag, "und", or None if nothing in it shows one. Any text is taken."""
    return _shown_by(text[:LOOKED_AT_CHARACTERS])


# One turn is looked at several times, and returns with each that follows it.
@lru_cache(maxsize=256)
def _shown_by(text: str) -> str | None:
    folded = _folded(text)
    points: dict[str, float] = {}
    openings: dict[str, int] = {}
    for language, score, start in (*_east_asian(folded), *_latin(folded), *_by_script(folded)):
        points[language] = points.get(language, 0) + score
        openings[language] = min(start, openings.get(language, start))
    if not points:
        return None
    points[min(openings, key=openings.__getitem__)] += 0.5
    most = max(points.values())
    best = [language for language, score in points.items() if score == most]
    return best[0] if len(best) == 1 else None


Finding = tuple[str, float, int]
"""A language, its points, and where it begins in the text."""


def _east_asian(text: str) -> list[Finding]:
    han, kana = len(_HAN.findall(text)), len(_KANA.findall(text))
    if not han and not kana:
        return []
    start = min(m.start() for m in (_HAN.search(text), _KANA.search(text)) if m)
    score = (han + kana) / _HAN_TO_A_WORD
    # A lone の in a Chinese sentence is a brand's; Japanese has a kana for every few characters.
    if kana and kana * 5 >= han:
        return [("ja", score, start)]
    if not _CHINESE_FORMS.search(text) and (_JAPANESE_FORMS.search(text) or _is_mixed(text)):
        return [("ja", score, start)]
    if _CANTONESE_FORMS.search(text):
        return [("yue", score, start)]
    return [(_way_of_writing(text) or "zh-CN", score, start)]


def _is_mixed(text: str) -> bool:
    """Return whether simplified and traditional forms stand together, as in Japan alone ("会議")."""
    characters = set(_HAN.findall(text))
    ways = {(_is_in(c, "gb2312"), _is_in(c, "cp950")) for c in characters}
    return {(True, False), (False, True)} <= ways


def _way_of_writing(text: str) -> str | None:
    """Return how the Chinese of `text` is written, None if its characters do not show it, or there are none."""
    simplified = traditional = 0
    for character in set(_HAN.findall(text)):
        in_gb, in_big5 = _is_in(character, "gb2312"), _is_in(character, "cp950")
        simplified += in_gb and not in_big5
        traditional += in_big5 and not in_gb
    if simplified == traditional:
        return None
    return "zh-CN" if simplified > traditional else "zh-TW"


def _is_in(character: str, standard: str) -> bool:
    """Return whether a national standard has `character`: GB 2312 holds the simplified forms, Big5 the traditional."""
    try:
        character.encode(standard)
    except UnicodeEncodeError:
        return False
    return True


def _latin(text: str) -> list[Finding]:
    shown = _latin_points(text)
    if not shown:
        return []
    words = _LATIN_WORD.findall(text)
    start = text.index(words[0])
    most = max(shown.values())
    if not most:
        return [(UNDETERMINED, 1, start)] if _ACCENTED.search(text) else []
    best = [tag for tag, score in shown.items() if score == most]
    if most * _COMMON_SHARE < len(words) or (len(best) > 1 and "en" in best):
        return []
    return [(best[0] if len(best) == 1 else UNDETERMINED, most, start)]


def _latin_points(text: str) -> dict[str, float]:
    """Return the points of each language in Latin letters, {} if there are no such letters."""
    words = _LATIN_WORD.findall(text)
    if not words:
        return {}
    shown = {tag: points(words, tag) for tag in OTHERS}
    elisions = sum(bool(_ELISION.match(word)) for word in words)
    for tag in ("fr", "it"):
        shown[tag] += elisions
    for tag, letters in LETTERS.items():
        shown[tag] += 0.5 * len(letters.intersection(text))
    shown["en"] = sum((1 - 0.5 * (word in LOANS)) * (word in ENGLISH) for word in words)
    return shown


def _by_script(text: str) -> list[Finding]:
    if text.isascii():
        return []
    findings: list[Finding] = []
    rest = _LATIN_WORD.sub(" ", _KANA.sub(" ", _HAN.sub(" ", text)))
    for letters, to_a_word, language, strangers, strange_words in _SCRIPTS:
        found = letters.findall(rest)
        if found:
            strange = (strangers is not None and strangers.search(rest)) or not strange_words.isdisjoint(rest.split())
            named = UNDETERMINED if strange else language
            findings.append((named, len(found) / to_a_word, text.index(found[0])))
            rest = letters.sub(" ", rest)
    unknown = _LETTER.findall(rest)
    if unknown:
        findings.append((UNDETERMINED, len(unknown) / 5, text.index(unknown[0])))
    return findings


def _may_be_japanese(text: str) -> bool:
    folded = _folded(text)
    return not _CHINESE_FORMS.search(folded) and not _LATIN_WORD.search(folded)


def _folded(text: str) -> str:
    """Return the beginning of `text` with full-width letters, case and curly apostrophes evened out."""
    return unicodedata.normalize("NFKC", text[:LOOKED_AT_CHARACTERS]).casefold().replace("’", "'")
