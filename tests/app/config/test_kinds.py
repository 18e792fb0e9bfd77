from __future__ import annotations

import datetime

import pytest

from loro_core.app.config.kinds import (
    HIDDEN,
    Address,
    ApiKey,
    Choice,
    Fields,
    Flag,
    Names,
    Number,
    Text,
    Unfit,
    Url,
    Whole,
    WholeOr,
    quote,
)
from loro_core.fleet import Secret


def refused(kind, value):
    with pytest.raises(Unfit) as caught:
        kind.accept(value)
    return caught.value.hint


def unread(kind, text):
    with pytest.raises(Unfit):
        kind.accept(kind.read(text))


@pytest.mark.parametrize("text", ["", "1.5", "1_0", "0x1", "１", "1e3", "9" * 5000, "one", "-"])
def test_whole_numbers_are_spelt_in_ascii_digits(text):
    unread(Whole(0, 10**9), text)


def test_a_whole_number_may_carry_a_sign():
    assert (Whole(-5, 5).read("+5"), Whole(-5, 5).read("-5")) == (5, -5)


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e3", "1_0", ".", "", "0.7 "])
def test_numbers_are_spelt_with_digits_and_a_point(text):
    unread(Number(-1000, 1000), text)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), True, "1", None, 10**400])
def test_numbers_of_toml_that_are_none(value):
    refused(Number(0, 1000), value)


def test_the_word_of_a_number_stands_for_none():
    temperature = Number(0, 2, off="none")
    assert temperature.accept(temperature.read("None")) is None
    assert temperature.accept("none") is None
    assert temperature.show(None) == "none"
    assert temperature.wants == 'a number from 0 to 2, or "none"'
    unread(Number(0, 2), "none")


@pytest.mark.parametrize(("text", "value"), [("true", True), ("YES", True), ("1", True), ("off", False), ("0", False)])
def test_flags_in_variables(text, value):
    assert Flag().accept(Flag().read(text)) is value


def test_flags_that_are_none():
    unread(Flag(), "maybe")
    refused(Flag(), 1)


def test_a_choice_tells_what_was_meant():
    level = Choice(("trace", "debug", "info"))
    assert level.accept("INFO") == "info"
    assert refused(level, "degub") == "did you mean debug?"
    assert refused(level, "x") == ""
    refused(level, 3)


def test_a_list_in_a_variable_is_separated_by_commas_or_json():
    names = Names("names", r"[a-z ]+")
    assert names.accept(names.read("a, b,,a ")) == ("a", "b")
    assert names.accept(names.read('["b", "a"]')) == ("b", "a")
    assert names.accept(names.read("[]")) == ()
    unread(names, '["a"')
    assert refused(names, ["a", "B"]) == '"B" does not fit'
    refused(names, "a")
    refused(names, [1])


def test_a_table_in_a_variable_is_a_json_object():
    assert Fields().accept(Fields().read('{"a": {"b": [1, null]}}')) == {"a": {"b": [1, None]}}
    for bad in ("[1]", "a = 1", '{"a": NaN}', "[" * 100_000):
        unread(Fields(), bad)


def test_what_json_cannot_say_is_refused():
    refused(Fields(), {"since": datetime.date(2026, 1, 31)})
    refused(Fields(), {"a": [float("inf")]})


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://api.example.com/v1/", "https://api.example.com/v1"),
        ("http://127.0.0.1:11434", "http://127.0.0.1:11434"),
        ("http://[::1]:8080/v1", "http://[::1]:8080/v1"),
        (" https://h ", "https://h"),
    ],
)
def test_addresses_of_services(text, url):
    assert Url().accept(text) == url


@pytest.mark.parametrize(
    "text",
    [
        "httpfoo",  # an ancestor took everything that starts with "http"
        "http://",
        "https:///v1",
        "ftp://host",
        "localhost:11434",
        "http://host:99999",
        "http://host:0",
        "http://host:x",
        "http://[::1",
        "http://a b",
        "http://host/v1?key=1",
        "http://host/v1#top",
        "http://user:word@host",
        "http://höst",
        "",
        5,
    ],
)
def test_addresses_of_services_that_are_none(text):
    refused(Url(), text)


def test_a_refused_address_is_shown_without_what_may_be_secret():
    show = Url().show_refused
    assert show("localhost:11434/v1") == '"localhost:11434/v1"'
    assert show("ftp://user:word@host") == f'"ftp://{HIDDEN}@host"'
    assert show("http://host/v1?key=1") == f'"http://host/v1?{HIDDEN}"'
    assert show("sk-abcdef") == HIDDEN
    assert show("eyJhbGciOi.eyJzdWIiOi.SflKxwRJ") == HIDDEN


def test_keys():
    assert ApiKey().accept(" sk-1\n") == Secret("sk-1")
    assert ApiKey().accept("NONE") is None
    for bad in ("", " ", "two words", "sk-\u00e9", "a\r\nx-evil: 1", 5, None):
        refused(ApiKey(), bad)
    assert ApiKey().show(Secret("sk-1")) == ApiKey().show_refused("sk-1") == HIDDEN


def test_texts():
    assert Text(pattern=r"[a-z]+").accept(" a ") == "a"
    assert Text(blank=True).accept("") == ""
    refused(Text(), " ")
    refused(Text(), 5)
    assert Text().accept("two\nlines") == "two\nlines"


def test_the_port_of_an_address_has_its_range():
    assert Address().accept("localhost:65535") == ("localhost", 65535)
    refused(Address(), "localhost:65536")
    refused(Address(), 8000)


def test_quoted_values_are_short_and_on_one_line():
    assert quote("a\nb\u2028\x1b[31m\u00e9") == '"a\\nb\\u2028\\u001b[31m\u00e9"'
    assert len(quote("x" * 1000)) == 60


def test_members_named_like_secrets_are_not_shown():
    shown = Fields().show(
        {"headers": [{"Authorization": "Bearer x1"}], "api_key": "x2", "max_tokens": 5, "auth_token": "x3"}
    )
    assert "x1" not in shown
    assert "x2" not in shown
    assert "x3" not in shown
    assert '"max_tokens": 5' in Fields().show({"max_tokens": 5})
    assert Fields().show_refused({"since": datetime.date(2026, 1, 31), "password": "x4"}).count("x4") == 0
    assert Fields().show_refused("sk-pasted") == HIDDEN


def test_a_whole_number_or_one_word():
    kind = WholeOr(1, 8, "auto")
    assert kind.wants == 'a whole number from 1 to 8, or "auto"'
    assert [kind.accept(kind.read(text)) for text in ("1", "8", "auto", "AUTO")] == [1, 8, "auto", "auto"]
    assert kind.show("auto") == '"auto"' and kind.show(3) == "3"
    for bad in (0, 9, True, 2.0, "many", None):
        with pytest.raises(Unfit):
            kind.accept(bad)
    with pytest.raises(Unfit):
        kind.read("many")
