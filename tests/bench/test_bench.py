"""`make bench` from end to end, as short as it goes."""

from __future__ import annotations

import json

import pytest

from tests.bench.__main__ import _command, main
from tests.bench.cases import CASES
from tests.bench.findings import Finding


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        ([], "make bench"),
        (["--peers"], "make bench-peers"),
        (["--peers", "--full", "--rounds", "2"], 'make bench-peers ARGS="--full --rounds 2"'),
    ],
)
def test_the_report_says_what_to_type(arguments, command):
    assert _command(arguments) == command


@pytest.mark.slow
@pytest.mark.timing
def test_the_smallest_case_measures_a_gateway(tmp_path, capsys):
    arguments = ["--case", "burst", "--case", "answer", "--rounds", "1", "--seconds", "0.3", "--out", str(tmp_path)]
    assert main(arguments) == 0
    report = json.loads((tmp_path / "bench.json").read_text())
    burst, answer = report["findings"]
    assert burst["case"] == "burst" and burst["failed"] == answer["failed"] == ""
    cpu, rate, *_ = burst["series"]
    assert cpu["unit"] == "µs" and set(cpu["sides"]) == {"direct"} and 20 < cpu["sides"]["direct"][0] < 100_000
    assert set(rate["sides"]) == {"straight", "direct"} and rate["sides"]["straight"] > rate["sides"]["direct"]
    assert [bar["verdict"] for bar in burst["bars"]] == ["-", "-"], "without nginx and LiteLLM there is no ratio"
    assert answer["series"][0]["sides"]["direct"][0] >= 100.0, "the large model's first token comes after 100 ms"
    assert "<svg" in (tmp_path / "bench.html").read_text()
    assert "make bench-peers" in capsys.readouterr().out


@pytest.mark.slow
def test_a_case_that_cannot_be_measured_fails_the_run_and_not_the_others(tmp_path, monkeypatch, capsys):
    def broken(house):
        raise AssertionError("a round without a good reply")

    monkeypatch.setitem(CASES, "ttft", broken)
    monkeypatch.setitem(CASES, "start", lambda house: Finding("start", "The start", "as ever"))
    arguments = ["--case", "ttft", "--case", "start", "--rounds", "1", "--out", str(tmp_path)]
    assert main(arguments) == 1
    said = capsys.readouterr().out
    assert "a round without a good reply" in said and "The start: as ever" in said
