"""What a conversation demands of the reply's first words, as far as it is said in words.

leading_marker   the system prompt wants every reply to begin with something, or to be in a format that words before it
                 would break: ✓ ○ ◐, [[tag]], JSON, XML, SSML
exact_words      the user wants to hear something said exactly, or nothing beside it
wish             the user, or the system prompt, has asked for no fillers

Prompts also say what they do not want ("no JSON, no markdown"), so formats are read sentence by sentence, and a
sentence that forbids something demands nothing. English and Chinese are read well; other languages by what is the same
in them (markers, names of formats) and by their commonest ways to say it.
"""

from __future__ import annotations

import re
from functools import lru_cache

from loro_core.chat import ChatRequest
from loro_core.decide.rules import one_of, plain

LOOKED_AT_CHARACTERS = 20000
"""So much of a system prompt is looked at: it costs about a millisecond, once a prompt."""

LOOKED_AT_TURNS = 20
"""So many of the user's turns are looked at for a wish."""

_SPOKEN_CHARACTERS = 600


def leading_marker(request: ChatRequest) -> bool:
    """Return whether a system message fixes how replies begin, or their format."""
    return any(_fixes_format(m.text) for m in request.messages if m.role in ("system", "developer"))


def exact_words(request: ChatRequest) -> bool:
    """Return whether the user's last turn wants exact words, or nothing beside the answer."""
    return _EXACT.search(plain(request.last_user_text[:_SPOKEN_CHARACTERS])) is not None


def wish(request: ChatRequest) -> bool:
    """Return whether fillers were asked not to be: by the user in a late turn, or by the operator's prompt."""
    turns = [m.text for m in request.messages if m.role == "user"][-LOOKED_AT_TURNS:]
    if any(_is_a_wish(plain(text[:_SPOKEN_CHARACTERS])) for text in turns):
        return True
    return any(_forbids_fillers(m.text) for m in request.messages if m.role in ("system", "developer"))


# --- the system prompt -------------------------------------------------------------------------------------------

_MARKERS = re.compile(r"[✓✔○◐◑●]|\[\[ ?/?[\w-]+(?:[:=][^\]\n]{1,40})? ?\]\]|<speak\b")
"""Pipecat's marks of a finished or unfinished turn, tags in double brackets, SSML's root."""

_REPLY = "(?:repl(?:y|ies)|responses?|answers?|outputs?|messages?|turns?|sentences?)"
_ANSWERS = "(?:reply|respond|answer|output|return|produce|emit|write|format|wrap|encode)"
_FORMATS = "(?:json|xml|yaml|ssml|csv|html|toml)"
_DEMANDS = one_of(
    rf"\b{_ANSWERS}\w*\b.{{0,60}}\b{_FORMATS}\b",
    rf"\b{_FORMATS}\b.{{0,40}}\b(?:only|format|object|array|document|schema|{_REPLY})\b.{{0,20}}$",
    rf"\b(?:only|valid|strict) {_FORMATS}\b",
    rf"\b(?:begin|start|prefix|prepend|open|precede)\w*\b.{{0,30}}\b{_REPLY}\b.{{0,20}}\b(?:with|by)\b",
    rf"\b{_REPLY}\b.{{0,30}}\b(?:begin|start|be prefixed|be preceded)s?\b.{{0,10}}\b(?:with|by)\b",
    r"\bfirst (?:character|word|token|line)\b.{0,30}\b(?:must|should|has to|is always|of)\b",
    r"\b(?:reply|respond|answer|output)\w* (?:with )?(?:only|just|exactly|exclusively)\b(?! (?:in|to|about|when|if)\b)",
    r"\b(?:only|just) (?:reply|respond|answer|output) with\b",
    rf"(?:输出|返回|回复|回答|格式).{{0,20}}{_FORMATS}|{_FORMATS}.{{0,10}}(?:格式|输出|返回|回复|回答)",
    "(?:以|用).{1,20}(?:开头|开始)|(?:开头|第一个字|首字).{0,10}(?:必须|应|要|是)|只(?:能)?(?:输出|返回|回复|回答)",
)
_FORBIDS = one_of(
    r"\b(?:not|never|no|avoid|without|dont|cannot|cant|nor|instead of|rather than)\b",
    "不要|不得|禁止|避免|切勿|别|勿",
)
_NO_FILLERS = one_of(
    r"\b(?:no|not|never|avoid|without|skip|dont|omit)\b.{0,50}\b(?:fillers?|filler words?|preambles?|pleasantries"
    r"|acknowledge?ments?|acknowledg(?:e|ing) the|let me (?:see|check|think|look))",
    "(?:不要|不得|禁止|避免|切勿|别).{0,12}(?:废话|开场白|客套|填充词|语气词|寒暄)",
)
_SENTENCE = re.compile(r"(?<=[.!?;])\s+|。|\n+")


@lru_cache(maxsize=64)
def _fixes_format(prompt: str) -> bool:
    sentences = _sentences(prompt)
    if any(_MARKERS.search(s) for s in sentences):
        return True
    return any(_DEMANDS.search(s) and not _FORBIDS.search(s) for s in sentences)


@lru_cache(maxsize=64)
def _forbids_fillers(prompt: str) -> bool:
    return any(_NO_FILLERS.search(s) for s in _sentences(prompt))


def _sentences(prompt: str) -> list[str]:
    return [plain(s) for s in _SENTENCE.split(prompt[:LOOKED_AT_CHARACTERS]) if s]


# --- the user ----------------------------------------------------------------------------------------------------

