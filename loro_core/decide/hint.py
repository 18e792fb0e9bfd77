"""Telling the answering model what the user has already heard, so that it goes on instead of beginning again."""

from __future__ import annotations

from dataclasses import replace

from loro_core.chat import ChatRequest, Message

HINT = (
    "Your reply has already begun: the user has just heard you say «{words}». "
    "Go on from there. Do not greet, do not repeat or mention it."
)


def is_bare(request: ChatRequest) -> bool:
    """Return whether `request` has no system message for a hint to stand in, so that it has to bring its own."""
    first = request.messages[0]
    return first.role not in ("system", "developer") or not isinstance(first.fields.get("content"), str)


def told(request: ChatRequest, words: str) -> ChatRequest:
    """Return `request` with the hint that `words` were said.

    The hint joins the leading system message, or becomes one: many chat templates refuse a system message anywhere
    else. A leading system message that is not plain text is left as it is, and the hint stands before it.
    """
    hint = HINT.format(words=words.strip())
    if is_bare(request):
        return replace(request, messages=(Message.of("system", hint), *request.messages))
    first = request.messages[0]
    text = f"{first.fields['content']}\n\n{hint}"
    first = replace(first, text=text, fields={**first.fields, "content": text})
    return replace(request, messages=(first, *request.messages[1:]))
