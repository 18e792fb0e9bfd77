"""docs/models/supervision.md says what the code does."""

from __future__ import annotations

import re

import pytest

from loro_core.decide import lifecycle, liveness
from loro_core.models import InstanceState, Launch
from loro_core.runtime import keeper, log_ring, process, supervisor
from loro_core.wire import log_lines
from loro_llamacpp import __main__ as launcher
from tests.documents import DOCS

PAGE = (DOCS / "models" / "supervision.md").read_text(encoding="utf-8")
PROSE = " ".join(PAGE.split())


def test_every_state_has_a_row_and_there_is_no_other():
    rows = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert rows == ["stopped", "starting", "loading", "ready", "draining", "stopping", "waiting", "failed"]
    assert sorted(rows) == sorted(state.value for state in InstanceState)


@pytest.mark.parametrize(
    "sentence",
    [
        f"asked for its health every {liveness.EVERY_S:g} s",
        f"only of {liveness.SILENT_FOR_S:g} s",
        f"memory is measured every {supervisor.MEASURE_EVERY_S:g} s",
        f"| {lifecycle.STEADY_S:g} s or longer | at once |",
        f"after {lifecycle.FIRST_PAUSE_S:g} s, {2 * lifecycle.FIRST_PAUSE_S:g} s, {4 * lifecycle.FIRST_PAUSE_S:g} s",
        f"{lifecycle.LONGEST_PAUSE_S:g} s at most",
        f"| less, {lifecycle.GIVE_UP_AFTER} times in a row | not: `failed` |",
        f"{lifecycle.GIVE_UP_AFTER} quick deaths",
        f"After `stop_grace_s` ({Launch(kind='', command=()).stop_grace_s:g} s) what is left is killed",
        f"{log_ring.MAX_LINES} lines or {log_ring.MAX_BYTES // 1024} KiB",
        f"over {log_lines.MAX_LINE_BYTES} bytes are cut",
        f"{process.LINES_PER_S} lines a second",
        f"{launcher.USUAL_CONTEXT_TOKENS} at most",
        f"left their slot: {launcher.CACHE_MIB}",
    ],
)
def test_its_numbers_are_the_codes(sentence):
    assert sentence in PROSE


def test_numbers_that_stand_in_words():
    assert liveness.MISSES == 3 and "Three answers in a row" in PROSE
    assert lifecycle.MOST_MOVES == 3 and "three times in a row without counting it as a death" in PROSE
    assert keeper.ORPHAN_S == 0.5 and "kills it after half a second" in PROSE


def test_the_launchers_options_are_all_there(capsys):
    with pytest.raises(SystemExit):
        launcher.arguments(["--help"])
    options = set(re.findall(r"--[a-z-]+", capsys.readouterr().out)) - {"--help"}
    rows = {
        option for row in re.findall(r"^\| (`--.*?) \|", PAGE, re.MULTILINE) for option in re.findall(r"--[a-z-]+", row)
    }
    assert rows == options
