"""Scripts as settings: the options of a deployment, the flags of a command line, the query behind a model's name.

    options = { text = "Hello.", first_token_s = 0.6, tokens_per_s = 50 }
    --first-token-s 0.6 --tokens-per-s 50
    scripted?first_token_s=0.6&tokens=20&tokens_per_s=50&cut_after=5

The keys are the fields of `Script`, spelt the same everywhere; `ttft` and `rate` are short for `first_token_s` and
`tokens_per_s`. In a query, values are text: numbers and true/false are read as such where the key wants them, `pieces`
and `tool_calls` as JSON.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, get_args, get_type_hints
from urllib.parse import parse_qsl, quote, urlencode

from loro_core.chat import Json
from loro_core.testing.script import ENDING_FAULTS, FAULTS, Script, ScriptedToolCall

ALTERNATIVES = (("gap_s", "tokens_per_s"), ("text", "pieces"))
"""Two ways to say one thing."""

SHORT = {"ttft": "first_token_s", "rate": "tokens_per_s"}


class Unfit(Exception):
    """A value is not what its key needs; the message says what that is."""


class ScriptError(ValueError):
    """The options are not a script. problems: all of them, each "key: value and expectation"."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


def parse_script(options: Mapping[str, Json], base: Script | None = None) -> Script:
    """Return the script that `options` describe, over `base` where they say nothing.

    Raises ScriptError with every problem found, each named by its key.
    """
    problems: list[str] = []
    values: dict[str, Any] = {}
    for given, value in options.items():
        key = SHORT.get(given, given)
        rule = RULES.get(key)
        if rule is None:
            problems.append(f"{given}: unknown; known are {', '.join(sorted(RULES))}")
        elif key in values:
            problems.append(f"{given}: {key} is given twice")
        else:
            try:
                values[key] = rule.read(value)
            except Unfit as error:
                problems.append(f"{given}: is {_shown(value)}, {error}")
    problems += _contradictions(values)
    if problems:
        raise ScriptError(problems)
    start = base or Script()
    if any(key in values for key in FAULTS):
        # A fault that is asked for takes the place of the base's own.
        start = replace(start, **{name: default for name, default in _DEFAULTS.items() if name in FAULTS})
    for one, other in ALTERNATIVES:
        if one in values or other in values:
            start = replace(start, **{one: _DEFAULTS[one], other: _DEFAULTS[other]})
    return replace(start, **values)


def options_of(script: Script) -> dict[str, Json]:
    """Return the options that `parse_script` makes `script` of: the fields that are not at their defaults."""
    options: dict[str, Json] = {}
    for name, default in _DEFAULTS.items():
        value = getattr(script, name)
        if value == default:
            continue
        if name == "tool_calls":
            value = [{"name": call.name, "arguments": call.arguments, "id": call.id} for call in value]
        options[name] = list(value) if isinstance(value, tuple) else value
    return options


def parse_model(name: str) -> tuple[str, dict[str, Json]]:
    """Return the model's own name and the options in the query behind it.

    Raises ScriptError where a query cannot be read; `parse_script` judges what it says.
    """
    base, mark, query = name.partition("?")
    if not mark:
        return name, {}
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        raise ScriptError([f"query: is {query!r}, needs key=value pairs joined by &"]) from None
    options: dict[str, Json] = {}
    for key, text in pairs:
        if key in options:
            raise ScriptError([f"{key}: given twice"])
        options[key] = from_text(key, text)
    return base, options


def model_of(name: str, script: Script) -> str:
    """Return the model name that asks `name` for `script`: what `parse_model` reads."""
    options = {
        key: str(value) if RULES[key].textual else json.dumps(value) for key, value in options_of(script).items()
    }
    return f"{name}?{urlencode(options, quote_via=quote)}" if options else name


def from_text(key: str, text: str) -> Json:
    """Return the value that `text` stands for under `key`; text that fits no other kind stays text."""
    rule = RULES.get(SHORT.get(key, key))
    if rule is None or rule.textual:
        return text
    try:
        value: Json = json.loads(text)
    except ValueError:
        return text
    return value


# --- one rule a key ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How a key's value is read. read: raises Unfit, which says what is needed. wants: the same for a help text."""

    read: Callable[[Json], object]
    wants: str
    textual: bool = False


def _number(*, over: bool = False) -> Rule:
    wants = "needs a number > 0" if over else "needs a number >= 0"

    def read(value: Json) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise Unfit(wants)
        if value < 0 or (over and value == 0):
            raise Unfit(wants)
        return float(value)

    return Rule(read=read, wants=wants)


