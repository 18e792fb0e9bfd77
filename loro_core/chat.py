"""The vocabulary of a conversation: what a client asks for and what a model adds to its reply.

Values only. They are made from bytes in `wire`, decided about in `decide` and sent by `runtime`; nothing here
knows how they travel.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Literal, Union, get_args

Json = Union[None, bool, int, float, str, "Sequence[Json]", "Mapping[str, Json]"]
"""What a JSON document decodes to."""

Role = Literal["system", "developer", "user", "assistant", "tool", "function"]
"""Who speaks."""

ROLES: tuple[Role, ...] = get_args(Role)
"""All values of Role."""

NOTHING: Mapping[str, Json] = MappingProxyType({})
"""The empty object: the default of every field that holds what loro passes on without reading it."""


def nothing() -> Mapping[str, Json]:
    return NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn of a conversation.

    role: who speaks.
    text: what is said, as plain text: a string content as it is, the text parts of a list joined, else "".
    fields: the message object as the client sent it (role and content too); this is what goes upstream.
    """

    role: Role
    text: str
    fields: Mapping[str, Json]

    @classmethod
    def of(cls, role: Role, text: str) -> Message:
        """Return a message that says `text`."""
        return cls(role=role, text=text, fields={"role": role, "content": text})


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """A chat completion as asked for, validated.

    model: as the client named it; echoed in every chunk.
    messages: at least one.
    stream, include_usage: how the reply travels (`stream`, `stream_options.include_usage`).
    n: how many choices, >= 1.
    disable_quick_response: the client wants the large model alone.
    parameters: every other top-level field that an upstream may get, as sent (temperature, tools, ...). The ones
        that OpenAI specifies have been checked for type and range; others are passed on unread.
    platform: the voice platforms' own top-level fields (call, user_id, ...), read here and never sent upstream.
    """

    model: str
    messages: tuple[Message, ...]
    stream: bool = False
    include_usage: bool = False
    n: int = 1
    disable_quick_response: bool = False
    parameters: Mapping[str, Json] = field(default_factory=nothing)
    platform: Mapping[str, Json] = field(default_factory=nothing)

    @property
    def last_user_text(self) -> str:
        """What the user said last, "" if the user has not spoken."""
        return next((m.text for m in reversed(self.messages) if m.role == "user"), "")

    @property
    def prompt_chars(self) -> int:
        """How many characters the messages' texts have."""
        return sum(len(m.text) for m in self.messages)


class TurnKind(Enum):
    """What a request is to the conversation it belongs to. Voice platforms ask the same thing several times."""

    NEW = "new"
    REVISED = "revised"
    RESENT = "resent"
    TOOL_FOLLOW_UP = "tool_follow_up"
    SILENCE = "silence"
    AFTER_BARGE_IN = "after_barge_in"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A request's place in its conversation.

    number: which of the user's turns this is, from 1, as far as the history shows; 0 if the user has not spoken.
    key: the same for every request of this turn, the revised and the re-sent ones too; "" where nobody asked.
    digest: the same for identical requests only.
    sure: whether `key` belongs to one call. Strangers who open their calls alike share a key that is not sure.
    acknowledged: whether an acknowledgement was already written for an identical request.
    """

    kind: TurnKind = TurnKind.NEW
    number: int = 1
    key: str = ""
    digest: str = ""
    sure: bool = False
    acknowledged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one upstream call, as the upstream counted them.

    details: the upstream's other usage fields (prompt_tokens_details, completion_tokens_details, ...).
    """

    prompt_tokens: int
    completion_tokens: int
    details: Mapping[str, Json] = field(default_factory=nothing)

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyUsage:
    """Tokens of a whole reply, leg by leg; None where a leg made no call or its upstream did not count."""

    answer: Usage | None = None
    acknowledgement: Usage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallDelta:
    """A piece of a tool call.

    index: which call of this choice, from 0; the pieces of one call carry the same index.
    id, name: whole, in the call's first piece. arguments: to be appended.
    fields: what else the upstream put into the piece (its `type`, vendors' own).
    """

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""
    fields: Mapping[str, Json] = field(default_factory=nothing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """What one upstream event added to one choice of the reply.

    index: the choice, from 0.
    content: text to be appended; None and "" both add nothing.
    tool_calls: pieces of tool calls.
    finish_reason: as the upstream spelt it (stop, length, tool_calls, content_filter, ...); None while it goes on.
    usage: the tokens of the whole call; it may come with the last delta or alone after it.
    fields: everything else of the delta object (reasoning_content, refusal, audio, annotations, ...).
    choice_fields: everything else of the choice object (logprobs, stop_reason, ...).
    chunk_fields: everything else of the chunk but id, object, created, model (system_fingerprint, ...).
    """

    index: int = 0
    content: str | None = None
    tool_calls: tuple[ToolCallDelta, ...] = ()
    finish_reason: str | None = None
    usage: Usage | None = None
    fields: Mapping[str, Json] = field(default_factory=nothing)
    choice_fields: Mapping[str, Json] = field(default_factory=nothing)
    chunk_fields: Mapping[str, Json] = field(default_factory=nothing)

    @property
    def answers(self) -> bool:
        """Whether this is part of the answer itself: text, a tool call, a refusal or sound; not reasoning."""
        return bool(
            self.content
            or self.tool_calls
            or (self.fields and (self.fields.get("refusal") or self.fields.get("audio")))
        )

    @property
    def is_text(self) -> bool:
        """Whether it adds text to its choice and does nothing else to it."""
        return (
            bool(self.content)
            and self.finish_reason is None
            and self.usage is None
            and not (self.tool_calls or self.fields or self.choice_fields)
        )

    @property
    def adds(self) -> bool:
        """Whether the client would see anything in it beside an end and a count."""
        return bool(self.content or self.tool_calls or self.fields or self.choice_fields)


class JoinedText(str):
    """The text of several deltas in one, which still knows how the upstream had cut it: each piece is written apart.

    pieces: UTF-8 each, of which nothing has to be escaped inside a JSON string. What is made of the text (a part of it,
    a longer one) is plain text again.
    """

    __slots__ = ("pieces",)

    pieces: Sequence[bytes]

    @classmethod
    def of(cls, pieces: Sequence[bytes]) -> JoinedText:
        """Return what `pieces` say together; at least one, none of them empty. Raises UnicodeDecodeError."""
        whole = b"".join(pieces)
        # A character that is cut in two would be whole again when it is joined.
        text = cls(whole.decode() if whole.isascii() else "".join([piece.decode() for piece in pieces]))
        text.pieces = pieces
        return text


class LastDeltas(list[Delta]):
    """The last deltas of a stream: the upstream has said, with them, that the reply is complete."""

    __slots__ = ()


def text_delta(index: int, content: str, chunk_fields: Mapping[str, Json] = NOTHING) -> Delta:
    """Return a `Delta` with these three in a third of the time: one is made for every token of a reply."""
    delta = _new(Delta)
    _set_index(delta, index)
    _set_content(delta, content)
    _set_tool_calls(delta, ())
    _set_finish_reason(delta, None)
    _set_usage(delta, None)
    _set_fields(delta, NOTHING)
    _set_choice_fields(delta, NOTHING)
    _set_chunk_fields(delta, chunk_fields)
    return delta


# The slots themselves: a frozen value sets each of its fields through `object.__setattr__`.
_new = object.__new__
_set_index, _set_content, _set_tool_calls, _set_finish_reason, _set_usage, *_set_more = (
    Delta.__dict__[field.name].__set__ for field in dataclasses.fields(Delta)
)
_set_fields, _set_choice_fields, _set_chunk_fields = _set_more
