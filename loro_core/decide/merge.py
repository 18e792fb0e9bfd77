"""Two legs into one reply: the acknowledgement's words and the answer's deltas, in one order, with one end.

    state         words                  answer's delta                        answer ended      answer failed
    ------------  ---------------------  ------------------------------------  ----------------  --------------------
    OPEN          1 say them             2 answering: drop the words, say it   5 finish          6 abort
                    -> ACKNOWLEDGED          -> ANSWERING
                                         3 else (reasoning, ...): pass it on
    ACKNOWLEDGED  -                      4 text: into the seam                 5 finish          6 apologise, abort
                                             -> JOINING, or ANSWERING
                                         4 else answering: say it
                                             -> ANSWERING
                                         3 else: pass it on
    JOINING       -                      4 text: into the seam                 5 empty the seam  6 empty the seam
                                             -> ANSWERING once it is done        finish            apologise, abort
                                         4 else answering: empty the seam
                                             say it -> ANSWERING
                                         3 else: pass it on
    ANSWERING     7 too late: forget     4 say it                              5 finish          6 apologise, abort
    CLOSED        8 nothing comes out any more, whatever goes in

    When a tick comes in JOINING, what the seam may hold no longer is said.

1. The acknowledgement is one delta of its own.
2. Whoever is first wins. An answer that is there first makes the acknowledgement needless: its leg is cancelled.
3. A delta that is no part of the answer itself (reasoning, a vendor's field) decides nothing.
4. Between acknowledgement and answer stands the seam: it may hold the answer's first characters back, takes off what
   was said before, and sets the space. Where the answer begins with a tool call, there is nothing to join.
5. Finish reasons are held back until the answer's end, so that each choice has exactly one, in a delta of its own,
   after all that the choice says; the usage follows. A choice that was never ended has "stop". The seam is emptied as
   soon as the first choice has its reason.
6. A failure after every choice has its finish reason is an end (5): the reply was complete. Else nothing that looks
   like an end is written. The configured apology is said only where something was said before.
7. Its tokens are still counted.
9. While the answer does not come, the acknowledging leg may go on: each progress line is one more delta of its own, and
   the seam knows all that was said. The answer's first word ends that leg.
10. Tool calls are numbered from 0, with id and name in the first piece, whatever the upstream sends (`tools`).
11. The first choice's first call, where nothing was said in that choice before it, may have a line before it: a delta
    of its own, decided on when the call is there (`announce`), so that there is none without a call. Blank text says
    nothing. The words are none of the answer's.
12. While nothing of the answer is written, another deployment may give it from its beginning: what the seam holds of
    the first one is forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from enum import Enum
from unicodedata import east_asian_width

from msgspec import Struct, structs

from loro_core.chat import Delta, JoinedText, LastDeltas, ReplyUsage, Usage, text_delta
from loro_core.decide.announce import Announcement
from loro_core.decide.category import Category
from loro_core.decide.seam import Edit, Seam, SeamLimits
from loro_core.decide.tools import ToolCalls
from loro_core.errors import UpstreamError
from loro_core.fleet import Leg

# --- events ------------------------------------------------------------------------------------------------------


class Acknowledged(Struct, frozen=True, kw_only=True):
    """The acknowledging leg is through.

    words: what to say, "" for nothing. language: their tag; category: what the user's turn wanted; None if unknown.
    usage: what the acknowledging model spent, whether its words were taken or not.
    more: whether the leg goes on, with Progressed while the answer does not come.
    """

    words: str = ""
    language: str | None = None
    category: Category | None = None
    usage: Usage | None = None
    more: bool = False


class Progressed(Struct, frozen=True, kw_only=True):
    """The answer is late: say this, too. words: set apart from what was said before."""

    words: str


class Answered(Struct, frozen=True, kw_only=True):
    """The answering leg brought a delta. now: when, on the clock of `Merge.deadline`."""

    delta: Delta
    now: float = 0.0


class Ticked(Struct, frozen=True, kw_only=True):
    """It is `Merge.deadline`, or later."""

    now: float


class AnswerEnded(Struct, frozen=True, kw_only=True):
    """The answering leg is complete."""


class AnswerFailed(Struct, frozen=True, kw_only=True):
    """The answering leg will not be completed."""

    error: UpstreamError


class AnswerBegun(Struct, frozen=True, kw_only=True):
    """The answer is given from its beginning once more, by another deployment; nothing of it is written yet."""


Event = Acknowledged | Progressed | Answered | Ticked | AnswerEnded | AnswerFailed | AnswerBegun

# --- actions -----------------------------------------------------------------------------------------------------


class Emit(Struct, frozen=True, kw_only=True):
    """Write this delta. leg: whose words they are. role: whether it opens its choice and so names the role.

    announces: whether it is the line before a tool call; its leg is the acknowledgement's, for the answer begins later.
    """

    delta: Delta
    leg: Leg
    role: bool
    announces: bool = False


class CancelLeg(Struct, frozen=True, kw_only=True):
    """Nobody needs this leg any more."""

    leg: Leg


class Finish(Struct, frozen=True, kw_only=True):
    """Write the end: one delta a choice with its finish reason, then the usage if the client asked, then [DONE].

    endings: (delta, role) in the order of the choices; role is true where the choice had said nothing.
    """

    endings: tuple[tuple[Delta, bool], ...]
    usage: ReplyUsage


class Abort(Struct, frozen=True, kw_only=True):
    """Write the error, as a status if nothing was written yet, else as an event; no end."""

    error: UpstreamError


Action = Emit | CancelLeg | Finish | Abort


class State(Enum):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    JOINING = "joining"
    ANSWERING = "answering"
    CLOSED = "closed"


class Merge:
    """The machine. choices: how many the client asked for. apology: said before an abort, "" for none.

    acknowledging: whether an acknowledging leg runs at all; without one, no CancelLeg is asked for.
    seam: how much of the answer may be held back behind an acknowledgement, and how long.
    announce: finds the line before a call, by the tool's name; None where calls are not to be announced.
    announced: that line, once one was said.
    """

    def __init__(
        self,
        *,
        acknowledging: bool,
        choices: int = 1,
        apology: str = "",
        seam: SeamLimits | None = None,
        announce: Callable[[str], Announcement | None] | None = None,
    ) -> None:
        self._acknowledging = acknowledging
        self._choices = choices
        self._apology = apology
        self._state = State.OPEN
        self._seam_limits = seam
        self._seam: Seam | None = None
        self._announce = announce  # until something is said
        self.announced: Announcement | None = None
        self._before: Acknowledged | None = None
        self._calls: dict[int, ToolCalls] = {}
        self._opened: set[int] = set()
        self._endings: dict[int, Delta] = {}
        self._answer_usage: Usage | None = None
        self._ack_usage: Usage | None = None

    @property
    def state(self) -> State:
        return self._state

    @property
    def spoken(self) -> bool:
        """Whether anything was emitted."""
        return bool(self._opened)

    @property
    def words(self) -> str:
        """What was said before the answer, as it was written; "" if nothing was."""
        return self._before.words if self._before is not None else ""

    @property
    def deadline(self) -> float | None:
        """When `Ticked` is due, None if nothing is held back."""
        return self._seam.deadline if self._seam is not None else None

    @property
    def usage(self) -> ReplyUsage:
        """What was counted so far."""
        return ReplyUsage(answer=self._answer_usage, acknowledgement=self._ack_usage)

    @property
    def seam_edits(self) -> tuple[Edit, ...]:
        """What was changed where the answer joins the acknowledgement."""
        return self._seam.edits if self._seam is not None else ()

    def __repr__(self) -> str:
        return f"<Merge {self._state.value}, {len(self._endings)} of {self._choices} choices ended>"

    def receive(self, event: Event) -> list[Action]:
        """Return what to do about `event`, in order."""
        if self._state is State.CLOSED:  # 8
            return []
        if isinstance(event, Answered):
            return self._answered(event.delta, event.now)
        if isinstance(event, Acknowledged):
            return self._acknowledged(event)
        if isinstance(event, Progressed):
            return self._progressed(event.words)
        if isinstance(event, Ticked):
            return self._ticked(event.now)
        if isinstance(event, AnswerEnded):
            return self._finish()
        if isinstance(event, AnswerBegun):
            return self._begun_again()
        return self._failed(event.error)

    def receive_deltas(self, deltas: Sequence[Delta], now: float) -> list[Action]:
        """Return what to do about what the answering leg brought: what `receive` would for each of them in turn.

        Behind the last deltas of a stream the answer has ended, too; to be told so once more changes nothing (8).
        """
        if self._state is State.CLOSED:  # 8
            return []
        actions: list[Action] = []
        passes = self._passes_text
        for delta in deltas if passes else self._apart(deltas):
            if passes and delta.is_text and delta.index in self._opened:
                actions.append(Emit(delta=delta, leg=Leg.ANSWER, role=False))  # 4
            else:
                actions += self._answered(delta, now)
                passes = self._passes_text
        if type(deltas) is LastDeltas:
            actions += self._finish()
        return actions

    def _apart(self, deltas: Sequence[Delta]) -> Iterator[Delta]:
        """Yield `deltas`, a joined text piece by piece while the seam has to look at it."""
        for delta in deltas:
            pieces = delta.content.pieces if type(delta.content) is JoinedText else ()
            at = 0
            while at < len(pieces) - 1 and self._seam is not None and not self._seam.done:
                yield text_delta(delta.index, pieces[at].decode(), delta.chunk_fields)
                at += 1
            yield text_delta(delta.index, JoinedText.of(pieces[at:]), delta.chunk_fields) if at else delta

    @property
    def _passes_text(self) -> bool:
        """Whether the text of a choice that has begun is said as it comes."""
        if self._acknowledging or self._announce is not None:  # 2, 11: what comes may still decide
            return False
        return self._state is State.ANSWERING and (self._seam is None or self._seam.done)

    def _acknowledged(self, event: Acknowledged) -> list[Action]:
        self._acknowledging = event.more
        self._ack_usage = event.usage  # 7
        if self._state is not State.OPEN or not event.words:
            return []
        self._state = State.ACKNOWLEDGED  # 1
        self._announce = None
        self._before = event
        self._seam = Seam(event.words, event.language, self._seam_limits, category=event.category)
        return [self._emit(Delta(content=event.words), Leg.ACK)]

    def _progressed(self, words: str) -> list[Action]:
        if self._state is not State.ACKNOWLEDGED or self._before is None:  # 9
            return []
        before = self._before = structs.replace(self._before, words=self._before.words + words)
        self._seam = Seam(before.words, before.language, self._seam_limits, category=before.category)
        return [self._emit(Delta(content=words), Leg.ACK)]

    def _begun_again(self) -> list[Action]:
        if self._state is not State.ANSWERING:  # 12
            self._calls.clear()
            self._endings.clear()
            before = self._before
            if before is not None:
                self._state = State.ACKNOWLEDGED
                self._seam = Seam(before.words, before.language, self._seam_limits, category=before.category)
        return []

    def _answered(self, delta: Delta, now: float) -> list[Action]:
        if delta.tool_calls:  # 10
            calls = self._calls.setdefault(delta.index, ToolCalls())
            delta = replace(delta, tool_calls=calls.receive(delta.tool_calls))
        if delta.usage is not None:
            self._answer_usage = delta.usage
        if delta.finish_reason is not None:  # 5
            self._endings.setdefault(delta.index, _ending(delta))
        answers = delta.answers
        actions: list[Action] = self._drop_acknowledgement() if answers and self._acknowledging else []  # 2, 9
        if answers and self._state is State.OPEN:
            self._state = State.ANSWERING
        elif self._seam is not None and not self._seam.done and delta.index == 0:
            joined, delta = self._through_seam(self._seam, delta, now)  # 4
            actions += joined
        if self._announce is not None and delta.index == 0 and delta.answers:
            actions += self._announcement(delta)  # 11
        if delta.content or delta.tool_calls or delta.fields or (delta.choice_fields and delta.finish_reason is None):
            if delta.finish_reason is not None or delta.usage is not None:
                delta = replace(delta, finish_reason=None, usage=None)
            actions.append(self._emit(delta, Leg.ANSWER))  # 3, 4
        return actions

    def _announcement(self, delta: Delta) -> list[Action]:
        """Return the line before the calls of `delta`, which is about to be written."""
        fields = delta.fields
        said = bool(delta.content and not delta.content.isspace()) or fields.get("refusal") or fields.get("audio")
        if self._announce is None or not (said or delta.tool_calls):
            return []
        announce, self._announce = self._announce, None
        name = next((call.name for call in delta.tool_calls if call.name), None)
        self.announced = announce(name) if name and not said else None
        if self.announced is None:
            return []
        return [self._emit(Delta(content=self.announced.text), Leg.ACK, announces=True)]

    def _through_seam(self, seam: Seam, delta: Delta, now: float) -> tuple[list[Action], Delta]:
        """Return what must be said before `delta`, and what is to be said of it."""
        text = seam.feed(delta.content, now) if delta.content else ""
        if delta.finish_reason is not None or replace(delta, content=None).answers:
            text += seam.end()
        if seam.done:
            self._state = State.ANSWERING
        elif delta.content:
            self._state = State.JOINING
        if delta.content:
            return [], replace(delta, content=text or None)
        return self._said(text), delta

    def _said(self, text: str) -> list[Action]:
        return [self._emit(Delta(content=text), Leg.ANSWER)] if text else []

    def _ticked(self, now: float) -> list[Action]:
        if self._seam is None:
            return []
        actions = self._said(self._seam.tick(now))
        if actions:
            self._state = State.ANSWERING
        return actions

    def _emptied(self) -> list[Action]:
        """Return what says what the seam still holds."""
        return self._said(self._seam.end()) if self._seam is not None else []

    def _drop_acknowledgement(self) -> list[Action]:
        if not self._acknowledging:
            return []
        self._acknowledging = False
        return [CancelLeg(leg=Leg.ACK)]

    def _finish(self) -> list[Action]:
        actions = self._emptied() if self._seam is not None else []
        if self._calls:
            actions += self._unfinished_calls()
        self._state = State.CLOSED
        seen = {*range(self._choices), *self._opened, *self._endings}
        endings = [self._endings.get(i) or Delta(index=i, finish_reason="stop") for i in sorted(seen)]
        if self._acknowledging:
            actions += self._drop_acknowledgement()
        return [*actions, Finish(endings=tuple([(d, self._opens(d.index)) for d in endings]), usage=self.usage)]

    def _unfinished_calls(self) -> list[Action]:
        actions: list[Action] = []
        for index, calls in self._calls.items():
            delta = Delta(index=index, tool_calls=calls.end())
            if delta.tool_calls:
                actions += self._announcement(delta) if index == 0 else []
                actions.append(self._emit(delta, Leg.ANSWER))
        return actions

    def _failed(self, error: UpstreamError) -> list[Action]:
        if len(self._endings) >= self._choices and self._opened <= self._endings.keys():
            return self._finish()  # 6
        actions = [*self._drop_acknowledgement(), *self._emptied()]
        if self._apology and self.spoken:
            actions.append(self._emit(Delta(content=_set_apart(self._apology)), Leg.ANSWER))
        self._state = State.CLOSED
        return [*actions, Abort(error=error)]

    def _emit(self, delta: Delta, leg: Leg, *, announces: bool = False) -> Emit:
        return Emit(delta=delta, leg=leg, role=self._opens(delta.index), announces=announces)

    def _opens(self, index: int) -> bool:
        if index in self._opened:
            return False
        self._opened.add(index)
        return True


def _ending(delta: Delta) -> Delta:
    """Return the part of `delta` that ends its choice: what it says beside goes out at once."""
    if delta.content or delta.tool_calls or delta.fields:
        return Delta(index=delta.index, finish_reason=delta.finish_reason, chunk_fields=delta.chunk_fields)
    if delta.content is None and delta.usage is None:
        return delta
    return replace(delta, content=None, usage=None)


def _set_apart(apology: str) -> str:
    """Return `apology` as it follows broken-off text: after a space, but in scripts that have none."""
    return apology if east_asian_width(apology[0]) in "WF" else f" {apology.lstrip()}"
