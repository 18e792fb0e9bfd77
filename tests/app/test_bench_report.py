"""What bench prints, from fixed numbers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from loro_core.app.bench.document import document
from loro_core.app.bench.options import Address, Options
from loro_core.app.bench.report import heading, report
from loro_core.app.bench.scenarios import scenarios
from loro_core.app.bench.server import About
from loro_core.app.bench.summary import summarise
from loro_core.fleet import Secret
from tests.app.bench_samples import sample, timing

LORO = About(model="loro", listed=3, policy="adaptive", version="1.0", mode="gateway", health=200)
OTHER = About(model="llama", listed=1)

NUMBERS = {
    "quick_response_mode": {
        "total_requests": 4,
        "first_response_latency": {"avg": 0.1, "p50": 0.012, "p95": 0.013},
        "answer_first_token_latency": {"p50": 0.61, "p95": 0.62},
        "total_response_latency": {"p50": 1.0, "p95": 1.2},
        "errors": 1,
    },
    "direct_mode": {"total_requests": 0, "first_response_latency": {"p50": 0.0, "p95": 0.0}},
}


def options(**fields):
    defaults = {
        "address": Address(root="http://127.0.0.1:8000", api="http://127.0.0.1:8000/v1"),
        "model": None,
        "api_key": Secret("sk-secret"),
        "rounds": 2,
        "scenarios": scenarios(["greeting", "knowledge"], ["en"]),
        "policies": ("quick", "direct"),
        "client": "plain",
        "max_tokens": 150,
        "timeout_s": 60.0,
        "pause_s": 0.2,
        "as_json": False,
        "reset": False,
    }
    return Options(**{**defaults, **fields})


def quick(first_s, total_s, answer_s, scenario):
    found = timing(
        first_s,
        total_s,
        answer_s=answer_s,
        gap_s=answer_s - first_s,
        hole_s=0.25,
        acknowledged=True,
        legs_told=True,
    )
    return sample("quick", found, scenario=scenario, served="adaptive")


def direct(first_s, total_s, scenario):
    return sample("direct", timing(first_s, total_s, gap_s=0.04, legs_told=True), scenario=scenario, served="adaptive")


MEASURED = [
    quick(0.010, 1.000, 0.600, "greeting"),
    direct(0.590, 0.990, "greeting"),
    quick(0.012, 1.020, 0.620, "greeting"),
    direct(0.610, 1.010, "greeting"),
    quick(0.0145, 2.300, 0.700, "knowledge"),
    direct(0.690, 2.000, "knowledge"),
    quick(0.0155, 2.300, 0.720, "knowledge"),
    sample("direct", "500: the model broke", scenario="knowledge"),
]

REPORT = """\
milliseconds from the sending of the request: median [min-max]
scenario        policy  n  first content  first answer token    longest gap   longest hole             total
greeting (en)   quick   2     11 [10-12]       610 [600-620]  599 [590-608]  250 [250-250]  1010 [1000-1020]
greeting (en)   direct  2  600 [590-610]       600 [590-610]     40 [40-40]        0 [0-0]   1000 [990-1010]
knowledge (en)  quick   2     15 [14-16]       710 [700-720]  695 [686-704]  250 [250-250]  2300 [2300-2300]
knowledge (en)  direct  1  690 [690-690]       690 [690-690]     40 [40-40]        0 [0-0]  2000 [2000-2000]

seconds: averages of the medians
  quick   first content 0.013, first answer token 0.660, longest gap 0.647, longest hole 0.250, total 1.655 \
(served by adaptive; acknowledged 4 of 4)
  direct  first content 0.645, first answer token 0.645, longest gap 0.040, longest hole 0.000, total 1.500

quick against direct, over 2 questions
  first content       0.013 s, direct 0.645 s: 0.632 s (98 %) sooner
  first answer token  0.660 s, direct 0.645 s: 0.015 s (2 %) later
  longest gap         0.647 s, direct 0.040 s: 0.607 s longer
  longest hole        0.250 s, direct 0.000 s: 0.250 s longer
  total               1.655 s, direct 1.500 s: 0.155 s (10 %) later

quick: first content after 0.013 s: excellent
direct: first content after 0.645 s: needs improvement
(below 0.2 s excellent, below 0.5 s good, else needs improvement)
total time: quick costs 0.155 s (10 %): its whole reply is complete that much later than direct's

the server's own numbers, of all clients since its start or last reset
  quick   4 requests, first response p50 0.012 s p95 0.013 s, first answer token p50 0.610 s p95 0.620 s, \
