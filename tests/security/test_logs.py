"""What is written down of people (S15)."""

from pathlib import Path
from uuid import uuid4

from sqlalchemy import text

from goldalert_local.aws import session
from goldalert_local.client import Http, StackClient, reset_token, verification_token, wait_for
from tests.support.access import login, register


def test_no_address_password_or_token_is_in_any_log(stack: StackClient) -> None:
    """S15."""
    password = f"an unusual sentence {uuid4().hex}"
    address = f"grete.{uuid4().hex}@example.com"
    http = stack.elsewhere()
    marker = f"s15-{uuid4().hex}"
    http = Http(http.base_url, {"X-Correlation-Id": marker}, http._pool)
    register(http, address, password)
    welcome = verification_token(stack.wait_for_mail(address, "verify"))
    http.post("/auth/verify-email", {"token": welcome})
    login(http, address, f"{password} wrong")
    tokens = login(http, address, password).body
    me = {"Authorization": f"Bearer {tokens['access_token']}"}
    wait_for(lambda: http.get("/user/profile", headers=me).status == 200, "the profile")
    http.post("/auth/refresh", {"refresh_token": tokens["refresh_token"]})
    http.post("/auth/refresh", {"refresh_token": tokens["refresh_token"], "unknown": 1})
    setup = http.post("/auth/2fa/setup", headers=me).body
    http.post("/auth/password/forgot", {"email": address})
    reset = reset_token(stack.wait_for_mail(address, "choose a new password"))
    http.post("/auth/password/reset", {"token": reset, "password": f"{password} 2"})
    http.get(f"/auth/verify-email?token={welcome}")
    http.get(f"/auth/password/reset?token={reset}")
    http.post("/auth/login", raw=f'{{"email": "{address}", "password": "{password}'.encode())
    secrets = {
        "address": address,
        "password": password,
        "verification token": welcome,
        "reset token": reset,
        "access token": tokens["access_token"],
        "refresh token": tokens["refresh_token"],
        "TOTP secret": setup["secret"],
    }
    # the last lines are of what came last
    logs = wait_for(
        lambda: (
            found if len(lines_of_requests(found := function_logs(stack), marker)) >= 13 else None
        ),
        "the lines of all requests",
        seconds=60,
    )
    places = {
        "logs of the functions": logs,
        **log_files(stack),
        "application_logs": log_rows(stack),
    }
    found = {
        (place, kind)
        for place, lines in places.items()
        for kind, secret in secrets.items()
        if secret in lines
    }
    assert found == set()


def lines_of_requests(logs: str, marker: str) -> list[str]:
    return [line for line in logs.splitlines() if marker in line and '"message":"request"' in line]


def function_logs(stack: StackClient) -> str:
    """Return all that the functions have logged."""
    logs = session().client("logs", endpoint_url=stack.description["aws_endpoint_url"])
    groups = [
        group["logGroupName"]
        for page in logs.get_paginator("describe_log_groups").paginate()
        for group in page["logGroups"]
    ]
    assert len(groups) > 20
    return "\n".join(
        event["message"]
        for group in groups
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        for event in page["events"]
    )


def log_files(stack: StackClient) -> dict[str, str]:
    folder = Path(stack.description["state_dir"]) / "logs"
    return {path.name: path.read_text(errors="replace") for path in folder.iterdir()}


def log_rows(stack: StackClient) -> str:
    with stack.database("logging_db").connect() as connection:
        return str(connection.execute(text("SELECT * FROM application_logs")).all())
