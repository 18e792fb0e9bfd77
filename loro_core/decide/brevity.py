"""Turns too short to be acknowledged: to "yes", "mm-hm" and 不用了 an acknowledgement is longer than the turn.

One word is always short, two words are unless they ask or want something ("what time", "play jazz"). A list holds the
longer ones that only keep a conversation going or answer a yes-no question. Thanks and goodbyes are short too, however
many words they take: they want no work of anybody.
"""

from __future__ import annotations

import re
from unicodedata import normalize

from loro_core.decide.category import Category, category_of
from loro_core.decide.history import spoken_form

_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\u0e00-\u0e7f\U00020000-\U0003ffff]+")
_CHARACTERS_TO_A_WORD = 1.6
"""Of scripts that put no spaces between words; Chinese words have one or two characters."""


_ASKING = (Category.QUESTION, Category.EXPLAIN, Category.LOOKUP, Category.REQUEST)


def is_short(turn: str, language: str | None) -> bool:
    """Return whether `turn` is too short to be acknowledged. Any text is taken."""
    if spoken_form(turn) in _SAID_TO_KEEP_GOING:
        return True
    words = words_in(turn)
    if words <= 1:
        return True
    category = category_of(turn, language)
    if category is Category.CLOSING:
        return True
    return words <= 2 and "?" not in turn and category not in _ASKING


def words_in(text: str) -> int:
    """Return about how many words `text` has, in any script; "mm-hm" and "3.5" are one."""
    text = normalize("NFC", text)
    unspaced = sum(len(run) for run in _UNSPACED.findall(text))
    spaced = sum(any(map(str.isalnum, word)) for word in _UNSPACED.sub(" ", text).split())
    return round(unspaced / _CHARACTERS_TO_A_WORD) + spaced


_SAID_TO_KEEP_GOING = frozenset(
    spoken_form(line)
    for line in """
    yes please|no thank you|no thanks|yeah sure|yes sure|sure thing|of course|yes of course|of course not|not really
    i think so|i guess so|i don't think so|i do|i don't|i am|i'm not|it is|it isn't|that's right|that is right
    that's correct|that's it|that's fine|that's okay|sounds good|that sounds good|go on|go ahead|please go on|keep going
    all right then|okay then|okay got it|okay i see|i see|i see okay|oh i see|got it thanks|no that's fine|no i'm good
    yes i do|no i don't|yes it is|no it isn't|yes that's right|no not yet|not yet|no problem|never mind|maybe later
    uh huh|mm hm|mm hmm|yeah yeah|yep yep|no no|no no no|yeah no|oh okay|oh really|are you sure|really
    不用了|不用了谢谢|不需要|不要了|没有了|没事了|没什么|知道了|我知道了|明白了|我明白了|好的好的|好的谢谢|可以的|可以啊|没问题
    是的没错|对的没错|对对对|嗯嗯嗯|不是的|不是这个|算了吧|应该是吧|我觉得可以|就是这样|你继续|继续说|继续吧|原来如此|好的没问题
    好的我知道了|哦原来是这样|那好吧|不用了謝謝|沒問題|沒有了|我知道了|好的謝謝|不需要了
    sí por favor|no gracias|claro que sí|claro que no|por supuesto|está bien|creo que sí|creo que no|de acuerdo
    oui s'il vous plaît|non merci|bien sûr|d'accord|je crois que oui|je ne crois pas|c'est ça|ça marche|pas vraiment
    ja bitte|nein danke|na klar|ja genau|das stimmt|alles klar|ich glaube schon|ich glaube nicht|auf keinen fall
    sim por favor|não obrigado|não obrigada|claro que sim|está bem|acho que sim|acho que não|com certeza|tudo bem
    да пожалуйста|нет спасибо|да конечно|конечно нет|я думаю да|думаю нет|всё понятно|хорошо понял|не надо|ну да
    はいお願いします|いいえ結構です|そうですね|わかりました|はいわかりました|大丈夫です|そうです|違います|いいえ違います|なるほど|結構です
    はいそうです|お願いします|了解です|ありがとうございます|もちろんです
    네 맞아요|아니요 괜찮아요|알겠습니다|네 알겠습니다|괜찮습니다|그렇습니다|아니에요|맞습니다|그래요|네 부탁해요
    감사합니다
    نعم من فضلك|لا شكرا|بالطبع|حسنا فهمت|أعتقد ذلك|لا أعتقد ذلك|هذا صحيح
    हाँ ठीक है|जी हाँ|जी नहीं|नहीं धन्यवाद|ठीक है|हाँ बिल्कुल|मुझे लगता है|समझ गया|समझ गई
    """.replace("\n", "|").split("|")
    if line.strip()
)
"""Backchannels and answers to yes-no questions of more than one word, as `history.spoken_form` writes them."""
