from __future__ import annotations

import json

import pytest

from loro_core.decide.words import Words
from tests.bench import micro
from tests.bench.subjects import SHAPE, SUBJECTS, WORDS, encode_chunks, phrase, reply_at_once, request, sse_at_once


@pytest.mark.parametrize("name", SUBJECTS)
def test_a_subject_can_be_done_again_and_again(name):
    work = SUBJECTS[name][0]()
    work()
    work()


def test_the_work_is_what_it_says():
    assert request()().messages[-1].text == "And why is its sky so blue?"  # type: ignore[attr-defined]
    assert len(sse_at_once()()) == SHAPE.events + 1  # type: ignore[arg-type]  # [DONE]
    deltas = reply_at_once()()
    assert "".join(d.content or "" for d in deltas) == "".join(SHAPE.words)  # type: ignore[attr-defined]
    assert isinstance(phrase()(), Words)
    assert encode_chunks()() is None and WORDS.endswith("So,")


def test_the_time_of_work_is_the_quickest_batchs(monkeypatch):
    clock = iter([0.0, 0.5, 1.0, 1.2, 2.0, 2.1])
    monkeypatch.setattr("tests.bench.micro.time.process_time", lambda: next(clock))
    monkeypatch.setattr(micro, "BATCHES", 2)
    assert micro.least_s("sse_at_once") == pytest.approx(0.1)


def test_one_subject_is_measured_and_written_down(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(micro, "BATCHES", 3)
    assert micro.main(["--only", "encode_chunks", "--out", str(tmp_path)]) == 0
    row = json.loads((tmp_path / "micro.json").read_text())["subjects"]["encode_chunks"]
    assert row["item"] == "event" and 0.05 < row["us"] < 500
    assert "encode_chunks" in capsys.readouterr().out


def test_instructions_of_start_and_preparation_cancel_out(monkeypatch):
    monkeypatch.setattr(micro, "_counted", lambda name, times: 235_000_000 + 222_000 * times)
    assert micro.instructions("sse_at_once") == 222_000
