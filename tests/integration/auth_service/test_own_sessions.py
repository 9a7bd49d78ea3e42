"""The sessions that users see and end."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from auth_service.errors import SessionEndedError, WrongCredentialsError
from auth_service.use_cases import sessions
from goldalert.errors import NotFoundError
from goldalert.events.catalogue import parse_event
from goldalert.http.caller import Caller
from goldalert.ids import new_id
from tests.support.accounts import NETWORK, Auth


def sign_in(auth: Auth, email: str = "ada@example.com") -> Caller:
    claims = auth.claims(auth.login(email).access_token)
    return Caller(claims.user_id, claims.role, claims.session_id)


def revocations(auth: Auth) -> list[tuple[str, tuple[UUID, ...] | None]]:
    events = [parse_event(message) for message in auth.published()]
    return [
        (event.data.reason, event.data.session_ids)
        for event in events
        if event.event_type == "sessions_revoked"
    ]


def listed(auth: Auth, caller: Caller, limit: int = 50, cursor: str | None = None):  # type: ignore[no-untyped-def]
    return sessions.list_sessions(
        auth.unit_of_work, auth.clock, auth.session_cache, caller=caller, limit=limit, cursor=cursor
    )


def end(auth: Auth, caller: Caller, session_id: UUID) -> None:
    sessions.revoke_session(
        auth.unit_of_work,
        auth.clock,
        auth.session_cache,
        user_id=caller.user_id,
        session_id=session_id,
    )


def end_all(auth: Auth, caller: Caller) -> None:
    sessions.logout_everywhere(
        auth.unit_of_work, auth.clock, auth.session_cache, user_id=caller.user_id
    )


def test_a_user_sees_where_they_are_signed_in(auth: Auth) -> None:
    auth.register()
    auth.register("eve@example.com")
    began = auth.clock.now()
    phone = sign_in(auth)
    auth.clock.time += timedelta(minutes=1)
    desk = sign_in(auth)
    sign_in(auth, "eve@example.com")
    items = listed(auth, desk).items
    assert [(item.id, item.current) for item in items] == [
        (desk.session_id, True),
        (phone.session_id, False),
    ]
    [_, seen] = items
    assert (seen.device, seen.network, seen.created_at, seen.last_used_at) == (
        "Firefox",
        NETWORK,
        began,
        began,
    )


def test_the_list_is_cut_into_pages(auth: Auth) -> None:
    auth.register()
    all_of_them = [sign_in(auth) for _ in range(3)]
    first = listed(auth, all_of_them[0], limit=2)
    second = listed(auth, all_of_them[0], limit=2, cursor=first.next_cursor)
    ids = [item.id for item in [*first.items, *second.items]]
    assert ids == [caller.session_id for caller in reversed(all_of_them)]
    assert second.next_cursor is None


def test_the_last_use_is_the_newest_that_anybody_knows_of(auth: Auth) -> None:
    auth.register()
    pair = auth.login()
    claims = auth.claims(pair.access_token)
    caller = Caller(claims.user_id, claims.role, claims.session_id)
    auth.clock.time += timedelta(minutes=2)
    assert auth.allows(claims)
    used = auth.clock.now()
    assert listed(auth, caller).items[0].last_used_at == used
    auth.clock.time += timedelta(minutes=10)
    auth.refresh(pair.refresh_token)
    assert listed(auth, caller).items[0].last_used_at == auth.clock.now()
    auth.session_cache.forget_use(claims.session_id)  # Redis flushed
    assert listed(auth, caller).items[0].last_used_at == auth.clock.now()


def test_a_device_that_is_signed_out_is_out_at_once(auth: Auth) -> None:
    """S6."""
    auth.register()
    pair = auth.login()
    phone, desk = auth.claims(pair.access_token), sign_in(auth)
    end(auth, desk, phone.session_id)
    assert not auth.allows(phone)
    with pytest.raises(SessionEndedError):
        auth.refresh(pair.refresh_token)
    assert [item.id for item in listed(auth, desk).items] == [desk.session_id]
    assert revocations(auth) == [("revoked_by_user", (phone.session_id,))]


def test_a_foreign_session_is_as_good_as_none(auth: Auth) -> None:
    """S8."""
    auth.register()
    auth.register("eve@example.com")
    ada, eve = sign_in(auth), sign_in(auth, "eve@example.com")
    for session_id in (ada.session_id, new_id()):
        with pytest.raises(NotFoundError):
            end(auth, eve, session_id)
    assert auth.allows(auth.claims(str(ada.session_id)))
    assert revocations(auth) == []


def test_a_session_ends_once(auth: Auth) -> None:
    auth.register()
    phone, desk = sign_in(auth), sign_in(auth)
    end(auth, desk, phone.session_id)
    with pytest.raises(NotFoundError):
        end(auth, desk, phone.session_id)
    assert len(revocations(auth)) == 1


def test_logging_out_everywhere_ends_all_of_ones_sessions_and_no_others(auth: Auth) -> None:
    """S6."""
    auth.register()
    auth.register("eve@example.com")
    mine = [sign_in(auth) for _ in range(3)]
    eve = sign_in(auth, "eve@example.com")
    end_all(auth, mine[0])
    assert not any(auth.allows(auth.claims(str(caller.session_id))) for caller in mine)
    assert auth.allows(auth.claims(str(eve.session_id)))
    assert revocations(auth) == [("logged_out_everywhere", None)]


def test_a_plain_logout_and_a_reuse_tell_which_session_is_over(auth: Auth) -> None:
    auth.register()
    phone = sign_in(auth)
    auth.logout(phone.session_id)
    first = auth.login()
    auth.refresh(auth.refresh(first.refresh_token).refresh_token)
    with pytest.raises(SessionEndedError):
        auth.refresh(first.refresh_token)
    assert revocations(auth) == [
        ("logged_out", (phone.session_id,)),
        ("refresh_token_reused", (UUID(first.access_token),)),
    ]


def test_what_is_over_is_refused_fast_from_then_on(auth: Auth) -> None:
    auth.register()
    pair = auth.login()
    callers = [sign_in(auth) for _ in range(3)]
    auth.logout(callers[0].session_id)
    end(auth, callers[2], callers[1].session_id)
    auth.refresh(auth.refresh(pair.refresh_token).refresh_token)
    with pytest.raises(SessionEndedError):
        auth.refresh(pair.refresh_token)
    end_all(auth, callers[2])
    assert auth.session_cache.denied == {  # type: ignore[attr-defined]
        UUID(pair.access_token),
        *(caller.session_id for caller in callers),
    }


def test_the_cache_refuses_without_the_database_and_never_allows_without_it(auth: Auth) -> None:
    """R12, S6."""
    auth.register()
    standing, over = auth.claims(auth.login().access_token), auth.claims(auth.login().access_token)
    auth.logout(over.session_id)
    auth.session_cache.denied.clear()  # type: ignore[attr-defined]  # Redis flushed
    assert not auth.allows(over)
    auth.session_cache.deny([standing.session_id])
    assert not auth.allows(standing)


def test_nothing_is_kept_of_the_use_of_a_session_that_is_over(auth: Auth) -> None:
    auth.register()
    claims = auth.claims(auth.login().access_token)
    assert auth.allows(claims)
    auth.logout(claims.session_id)
    assert not auth.allows(claims)
    assert auth.session_cache.last_uses([claims.session_id]) == {}


def test_a_login_that_a_change_overtook_begins_no_session(auth: Auth) -> None:
    """S6: the password was right when it was compared, and an admin was quicker than the hash."""
    auth.register()

    class SlowPasswords:
        def hash(self, password: str) -> str:
            raise NotImplementedError

        def is_cheap(self, password_hash: str) -> bool:
            return False

        def verify(self, password: str, password_hash: str | None) -> bool:
            with auth.engine.begin() as connection:
                connection.execute(text("UPDATE users SET session_version = session_version + 1"))
            return True

    auth.passwords = SlowPasswords()
    with pytest.raises(WrongCredentialsError):
        auth.login()
    with auth.engine.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM sessions")).scalar() == 0


def test_old_sessions_tokens_and_networks_go(auth: Auth) -> None:
    auth.register()

    def rows() -> list[int]:
        sessions.remove_old(auth.unit_of_work, auth.clock)
        with auth.engine.begin() as connection:
            return [
                connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
                for table in ("sessions", "refresh_tokens", "tokens", "known_networks")
            ]

    over = sign_in(auth)
    auth.refresh(auth.login(network="192.0.2.1").refresh_token)
    assert rows() == [2, 3, 1, 2]
    auth.logout(over.session_id)
    auth.clock.time += timedelta(days=3)
    assert rows() == [2, 2, 0, 2]
    auth.clock.time += timedelta(days=5)
    assert rows() == [1, 2, 0, 2]
    auth.clock.time += timedelta(days=22)  # the other session's time is over, too
    assert rows() == [1, 0, 0, 2]
    auth.login()
    auth.clock.time += timedelta(days=61)
    assert rows() == [0, 0, 0, 1]


def test_of_a_great_many_sessions_the_newest_go_on(
    auth: Auth, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has the password makes no more of them than a reset can end."""
    monkeypatch.setattr(sessions, "MAX_SESSIONS", 2)
    auth.register()
    claims = [auth.claims(auth.login().access_token) for _ in range(3)]
    assert [auth.allows(one) for one in claims] == [False, True, True]
    assert auth.session_cache.denied == {claims[0].session_id}  # type: ignore[attr-defined]
    told = auth.events()[-1].data
    assert (told.reason, told.session_ids) == ("too_many_sessions", (claims[0].session_id,))
