"""One mail per user and tick, whatever the messages look like."""

import threading
from uuid import UUID

import pytest

from email_service.handlers import on_alert_triggered, on_user_email_verified
from goldalert.ids import new_id
from tests.support.facts import alert_triggered, tick, trigger, user_email_verified
from tests.support.lambda_runtime import deliver
from tests.support.mailbox import EmailService


@pytest.fixture
def user(email: EmailService) -> UUID:
    user_id = new_id()
    deliver(on_user_email_verified, user_email_verified(user_id))
    return user_id


def verified_user(address: str) -> UUID:
    user_id = new_id()
    deliver(on_user_email_verified, user_email_verified(user_id, email=address))
    return user_id


def test_several_triggers_of_one_user_in_one_tick_are_one_mail(
    email: EmailService, user: UUID
) -> None:
    other = verified_user("bo@example.com")
    triggers = [trigger(user), trigger(other), trigger(user), trigger(user)]
    deliver(on_alert_triggered, alert_triggered(tick(), *triggers))
    email.run_queue()
    alerts_by_address = {mail.recipient: set(mail.alert_ids) for mail in email.mailbox.mails}
    assert len(email.mailbox.mails) == 2
    assert alerts_by_address == {
        "ada@example.com": {triggers[0].alert_id, triggers[2].alert_id, triggers[3].alert_id},
        "bo@example.com": {triggers[1].alert_id},
    }


def test_a_trigger_without_the_channel_is_not_mailed(email: EmailService, user: UUID) -> None:
    event = alert_triggered(tick(), trigger(user, channels=["in_app"]))
    assert deliver(on_alert_triggered, event) == []
    assert email.rows() == []


def test_triggers_of_another_tick_are_another_mail(email: EmailService, user: UUID) -> None:
    deliver(on_alert_triggered, alert_triggered(tick(), trigger(user)))
    deliver(on_alert_triggered, alert_triggered(tick(), trigger(user)))
    email.run_queue()
    assert len(email.mailbox.mails) == 2


def test_a_second_message_of_the_tick_joins_the_mail_while_it_is_queued(
    email: EmailService, user: UUID
) -> None:
    of, first, second = tick(), trigger(user), trigger(user)
    deliver(on_alert_triggered, alert_triggered(of, first))
    deliver(on_alert_triggered, alert_triggered(of, second))
    email.run_queue()
    [mail] = email.mailbox.mails
    assert mail.alert_ids == [first.alert_id, second.alert_id]


@pytest.mark.parametrize("is_sent", [True, False], ids=["sent", "being-sent"])
def test_a_second_message_of_the_tick_is_a_second_generation_after_that(
    email: EmailService, user: UUID, is_sent: bool
) -> None:
    of, first, second, third = tick(), trigger(user), trigger(user), trigger(user)
    deliver(on_alert_triggered, alert_triggered(of, first))
    if is_sent:
        email.run_queue()
    else:
        with email.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE mails SET status = 'sending'")
    deliver(on_alert_triggered, alert_triggered(of, second))
    deliver(on_alert_triggered, alert_triggered(of, third))
    email.run_queue()
    assert [row["generation"] for row in email.rows()] == [1, 2]
    assert email.mailbox.mails[-1].alert_ids == [second.alert_id, third.alert_id]


def test_triggers_that_come_again_in_another_message_add_nothing(
    email: EmailService, user: UUID
) -> None:
    """R7."""
    of, again, new = tick(), trigger(user), trigger(user)
    deliver(on_alert_triggered, alert_triggered(of, again))
    email.run_queue()
    deliver(on_alert_triggered, alert_triggered(of, again))
    email.run_queue()
    assert len(email.rows()) == 1
    deliver(on_alert_triggered, alert_triggered(of, again, new))
    email.run_queue()
    assert [mail.alert_ids for mail in email.mailbox.mails] == [[again.alert_id], [new.alert_id]]


@pytest.mark.parametrize("is_sent", [False, True], ids=["first", "later-generation"])
def test_messages_of_one_tick_expanded_at_once_lose_no_trigger_and_make_one_mail(
    email: EmailService, user: UUID, is_sent: bool
) -> None:
    of, triggers = tick(), [trigger(user) for _ in range(8)]
    if is_sent:
        deliver(on_alert_triggered, alert_triggered(of, trigger(user)))
        email.run_queue()
        email.mailbox.mails.clear()
    engine_slots = 2  # of the service's pool
    given_back: list[str] = []

    def expand(share: int) -> None:
        for one in triggers[share::engine_slots]:
            given_back.extend(deliver(on_alert_triggered, alert_triggered(of, one)))

    workers = [threading.Thread(target=expand, args=(n,)) for n in range(engine_slots)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    email.run_queue()
    [mail] = email.mailbox.mails
    assert set(mail.alert_ids) == {one.alert_id for one in triggers}
    assert given_back == []


def test_a_hundred_users_are_expanded_at_once(email: EmailService) -> None:
    users = [verified_user(f"user{n}@example.com") for n in range(100)]
    deliver(on_alert_triggered, alert_triggered(tick(), *(trigger(user) for user in users)))
    email.run_queue()
    assert {mail.recipient for mail in email.mailbox.mails} == {
        f"user{n}@example.com" for n in range(100)
    }
    assert len(email.mailbox.mails) == 100