def _count(least: int = 0, most: int | None = None) -> Rule:
    wants = f"needs a whole number >= {least}" if most is None else f"needs a whole number from {least} to {most}"

    def read(value: Json) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < least or (most and value > most):
            raise Unfit(wants)
        return value

    return Rule(read=read, wants=wants)


def _text() -> Rule:
    def read(value: Json) -> str:
        if not isinstance(value, str):
            raise Unfit("needs a text")
        return value

    return Rule(read=read, wants="needs a text", textual=True)


def _flag() -> Rule:
    def read(value: Json) -> bool:
        if not isinstance(value, bool):
            raise Unfit("needs true or false")
        return value

    return Rule(read=read, wants="needs true or false")


def _choice(known: tuple[str, ...]) -> Rule:
    wants = f"needs one of {', '.join(known)}"

    def read(value: Json) -> str:
        if not isinstance(value, str) or value not in known:
            raise Unfit(wants)
        return value

    return Rule(read=read, wants=wants, textual=True)


def _pieces(value: Json) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(piece, str) for piece in value):
        raise Unfit("needs a list of texts")
    return tuple(str(piece) for piece in value)


def _tool_calls(value: Json) -> tuple[ScriptedToolCall, ...]:
    wants = 'needs a list of {"name": text, "arguments": text or object, "id": text}'
    calls: list[ScriptedToolCall] = []
    if not isinstance(value, (list, tuple)):
        raise Unfit(wants)
    for item in value:
        if not isinstance(item, Mapping) or not item.keys() <= {"name", "arguments", "id"}:
            raise Unfit(wants)
        name, arguments, call_id = item.get("name"), item.get("arguments", {}), item.get("id", "")
        if not isinstance(name, str) or not isinstance(call_id, str) or not isinstance(arguments, (str, Mapping)):
            raise Unfit(wants)
        text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        calls.append(ScriptedToolCall(name=name, arguments=text, id=call_id))
    return tuple(calls)


_HINTS = get_type_hints(Script)


def _choices(field: str) -> Rule:
    """The rule of a field whose type is a Literal, or a Literal or None."""
    hint = _HINTS[field]
    literals = [arg for arg in get_args(hint) if isinstance(arg, str)]
    for arg in get_args(hint):
        literals += [inner for inner in get_args(arg) if isinstance(inner, str)]
    return _choice(tuple(literals))


RULES: Mapping[str, Rule] = {
    **{key: _text() for key in ("text", "think", "reasoning", "finish_reason")},
    **{key: _text() for key in ("error_message", "error_type", "error_code")},
    **{key: _number() for key in ("first_token_s", "gap_s", "retry_after_s", "fault_s", "stall_s")},
    **{key: _count() for key in ("tokens", "prompt_tokens", "times", "keepalives")},
    **{key: _count() for key in FAULTS if key.endswith("_after")},
    **{key: _flag() for key in ("done", "unreachable", "reset_before_head", "space", "bom")},
    **{key: _choices(key) for key in ("prefill", "head", "role", "finish", "usage", "hang", "newline", "body")},
    "tokens_per_s": _number(over=True),
    "write_bytes": _count(1),
    "giant_bytes": _count(1),
    "status": _count(400, 599),
    "pieces": Rule(read=_pieces, wants="needs a list of texts"),
    "tool_calls": Rule(read=_tool_calls, wants="needs a list of tool calls"),
}

_DEFAULTS: Mapping[str, Any] = {f.name: f.default for f in fields(Script)}


def _contradictions(values: Mapping[str, Any]) -> list[str]:
    """Return what single keys cannot show."""
    problems = []
    endings = [name for name in ENDING_FAULTS if values.get(name, _DEFAULTS[name]) != _DEFAULTS[name]]
    if len(endings) > 1:
        problems.append(f"{endings[1]}: the reply already ends by {endings[0]}; give one")
    for one, other in ALTERNATIVES:
        if one in values and other in values:
            problems.append(f"{one}: {other} is given too; give one")
    if "stall_s" in values and values.get("stall_after") is None:
        problems.append("stall_s: needs stall_after beside it")
    return problems


def _shown(value: Json) -> str:
    shown = repr(value)
    # 80: a problem stays one line of a terminal or two.
    return shown if len(shown) <= 80 else f"{shown[:77]}..."
