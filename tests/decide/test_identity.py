"""Who asks: the call that a platform names, wherever it does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loro_core.chat import ChatRequest, Json, Message
from loro_core.decide.identity import Caller, caller_of


def caller(headers=None, query="", *, platform=None, parameters=None) -> Caller:
    asked = ChatRequest(
        model="loro", messages=(Message.of("user", "Hi"),), platform=platform or {}, parameters=parameters or {}
    )
    return caller_of(asked, headers or {}, query)


NOBODY = caller()
NAMED = {
    "the header": caller({"x-loro-call": "c1"}),
    "hume, query": caller(query="custom_session_id=c1&x=2"),
    "hume, body": caller(platform={"custom_session_id": "c1"}),
    "vapi": caller(platform={"call": {"id": "c1", "type": "webCall"}}),
    "elevenlabs": caller(platform={"elevenlabs_extra_body": {"conversation_id": "c1"}}),
    "livekit": caller(parameters={"metadata": {"room_name": "c1"}}),
    "a number": caller({}, platform={"custom_session_id": 17}),
}


def test_each_platforms_name_of_a_call_is_found():
    for name, found in NAMED.items():
        assert found.certain and found.key != NOBODY.key, name


def test_another_call_has_another_key():
    assert caller({"x-loro-call": "c2"}).key != NAMED["the header"].key
    assert caller(platform={"call": {"id": "c2"}}).key != NAMED["vapi"].key


def test_a_persons_name_is_no_calls_name():
    for found in (caller(platform={"user_id": "anna"}), caller(parameters={"user": "anna"})):
        assert not found.certain and found.key != NOBODY.key
    assert not NOBODY.certain


def test_a_call_goes_before_a_person_and_the_header_before_the_body():
    both = {"call": {"id": "c1"}, "user_id": "anna"}
    assert caller(platform=both) == NAMED["vapi"]
    assert caller({"x-loro-call": "c1"}, platform=both) == NAMED["the header"]


def test_two_tenants_may_use_the_same_name():
    a, b = (caller({"x-loro-call": "c1", "authorization": f"Bearer {key}"}) for key in ("a", "b"))
    assert a.certain and b.certain and a.key != b.key


def test_what_is_no_name_is_passed_over():
    values: tuple[Json, ...] = ("", "  ", None, True, 1.5, [], {}, "x" * 257, 10**5000)
    for value in values:
        assert caller(platform={"custom_session_id": value, "call": {"id": value}}) == NOBODY
    assert caller(platform={"call": "c1"}, parameters={"metadata": {"theme": "dark"}}) == NOBODY


def test_the_key_shows_no_name():
    assert "anna" not in caller(parameters={"user": "anna"}).key


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.dictionaries(st.sampled_from(("call", "user_id", "custom_session_id", "elevenlabs_extra_body", "id")), JSON)


@given(FIELDS, st.dictionaries(st.sampled_from(("user", "metadata")), JSON), st.text())
def test_any_fields_are_taken_and_the_same_ones_give_the_same_key(platform, parameters, query):
    found = caller({}, query, platform=platform, parameters=parameters)
    assert found == caller({}, query, platform=platform, parameters=parameters)
