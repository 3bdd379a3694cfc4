"""Pages of accounts. Writes answer with a form as it was sent where something in it is wrong, else with 303."""

from fastapi import APIRouter

from backend.accounts.routes import own, recovery, registration, second_factor, sign_in, single_sign_on

router = APIRouter()
for part in (sign_in, registration, recovery, own, second_factor, single_sign_on):
    router.include_router(part.router)
