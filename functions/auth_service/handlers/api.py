"""All HTTP routes of the auth service."""

from http import HTTPStatus
from uuid import UUID

from aws_lambda_powertools.event_handler import Response

from auth_service.bootstrap import services
from auth_service.config import KEY_SET_SECONDS
from auth_service.domain import Client
from auth_service.schemas import (
    Accepted,
    ChangePasswordRequest,
    EraseAccountRequest,
    ForgotPasswordRequest,
    Jwks,
    LoginRequest,
    ManagedUserChange,
    ManagedUserView,
    Me,
    PartOfEmail,
    RecoveryCodes,
    RefreshRequest,
    RegisterRequest,
    ResetPasswordRequest,
    SessionView,
    TokenPair,
    TwoFactorProof,
    TwoFactorSetup,
    Validation,
    VerifyEmailRequest,
)
from auth_service.use_cases import (
    administration,
    erasure,
    passwords,
    registration,
    sessions,
    two_factor,
)
from goldalert.http.api import make_resolver, serve
from goldalert.http.caller import ClientAddress, CurrentAdmin, CurrentCaller, Device, TokenExpiry
from goldalert.http.health import HealthView, check_health, health_response
from goldalert.http.pages import A_PAGE, page
from goldalert.http.paging import Cursor, Limit
from goldalert.http.schemas import Page

app = make_resolver()


@app.get("/auth/health")
def health() -> Response[HealthView]:
    return health_response(
        check_health(
            "auth",
            essential={"database": services().ping_database},
            optional={"redis": services().ping_redis},
        )
    )


@app.post("/auth/register", status_code=HTTPStatus.ACCEPTED)
def register(body: RegisterRequest, network: ClientAddress) -> Accepted:
    registration.register(
        services().unit_of_work,
        services().clock,
        services().passwords,
        services().seal,
        services().throttle,
        request=body,
        network=network,
    )
    return Accepted(detail="A link to verify the address is on its way.")


@app.get("/auth/verify-email", responses=A_PAGE)
def verify_email_page() -> Response[str]:
    """Show the page behind the link in the mail. It changes nothing: mail scanners open links."""
    return page("auth_service", "verify_email.html")


@app.post("/auth/verify-email")
def verify_email(body: VerifyEmailRequest, network: ClientAddress) -> Accepted:
    registration.verify_email(
        services().unit_of_work,
        services().clock,
        services().throttle,
        token=body.token,
        network=network,
    )
    return Accepted(detail="The address is verified.")


@app.post("/auth/verify-email/resend", status_code=HTTPStatus.ACCEPTED)
def resend_verification(caller: CurrentCaller) -> Accepted:
    registration.resend_verification(
        services().unit_of_work,
        services().clock,
        services().seal,
        services().throttle,
        user_id=caller.user_id,
    )
    return Accepted(detail="Unless the address is verified, another link is on its way.")


@app.post("/auth/password/forgot", status_code=HTTPStatus.ACCEPTED)
def forgot_password(body: ForgotPasswordRequest, network: ClientAddress) -> Accepted:
    passwords.forgot_password(
        services().unit_of_work,
        services().clock,
        services().seal,
        services().throttle,
        email=body.email,
        network=network,
    )
    return Accepted(detail="If there is an account, a link to choose a password is on its way.")


@app.get("/auth/password/reset", responses=A_PAGE)
def reset_password_page() -> Response[str]:
    """Show the page behind the link in the mail. It changes nothing: mail scanners open links."""
    return page("auth_service", "reset_password.html")


@app.post("/auth/password/reset")
def reset_password(body: ResetPasswordRequest, network: ClientAddress) -> Accepted:
    """Set the password and sign every device out."""
    passwords.reset_password(
        services().unit_of_work,
        services().clock,
        services().passwords,
        services().session_cache,
        services().throttle,
        request=body,
        network=network,
    )
    return Accepted(detail="The password is changed. Sign in with it.")


@app.post("/auth/password/change")
def change_password(body: ChangePasswordRequest, caller: CurrentCaller) -> TokenPair:
    """Set the password and sign all other devices out.

    Both tokens of this session are replaced by those in the answer.
    """
    return passwords.change_password(
        services().unit_of_work,
        services().clock,
        services().passwords,
        services().signer,
        services().session_cache,
        services().throttle,
        caller=caller,
        request=body,
    )


@app.post("/auth/login")
def login(body: LoginRequest, device: Device, network: ClientAddress) -> TokenPair:
    keys = services().passwords, services().signer, services().codes
    return sessions.login(
        services().unit_of_work,
        services().clock,
        *keys,
        services().session_cache,
        services().throttle,
        request=body,
        client=Client(device, network),
    )


