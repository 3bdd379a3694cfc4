"""Signing in by an issuer elsewhere; filled in by the next slice."""

from fastapi import APIRouter

router = APIRouter()
