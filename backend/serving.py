"""The application as a server process makes it: from the environment alone, with its log set up."""

from fastapi import FastAPI

from backend import logs
from backend.config import Settings
from backend.main import create_app


def make() -> FastAPI:
    """What uvicorn calls in each process."""
    settings = Settings()
    logs.configure(settings)
    return create_app(settings)
