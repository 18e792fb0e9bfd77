"""What a request is to the conversation it belongs to.

    kind             the request
    ---------------  ------------------------------------------------------------------------------------------
    RESENT           is one that came within the last seconds, to the letter
    TOOL_FOLLOW_UP   ends with a tool's result
    SILENCE          ends with a user's turn that says nothing: "", "...", "[silence]"; or without any
    REVISED          has the history of one that came within the last seconds, and a longer or corrected transcript
    AFTER_BARGE_IN   follows a reply that the user cut short
    NEW              none of these

The first row that fits holds.

A turn is found again by what came before it: the last few messages before the user's words, and who is calling. That
key is the same for every request of the turn, however often its transcript is sent, and another for the next turn, so
the history may grow, and lose its beginning. It belongs to one call if the platform names its calls, or if the
assistant has answered before: a model's own words do not come up twice. In the first turn of an unnamed call all
strangers who say hello share a key; there nothing is taken for revised, re-sent or cut short.

What was heard of a reply is in the history: a platform that played any of it sends it back. So a revised turn, whose
history is what it was, follows a reply that nobody heard (LiveKit asks while the user still speaks, and plays nothing
before the turn is confirmed). It is acknowledged like a new one, and with the same words. A re-sent one follows a
reply that failed its client; whether its words were played, nobody can say, so they are not said twice.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Sequence
from difflib import SequenceMatcher

from loro_core.chat import ChatRequest, Message, Role, Turn, TurnKind
from loro_core.decide.identity import Caller
from loro_core.decide.words import is_silent

RESENT_WITHIN_S = 5.0
"""So long after it came, a request is taken for the same one. OpenAI's clients try again after 0.5 to 8 s; people who
ask for another answer to the same question need longer."""

REVISED_WITHIN_S = 15.0
"""LiveKit asks ahead for the first 10 s of a turn, and the turn goes on a little after."""

LONGEST_TRANSCRIPT = 400
"""So many letters of a transcript's beginning are compared."""

LONGEST_REPLY = 200
"""So many letters of a reply's beginning are kept, to be found at the beginning of what comes back."""

_PIECES = 64
"""So many tokens of a reply are looked at together."""

_CONTEXT = 4
"""So many messages before the turn make its key: the assistant's words, what they answered, and perhaps a tool's part.
More would be lost where a platform sends only the end of the history."""

_HEARD_WHOLE = 0.9
"""A reply of which this share came back was heard: platforms leave out marks, emoji, markup."""

_ALIKE = 0.75
"""The share of letters that a corrected transcript has in common with the one before ("weather"/"whether": 0.86)."""

_CUT_MARK = re.compile(r"(?:[\[(<](?:interrupted|cut off|barge-?in)[\])>]|—|--)\s*$", re.IGNORECASE)


class Note:
    """What is remembered of one turn: who asked what when, and what was said. A few hundred bytes.

    acknowledged: whether an acknowledgement was written. cut: whether the reply ended before it was complete.
    """

    __slots__ = ("_heard", "_letters", "_said", "acknowledged", "at", "cut", "digest", "transcript")

    def __init__(self, transcript: str, digest: str, at: float, *, acknowledged: bool = False) -> None:
        self.transcript = transcript
        self.digest = digest
        self.at = at
        self.acknowledged = acknowledged
        self.cut = False
        self._said = ""
        self._letters = 0
        self._heard: list[str] = []

    def __repr__(self) -> str:
        self._take_in()
        return f"<Note of a turn with {len(self.transcript)} letters, answered with {self._letters}>"

    def say(self, text: str) -> None:
        """Take in what was written to the client."""
        self._heard.append(text)
        if len(self._heard) >= _PIECES:
            self._take_in()

    def _take_in(self) -> None:
        """Look at what was said since the last time, at once: a token at a time it would cost more than to write it."""
        form = _letters("".join(self._heard))
        self._heard.clear()
        self._letters += len(form)
        if len(self._said) < LONGEST_REPLY:
            self._said = (self._said + form)[:LONGEST_REPLY]

    def was_cut_to(self, text: str) -> bool | None:
        """Return whether `text` is less than what was said; None if it is no beginning of it at all."""
        self._take_in()
        heard = _letters(text)
        if not heard or heard[:LONGEST_REPLY] != self._said[: len(heard)]:
            return None
        return self.cut or len(heard) < _HEARD_WHOLE * self._letters


class CallMemory:
    """The latest turns of all calls, by their keys.

    most: how many turns are kept; ttl_s: how long. The least recently used go first.
    """

    def __init__(self, *, most: int = 4096, ttl_s: float = 900.0) -> None:
        self._most = most
        self._ttl_s = ttl_s
        self._notes: OrderedDict[str, Note] = OrderedDict()

    def __len__(self) -> int:
        return len(self._notes)

    def get(self, key: str, now: float) -> Note | None:
        """Return what is known of the turn with this key."""
        note = self._notes.get(key)
        if note is None:
            return None
        if now - note.at > self._ttl_s:
            del self._notes[key]
            return None
        self._notes.move_to_end(key)
        return note

    def begin(self, turn: Turn, request: ChatRequest, now: float) -> Note:
        """Remember that `request`, classified as `turn`, is being answered; return where to note what is said."""
        transcript = _transcript(request.messages[slice(*_users_words(request.messages))])
        note = Note(transcript, turn.digest, now, acknowledged=turn.acknowledged)
        self._notes[turn.key] = note
        self._notes.move_to_end(turn.key)
        while len(self._notes) > self._most or self._oldest_is_stale(now):
            self._notes.popitem(last=False)
        return note

    def _oldest_is_stale(self, now: float) -> bool:
        return now - next(iter(self._notes.values())).at > self._ttl_s