@app.post("/auth/refresh")
def refresh(body: RefreshRequest, network: ClientAddress) -> TokenPair:
    return sessions.refresh(
        services().unit_of_work,
        services().clock,
        services().signer,
        services().session_cache,
        services().throttle,
        refresh_token=body.refresh_token,
        network=network,
    )


@app.post("/auth/logout", status_code=HTTPStatus.NO_CONTENT)
def logout(caller: CurrentCaller) -> None:
    sessions.logout(
        services().unit_of_work,
        services().clock,
        services().session_cache,
        user_id=caller.user_id,
        session_id=caller.session_id,
    )


@app.post("/auth/logout-all", status_code=HTTPStatus.NO_CONTENT)
def logout_all(caller: CurrentCaller) -> None:
    sessions.logout_everywhere(
        services().unit_of_work,
        services().clock,
        services().session_cache,
        user_id=caller.user_id,
    )


@app.get("/auth/validate")
def validate(caller: CurrentCaller, expires_at: TokenExpiry) -> Validation:
    return Validation(
        user_id=caller.user_id,
        role=caller.role,
        session_id=caller.session_id,
        expires_at=expires_at,
    )


@app.get("/auth/sessions")
def list_sessions(
    caller: CurrentCaller, limit: Limit = 50, cursor: Cursor = None
) -> Page[SessionView]:
    return sessions.list_sessions(
        services().unit_of_work,
        services().clock,
        services().session_cache,
        caller=caller,
        limit=limit,
        cursor=cursor,
    )


@app.delete("/auth/sessions/<session_id>", status_code=HTTPStatus.NO_CONTENT)
def revoke_session(session_id: UUID, caller: CurrentCaller) -> None:
    sessions.revoke_session(
        services().unit_of_work,
        services().clock,
        services().session_cache,
        user_id=caller.user_id,
        session_id=session_id,
    )


@app.post("/auth/2fa/setup")
def set_up_two_factor(caller: CurrentCaller) -> TwoFactorSetup:
    return two_factor.set_up(services().unit_of_work, services().codes, user_id=caller.user_id)


@app.post("/auth/2fa/enable")
def enable_two_factor(body: TwoFactorProof, caller: CurrentCaller) -> RecoveryCodes:
    """Ask for a code at every login, and sign all other devices out.

    It takes the password and a first code, and a verified address.
    """
    return two_factor.enable(
        services().unit_of_work,
        services().clock,
        services().passwords,
        services().codes,
        services().session_cache,
        services().throttle,
        caller=caller,
        request=body,
    )


@app.post("/auth/2fa/disable", status_code=HTTPStatus.NO_CONTENT)
def disable_two_factor(body: TwoFactorProof, caller: CurrentCaller) -> None:
    """Forget the secret and the recovery codes. It takes the password and a code."""
    two_factor.disable(
        services().unit_of_work,
        services().clock,
        services().passwords,
        services().codes,
        services().throttle,
        user_id=caller.user_id,
        request=body,
    )


@app.post("/auth/2fa/recovery-codes")
def renew_recovery_codes(body: TwoFactorProof, caller: CurrentCaller) -> RecoveryCodes:
    """Replace all recovery codes. It takes the password and a code."""
    return two_factor.renew_recovery_codes(
        services().unit_of_work,
        services().clock,
        services().passwords,
        services().codes,
        services().throttle,
        user_id=caller.user_id,
        request=body,
    )


@app.delete("/auth/account", status_code=HTTPStatus.NO_CONTENT)
def erase_account(body: EraseAccountRequest, caller: CurrentCaller) -> None:
    erasure.erase_account(
        services().unit_of_work,
        services().clock,
        services().passwords,
        services().codes,
        services().session_cache,
        services().throttle,
        user_id=caller.user_id,
        request=body,
    )


@app.get("/auth/users")
def list_users(
    caller: CurrentAdmin, q: PartOfEmail = None, limit: Limit = 50, cursor: Cursor = None
) -> Page[ManagedUserView]:
    return administration.list_users(
        services().unit_of_work, part_of_email=q, limit=limit, cursor=cursor
    )


@app.get("/auth/users/<user_id>")
def get_user(user_id: UUID, caller: CurrentAdmin) -> ManagedUserView:
    return administration.get_user(services().unit_of_work, user_id=user_id)


@app.patch("/auth/users/<user_id>")
def change_user(user_id: UUID, body: ManagedUserChange, caller: CurrentAdmin) -> ManagedUserView:
    return administration.change_user(
        services().unit_of_work,
        services().clock,
        services().session_cache,
        changed_by=caller.user_id,
        user_id=user_id,
        request=body,
    )


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


# a good token is taken whoever else is in the network, or one of them could sign the others out
_TOKENS = ("/auth/refresh", "/auth/verify-email", "/auth/password/reset")

lambda_handler = serve(app, lambda: services(), uncounted=_TOKENS)
