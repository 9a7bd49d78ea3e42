"""All HTTP routes of the user service."""

from aws_lambda_powertools.event_handler import Response

from goldalert.http.api import make_resolver, serve
from goldalert.http.caller import CurrentCaller
from goldalert.http.health import HealthView, check_health, health_response
from user_service import use_cases
from user_service.bootstrap import services
from user_service.schemas import (
    AccountSettings,
    Preferences,
    PreferencesChange,
    Profile,
    ProfileChange,
    SettingsChange,
)

app = make_resolver()


@app.get("/user/health")
def health() -> Response[HealthView]:
    return health_response(
        check_health(
            "user",
            essential={"database": services().ping_database},
            optional={"redis": lambda: services().cache.redis.ping()},
        )
    )


@app.get("/user/profile")
def get_profile(caller: CurrentCaller) -> Profile:
    return use_cases.get_profile(services().unit_of_work, services().cache, user_id=caller.user_id)


@app.patch("/user/profile")
def change_profile(body: ProfileChange, caller: CurrentCaller) -> Profile:
    return use_cases.change_profile(
        services().unit_of_work, services().cache, user_id=caller.user_id, change=body
    )


@app.get("/user/preferences")
def get_preferences(caller: CurrentCaller) -> Preferences:
    return use_cases.get_preferences(
        services().unit_of_work, services().cache, user_id=caller.user_id
    )


@app.patch("/user/preferences")
def change_preferences(body: PreferencesChange, caller: CurrentCaller) -> Preferences:
    return use_cases.change_preferences(
        services().unit_of_work, services().cache, user_id=caller.user_id, change=body
    )


@app.get("/user/settings")
def get_settings(caller: CurrentCaller) -> AccountSettings:
    return use_cases.get_settings(services().unit_of_work, user_id=caller.user_id)


@app.patch("/user/settings")
def change_settings(body: SettingsChange, caller: CurrentCaller) -> AccountSettings:
    return use_cases.change_settings(services().unit_of_work, user_id=caller.user_id, change=body)


lambda_handler = serve(app)
