"""Who may call each route of the API, and what a right call is answered: one row per route (S8).

A new route without a row fails `tests/architecture/test_access.py`; a row says what the code must
do, so it is written before the code is looked at.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import uuid4

from goldalert_local.client import PASSWORD, Http, HttpAnswer

TOKEN = "no-such-token-0123456789"
ANY_ID = "0198f2a0-0000-7000-8000-000000000001"

Who = Literal["anybody", "signed in", "owner", "admin"]
"""`anybody` on the internet: such a row is a decision, not a formality. `signed in`: acts on what
is the caller's own, so there is nothing foreign to name. `owner`: the path names something that
belongs to one user."""


@dataclass(frozen=True)
class Row:
    """One route.

    Attributes:
        who: may call it.
        status: what those get who may.
        body: a right one.
        resource: what of the owner's the path names.
        query: what the route cannot do without.
        fresh: the caller is a new user: the call ends their session, or their past matters.
    """

    who: Who
    status: int = 200
    body: dict[str, Any] | None = None
    resource: Literal["", "alert", "notification", "session"] = ""
    query: str = ""
    fresh: bool = False


TOMORROW = (datetime.now(UTC) + timedelta(days=1)).isoformat()

ALERT = {"alert_type": "above", "threshold": "9999", "currency": "USD"}

EXCHANGE = {
    "name": f"of-a-test-{uuid4().hex[:8]}",
    "region": "nowhere",
    "api_url": f"https://{uuid4().hex}.example.com",
    "adapter": "gold_api_com",
    "enabled": False,
}


def new_address() -> str:
    return f"{uuid4().hex}@example.com"


ROUTES: dict[str, Row] = {
    "GET /health": Row("anybody"),
    "GET /openapi.json": Row("anybody"),
    "GET /docs": Row("anybody"),
    "GET /docs/{asset}": Row("anybody", 404),
    # --- auth ------------------------------------------------------------------------------------
    "GET /auth/health": Row("anybody"),
    "POST /auth/register": Row("anybody", 202, {"email": new_address(), "password": PASSWORD}),
    "GET /auth/verify-email": Row("anybody"),
    "POST /auth/verify-email": Row("anybody", 409, {"token": TOKEN}),
    "POST /auth/verify-email/resend": Row("signed in", 202),
    "POST /auth/login": Row("anybody", 401, {"email": new_address(), "password": PASSWORD}),
    "POST /auth/refresh": Row("anybody", 401, {"refresh_token": TOKEN}),
    "POST /auth/logout": Row("signed in", 204, fresh=True),
    "POST /auth/logout-all": Row("signed in", 204, fresh=True),
    "GET /auth/validate": Row("signed in"),
    "GET /auth/me": Row("signed in"),
    "GET /auth/sessions": Row("signed in"),
    "DELETE /auth/sessions/{session_id}": Row("owner", 204, resource="session"),
    "POST /auth/password/forgot": Row("anybody", 202, {"email": new_address()}),
    "GET /auth/password/reset": Row("anybody"),
    "POST /auth/password/reset": Row("anybody", 409, {"token": TOKEN, "password": PASSWORD}),
    "POST /auth/password/change": Row(
        "signed in",
        200,
        {"current_password": PASSWORD, "password": "silver is 4 tarnish"},
        fresh=True,
    ),
    "POST /auth/2fa/setup": Row("signed in"),
    "POST /auth/2fa/enable": Row(
        "signed in", 409, {"password": PASSWORD, "code": "000000"}, fresh=True
    ),
    "POST /auth/2fa/disable": Row("signed in", 409, {"password": PASSWORD, "code": "000000"}),
    "POST /auth/2fa/recovery-codes": Row(
        "signed in", 409, {"password": PASSWORD, "code": "000000"}
    ),
    "GET /auth/.well-known/jwks.json": Row("anybody"),
    "DELETE /auth/account": Row("signed in", 204, {"password": PASSWORD}, fresh=True),
    "GET /auth/users": Row("admin"),
    "GET /auth/users/{user_id}": Row("admin", 404),
    "PATCH /auth/users/{user_id}": Row("admin", 404, {"disabled": True}),
    # --- user ------------------------------------------------------------------------------------
    "GET /user/health": Row("anybody"),
    "GET /user/profile": Row("signed in"),
    "PATCH /user/profile": Row("signed in", 200, {"bio": "Digs."}),
    "GET /user/preferences": Row("signed in"),
    "PATCH /user/preferences": Row("signed in", 200, {"currency": "EUR"}),
    "GET /user/settings": Row("signed in"),
    "PATCH /user/settings": Row("signed in", 200, {}),
    "GET /user/export": Row("signed in"),
    # --- price -----------------------------------------------------------------------------------
    "GET /price/health": Row("anybody"),
    "GET /price/current": Row("anybody"),
    "GET /price/history": Row("anybody"),
    "GET /price/candles": Row("anybody"),
    "GET /price/analytics": Row("anybody"),
    "GET /price/ticks/{tick_id}": Row("anybody", 404),
    "GET /price/exchanges": Row("anybody"),
    "POST /price/exchanges": Row("admin", 201, EXCHANGE),
    "PATCH /price/exchanges/{exchange_id}": Row("admin", 404, {"enabled": False}),
    "DELETE /price/exchanges/{exchange_id}": Row("admin", 404),
    "POST /price/fetch": Row("admin", 202),
    "GET /price/status": Row("anybody"),
    # --- alert -----------------------------------------------------------------------------------
    "GET /alert/health": Row("anybody"),
    "PUT /alert": Row("signed in", 201, ALERT),
    "POST /alert": Row("signed in", 201, ALERT),
    "GET /alert": Row("signed in"),
    "POST /alert/backtest": Row("signed in", 200, {**ALERT, "days": 30}),
    "GET /alert/history": Row("signed in"),
    "GET /alert/{alert_id}": Row("owner", resource="alert"),
    "PATCH /alert/{alert_id}": Row("owner", 200, {"note": "Mine."}, resource="alert"),
    "DELETE /alert/{alert_id}": Row("owner", 204, resource="alert"),
    "POST /alert/{alert_id}/pause": Row("owner", resource="alert"),
    "POST /alert/{alert_id}/resume": Row("owner", resource="alert"),
    "POST /alert/{alert_id}/snooze": Row("owner", 200, {"until": TOMORROW}, resource="alert"),
    "GET /alert/{alert_id}/history": Row("owner", resource="alert"),
    # --- email, notification ---------------------------------------------------------------------
    "GET /email/health": Row("anybody"),
    "GET /email/logs": Row("signed in"),
    "GET /notification/health": Row("anybody"),
    "GET /notification": Row("signed in"),
    "GET /notification/count": Row("signed in"),
    "POST /notification/read-all": Row("signed in"),
    "POST /notification/{notification_id}/read": Row("owner", resource="notification"),
    "DELETE /notification/{notification_id}": Row("owner", 204, resource="notification"),
    # --- admin, logging --------------------------------------------------------------------------
    "GET /admin/health": Row("anybody"),
    "GET /admin/audit-logs": Row("admin"),
    "GET /admin/audit-logs/verify": Row("admin"),
    "GET /logging/health": Row("anybody"),
    "GET /logging/logs": Row("admin"),
}


def security(who: Who) -> list[dict[str, list[str]]]:
    """What the OpenAPI document says of such a route."""
    return {"anybody": [], "admin": [{"bearer": ["admin"]}]}.get(who, [{"bearer": []}])  # type: ignore[return-value]


def register(http: Http, address: str, password: str = PASSWORD) -> HttpAnswer:
    return http.post("/auth/register", {"email": address, "password": password})


def login(http: Http, address: str, password: str = PASSWORD) -> HttpAnswer:
    return http.post("/auth/login", {"email": address, "password": password})
