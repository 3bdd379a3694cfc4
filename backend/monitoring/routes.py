"""Addresses for programs: `/healthz`, `/readyz`, `/metrics`."""

import secrets
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import JSONResponse, Response

from backend.config import Settings
from backend.db import Database
from backend.deps import SettingsDep, get_database
from backend.errors import NotFound
from backend.matching.deps import EngineDep
from backend.monitoring import service

router = APIRouter()

NO_STORE = {"Cache-Control": "no-store"}
LOOPBACK = frozenset({"127.0.0.1", "::1"})
NAMES_OF_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


@router.get("/healthz")
async def healthz() -> Response:
    """The process lives. Nothing else is asked, so that a slow database does not get it restarted."""
    return JSONResponse({"alive": True}, headers=NO_STORE)


@router.get("/readyz")
def readyz(database: Annotated[Database, Depends(get_database)], engine: EngineDep) -> Response:
    """Whether requests can be answered now; 503 tells a proxy to ask another process."""
    found = service.readiness(database, engine)
    content = {"ready": found.is_ready, **asdict(found)}
    return JSONResponse(content, status_code=200 if found.is_ready else 503, headers=NO_STORE)


@router.get("/metrics")
def metrics(
    request: Request, database: Annotated[Database, Depends(get_database)], engine: EngineDep, settings: SettingsDep
) -> Response:
    """Figures for Prometheus, for whoever bears the token; raises NotFound for everybody else."""
    if not _may_read(request, settings):
        raise NotFound
    return Response(service.figures(database, engine), media_type=CONTENT_TYPE_LATEST, headers=NO_STORE)


def _may_read(request: Request, settings: Settings) -> bool:
    """Without a token the machine itself may read, but not what a proxy on it hands on."""
    if settings.metrics_token is not None:
        wanted = f"Bearer {settings.metrics_token.get_secret_value()}"
        given = request.headers.get("authorization", "")
        return secrets.compare_digest(given.encode(), wanted.encode())
    client = request.client.host if request.client else ""
    handed_on = any(name in request.headers for name in FORWARDED)
    asked = request.headers.get("host", "").rpartition(":")[0] or request.headers.get("host", "")
    return client in LOOPBACK and asked in NAMES_OF_LOOPBACK and not handed_on
