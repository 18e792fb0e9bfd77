"""Chinese in traditional characters: the rules of `chinese`, whose patterns even the characters out, and a prompt."""

from __future__ import annotations

from dataclasses import replace

from loro_core.decide.languages import chinese

LANGUAGE = replace(
    chinese.LANGUAGE,
    last_reply="上一次的回覆是這樣開頭的，這次請換一種說法：",
    prompt="""\
你是語音助理的開場聲音。使用者剛說完話，另一位同事正在準備回答。請用繁體中文說一句簡短的應答，三到十個字，讓對方知道你聽到了，\
例如：我來看一下。
如果使用者只是打招呼，就回一聲招呼；如果使用者道謝或告別，就客氣一句。
不要回答問題，不要同意或拒絕，不要許諾，不要反問。不說是或不是，不說數字、時間，也不說新的名字或事實。
只寫要說的話，只寫一行，不加引號。""",
)
