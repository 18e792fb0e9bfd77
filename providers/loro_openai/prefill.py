"""How services that speak chat completions are made to go on from words: five mechanisms, and none.

    prefix-field             the field `prefix` beside the messages
    prefix-message           a last assistant message with `prefix: true`
    partial-message          a last assistant message with `partial: true`
    continue-final-message   a last assistant message, `continue_final_message` and no `add_generation_prompt`
    trailing-message         a last assistant message
    none                     not at all: it would be taken for a turn that is over, or refused

A deployment's option `prefill` names one; "auto" goes by the address's host, where that is a service whose documents
say how, and is "none" elsewhere: what a server of one's own runs cannot be seen from its address.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args
from urllib.parse import urlsplit

from loro_core import ChatRequest, Deployment, Json

Style = Literal[
    "prefix-field", "prefix-message", "partial-message", "continue-final-message", "trailing-message", "none"
]
STYLES: tuple[Style, ...] = get_args(Style)
AUTO = "auto"

KNOWN_HOSTS: Mapping[str, Style] = {
    # docs.siliconflow.cn, "Prefix completion": extra_body={"prefix": ...}
    "siliconflow.cn": "prefix-field",
    "siliconflow.com": "prefix-field",
    # docs.mistral.ai, "Prefix"; a last assistant message without it is refused (langchain-ai/langchain#28846)
    "api.mistral.ai": "prefix-message",
    # ai.baidu.com, "Chat prefix completion", for the models listed there
    "qianfan.baidubce.com": "prefix-message",
    # alibabacloud.com, Model Studio, "Partial mode", not for models that think
    "dashscope.aliyuncs.com": "partial-message",
    "dashscope-intl.aliyuncs.com": "partial-message",
    "dashscope-us.aliyuncs.com": "partial-message",
    # platform.kimi.ai, "Use Partial Mode"
    "api.moonshot.cn": "partial-message",
    "api.moonshot.ai": "partial-message",
    # console.groq.com, "Assistant message prefilling"
    "api.groq.com": "trailing-message",
}
"""By host, or the domain that it ends in."""

_DEEPSEEK = "api.deepseek.com"
"""api-docs.deepseek.com, "Chat prefix completion (beta)": prefix-message, with a base_url that ends in /beta only."""

_NEEDS: Mapping[Style, tuple[str, ...]] = {
    "prefix-field": ("prefix",),
    "continue-final-message": ("continue_final_message", "add_generation_prompt"),
}
_THINKS: Mapping[str, tuple[Json, ...]] = {
    "reasoning_effort": ("minimal", "low", "medium", "high", "xhigh"),
    "enable_thinking": (True,),
    "include_reasoning": (True,),
}
"""Fields that make a model think first, and the values that do: nobody documents prefill for one that thinks."""


def style_of(deployment: Deployment) -> Style:
    """Return how this deployment is made to go on from words."""
    wanted = deployment.options.get("prefill", AUTO)
    style = next((style for style in STYLES if style == wanted), None) or _known(deployment.base_url)
    return "none" if any(field in deployment.drop_fields for field in _NEEDS.get(style, ())) else style


def _known(base_url: str) -> Style:
    parts = urlsplit(base_url)
    host = (parts.hostname or "").rstrip(".")
    if host == _DEEPSEEK:
        return "prefix-message" if "beta" in parts.path.split("/") else "none"
    return next((s for known, s in KNOWN_HOSTS.items() if host == known or host.endswith(f".{known}")), "none")


def thinks(deployment: Deployment, request: ChatRequest) -> bool:
    """Return whether the model is asked to think before it answers."""
    fields = {**request.parameters, **deployment.extra_fields}
    template = fields.get("chat_template_kwargs")
    if isinstance(template, Mapping) and template.get("enable_thinking") is True:
        return True
    thinking = fields.get("thinking")
    if isinstance(thinking, Mapping) and thinking.get("type") == "enabled":
        return True
    return any(fields.get(name) in values for name, values in _THINKS.items())


def prefilled(deployment: Deployment, words: str) -> tuple[list[Json], dict[str, Json]]:
    """Return what makes the model go on from `words`: messages to put last, and fields to put beside the messages."""
    style = style_of(deployment)
    message: dict[str, Json] = {"role": "assistant", "content": words}
    if style == "none":
        return [], {}
    if style == "prefix-field":
        return [], {"prefix": words}
    if style == "prefix-message":
        return [{**message, "prefix": True}], {}
    if style == "partial-message":
        return [{**message, "partial": True}], {}
    fields: dict[str, Json] = {"continue_final_message": True, "add_generation_prompt": False}
    return [message], fields if style == "continue-final-message" else {}
