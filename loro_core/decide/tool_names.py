"""What a tool is for, as far as its name and description say it; and its announcement in English, if it can be told.

A tool is named by programmers, and its announcement is spoken. So the rule is careful: a line is made only for a tool
that looks something up, and only from words that are known to be spoken so. Everything else has no line of its own:

    get_weather, fetchWeather, weather_lookup, get_weather_by_city   Let me check the weather.
    get_order_details, "Gets the status of an order."                Let me check the order. ... the order status.
    search_flights                                                   Let me look for flights.
    getUserPrefsV2, kb_query, book_table, send_email                 none

The last two do something, and what is said of a deed before it is done is a promise. A verb and its noun are read off
the name; off the description's first sentence only where the name has that verb and no noun ("get_data"), or is a
single word ("weather"): who "deletes an order and gets its status" is not to be announced as looking.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

LOOKED_AT_CHARACTERS = 200
"""So much of a name and of a description is read."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_CHECKS = _words(
    "get fetch check read retrieve query view list lookup inspect gets fetches checks reads retrieves queries lists"
)
_SEARCHES = _words("search find finds searches browse")
_LOOKS_UP = _CHECKS | _SEARCHES
_NO_LOOKING = _words("in out off")
"""What makes a deed of the verb before it: check_in."""

_CLOSING_VERBS = _words("lookup search check query finder checker fetch reader")
"""They may stand behind what they are about: weather_lookup."""

_PREPOSITIONS = _words("by for from in at with of to on using given via about near and")
_EMPTY = _words("the a an tool function api data info information details detail v1 v2 v3 list all results result")
_QUALITIES = _words("current latest next upcoming recent local opening today's tomorrow's")
_NOUNS = _words(
    "weather forecast temperature time date news traffic calendar schedule agenda balance order delivery shipment "
    "package parcel tracking appointment meeting reservation booking flight train hotel restaurant menu price stock "
    "inventory availability invoice payment bill subscription warranty refund ticket route distance address location "
    "email message contact reminder task note recipe score exchange rate share product store branch event account "
    "status hours number"
)
_PLURALS = _words(
    "orders deliveries shipments packages parcels appointments meetings reservations bookings flights trains hotels "
    "restaurants prices invoices payments bills subscriptions tickets routes directions emails messages contacts "
    "reminders tasks notes recipes scores rates products stores branches events slots headlines"
)
_MOST_WORDS = 3

_SILENT = (
    # What the platforms' own tools are called: they end the call, hand it over or steer it, and nobody waits for them.
    ("end", "call"),
    ("end", "conversation"),
    ("end", "session"),
    ("hang", "up"),
    ("hangup",),
    ("skip", "turn"),
    ("stay", "silent"),
    ("language", "detection"),
    ("detect", "language"),
    ("switch", "language"),
    ("voicemail",),
    ("dtmf",),
    ("keypad",),
    ("touch", "tone"),
    ("handoff",),
    ("hand", "off"),
    ("hand", "over"),
    ("handover",),
)
_TRANSFERRED = _words(
    "call calls caller agent agents human number person operator department team customer user conversation"
)
"""A call is handed over to or with these; money is not."""


@lru_cache(maxsize=1024)
def is_silent(name: str) -> bool:
    """Return whether the tool `name` ends, hands over or steers the call, so that nothing is to be said before it."""
    words = words_of(name)
    if words[:1] == ("transfer",):
        return len(words) == 1 or not _TRANSFERRED.isdisjoint(words[1:])
    return any(_holds(words, silent) for silent in _SILENT)


@lru_cache(maxsize=1024)
def looks_up(name: str, description: str = "") -> bool:
    """Return whether the tool only looks something up, by its name's verb, else by its description's first word."""
    return any(verb is not None for verb, _ in _readings(name, description))


@lru_cache(maxsize=1024)
def english_line(name: str, description: str = "") -> str | None:
    """Return what may be said in English before the tool is called, None if its name and description do not tell."""
    for verb, rest in _readings(name, description):
        phrase = _noun_phrase(rest)
        if verb is None or phrase is None:
            continue
        if verb not in _SEARCHES:
            return f"Let me check the {' '.join(phrase)}."
        if phrase[-1] in _PLURALS:
            return f"Let me look for {' '.join(phrase)}."
    return None


def words_of(name: str) -> tuple[str, ...]:
    """Return the words of a tool's name, in small letters; of a name in a space of names the last part alone."""
    own = re.split(r"__|[.:/]", name[:LOOKED_AT_CHARACTERS].strip("_.:/ "))[-1]
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", own)
    words = tuple(re.findall(r"[^\W_]+", apart.lower()))
    return ("lookup", *words[2:]) if words[:2] == ("look", "up") else words


def _readings(name: str, description: str) -> Iterator[tuple[str | None, tuple[str, ...]]]:
    """Yield the verb that looks something up, None if there is none, and what is around it: of the name, and where the
    name leaves it open, of the description."""
    words = words_of(name)
    verb, rest = _verb_and_rest(words)
    yield verb, rest
    if verb is not None or len(words) < 2:
        yield _verb_and_rest(_described(description))


def _described(description: str) -> tuple[str, ...]:
    """Return the words of the description's first sentence, up to a mark."""
    first = re.split(r"[.,;:()\n]", description[:LOOKED_AT_CHARACTERS].strip())[0].lower()
    words = tuple(first.split())
    return ("lookup", *words[2:]) if words[:2] in (("look", "up"), ("looks", "up")) else words


def _verb_and_rest(words: tuple[str, ...]) -> tuple[str | None, tuple[str, ...]]:
    if words and words[0] in _LOOKS_UP and not _NO_LOOKING.intersection(words[1:2]):
        return words[0], words[1:]
    if len(words) > 1 and words[-1] in _CLOSING_VERBS:
        return "lookup", words[:-1]
    return None, words


def _noun_phrase(words: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the words that name what is looked up, None if one of them is not known to be spoken so."""
    until = next((at for at, word in enumerate(words) if word in _PREPOSITIONS), len(words))
    said = tuple(word for word in words[:until] if word not in _EMPTY)
    owner = _owned(words[until:])
    if owner is not None and said in (("status",), ("price",), ("schedule",), ("location",)):
        said = (owner, *said)
    if not 1 <= len(said) <= _MOST_WORDS or said[-1] not in _NOUNS | _PLURALS:
        return None
    if said in (("number",), ("status",), ("exchange",), ("share",), ("rate",), ("rates",)):
        return None  # of what?
    if (said[-1] == "hours") != ("opening" in said):
        return None
    return said if all(word in _NOUNS | _QUALITIES for word in said[:-1]) else None


def _owned(words: tuple[str, ...]) -> str | None:
    """Return what a noun before "of an order" belongs to, None if `words` do not say it."""
    after = [word for word in words[1:] if word not in ("the", "a", "an")]
    return after[0] if words[:1] == ("of",) and len(after) == 1 and after[0] in _NOUNS else None


def _holds(words: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    return any(words[at : at + len(wanted)] == wanted for at in range(len(words)))
