"""What a request wants of a scripted model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from loro_core.chat import Json
from loro_core.testing.script import tokenise


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a request wants, as far as a scripted model can tell.

    max_tokens: content tokens a choice. stop: the text ends before the first of these.
    after_tool: the last message is a tool's result. prefill: the words that the reply was begun with.
    """

    stream: bool = True
    include_usage: bool = False
    n: int = 1
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    prompt_tokens: int = 0
    after_tool: bool = False
    prefill: str = ""


def ask_of(body: Mapping[str, Json]) -> Ask:
    """Return what an OpenAI chat completion body wants; what is not of the right type is as good as absent."""
    options = body.get("stream_options")
    messages = body.get("messages")
    turns = [m for m in messages if isinstance(m, Mapping)] if isinstance(messages, Sequence) else []
    n = body.get("n")
    return Ask(
        stream=body.get("stream") is True,
        include_usage=isinstance(options, Mapping) and options.get("include_usage") is True,
        n=n if isinstance(n, int) and n >= 1 else 1,
        max_tokens=_limit(body.get("max_completion_tokens", body.get("max_tokens"))),
        stop=stops(body.get("stop")),
        prompt_tokens=sum(len(tokenise(text_of(m))) for m in turns),
        after_tool=bool(turns) and turns[-1].get("role") in ("tool", "function"),
        prefill=_prefill(body, turns),
    )


def _prefill(body: Mapping[str, Json], turns: Sequence[Mapping[str, Json]]) -> str:
    """Return what the reply was begun with, in whichever way: a field, or a last assistant message, marked or not."""
    prefix = body.get("prefix")
    if isinstance(prefix, str):
        return prefix
    if not turns or turns[-1].get("role") != "assistant" or turns[-1].get("tool_calls"):
        return ""
    return text_of(turns[-1])


def stops(value: Json) -> tuple[str, ...]:
    """Return the stop texts that a request names: one, or a list of them."""
    if isinstance(value, str):
        return (value,) if value else ()
    return tuple(s for s in value if isinstance(s, str) and s) if isinstance(value, Sequence) else ()


def text_of(message: Mapping[str, Json]) -> str:
    """Return what a message says, its text parts joined."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    if not isinstance(content, Sequence):
        return ""
    parts = [part.get("text") for part in content if isinstance(part, Mapping)]
    return "".join(part for part in parts if isinstance(part, str))


def _limit(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 1 else None