total p50 1.000 s p95 1.200 s, errors 1
  direct  0 requests, first response p50 0.000 s p95 0.000 s

1 of 8 replies failed (direct 1)
  1 x 500: the model broke
"""


def text_of(samples, about=LORO, numbers=None, *, interrupted=False, **fields):
    return report(summarise(samples), about, options(**fields), numbers or {}, interrupted=interrupted)


def test_the_whole_report():
    assert text_of(MEASURED, numbers=NUMBERS) == REPORT


def test_a_voice_client_has_a_column_for_its_first_speech_and_a_verdict_on_it():
    text = text_of(MEASURED, client="livekit")
    assert "first content  first speakable  first answer token" in text
    assert "quick: first speakable after 0.013 s: excellent" in text
    assert "first speakable" not in text_of(MEASURED)


def test_heading_says_what_is_measured():
    assert heading(LORO, options()) == (
        "http://127.0.0.1:8000/v1: loro 1.0, policy adaptive; "
        "model loro (the first of 3 listed; --model picks another)\n"
        "8 replies: 2 rounds, quick, direct in turn, client plain, max_tokens 150\n"
    )
    assert heading(OTHER, options(rounds=1, policies=("quick",), client="livekit")) == (
        "http://127.0.0.1:8000/v1: a server that does not say it is loro; model llama\n"
        "2 replies: 1 round, quick alone, client livekit, max_tokens 150\n"
    )


def test_heading_says_plainly_when_it_is_the_demo():
    about = About(model="loro", listed=1, policy="adaptive", version="1.0", mode="demo", demo="no model is configured")
    assert "DEMO" in heading(about, options())
    assert "DEMO" not in heading(LORO, options())


def test_heading_names_an_unwell_server():
    assert "/health answers 503" in heading(About(model="m", listed=1, health=503), options())
    assert "/health" not in heading(About(model="m", listed=1, health=404), options())


def test_a_cost_within_noise_is_not_called_one():
    samples = [quick(0.01, 1.02, 0.6, "greeting"), direct(0.6, 1.0, "greeting"), direct(0.6, 1.04, "greeting")]
    text = text_of(samples)
    assert "total time: quick costs none that stands out from noise (1.020 s, direct 1.020 s)" in text


def test_a_quick_reply_that_is_slower_is_said_to_be():
    text = text_of([quick(0.9, 0.8, 1.0, "greeting"), direct(0.6, 1.0, "greeting")])
    assert "first content       0.900 s, direct 0.600 s: 0.300 s (50 %) later" in text
    assert "total time: quick costs none: its whole reply is complete 0.200 s (20 %) sooner than direct's" in text


def test_unacknowledged_replies_show():
    samples = [sample("quick", timing(0.6, 1.0, legs_told=True), served="adaptive"), direct(0.6, 1.0, "greeting")]
    assert "acknowledged 0 of 1" in text_of(samples)


def test_a_server_that_does_not_tell_legs_apart_is_named():
    note = "does not tell an acknowledgement from the answer"
    assert note in text_of([sample("quick", timing(0.1, 1.0))])
    assert note not in text_of(MEASURED)


def test_a_reply_held_back_on_its_way_is_named():
    text = text_of([sample("quick", timing(1.0, 1.0, contents=9, reads=1)), direct(0.6, 1.0, "greeting")])
    assert "Every reply of quick came in one piece" in text


def test_another_server_has_no_policies():
    samples = [sample("quick", timing(0.1, 1.0))]
    assert "--policies quick" in text_of(samples, OTHER)
    assert "--policies quick" not in text_of(samples, OTHER, policies=("quick",))
    assert "--policies quick" not in text_of(samples, LORO)


def test_nothing_measured_is_only_its_errors():
    samples = [sample("quick", "401: no such key"), sample("direct", "401: no such key")]
    assert text_of(samples, rounds=1, scenarios=scenarios(["greeting"], ["en"])) == (
        "2 of 2 replies failed (quick 1, direct 1)\n  2 x 401: no such key\n"
    )


def test_an_early_end_is_named():
    assert "Interrupted after 8 of 12 replies." in text_of(MEASURED, interrupted=True, rounds=3)
    assert "Given up: the first 1 replies all failed." in text_of([sample("quick", "no")])


def test_many_different_errors_are_cut():
    text = text_of([sample("quick", f"500: {number}") for number in range(9)])
    assert text.count("1 x 500") == 5
    assert "and 4 other messages" in text


def test_a_seeds_metrics_without_our_fields_are_shown():
    seed = {"quick_response_mode": {"total_requests": 2, "first_response_latency": {"p50": 0.2, "p95": None}}}
    assert "  quick   2 requests, first response p50 0.200 s p95 0.000 s\n" in text_of(MEASURED, numbers=seed)


# --- JSON --------------------------------------------------------------------------------------------------------


def json_of(samples, numbers=None, *, interrupted=False, **fields):
    text = document(samples, summarise(samples), LORO, options(**fields), numbers or {}, interrupted=interrupted)
    assert text.endswith("\n")
    assert "sk-secret" not in text
    return json.loads(text)


def test_document():
    found = json_of(MEASURED, NUMBERS)
    assert found["schema"] == 1
    assert found["server"] == {
        "url": "http://127.0.0.1:8000/v1",
        "loro": True,
        "demo": False,
        "version": "1.0",
        "policy": "adaptive",
        "model": "loro",
    }
    assert found["options"] == {
        "rounds": 2,
        "policies": ["quick", "direct"],
        "client": "plain",
        "max_tokens": 150,
        "timeout_s": 60.0,
        "pause_s": 0.2,
    }
    assert (found["planned"], found["replies"], found["failed"]) == (8, 7, 1)
    assert (found["interrupted"], found["legs_told"]) == (False, True)
    assert found["scenarios"][0] == {
        "scenario": "greeting (en)",
        "policy": "quick",
        "replies": 2,
        "failed": 0,
        "acknowledged": 2,
        "first_content_s": {"median": 0.011, "min": 0.01, "max": 0.012},
        "first_speakable_s": {"median": 0.011, "min": 0.01, "max": 0.012},
        "first_answer_s": {"median": 0.61, "min": 0.6, "max": 0.62},
        "longest_gap_s": {"median": 0.599, "min": 0.59, "max": 0.608},
        "longest_hole_s": {"median": 0.25, "min": 0.25, "max": 0.25},
        "total_s": {"median": 1.01, "min": 1.0, "max": 1.02},
    }
    assert found["policies"]["direct"] == {
        "replies": 3,
        "failed": 1,
        "acknowledged": 0,
        "served": ["adaptive"],
        "held_back": False,
        "averages": {
            "first_content_s": 0.645,
            "first_speakable_s": 0.645,
            "first_answer_s": 0.645,
            "longest_gap_s": 0.04,
            "longest_hole_s": 0.0,
            "total_s": 1.5,
        },
        "verdict": "needs improvement",
    }
    assert found["comparisons"]["quick"]["scenarios"] == ["greeting (en)", "knowledge (en)"]
    assert found["comparisons"]["quick"]["total"] == {
        "policy_s": 1.655,
        "direct_s": 1.5,
        "later_s": 0.155,
        "later_percent": pytest.approx(10.3333, abs=1e-3),
        "spread_s": 0.01,
        "is_noise": False,
    }
    assert found["errors"] == [{"message": "500: the model broke", "count": 1}]
    assert found["server_metrics"] == NUMBERS


def test_document_has_every_sample():
    found = json_of(MEASURED)["samples"]
    assert found[0] == {
        "label": "greeting (en)",
        "scenario": "greeting",
        "language": "en",
        "policy": "quick",
        "round": 1,
        "turn": 1,
        "served": "adaptive",
        "error": None,
        "head_s": 0.01,
        "first_content_s": 0.01,
        "first_speakable_s": 0.01,
        "first_answer_s": 0.6,
        "longest_gap_s": 0.59,
        "longest_hole_s": 0.25,
        "total_s": 1.0,
        "finish_reason": "stop",
        "characters": 40,
        "contents": 5,
        "reads": 5,
        "legs_told": True,
        "acknowledged": True,
    }
    assert found[-1]["error"] == "500: the model broke"
    assert "total_s" not in found[-1]


def test_document_of_nothing_measured():
    found = json_of([sample("quick", "no")], interrupted=True)
    assert found["policies"]["quick"]["verdict"] is None
    assert found["comparisons"] == {}
    assert found["server_metrics"] is None
    assert found["interrupted"]


def test_the_manual_names_every_field_of_the_document():
    manual = (Path(__file__).parents[2] / "docs" / "bench.md").read_text(encoding="utf-8")
    section = manual.partition("## JSON")[2]
    found = json_of(MEASURED, NUMBERS)
    rows = [found["scenarios"][0], found["policies"]["quick"], found["comparisons"]["quick"]["total"], *found["errors"]]
    for value in (found, found["server"], found["options"], *rows, *found["samples"]):
        for name in value:
            assert f"`{name}`" in section, name
