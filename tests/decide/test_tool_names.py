"""What a tool's name and description tell: much is left untold, and what is told can be spoken."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loro_core.decide import tool_names
from loro_core.decide.screen import screen
from loro_core.decide.tool_names import english_line, is_silent, looks_up

WEATHER = "Let me check the weather."


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("get_weather", WEATHER),
        ("getWeather", WEATHER),
        ("GetWeather", WEATHER),
        ("get-weather", WEATHER),
        ("fetch_weather_data", WEATHER),
        ("weather_lookup", WEATHER),
        ("get_weather_by_city", WEATHER),
        ("get_weather_v2", WEATHER),
        ("mcp__acme__get_weather", WEATHER),
        ("functions.get_weather", WEATHER),
        ("get_current_weather", "Let me check the current weather."),
        ("get_order_details", "Let me check the order."),
        ("get_order_status", "Let me check the order status."),
        ("lookUpOrder", "Let me check the order."),
        ("list_appointments", "Let me check the appointments."),
        ("get_account_balance", "Let me check the account balance."),
        ("get_opening_hours", "Let me check the opening hours."),
        ("search_flights", "Let me look for flights."),
        ("find_restaurants_near_location", "Let me look for restaurants."),
    ],
)
def test_what_a_name_says_is_said(name, line):
    assert english_line(name) == line


@pytest.mark.parametrize(
    "name",
    [
        *("book_table", "send_email", "cancel_order", "create_appointment", "set_temperature", "turn_on_light"),
        *("getUserPrefsV2", "kb_query", "web_search", "get_customer_orders", "find_restaurant", "get_number", "get_x"),
        *("weather", "order", "check_in", "check_out_guest", "", "_", "...", "fn", "do", "get"),
        *("天气", "получить_заказ"),
        "get_the_weather_of_all_the_orders_and_flights_and_trains_there_are",
    ],
)
def test_what_could_be_said_wrongly_is_not_said(name):
    line = english_line(name)
    assert line is None or line == WEATHER  # of the last one, what stands before its preposition


@pytest.mark.parametrize(
    ("name", "description", "line"),
    [
        ("weather", "Get the current weather in a given location.", "Let me check the current weather."),
        ("tool7", "Gets the status of an order", "Let me check the order status."),
        ("get_data", "Retrieves the weather for a city", WEATHER),
        ("tool7", "Books a table", None),
        ("delete_order", "Get the order status and delete it", None),
        ("order", "Returns the order status", None),
        ("tool7", "", None),
    ],
)
def test_a_description_counts_where_the_name_leaves_it_open(name, description, line):
    assert english_line(name, description) == line


@pytest.mark.parametrize(
    "name",
    [
        *("end_call", "endCall", "end_conversation", "hang_up", "hangup", "skip_turn", "language_detection"),
        *(
            "transfer",
            "transfer_call",
            "transferCall",
            "transfer_to_number",
            "transfer_to_agent",
            "voicemail_detection",
        ),
        *("play_keypad_touch_tone", "dtmf", "handoff_to_billing", "hand_over_to_human", "leave_voicemail"),
    ],
)
def test_nothing_is_said_before_a_tool_that_ends_or_hands_over_the_call(name):
    assert is_silent(name) and not looks_up(name)


@pytest.mark.parametrize("name", ["transfer_funds", "end_of_day_report", "get_call_log", "hang_picture", "append"])
def test_what_only_sounds_like_one_is_not_one(name):
    assert not is_silent(name)


def test_looking_up_is_told_from_doing():
    assert all(map(looks_up, ["get_weather", "kb_query", "search", "look_up", "web_search"]))
    assert not any(map(looks_up, ["book_table", "check_in", "send_email", "update_order", ""]))
    assert looks_up("weather", "Get the weather.") and not looks_up("table", "Book a table.")


def test_every_noun_and_quality_can_be_said_to_one_who_said_it():
    """As strictly as a small model's words: no promise, no answer, no question, in English."""
    nouns = sorted(tool_names._NOUNS | tool_names._PLURALS)
    qualities = sorted(tool_names._QUALITIES)
    lines = {
        english_line("_".join(filter(None, (verb, quality, noun))))
        for verb, quality, noun in itertools.product(("get", "search"), ("", *qualities), nouns)
    }
    # The screen takes hours for a time that is promised; those of a shop are none.
    said = [line for line in lines if line is not None and line != "Let me check the opening hours."]
    assert len(said) > 500
    refused = [line for line in said if screen(line, language="en", user_text=" ".join([*nouns, *qualities])) != line]
    assert refused == []


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_name_and_description_is_taken(name, description):
    line = english_line(name, description)
    assert line is None or (line.startswith("Let me ") and line.endswith(".") and len(line) <= 60)
    assert isinstance(is_silent(name), bool) and isinstance(looks_up(name, description), bool)
