"""Wording through gettext. Message ids are the Chinese texts; other catalogues lie in frontend/locales."""

import gettext as _gettext
from functools import lru_cache

from backend.config import FRONTEND_DIR

LOCALES_DIR = FRONTEND_DIR / "locales"
SOURCE_LANGUAGE = "zh"


@lru_cache
def translations(language: str) -> _gettext.NullTranslations:
    """The catalogue of a language; Chinese, the language of the message ids, needs none."""
    if language == SOURCE_LANGUAGE:
        return _gettext.NullTranslations()
    return _gettext.translation("messages", LOCALES_DIR, languages=[language], fallback=True)


def gettext(message: str) -> str:
    """Mark a message for extraction and give its wording; the source language until a second catalogue exists."""
    return translations(SOURCE_LANGUAGE).gettext(message)
