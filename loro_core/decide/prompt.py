"""The small call that asks a model for an acknowledgement."""

from __future__ import annotations

from collections.abc import Mapping

from loro_core.chat import ChatRequest, Json, Message
from loro_core.decide.language import language_of
from loro_core.decide.languages import LANGUAGES
from loro_core.decide.rules import Language

PARAMETERS: Mapping[str, Json] = {"max_tokens": 24, "temperature": 0.3}
"""24 tokens are more than `screen` lets through in any language, so words that were cut off are refused as too long
and never spoken. A low temperature keeps small models on the task; variety comes from telling them what they said last.

Switches that only some models know ("/no_think", enable_thinking, chat_template_kwargs) belong into the deployment's
`extra_fields`: elsewhere they are spoken, or refused. A model that wants max_completion_tokens gets it the same way,
with max_tokens in `drop_fields`."""

_USER_CHARACTERS = 400
"""Of a long turn its two ends are sent: people say what they want there, and prefill time grows with every token."""

_REPLY_CHARACTERS = 160
"""Of the last reply its beginning, which holds our last acknowledgement."""


def words_prompt(language: str) -> str:
    """Return the system prompt for a user of `language`: the English one, "in the user's language", if it has none."""
    return _language(language).prompt


def words_request(request: ChatRequest, prompt: str | None = None, *, language: str | None = None) -> ChatRequest:
    """Return the call to the acknowledging model: a system prompt and the user's last turn, streamed, with usage.

    prompt: the operator's own system prompt; None for loro's in the user's language.
    language: which that is, None if it is not known yet.
    Nothing of the client's own prompt, tools or parameters goes along, nor any earlier turn but the beginning of the
    last reply. That one stands in the system prompt: as a message of its own it would come before the first user turn,
    which some chat templates refuse.
    """
    language = language or language_of(request) or "en"
    prompt = words_prompt(language) if prompt is None else prompt
    said = next((m.text.strip() for m in reversed(request.messages) if m.role == "assistant" and m.text.strip()), "")
    if said:
        prompt = f"{prompt}\n\n{_language(language).last_reply}\n{said[:_REPLY_CHARACTERS]}"
    return ChatRequest(
        model=request.model,
        messages=(Message.of("system", prompt), Message.of("user", _shortened(request.last_user_text))),
        stream=True,
        include_usage=True,
        parameters=PARAMETERS,
    )


def _language(tag: str) -> Language:
    return LANGUAGES.get(tag, LANGUAGES["en"])


def _shortened(text: str) -> str:
    text = text.strip()
    if len(text) <= _USER_CHARACTERS:
        return text
    half = _USER_CHARACTERS // 2
    return f"{text[:half]} … {text[-half:]}"