def classify(
    request: ChatRequest,
    memory: CallMemory | None,
    now: float,
    *,
    caller: Caller = Caller(),  # noqa: B008  # a frozen value
    options: Sequence[str | None] = (),
    resent_within_s: float = RESENT_WITHIN_S,
) -> Turn:
    """Return what `request` is. memory: without one nothing is revised, re-sent or cut short by what was said.

    options: what decides about the reply beside the body (header fields); they must be the same in a re-sent request.
    """
    start, end = _users_words(request.messages)
    history = [m for m in request.messages[:start] if m.role not in ("system", "developer")]
    roles = [m.role for m in history]
    key = _key(caller, history)
    sure = caller.certain or _answered_before(roles)
    digest = _digest_of(request, caller, options)
    note = memory.get(key, now) if memory is not None and sure else None
    acknowledged = False
    words = request.messages[start:end]
    if note is not None and note.digest == digest and now - note.at <= resent_within_s:
        kind, acknowledged = TurnKind.RESENT, note.acknowledged
    elif request.messages[-1].role in ("tool", "function"):
        kind = TurnKind.TOOL_FOLLOW_UP
    elif _says_nothing(words):
        kind = TurnKind.SILENCE
    elif note is not None and now - note.at <= REVISED_WITHIN_S and _revises(_transcript(words), note.transcript):
        kind = TurnKind.REVISED
    elif history and _was_cut_short(history, caller, memory, now):
        kind = TurnKind.AFTER_BARGE_IN
    else:
        kind = TurnKind.NEW
    number = _number(roles) + (end > start)
    return Turn(kind=kind, number=number, key=key, digest=digest, sure=sure, acknowledged=acknowledged)


def _says_nothing(words: Sequence[Message]) -> bool:
    # Nearly every turn begins with a letter, and no mark for what was not speech does.
    return all(not message.text[:1].isalnum() and is_silent(message.text) for message in words)


def _users_words(messages: Sequence[Message]) -> tuple[int, int]:
    """Return where the user's last turn begins and ends: some frameworks send a turn in several messages."""
    end = len(messages)
    while end and messages[end - 1].role != "user":
        end -= 1
    start = end
    while start and messages[start - 1].role == "user":
        start -= 1
    return start, end


def _number(roles: Sequence[Role]) -> int:
    """Return how many turns of the user's there are in a history of these."""
    turns, before = 0, ""
    for role in roles:
        turns += role == "user" != before
        before = role
    return turns


def _answered_before(roles: Sequence[Role]) -> bool:
    return "user" in roles and "assistant" in roles[roles.index("user") :]


def _was_cut_short(history: Sequence[Message], caller: Caller, memory: CallMemory | None, now: float) -> bool:
    """Return whether the last reply in `history` was: it says so, or is less than what was written.

    Of a reply that nobody remembers, the text itself may tell: it breaks off.
    """
    if not history or history[-1].role != "assistant":
        return False
    reply = history[-1]
    if reply.fields.get("interrupted") is True or _CUT_MARK.search(reply.text):
        return True
    before = history[: _users_words(history)[0]]
    note = memory.get(_key(caller, before), now) if memory is not None else None
    cut = note.was_cut_to(reply.text) if note is not None else None
    return _breaks_off(reply.text) if cut is None else cut


_SENTENCE = re.compile(r"(?:[.!?]\s|[。！？])")


def _breaks_off(text: str) -> bool:
    """Return whether `text` has whole sentences and then a piece of one.

    Who ends no sentence, or writes lines, does not write in a way that would tell.
    """
    tail = text.strip()[-1:]
    if not (tail.isalnum() or tail in (",", "，", "、")) or "\n" in text.strip():
        return False
    return len(_letters(_SENTENCE.split(text)[-1])) >= 2 and _SENTENCE.search(text) is not None


# --- what is compared --------------------------------------------------------------------------------------------


def _transcript(words: Sequence[Message]) -> str:
    """Return the letters of the user's words; of a long turn the beginning."""
    return _letters(words[0].text if len(words) == 1 else " ".join([m.text for m in words]))[:LONGEST_TRANSCRIPT]


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


def _revises(transcript: str, before: str) -> bool:
    """Return whether `transcript` says more than `before`, or nearly the same in other words."""
    if not before or not transcript or transcript == before:
        return False
    if transcript.startswith(before):
        return True
    # The end of an unfinished transcript is a guess: only as much of the new one is compared.
    return SequenceMatcher(None, before, transcript[: len(before)], autojunk=False).ratio() >= _ALIKE


def _key(caller: Caller, history: Sequence[Message]) -> str:
    digest = hashlib.blake2b(caller.key.encode(), digest_size=12)
    for message in history[-_CONTEXT:]:
        digest.update(_bytes(f"\0{message.role}\0{message.text}"))
        if message.fields.get("tool_calls"):
            digest.update(_bytes(repr(message.fields["tool_calls"])))
    return digest.hexdigest()


def _digest_of(request: ChatRequest, caller: Caller, options: Sequence[str | None]) -> str:
    flags = (request.model, request.stream, request.include_usage, request.n, request.disable_quick_response)
    said = [message.fields for message in request.messages]
    same = _bytes(repr((caller.key, flags, tuple(options), said, request.parameters)))
    return hashlib.blake2b(same, digest_size=12).hexdigest()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
