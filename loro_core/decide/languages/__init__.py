"""The languages that loro has words for, by tag (BCP 47; the script of Chinese is told by its region)."""

from __future__ import annotations

from collections.abc import Mapping

from loro_core.decide.languages import (
    arabic,
    chinese,
    chinese_traditional,
    english,
    french,
    german,
    hindi,
    japanese,
    korean,
    portuguese,
    russian,
    spanish,
)
from loro_core.decide.rules import Language

LANGUAGES: Mapping[str, Language] = {
    "en": english.LANGUAGE,
    "zh-CN": chinese.LANGUAGE,
    "zh-TW": chinese_traditional.LANGUAGE,
    "ja": japanese.LANGUAGE,
    "ko": korean.LANGUAGE,
    "es": spanish.LANGUAGE,
    "fr": french.LANGUAGE,
    "de": german.LANGUAGE,
    "pt": portuguese.LANGUAGE,
    "ru": russian.LANGUAGE,
    "ar": arabic.LANGUAGE,
    "hi": hindi.LANGUAGE,
}
