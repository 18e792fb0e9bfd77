"""Samples with numbers that a test can reckon with."""

from __future__ import annotations

from loro_core.app.bench.reading import Timing
from loro_core.app.bench.rounds import Sample


def timing(
    first_s, total_s, *, answer_s=None, gap_s=0.1, hole_s=0.0, acknowledged=False, legs_told=False, contents=5, reads=5
):
    return Timing(
        head_s=first_s,
        first_content_s=first_s,
        first_answer_s=first_s if answer_s is None else answer_s,
        first_speakable_s=first_s,
        longest_gap_s=gap_s,
        longest_hole_s=hole_s,
        total_s=total_s,
        finish_reason="stop",
        characters=40,
        contents=contents,
        reads=reads,
        legs_told=legs_told,
        acknowledged=acknowledged,
    )


def sample(policy, found, *, scenario="greeting", number=1, served=""):
    here = found if isinstance(found, Timing) else None
    return Sample(
        label=f"{scenario} (en)",
        scenario=scenario,
        language="en",
        policy=policy,
        round=number,
        turn=1,
        served=served,
        timing=here,
        error=None if here else found,
    )
