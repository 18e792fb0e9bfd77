"""The optional fields of a chat completion request: which types and ranges they have.

Checked are the fields whose meaning every OpenAI-compatible server shares, as OpenAI's API reference gives them. All
others pass unread, for servers differ there (`reasoning_effort` is a word at one and a number at another).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from loro_core.errors import BadRequest

Check = Callable[[str, Any], None]
"""Called with a field's path and value, which is not null; raises BadRequest(param=path or deeper) if it is wrong."""


def wrong_type(path: str, expected: str, value: object) -> BadRequest:
    """Return the error for a `value` that should be `expected` ("a string")."""
    return BadRequest(f"{path} must be {expected}, not {kind(value)}", param=path)


def kind(value: object) -> str:
    """Return what JSON calls `value`, with its article."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, (int, float)):
        return "an integer" if isinstance(value, int) else "a floating-point number"
    if isinstance(value, str):
        return "a string"
    return "an array" if isinstance(value, list) else "an object"


def check_string(path: str, value: Any) -> None:
    if not isinstance(value, str):
        raise wrong_type(path, "a string", value)


def check_boolean(path: str, value: Any) -> None:
    if not isinstance(value, bool):
        raise wrong_type(path, "a boolean", value)


def check_object(path: str, value: Any) -> None:
    if not isinstance(value, dict):
        raise wrong_type(path, "an object", value)


def check_array(path: str, value: Any) -> None:
    if not isinstance(value, list):
        raise wrong_type(path, "an array", value)


def check_integer(path: str, value: Any) -> None:
    if type(value) is not int:
        raise wrong_type(path, "an integer", value)


def check_token_limit(path: str, value: Any, limit: int) -> None:
    """As a Check, of max_tokens and max_completion_tokens: 1 to `limit`."""
    check_integer(path, value)
    if not 1 <= value <= limit:
        raise BadRequest(f"{path} must be between 1 and {limit}", param=path)


def check_named_function(path: str, value: Any) -> None:
    """As a Check, of an object that names a function: {"function": {"name": ...}, ...}."""
    function = value.get("function")
    check_object(f"{path}.function", function)
    check_string(f"{path}.function.name", function.get("name"))


def _integer(low: int, high: int) -> Check:
    def check(path: str, value: Any) -> None:
        check_integer(path, value)
        if not low <= value <= high:
            raise BadRequest(f"{path} must be between {low} and {high}", param=path)

    return check


def _number(low: float, high: float, name: str | None = None) -> Check:
    def check(path: str, value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise wrong_type(path, "a number", value)
        if not low <= value <= high:
            raise BadRequest(f"{name or path} must be between {low} and {high}", param=path)

    return check


def _check_strings(path: str, value: Any) -> None:
    check_array(path, value)
    for i, item in enumerate(value):
        check_string(f"{path}[{i}]", item)


def _check_stop(path: str, value: Any) -> None:
    # OpenAI takes four, others sixteen or any number: how many is the upstream's to say.
    if isinstance(value, list):
        _check_strings(path, value)
    elif not isinstance(value, str):
        raise wrong_type(path, "a string or an array of strings", value)


def _check_logit_bias(path: str, value: Any) -> None:
    check_object(path, value)
    for bias in value.values():
        if isinstance(bias, bool) or not isinstance(bias, (int, float)):
            raise BadRequest(f"{path} must map tokens to numbers, not to {kind(bias)}", param=path)


def _check_response_format(path: str, value: Any) -> None:
    check_object(path, value)
    check_string(f"{path}.type", value.get("type"))


def _check_tools(path: str, value: Any) -> None:
    check_array(path, value)
    for i, tool in enumerate(value):
        tool_path = f"{path}[{i}]"
        check_object(tool_path, tool)
        check_string(f"{tool_path}.type", tool.get("type"))
        if tool["type"] == "function":
            check_named_function(tool_path, tool)


def _check_tool_choice(path: str, value: Any) -> None:
    if isinstance(value, dict):
        check_string(f"{path}.type", value.get("type"))
        if value["type"] == "function":
            check_named_function(path, value)
    elif not isinstance(value, str):
        raise wrong_type(path, "a string or an object", value)
    elif value not in ("none", "auto", "required"):
        raise BadRequest(f"{path} must be none, auto, required or an object", param=path)


CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        "temperature": _number(0.0, 2.0, "Temperature"),
        "top_p": _number(0.0, 1.0),
        "presence_penalty": _number(-2.0, 2.0),
        "frequency_penalty": _number(-2.0, 2.0),
        "n": _integer(1, 128),
        "seed": check_integer,
        "logprobs": check_boolean,
        "top_logprobs": _integer(0, 20),
        "logit_bias": _check_logit_bias,
        "stop": _check_stop,
        "tools": _check_tools,
        "tool_choice": _check_tool_choice,
        "parallel_tool_calls": check_boolean,
        "response_format": _check_response_format,
        "modalities": _check_strings,
        "audio": check_object,
        "prediction": check_object,
        "metadata": check_object,
        "user": check_string,
    }
)
"""By field name; max_tokens and its kin, which depend on the operator, are `check_token_limit`'s."""
