"""All HTTP routes of the auth service."""

from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response

from auth_service.bootstrap import services
from auth_service.config import KEY_SET_SECONDS
from auth_service.schemas import (
    Accepted,
    Jwks,
    LoginRequest,
    Me,
    RefreshRequest,
    RegisterRequest,
    TokenPair,
    VerifyEmailRequest,
)
from auth_service.use_cases import registration, sessions
from goldalert.http.api import make_resolver, serve
from goldalert.http.caller import CurrentCaller
from goldalert.http.health import HealthView, check_health, health_response
from goldalert.http.pages import page

app = make_resolver()


@app.get("/auth/health")
def health() -> Response[HealthView]:
    return health_response(
        check_health("auth", essential={"database": services().ping_database}, optional={})
    )


@app.post("/auth/register", status_code=HTTPStatus.ACCEPTED)
def register(body: RegisterRequest) -> Accepted:
    registration.register(
        services().unit_of_work,
        services().clock,
        services().passwords,
        services().seal,
        email=body.email,
        password=body.password.get_secret_value(),
        name=body.name,
    )
    return Accepted(detail="A link to verify the address is on its way.")


@app.get("/auth/verify-email")
def verify_email_page() -> Response[str]:
    """Show the page behind the link in the mail. It changes nothing: mail scanners open links."""
    return page("auth_service", "verify_email.html")


@app.post("/auth/verify-email")
def verify_email(body: VerifyEmailRequest) -> Accepted:
    registration.verify_email(services().unit_of_work, services().clock, token=body.token)
    return Accepted(detail="The address is verified.")


@app.post("/auth/login")
def login(body: LoginRequest) -> TokenPair:
    return sessions.login(
        services().unit_of_work,
        services().clock,
        services().passwords,
        services().signer,
        email=body.email,
        password=body.password.get_secret_value(),
    )


@app.post("/auth/refresh")
def refresh(body: RefreshRequest) -> TokenPair:
    return sessions.refresh(
        services().unit_of_work,
        services().clock,
        services().signer,
        refresh_token=body.refresh_token,
    )


@app.post("/auth/logout", status_code=HTTPStatus.NO_CONTENT)
def logout(caller: CurrentCaller) -> None:
    sessions.logout(services().unit_of_work, services().clock, session_id=caller.session_id)


@app.get("/auth/me")
def me(caller: CurrentCaller) -> Me:
    return registration.me(services().unit_of_work, user_id=caller.user_id)


@app.get("/auth/.well-known/jwks.json")
def jwks() -> Response[Jwks]:
    return Response(
        HTTPStatus.OK,
        body=Jwks.model_validate(services().verifier.jwks()),
        content_type="application/json",
        headers={"Cache-Control": f"public, max-age={KEY_SET_SECONDS}"},
    )


lambda_handler = serve(app)
