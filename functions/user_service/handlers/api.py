"""All HTTP routes of the user service."""

from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response

from goldalert.http.api import make_resolver, serve
from goldalert.http.caller import CurrentCaller
from goldalert.http.health import HealthView, check_health, health_response
from user_service.bootstrap import services
from user_service.config import EXPORT_DEADLINE_SECONDS
from user_service.schemas import (
    AccountSettings,
    Export,
    Preferences,
    PreferencesChange,
    Profile,
    ProfileChange,
    SettingsChange,
)
from user_service.use_cases import accounts, profiles

app = make_resolver()

_DOWNLOAD = 'attachment; filename="gold-price-alert.json"'


@app.get("/user/health")
def health() -> Response[HealthView]:
    return health_response(
        check_health(
            "user",
            essential={"database": services().ping_database},
            optional={"redis": services().ping_redis},
        )
    )


@app.get("/user/profile")
def get_profile(caller: CurrentCaller) -> Profile:
    return profiles.get_profile(services().unit_of_work, services().cache, user_id=caller.user_id)


@app.patch("/user/profile")
def change_profile(body: ProfileChange, caller: CurrentCaller) -> Profile:
    parts = services()
    return profiles.change_profile(
        parts.unit_of_work, parts.cache, parts.clock, user_id=caller.user_id, change=body
    )


@app.get("/user/preferences")
def get_preferences(caller: CurrentCaller) -> Preferences:
    return profiles.get_preferences(
        services().unit_of_work, services().cache, user_id=caller.user_id
    )


@app.patch("/user/preferences")
def change_preferences(body: PreferencesChange, caller: CurrentCaller) -> Preferences:
    parts = services()
    return profiles.change_preferences(
        parts.unit_of_work, parts.cache, parts.clock, user_id=caller.user_id, change=body
    )


@app.get("/user/settings")
def get_settings(caller: CurrentCaller) -> AccountSettings:
    return profiles.get_settings(services().unit_of_work, user_id=caller.user_id)


@app.patch("/user/settings")
def change_settings(body: SettingsChange, caller: CurrentCaller) -> AccountSettings:
    return profiles.change_settings(services().unit_of_work, user_id=caller.user_id, change=body)


@app.get("/user/export")
def export_user(caller: CurrentCaller) -> Response[Export]:
    export = accounts.export_user(
        services().unit_of_work,
        services().other_services,
        services().rate_limiter,
        user_id=caller.user_id,
        deadline_seconds=EXPORT_DEADLINE_SECONDS,
    )
    headers: dict[str, str | list[str]] = {"Content-Disposition": _DOWNLOAD}
    return Response(HTTPStatus.OK, "application/json", export, headers)


lambda_handler = serve(app, lambda: services())
