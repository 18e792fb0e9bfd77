"""Tool calls as clients expect them of OpenAI: numbered from 0, id and name together in the first piece.

    a call so far       a piece brings            what goes out
    ------------------  ------------------------  ----------------------------------------------------------
    unknown             id or name missing        1 nothing: it is held until both are known
    unknown, held       what was missing          2 id, name and all arguments so far, in one piece
    begun               arguments                 3 them
    held, at the end    -                         4 what there is: an id is made up where the upstream gave none

Whatever number an upstream gives its calls, the first that goes out is 0, the next 1 (Pipecat takes the first call it
sees for number 0, and makes a phantom of any other: pipecat-ai/pipecat #4987).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from loro_core.chat import Json, ToolCallDelta


@dataclass(slots=True)
class _Call:
    """A call that is not out yet."""

    id: str | None = None
    name: str | None = None
    arguments: list[str] = field(default_factory=list)
    fields: dict[str, Json] = field(default_factory=dict)

    def take(self, piece: ToolCallDelta) -> None:
        self.id = self.id or piece.id
        self.name = self.name or piece.name
        self.arguments.append(piece.arguments)
        self.fields |= piece.fields

    def piece(self, index: int, made_up_id: str | None = None) -> ToolCallDelta:
        return ToolCallDelta(
            index=index,
            id=self.id or made_up_id,
            name=self.name,
            arguments="".join(self.arguments),
            fields=self.fields,
        )


class ToolCalls:
    """The tool calls of one choice. reply_id: what made-up ids begin with."""

    def __init__(self, reply_id: str = "call") -> None:
        self._reply_id = reply_id
        self._numbers: dict[int, int] = {}
        self._held: dict[int, _Call] = {}

    def receive(self, pieces: tuple[ToolCallDelta, ...]) -> tuple[ToolCallDelta, ...]:
        """Return what may go out now."""
        return tuple(out for piece in pieces for out in self._receive(piece))

    def _receive(self, piece: ToolCallDelta) -> list[ToolCallDelta]:
        number = self._numbers.get(piece.index)
        if number is not None:  # 3
            # Some upstreams repeat id and name in every piece; a client would put them together twice.
            return [replace(piece, index=number, id=None, name=None)] if piece.arguments else []
        call = self._held.setdefault(piece.index, _Call())
        call.take(piece)
        if call.id is None or call.name is None:  # 1
            return []
        return [self._begin(piece.index)]  # 2

    def end(self) -> tuple[ToolCallDelta, ...]:
        """Return what is still held, once the answer is over."""
        return tuple(self._begin(index) for index in list(self._held))  # 4

    def _begin(self, index: int) -> ToolCallDelta:
        number = self._numbers[index] = len(self._numbers)
        return self._held.pop(index).piece(number, f"{self._reply_id}_{number}")
