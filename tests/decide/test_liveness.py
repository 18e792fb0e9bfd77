from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loro_core.decide.liveness import EVERY_S, MISSES, SILENT_FOR_S, WITHIN_S, Liveness, Probe

GOOD = Probe(connected=True, good=True, told="status 200")
BROKEN = Probe(connected=True, told="status 500")
REFUSED = Probe(connected=False, told="connection refused")
SILENT = Probe(connected=True, silent=True, told="silent for 5 s")


def verdicts(*probes: Probe) -> list[str | None]:
    liveness, now, told = Liveness(), 0.0, []
    for probe in probes:
        asked_at = now
        now += WITHIN_S if probe.silent else 0.0
        told.append(liveness.take(probe, asked_at, now))
        now += EVERY_S
    return told


def test_a_few_bad_answers_in_a_row_are_the_end():
    assert verdicts(*[BROKEN] * MISSES) == [None] * (MISSES - 1) + ["not healthy: status 500"]
    assert verdicts(*[REFUSED] * MISSES)[-1] == "not healthy: connection refused"


def test_a_good_answer_forgives_all_before_it():
    assert verdicts(*[BROKEN] * (MISSES - 1), GOOD, *[BROKEN] * (MISSES - 1)) == [None] * (2 * MISSES - 1)


def test_a_server_that_is_busy_with_a_long_prompt_is_left_alone():
    a_minute = int(60 / (EVERY_S + WITHIN_S))
    assert verdicts(*[SILENT] * a_minute, GOOD) == [None] * (a_minute + 1)


def test_one_that_stays_silent_hangs():
    told = verdicts(*[SILENT] * 12)
    first = next(n for n, verdict in enumerate(told) if verdict)
    assert SILENT_FOR_S <= first * (EVERY_S + WITHIN_S) + WITHIN_S <= SILENT_FOR_S + EVERY_S + WITHIN_S
    assert told[first] == "no health answer for 95 s"


@given(st.lists(st.sampled_from([BROKEN, SILENT, REFUSED]), max_size=MISSES - 1), st.integers(0, 5))
def test_no_handful_of_misses_between_good_answers_is_the_end(misses: list[Probe], times: int) -> None:
    assert not any(verdicts(*[GOOD, *misses] * times))
