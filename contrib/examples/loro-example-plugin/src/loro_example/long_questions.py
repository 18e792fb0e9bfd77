"""The policy `long-questions`: a short question is answered, a long one is acknowledged first."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from loro_core import Acknowledge, ChatRequest, Leg, Plan, Snapshot

# A Chinese character or a kana counts as a word: their scripts put no space between words.
WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+")


@dataclass(frozen=True, slots=True)
class LongQuestions:
    """Acknowledges when the user's last text has more than `words` words."""

    name: str = "long-questions"
    words: int = 12

    def plan(self, request: ChatRequest, fleet: Snapshot, now: float, rng: random.Random) -> Plan:
        heard = sum(1 for _ in WORD.finditer(request.last_user_text))
        if heard <= self.words:
            return Plan(policy=self.name, reason="short question")
        # There may be no acknowledging model; the phrase book then speaks at once.
        asks = bool(fleet.deployments.get(Leg.ACK))
        return Plan(
            policy=self.name,
            acknowledge=Acknowledge(ask_model=asks, deadline_s=fleet.words_deadline_s if asks else 0.0),
            reason="long question",
        )
