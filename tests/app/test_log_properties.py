from __future__ import annotations

import json
import logging
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loro_core.app.log import JsonLines, TextLines, Told
from loro_core.fleet import Secret

fields = st.text() | st.integers() | st.floats() | st.booleans() | st.none()


def record(message, *args):
    return logging.LogRecord("loro.test", logging.INFO, "", 0, message, args, None)


@given(st.lists(fields, max_size=4), st.text(max_size=20))
def test_any_record_is_one_line_that_prints(values, text):
    for one in (record("event" + " x=%s" * len(values), *values), record(text), record("Free %s", text)):
        line = TextLines().format(one)
        assert line.isprintable()
        assert JsonLines().format(one).isprintable()


@given(st.lists(fields, max_size=4))
def test_json_gives_the_fields_back(values):
    message = "event" + "".join(f" x{n}=%s" for n in range(len(values)))
    line = json.loads(JsonLines().format(record(message, *values)), parse_constant=pytest.fail)
    assert line["event"] == "event"
    for n, value in enumerate(values):
        finite = not isinstance(value, float) or value - value == 0
        assert line[f"x{n}"] == (value if finite else str(value))


@given(st.lists(fields | st.sampled_from(["a", "", "True", "a b", "a=b"]), max_size=4))
def test_a_message_told_as_fields_is_the_line_of_one_told_as_text(values):
    text = record("event" + "".join(f" x{n}=%s" for n in range(len(values))), *values)
    told = record(Told("event", {f"x{n}": value for n, value in enumerate(values)}))
    told.created, told.msecs = text.created, text.msecs
    for form in (TextLines, JsonLines):
        assert form().format(told) == form().format(text)
        assert form([Secret("longenough")]).format(told) == form().format(text)


@given(st.text(alphabet=string.ascii_letters + string.digits + "-_", min_size=4).map("sk-7f".__add__), st.text())
def test_a_key_is_in_no_line(key, around):
    value = around + key + around
    for one in (record("Free text: %s", value), record("event x=%s", value), record(Told("event", {"x": value}))):
        assert key not in TextLines([Secret(key)]).format(one)
        assert key not in str(json.loads(JsonLines([Secret(key)]).format(one)))
