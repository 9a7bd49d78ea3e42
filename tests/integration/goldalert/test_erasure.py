"""Tombstones on a real database: what is gone stays gone, in any order of messages."""

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Engine, text

from goldalert.ids import new_id
from goldalert.messaging.erasure import living_users, mark_erased


def test_an_erased_user_is_not_among_the_living(engine: Engine) -> None:
    """S18."""
    gone, alive = new_id(), new_id()
    with engine.begin() as connection:
        mark_erased(connection, gone)
        mark_erased(connection, gone)
    with engine.begin() as connection:
        assert living_users(connection, [gone, alive]) == {alive}
        assert living_users(connection, []) == set()


def test_storing_and_erasing_wait_for_each_other(engine: Engine) -> None:
    """S18: an erasure that begins while something is stored sees it; then nothing is stored."""
    user_id = new_id()
    with ThreadPoolExecutor(1) as pool:
        with engine.begin() as storing:
            assert living_users(storing, [user_id]) == {user_id}

            def erase() -> None:
                with engine.begin() as erasing:
                    mark_erased(erasing, user_id)

            erasure = pool.submit(erase)
            waiting = text(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            )
            while storing.execute(waiting).scalar_one() == 0:
                assert not erasure.done()
        erasure.result(timeout=10)
    with engine.begin() as connection:
        assert living_users(connection, [user_id]) == set()
