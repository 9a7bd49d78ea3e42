"""From due to sent: none lost, none doubled."""

import threading
from uuid import UUID

import pytest

from email_service.domain import FailureReason
from email_service.errors import MailPostponedError, MailRefusedError, OutcomeUnknownError
from email_service.handlers import on_alert_triggered, on_user_email_verified
from goldalert.cache.client import RedisDatabase
from goldalert.ids import new_id
from tests.support.facts import alert_triggered, tick, trigger, user_email_verified
from tests.support.lambda_runtime import deliver
from tests.support.mailbox import EmailService, Killed


@pytest.fixture
def mail_id(email: EmailService) -> UUID:
    """An alert mail that is due, and announced."""
    user_id = new_id()
    deliver(on_user_email_verified, user_email_verified(user_id))
    deliver(on_alert_triggered, alert_triggered(tick(), trigger(user_id)))
    [announced] = email.queue.waiting
    return announced


def die() -> None:
    raise Killed


def kill_between_send_and_mark(email: EmailService, mail_id: UUID) -> None:
    email.mailbox.after = die
    with pytest.raises(Killed):
        email.send(mail_id)
    email.mailbox.after = lambda: None
    email.queue.waiting.clear()


def event_types(email: EmailService) -> list[str]:
    return [event.event_type for event in email.published]


def test_a_mail_that_was_announced_many_times_is_sent_once(
    email: EmailService, mail_id: UUID
) -> None:
    """R7."""
    assert email.send(mail_id, mail_id, mail_id) == []
    assert len(email.mailbox.mails) == 1
    assert event_types(email) == ["email_sent"]


