"""What the demonstration says: an acknowledging and an answering model that admit to being neither.

The words fit what the user just said - a greeting, a question, a request - and its script, Chinese or not; the same
words get the same reply.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from typing import Literal

from loro_core import Json

Kind = Literal["greeting", "question", "request"]
Words = Mapping[tuple[str, Kind], tuple[str, ...]]

_HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff]")
_GREETING = re.compile(
    r"\s*(?:hi|hello|hey|good (?:morning|afternoon|evening)|how are you"
    r"|你好|您好|嗨|喂|早上好|下午好|晚上好|早安|大家好)(?![a-z])",
    re.IGNORECASE,
)
_QUESTION = re.compile(
    r"[?？]|\A\s*(?:who|what|when|where|why|how|which|whose|is|are|was|were|do|does|did|can|could|will|would|should)\b"
    r"|[吗呢么]\W*\Z|什么|怎么|怎样|为什么|哪|谁|多少|几[点个天]|是不是|能不能|有没有",
    re.IGNORECASE,
)

_REQUEST = re.compile(
    r"\A\s*(?:please|(?:can|could|will|would) you)\b|\bplease\W*\Z|请(?!问)|帮我|麻烦|给我|[把将].+[开关调换]",
    re.IGNORECASE,
)

_ACKNOWLEDGEMENTS: Words = {
    ("en", "greeting"): ("Hello there!", "Hi, good to hear you!"),
    ("en", "question"): ("Good question, let me see. So,", "Let me think about that. Well,"),
    ("en", "request"): ("Let me see about that. So,", "Okay, let me look into that. Now,"),
    ("zh", "greeting"): ("你好！", "嗨，你好！"),
    ("zh", "question"): ("好问题，我想想。", "嗯，让我看看。"),
    ("zh", "request"): ("好的，我看一下。", "嗯，我来看看。"),
}

_ANSWERS: Words = {
    ("en", "greeting"): (
        (
            "This is the demo, so no model is connected yet. Set the SMALL_MODEL and LARGE_MODEL variables, "
            "and a real pair will talk to you."
        ),
        (
            "Nice to hear from you. I am only a demo, with no model behind me; the SMALL_MODEL and LARGE_MODEL "
            "variables connect real ones."
        ),
    ),
    ("en", "question"): (
        (
            "A real model would know, but this is a demo and none is connected. Set the SMALL_MODEL and LARGE_MODEL "
            "variables to ask real ones."
        ),
        (
            "I cannot tell you, because this is the demo: what you hear is a script, not a model. The SMALL_MODEL and "
            "LARGE_MODEL variables connect real ones."
        ),
    ),
    ("en", "request"): (
        (
            "This is where a large model would get to work. This is a demo and none is connected; set the "
            "SMALL_MODEL and LARGE_MODEL variables to use real ones."
        ),
        (
            "I would, but this is only a demo without a model. Set the SMALL_MODEL and LARGE_MODEL variables, "
            "then ask me again."
        ),
    ),
    ("zh", "greeting"): (
        "这里是演示，还没有连接任何模型。设置 SMALL_MODEL 和 LARGE_MODEL 开头的变量，就能和真正的模型对话。",
        "很高兴和你聊天。我只是演示，背后没有模型；设置 SMALL_MODEL 和 LARGE_MODEL 开头的变量即可接入。",
    ),
    ("zh", "question"): (
        "真正的模型会知道答案，但这只是演示，没有连接模型。请设置 SMALL_MODEL 和 LARGE_MODEL 开头的变量。",
        "这个我答不了，因为现在是演示，你听到的是脚本。设置 SMALL_MODEL 和 LARGE_MODEL 开头的变量，就能接入真模型。",
    ),
    ("zh", "request"): (
        "这里本该由大模型来完成，但现在是演示，没有连接模型。请设置 SMALL_MODEL 和 LARGE_MODEL 开头的变量。",
        "我很想帮忙，可这只是没有模型的演示。设置好 SMALL_MODEL 和 LARGE_MODEL 开头的变量，再来问我吧。",
    ),
}

# How a small and a large hosted model feel: the pause that loro is there to fill is a second or so.
DEMOS: Mapping[str, tuple[Words, Mapping[str, Json]]] = {
    "acknowledgement": (_ACKNOWLEDGEMENTS, {"first_token_s": 0.1, "tokens_per_s": 250}),
    "answer": (_ANSWERS, {"first_token_s": 1.2, "tokens_per_s": 25}),
}


def demo_options(demo: str, user_text: str) -> dict[str, Json]:
    """Return the script options that play `demo` to what the user said last."""
    words, pace = DEMOS[demo]
    variants = words[_language(user_text), _kind(user_text)]
    return {**pace, "text": variants[zlib.crc32(user_text.encode("utf-8", "replace")) % len(variants)]}


def _language(text: str) -> str:
    return "zh" if _HAN.search(text) else "en"


def _kind(text: str) -> Kind:
    if _GREETING.match(text) and len(text) <= 40:  # a longer one goes on to ask for something
        return "greeting"
    return "question" if _QUESTION.search(text) and not _REQUEST.search(text) else "request"
