"""What is said to the server: five short conversations, as people speak to an assistant, in two languages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

LANGUAGES = ("en", "zh")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One conversation. turns: what the user says, in order; each is asked with all that was said before it."""

    name: str
    language: str
    turns: tuple[str, ...]

    def label(self, turn: int) -> str:
        """Return what turn `turn` (from 1) is called in tables: its replies are compared with one another only."""
        which = f" {turn}" if len(self.turns) > 1 else ""
        return f"{self.name}{which} ({self.language})"


_TURNS = {
    ("greeting", "en"): ("Hello there!",),
    ("greeting", "zh"): ("你好！",),
    ("question", "en"): ("What should I wear for a walk on a rainy day?",),
    ("question", "zh"): ("下雨天出门散步，穿什么衣服比较好？",),
    ("request", "en"): ("Help me write a short note that says I will be ten minutes late.",),
    ("request", "zh"): ("请帮我写一句话，告诉同事我会晚到十分钟。",),
    ("knowledge", "en"): ("Why is the sky blue in the daytime and red at sunset?",),
    ("knowledge", "zh"): ("为什么白天的天空是蓝色的，日落时却是红色的？",),
    ("three-turns", "en"): (
        "I want to grow herbs on my balcony. Where do I start?",
        "Which of them need little sun?",
        "And how often should I water those?",
    ),
    ("three-turns", "zh"): (
        "我想在阳台上种一些香草，应该从哪里开始？",
        "其中哪些不需要很多阳光？",
        "那这些多久浇一次水？",
    ),
}

NAMES = tuple(dict.fromkeys(name for name, _ in _TURNS))


def scenarios(names: Iterable[str], languages: Iterable[str]) -> tuple[Scenario, ...]:
    """Return each of `names` in each of `languages`, names as in NAMES and each once."""
    return tuple(
        Scenario(name=name, language=language, turns=_TURNS[name, language])
        for name in dict.fromkeys(names)
        for language in languages
    )