_SAY = "(?:say|saying|tell me|telling me|repeat|repeating|use|using|give me|giving me)"
_FILLERS = (
    "(?:let me (?:see|check|think|look|have)|(?:one|just a) (?:moment|second|sec)|hold on|hang on|h+m+"
    "|(?:good|great) question|fillers?|filler words?|stuff like that|th(?:e|o)se (?:things|phrases))"
)
_UNWANTED = one_of(
    r"\b(?:stop|quit|dont|do not|no more|without|enough with the|cut the|skip the|never|no need to) "
    rf"(?:{_SAY} )?(?:\w+ ){{0,3}}?[\"“]?{_FILLERS}",
    r"\b(?:stop|quit) (?:saying|repeating) (?:that|this|so|it|okay|ok|well|the same)"
    r"(?: (?:thing|phrase|line|every time|all the time|over and over|please|again|first|already))*(?=$|[.,!?])",
    r"\byou (?:keep|always|dont (?:have|need) to) (?:saying|say|repeating|repeat) (?:that|this|so|it|the same|let me)",
    r"\b(?:just|simply) (?:answer|tell me|say it|give me the answer)"
    r"(?: (?:me|it|my question|the question|directly|straight|already|please|straight away|right away))*(?=$|[.,!?])",
    r"\b(?:get|come) (?:straight )?to the point|\bcut to the chase",
    r"\bno (?:fillers?|preamble|small talk|chit ?chat)\b",
    r"\b(?:answer|respond) (?:me )?(?:directly|straight away|right away|immediately)(?=$|[.,!?])",
    '(?:别|不要|不用|少|停止)(?:再|老是?|总是?|每次都?)?(?:跟我|和我|对我)?(?:说|讲|来)?(?:这种|这些|那些|什么)?["“「]?'
    "(?:让我(?:想|看|查)|稍等|等一[下等]|废话|客套|套话|口头禅|没用的话?|开场白|好的我)",
    "(?:别|不要|不用)(?:再|老是?|总是?)(?:说|讲|重复)(?:这个|这句|那句|那个|这些|同样)?(?:了|话|的话)?(?=$|[\\s,.!。])",
    "直接(?:回答|说答案|给(?:我)?答案|说结果|告诉我答案|说重点|讲重点)",
    "废话少说|少说废话|少废话|别废话|说重点|讲重点",
    "\\b(?:sin rodeos|ve al grano|vaya al grano|deja de decir|no digas (?:siempre|déjame))",
    "\\b(?:va droit au but|allez droit au but|arrête de dire|arrêtez de dire|sans blabla)",
    "\\b(?:komm zur sache|kommen sie zur sache|hör auf zu sagen|ohne füllwörter|antworte (?:einfach|direkt))",
    "\\b(?:vá direto ao ponto|pare de dizer|para de dizer|sem rodeios)",
    "\\b(?:ближе к делу|хватит говорить|без лишних слов|отвечай сразу)",
    "前置きは(?:いい|要らない|いらない|不要)|余計なことは言わ|すぐに答えて|본론만|군말 없이|바로 (?:대답|답)해",
)
_HINTS_OF_A_WISH = (
    *("stop", "quit", "dont", "do not", "no more", "without", "enough", "cut ", "skip", "never", "no need", "saying"),
    *("you keep", "you always", "just ", "simply", "the point", "no filler", "no preamble", "no small", "no chit"),
    *("directly", "straight", "right away", "immediately", "别", "不要", "不用", "少", "停止", "直接", "废话", "重点"),
    *("rodeos", "grano", "deja de", "no digas", "droit au but", "arrête", "sans blabla", "zur sache", "hör auf"),
    *("füllwörter", "antworte", "ao ponto", "de dizer", "к делу", "хватит", "без лишних", "сразу"),
    *("前置き", "余計", "すぐに", "본론", "군말", "바로"),
)
"""One of these is in every wish. Most turns have none, and a search for them costs a hundredth of the patterns."""


def _is_a_wish(turn: str) -> bool:
    return any(hint in turn for hint in _HINTS_OF_A_WISH) and _UNWANTED.search(turn) is not None


_EXACT = one_of(
    r"\b(?:say|reply|respond|answer|output|write|print|type) (?:me |back )?(?:with )?"
    r"(?:exactly|verbatim|word for word|nothing but|precisely|literally)\b(?=.*\w)",
    r"(?<!the )\b(?:say|reply|respond|answer|output) (?:with )?(?:only|just) "
    r"(?!a (?:bit|little|moment|second)|because|in case|you\b|i\b|we\b)",
    r"\b(?:only|just) (?:say|output|(?:reply|respond|answer) with) (?!if|when|that|it\b)[\"“]?\w+",
    r"\b(?:repeat|say) (?:this |it |that )?(?:exactly )?(?:after|back to) me\b|\brepeat (?:exactly|verbatim)",
    r"\b(?:say|add|write|output) nothing (?:else|more|but)\b|\band nothing else\b|\bno other words\b",
    r"\b(?:do not|dont) (?:say|add|write|output) anything (?:else|more|before|besides)\b",
    r"\b(?:in|with) (?:just |only |exactly )?(?:one|a single|1|two|three) words?\b|\bone[- ]word (?:answer|reply)",
    r"\b(?:say|answer) (?:me )?(?:with )?(?:a )?(?:simple )?yes or no\b|\byes or no(?: only)?[.?! ]*$",
    "(?:只|仅)(?:需|要|能|准|用)?(?:说|回答|回复|输出|写|念)|(?:跟着?我|照着?)(?:说|念|读)|一字不(?:差|漏|改)|原封不动",
    "(?:不要|别)说(?:别的|其他|其它|多余)|(?:用)?一个(?:字|词)(?:来)?(?:说|回答|回复|概括)",
    "回答是(?:或|还是)(?:否|不是)|重复(?:一遍)?我(?:说|刚)",
)
