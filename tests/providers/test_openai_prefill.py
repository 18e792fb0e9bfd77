"""How each service is made to go on from words."""

from __future__ import annotations

import pytest

from loro_core import Continues, Secret
from loro_core.wire.json_text import decode_json
from loro_openai import OpenAIProvider
from loro_openai.prefill import KNOWN_HOSTS, STYLES, style_of
from loro_openai.request import request_body
from tests.providers.fake_http import deployment, request

OPENAI = OpenAIProvider()
WORDS = "Let me think. So,"
BEGUN = {"role": "assistant", "content": WORDS}


def body(style, **settings):
    options = {"prefill": style}
    return decode_json(request_body(deployment(options=options, **settings), request(), WORDS))


def plain(**settings):
    return decode_json(request_body(deployment(**settings), request()))


@pytest.mark.parametrize(
    ("style", "last", "fields"),
    [
        ("prefix-field", [], {"prefix": WORDS}),
        ("prefix-message", [{**BEGUN, "prefix": True}], {}),
        ("partial-message", [{**BEGUN, "partial": True}], {}),
        ("continue-final-message", [BEGUN], {"continue_final_message": True, "add_generation_prompt": False}),
        ("trailing-message", [BEGUN], {}),
        ("none", [], {}),
    ],
)
def test_each_style(style, last, fields):
    before = plain()
    assert body(style) == {**before, "messages": [*before["messages"], *last], **fields}


@pytest.mark.parametrize("style", STYLES)
def test_without_words_nothing_is_told(style):
    assert decode_json(request_body(deployment(options={"prefill": style}), request())) == plain()


@pytest.mark.parametrize(
    ("base_url", "style"),
    [
        ("https://api.siliconflow.cn/v1", "prefix-field"),
        ("https://api.ap.siliconflow.com/v1", "prefix-field"),
        ("https://api.mistral.ai/v1", "prefix-message"),
        ("https://API.Mistral.AI:443/v1", "prefix-message"),
        ("https://qianfan.baidubce.com/v2", "prefix-message"),
        ("https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "partial-message"),
        ("https://api.moonshot.cn/v1", "partial-message"),
        ("https://api.groq.com/openai/v1", "trailing-message"),
        ("https://api.deepseek.com/beta", "prefix-message"),
        ("https://api.deepseek.com/v1", "none"),
        ("https://api.openai.com/v1", "none"),
        ("https://api.anthropic.com/v1", "none"),
        ("http://127.0.0.1:8000/v1", "none"),
        ("http://localhost:8080/v1", "none"),
        ("https://notsiliconflow.cn/v1", "none"),
        ("https://api.mistral.ai.example.com/v1", "none"),
    ],
)
def test_auto_goes_by_the_host_and_never_by_the_port(base_url, style):
    assert style_of(deployment(base_url=base_url)) == style
    assert style_of(deployment(base_url=base_url, options={"prefill": "auto"})) == style
    assert OPENAI.continues(deployment(base_url=base_url), request()) is (style != "none")


def test_what_is_configured_wins_over_the_host():
    settings = {"base_url": "https://api.mistral.ai/v1"}
    assert style_of(deployment(**settings, options={"prefill": "none"})) == "none"
    assert style_of(deployment(options={"prefill": "trailing-message"})) == "trailing-message"


def test_every_known_host_has_a_way():
    assert set(KNOWN_HOSTS.values()) <= set(STYLES) - {"none"}


@pytest.mark.parametrize(
    ("style", "dropped"), [("prefix-field", "prefix"), ("continue-final-message", "add_generation_prompt")]
)
def test_a_way_whose_field_is_dropped_is_no_way(style, dropped):
    one = deployment(options={"prefill": style}, drop_fields=frozenset({dropped}))
    assert not OPENAI.continues(one, request())


THINKING = [
    {"reasoning_effort": "low"},
    {"enable_thinking": True},
    {"thinking": {"type": "enabled"}},
    {"chat_template_kwargs": {"enable_thinking": True}},
]
NOT_THINKING = [
    {},
    {"reasoning_effort": "none"},
    {"enable_thinking": False},
    {"thinking": {"type": "disabled"}},
    {"chat_template_kwargs": {"enable_thinking": False}},
]


@pytest.mark.parametrize(("fields", "continues"), [*((f, False) for f in THINKING), *((f, True) for f in NOT_THINKING)])
def test_a_model_that_is_asked_to_think_does_not_go_on(fields, continues):
    options = {"prefill": "trailing-message"}
    assert OPENAI.continues(deployment(options=options), request(parameters=fields)) is continues
    assert OPENAI.continues(deployment(options=options, extra_fields=fields), request()) is continues


def test_a_deployments_fields_win_over_the_clients():
    one = deployment(options={"prefill": "trailing-message"}, extra_fields={"enable_thinking": False})
    assert OPENAI.continues(one, request(parameters={"enable_thinking": True}))


def test_it_says_that_it_continues_and_checks_the_option():
    assert isinstance(OPENAI, Continues)
    for style in ("auto", *STYLES):
        assert OPENAI.problems(deployment(api_key=Secret("sk"), options={"prefill": style})) == []
    (problem,) = OPENAI.problems(deployment(options={"prefill": "suffix"}))
    assert problem.startswith("options.prefill: is 'suffix', needs one of auto, prefix-field,")
    (unknown,) = OPENAI.problems(deployment(options={"prefil": "none"}))
    assert unknown == "options.prefil: is unknown, known is prefill"
