"""The search engine of this process."""

from typing import Annotated

from fastapi import Depends, Request

from backend.matching.index_sync import SearchEngine


def get_engine(request: Request) -> SearchEngine:
    """The search engine of this process."""
    engine: SearchEngine = request.app.state.engine
    return engine


EngineDep = Annotated[SearchEngine, Depends(get_engine)]