def test_twenty_workers_at_once_send_one_mail(email: EmailService, mail_id: UUID) -> None:
    """R9."""
    workers = [threading.Thread(target=email.send, args=(mail_id,)) for _ in range(20)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(email.mailbox.mails) == 1
    assert event_types(email) == ["email_sent"]


def test_an_id_that_names_no_mail_is_acknowledged(email: EmailService) -> None:
    assert email.send(new_id()) == []


@pytest.mark.parametrize("evidence", ["Send", "Delivery"])
def test_killed_between_send_and_mark_is_one_mail_once_evidence_is_there(
    email: EmailService, mail_id: UUID, evidence: str
) -> None:
    """R9."""
    kill_between_send_and_mark(email, mail_id)
    assert len(email.send(mail_id)) == 1, "the lease holds: the message comes back"
    assert email.ses_tells(evidence, mail_id) == []
    assert email.send(mail_id) == []
    email.pass_time(minutes=60)
    assert email.recover() == 0
    assert email.statuses() == [{"Send": "sent", "Delivery": "delivered"}[evidence]]
    assert len(email.mailbox.mails) == 1
    assert event_types(email) == ["email_sent"]
    assert email.published[0].data.subject == email.mailbox.mails[0].content.subject


def test_without_evidence_it_is_not_sent_again_before_ten_minutes(
    email: EmailService, mail_id: UUID
) -> None:
    """R9."""
    kill_between_send_and_mark(email, mail_id)
    email.pass_time(minutes=9.5)
    assert email.recover() == 0
    assert email.send(mail_id) == [], "the lease is over: the mail is the schedule's"
    assert len(email.mailbox.mails) == 1


def test_without_evidence_for_ten_minutes_it_is_sent_again_and_counted(
    email: EmailService, mail_id: UUID
) -> None:
    """R9."""
    kill_between_send_and_mark(email, mail_id)
    email.pass_time(minutes=10.5)
    assert email.recover() == 1
    assert email.run_queue() == []
    [mail] = email.rows()
    assert (mail["status"], mail["possible_duplicates"], mail["attempts"]) == ("sent", 1, 2)
    assert event_types(email) == ["email_sent"]


def test_evidence_that_comes_after_it_was_queued_again_still_stops_it(
    email: EmailService, mail_id: UUID
) -> None:
    """R9."""
    kill_between_send_and_mark(email, mail_id)
    email.pass_time(minutes=10.5)
    email.recover()
    email.ses_tells("Send", mail_id)
    assert email.run_queue() == []
    assert (email.statuses(), len(email.mailbox.mails)) == (["sent"], 1)


def test_evidence_that_is_faster_than_the_mark_publishes_no_second_event(
    email: EmailService, mail_id: UUID
) -> None:
    """R7."""

    def tell_at_once() -> None:
        email.ses_tells("Send", mail_id)

    email.mailbox.after = tell_at_once
    assert email.run_queue() == []
    assert (email.statuses(), event_types(email)) == (["sent"], ["email_sent"])


def test_killed_before_the_send_is_sent_after_ten_minutes(
    email: EmailService, mail_id: UUID
) -> None:
    """R9."""
    email.mailbox.before = die
    with pytest.raises(Killed):
        email.send(mail_id)
    email.mailbox.before = lambda: None
    email.queue.waiting.clear()
    email.pass_time(minutes=10.5)
    email.recover()
    email.run_queue()
    assert (email.statuses(), len(email.mailbox.mails)) == (["sent"], 1)


def test_a_lost_answer_is_treated_like_a_lost_worker(email: EmailService, mail_id: UUID) -> None:
    """R9."""

    def lose_answer() -> None:
        raise OutcomeUnknownError("ReadTimeoutError")

    email.mailbox.after = lose_answer
    assert len(email.run_queue()) == 1
    assert email.statuses() == ["sending"]
    email.ses_tells("Send", mail_id)
    assert email.send(mail_id) == []
    assert (email.statuses(), len(email.mailbox.mails)) == (["sent"], 1)


def test_half_of_all_calls_throttled_delays_and_drops_nothing(email: EmailService) -> None:
    """R10."""
    users = {new_id(): f"user{n}@example.com" for n in range(20)}
    for user_id, address in users.items():
        deliver(on_user_email_verified, user_email_verified(user_id, email=address))
    deliver(on_alert_triggered, alert_triggered(tick(), *(trigger(u) for u in users)))
    calls = 0

    def throttle() -> None:
        nonlocal calls
        calls += 1
        if calls % 2:
            raise MailPostponedError("Throttling")

    email.mailbox.before = throttle
    given_back = email.run_queue()
    assert len(given_back) == 10
    for _ in range(5):  # each round sends half of what is left
        email.pass_time(minutes=2.5)
        email.recover()
        email.run_queue()
    assert email.statuses() == ["sent"] * 20
    assert {mail.recipient for mail in email.mailbox.mails} == set(users.values())
    assert len(email.mailbox.mails) == 20
    assert sum(row["possible_duplicates"] for row in email.rows()) == 0


def test_a_throttled_mail_comes_back_with_a_pause(email: EmailService, mail_id: UUID) -> None:
    """R10."""

    def throttle() -> None:
        raise MailPostponedError("Throttling")

    email.mailbox.before = throttle
    assert len(email.run_queue()) == 1
    assert (email.sqs.pauses, email.statuses()) == ([1], ["queued"])


def test_a_refused_mail_fails_is_acknowledged_and_told_of(
    email: EmailService, mail_id: UUID
) -> None:
    def refuse() -> None:
        raise MailRefusedError(FailureReason.CONTENT_REFUSED, "MessageRejected")

    email.mailbox.before = refuse
    assert email.run_queue() == []
    assert email.statuses() == ["failed"]
    [failed] = email.published
    assert (failed.event_type, failed.data.mail_id, failed.data.reason) == (
        "email_failed",
        mail_id,
        "content_refused",
    )
    email.pass_time(minutes=60)
    assert email.recover() == 0


def test_a_queued_mail_whose_message_was_lost_is_announced_again(
    email: EmailService, mail_id: UUID
) -> None:
    email.queue.waiting.clear()
    assert email.recover() == 0, "its message may still be on the way"
    email.pass_time(minutes=2.5)
    assert email.recover() == 1
    assert email.recover() == 0
    email.run_queue()
    assert email.statuses() == ["sent"]


def test_mails_are_sent_while_redis_is_down(
    email: EmailService, mail_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R12."""
    from email_service.bootstrap import services
    from goldalert.cache.cache_aside import Cache

    monkeypatch.setitem(
        services().__dict__, "cache", Cache(RedisDatabase("redis://127.0.0.1:1/4"), ttl_seconds=60)
    )
    email.run_queue()
    assert email.statuses() == ["sent"]
