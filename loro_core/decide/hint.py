"""Telling the answering model what the user has already heard, so that it goes on instead of beginning again."""

from __future__ import annotations

from dataclasses import replace

from loro_core.chat import ChatRequest, Message

HINT = (
    "Your reply has already begun: the user has just heard you say «{words}». "
    "Go on from there. Do not greet, do not repeat or mention it."
)


def told(request: ChatRequest, words: str) -> ChatRequest:
    """Return `request` with the hint that `words` were said.

    The hint joins the leading system message, or becomes one: many chat templates refuse a system message anywhere
    else. A leading system message that is not plain text is left as it is, and the hint stands before it.
    """
    hint = HINT.format(words=words.strip())
    first = request.messages[0]
    content = first.fields.get("content")
    if first.role in ("system", "developer") and isinstance(content, str):
        text = f"{content}\n\n{hint}"
        first = replace(first, text=text, fields={**first.fields, "content": text})
        return replace(request, messages=(first, *request.messages[1:]))
    return replace(request, messages=(Message.of("system", hint), *request.messages))
