"""Errors in the log without what they say: messages of databases and encoders may hold the text that was worked on."""

import traceback
from pathlib import Path


def where(error: BaseException) -> str:
    """The kind of an error and the places in the code that it came through, without its message."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    places = " > ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames)
    return f"{type(error).__name__} at {places}"
