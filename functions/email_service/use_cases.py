"""What the e-mail service does, one function per action."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from pydantic import JsonValue

from email_service.config import EVIDENCE_WINDOW, SEND_LEASE, UNSENT_AFTER
from email_service.domain import (
    DueMail,
    Evidence,
    FailureReason,
    MailContent,
    MailStatus,
    MailTemplate,
    OutgoingMail,
    StoredMail,
    judge,
    obstacle,
    suppresses,
)
from email_service.errors import (
    MailInFlightError,
    MailPostponedError,
    MailRefusedError,
    RecipientUnknownError,
)
from email_service.schemas import EmailLog, RecipientView
from goldalert.cache.cache_aside import Cache
from goldalert.clock import Clock
from goldalert.db.unit_of_work import Transaction, UnitOfWork
from goldalert.events.alerts import AlertTriggeredData, Trigger
from goldalert.events.catalogue import AnyEvent
from goldalert.events.emails import (
    EmailFailedData,
    EmailFailedV1,
    EmailSentData,
    EmailSentV1,
    MailKind,
)
from goldalert.events.prices import Tick
from goldalert.events.users import (
    EmailVerificationRequestedData,
    PasswordResetRequestedData,
    UserEmailVerifiedData,
    UserPreferencesChangedData,
    UserRegisteredData,
)
from goldalert.export import EXPORT_ROWS, make_part
from goldalert.messaging.erasure import is_living, living_users, mark_erased, publish_erased
from goldalert.observability.log import current_correlation_id, logger, start_request

PRODUCER = "email_service"

_LOCALE = "en"


class Mails(Protocol):
    """What the use cases need of the database."""

    def add_recipient(self, user_id: UUID, email: str, name: str | None) -> None: ...
    def verify_recipient(self, user_id: UUID, email: str) -> None: ...
    def suppress_recipient(self, user_id: UUID, email: str) -> None: ...
    def set_preferences(self, preferences: UserPreferencesChangedData) -> None: ...
    def has_address(self, user_id: UUID) -> bool: ...
    def recipient(self, user_id: UUID) -> RecipientView | None: ...
    def wanting_notifications(self, user_ids: Collection[UUID]) -> set[UUID]: ...
    def erase_user(self, user_id: UUID) -> None: ...
    def add_link_mail(
        self,
        user_id: UUID,
        kind: MailKind,
        dedupe_key: str,
        sealed_token: str,
        correlation_id: str,
    ) -> Sequence[UUID]: ...
    def add_alert_mails(
        self, tick: Tick, triggers: Sequence[Trigger], correlation_id: str
    ) -> Sequence[UUID]: ...
    def release_held(self, user_id: UUID) -> Sequence[UUID]: ...
    def claim(self, mail_id: UUID, lease: timedelta) -> DueMail | None: ...
    def is_in_flight(self, mail_id: UUID) -> bool: ...
    def note_subject(self, mail_id: UUID, subject: str) -> None: ...
    def requeue(self, mail_id: UUID) -> None: ...
    def lock_mail(self, mail_id: UUID) -> StoredMail | None: ...
    def add_evidence(self, evidence: Evidence) -> None: ...
    def settle(
        self,
        mail_id: UUID,
        status: MailStatus,
        *,
        ses_message_id: str | None = None,
        sent_at: datetime | None = None,
        failure: FailureReason | None = None,
    ) -> None: ...
    def requeue_lost(self, evidence_window: timedelta) -> Sequence[UUID]: ...
    def release_verified(self) -> Sequence[UUID]: ...
    def unsent(self, age: timedelta) -> Sequence[UUID]: ...
    def template(self, name: str, locale: str) -> MailTemplate: ...
    def logs(
        self,
        *,
        user_id: UUID | None,
        status: MailStatus | None,
        recipient: str | None,
        after: UUID | None,
        limit: int,
    ) -> list[EmailLog]: ...


class Composer(Protocol):
    """Writes a mail."""

    def compose(self, mail: DueMail, template: MailTemplate) -> MailContent:
        """Return what the mail says. Raises MailRefusedError when it cannot be written."""
        ...


class Gateway(Protocol):
    """Sends mails."""

    def send(self, mail: OutgoingMail) -> str:
        """Send a mail and return the provider's id of it.

        Raises:
            MailRefusedError: it can never be sent as it is.
            MailPostponedError: it was not taken, for sure, and may be later.
            OutcomeUnknownError: nobody knows whether it was taken.
        """
        ...


# --- what becomes due: each returns the ids of mails to announce after the commit -----------------


def welcome(tx: Transaction[Mails], user: UserRegisteredData) -> Sequence[UUID]:
    """Get to know a user and queue the mail with their verification link."""
    if not is_living(tx.connection, user.user_id):
        return []
    tx.repository.add_recipient(user.user_id, user.email, user.name)
    return tx.repository.add_link_mail(
        user.user_id,
        "welcome",
        f"welcome:{user.user_id}",
        user.sealed_verification_token,
        current_correlation_id(),
    )


def verify(tx: Transaction[Mails], user: UserEmailVerifiedData) -> Sequence[UUID]:
    """Note that a user may get mail, and queue what was held until now."""
    if not is_living(tx.connection, user.user_id):
        return []
    tx.repository.verify_recipient(user.user_id, user.email)
    return tx.repository.release_held(user.user_id)


def request_verification(
    tx: Transaction[Mails], event_id: UUID, requested: EmailVerificationRequestedData
) -> Sequence[UUID]:
    """Queue a mail with another verification link.

    Raises:
        RecipientUnknownError: the user's registration is still on its way.
    """
    return _add_account_mail(
        tx, requested.user_id, "verification", event_id, requested.sealed_verification_token
    )


def request_password_reset(
    tx: Transaction[Mails], event_id: UUID, requested: PasswordResetRequestedData
) -> Sequence[UUID]:
    """Queue a mail with a link to choose a new password, unless nobody has the address (S2).

    Raises:
        RecipientUnknownError: the user's registration is still on its way.
    """
    if requested.user_id is None:
        return []
    kind: MailKind = "password_reset" if requested.reason == "forgotten" else "registered_again"
    return _add_account_mail(tx, requested.user_id, kind, event_id, requested.sealed_reset_token)


def _add_account_mail(
    tx: Transaction[Mails], user_id: UUID, kind: MailKind, event_id: UUID, sealed_token: str
) -> Sequence[UUID]:
    if not is_living(tx.connection, user_id):
        return []
    if not tx.repository.has_address(user_id):
        raise RecipientUnknownError
    return tx.repository.add_link_mail(
        user_id, kind, f"{kind}:{event_id}", sealed_token, current_correlation_id()
    )


def expand_alert(tx: Transaction[Mails], triggered: AlertTriggeredData) -> Sequence[UUID]:
    """Make one mail per user of a tick's triggers, for those who want to be told by mail."""
    by_mail = [trigger for trigger in triggered.triggers if "email" in trigger.channels]
    living = living_users(tx.connection, {trigger.user_id for trigger in by_mail})
    wanting = tx.repository.wanting_notifications(living)
    return tx.repository.add_alert_mails(
        triggered.tick,
        [trigger for trigger in by_mail if trigger.user_id in wanting],
        current_correlation_id(),
    )


# --- what users like, and their end ---------------------------------------------------------------


def note_preferences(tx: Transaction[Mails], preferences: UserPreferencesChangedData) -> None:
    """Note what a user likes. A mail that was written before is judged by it when it is sent."""
    if is_living(tx.connection, preferences.user_id):
        tx.repository.set_preferences(preferences)


def erase_user(tx: Transaction[Mails], clock: Clock, event: AnyEvent) -> None:
    """Erase a user, and say so.

    A mail that is being sent at this moment may still go out: `send_mail` finds its row gone.
    """
    user_id: UUID = event.data.user_id
    mark_erased(tx.connection, user_id)
    tx.repository.erase_user(user_id)
    publish_erased(tx, clock, producer=PRODUCER, event=event)


def export_user(unit_of_work: UnitOfWork[Mails], *, user_id: UUID) -> JsonValue:
    """Return what we hold about a user: not what the mails said, whose links are secrets."""
    with unit_of_work.begin() as tx:
        mails = tx.repository.logs(
            user_id=user_id, status=None, recipient=None, after=None, limit=EXPORT_ROWS + 1
        )
        recipient = tx.repository.recipient(user_id)
    return {
        "recipient": None if recipient is None else recipient.model_dump(mode="json"),
        **make_part(mails=mails),
    }


# --- sending --------------------------------------------------------------------------------------


def send_mail(
    unit_of_work: UnitOfWork[Mails],
    clock: Clock,
    cache: Cache,
    composer: Composer,
    gateway: Gateway,
    *,
    mail_id: UUID,
) -> None:
    """Send a mail that is due; do nothing when it is not, or not any more.

    A worker may be killed after SES took the mail and before it was marked as sent. The mail then
    stays `sending`, and is never sent again from here: SES's evidence settles it (`take_evidence`),
    or, without any in ten minutes, the schedule queues it again (`recover`).

    Raises:
        MailInFlightError: another worker holds the mail; its outcome will be known later.
        MailPostponedError: SES did not take it; it is queued again.
        OutcomeUnknownError: SES did not answer; evidence will tell.
    """
    with unit_of_work.begin() as tx:
        mail = tx.repository.claim(mail_id, SEND_LEASE)
        if mail is None:
            if tx.repository.is_in_flight(mail_id):
                raise MailInFlightError(str(mail_id))
            logger.info("mail is not due", extra={"mail_id": mail_id})
            return
        start_request(mail.correlation_id)
        outgoing = _prepare(tx, clock, cache, composer, mail)
    if outgoing is None:
        return
    try:
        ses_message_id = gateway.send(outgoing)
    except MailPostponedError:
        with unit_of_work.begin() as tx:
            tx.repository.requeue(mail_id)
        raise
    except MailRefusedError as error:
        logger.warning("mail was refused", extra={"mail_id": mail_id, "reason": error.reason})
        with unit_of_work.begin() as tx:
            if tx.repository.lock_mail(mail_id):  # else its user was erased meanwhile
                _give_up(tx, clock, mail, "failed", error.reason)
        return
    with unit_of_work.begin() as tx:
        _mark_sent(tx, clock, mail_id, ses_message_id)


def _prepare(
    tx: Transaction[Mails], clock: Clock, cache: Cache, composer: Composer, mail: DueMail
) -> OutgoingMail | None:
    """Write a claimed mail, or give it up."""
    if reason := obstacle(mail):
        _give_up(tx, clock, mail, "suppressed", reason)
        return None
    template = cache.get_or_load(
        f"template:{mail.kind}:{_LOCALE}",
        MailTemplate,
        lambda: tx.repository.template(mail.kind, _LOCALE),
    )
    try:
        content = composer.compose(mail, template)
    except MailRefusedError as error:
        logger.error("mail cannot be written", extra={"mail_id": mail.id}, exc_info=error)
        _give_up(tx, clock, mail, "failed", error.reason)
        return None
    tx.repository.note_subject(mail.id, content.subject)
    alert_ids = list(dict.fromkeys(trigger.alert_id for trigger in mail.triggers))
    return OutgoingMail(mail.id, alert_ids, mail.recipient, content)


def _mark_sent(tx: Transaction[Mails], clock: Clock, mail_id: UUID, ses_message_id: str) -> None:
    mail = tx.repository.lock_mail(mail_id)
    if mail is None:  # its user was erased meanwhile
        return
    # SES's own evidence may have been faster
    evidence = Evidence("send", mail_id, ses_message_id, clock.now())
    _apply(tx, clock, mail, evidence)


def take_evidence(unit_of_work: UnitOfWork[Mails], clock: Clock, evidence: Evidence) -> None:
    """Note what SES tells of a mail. It comes in any order and more than once (R7, R11)."""
    with unit_of_work.begin() as tx:
        mail = tx.repository.lock_mail(evidence.mail_id)
        if mail is None:
            logger.warning("evidence of an unknown mail", extra={"mail_id": evidence.mail_id})
            return
        start_request(mail.correlation_id)
        tx.repository.add_evidence(evidence)
        if suppresses(evidence):
            tx.repository.suppress_recipient(mail.user_id, mail.recipient)
        _apply(tx, clock, mail, evidence)


def _apply(tx: Transaction[Mails], clock: Clock, mail: StoredMail, evidence: Evidence) -> None:
    verdict = judge(mail.status, evidence)
    if verdict is None:
        return
    tx.repository.settle(
        mail.id,
        verdict.status,
        ses_message_id=evidence.ses_message_id,
        sent_at=evidence.occurred_at if verdict.newly_sent else None,
        failure=verdict.failure,
    )
    if verdict.newly_sent:
        tx.publish(
            EmailSentV1(
                occurred_at=evidence.occurred_at,
                producer=PRODUCER,
                correlation_id=mail.correlation_id,
                data=EmailSentData(
                    mail_id=mail.id, user_id=mail.user_id, kind=mail.kind, subject=mail.subject
                ),
            )
        )
    if verdict.failure is not None:
        _publish_failure(tx, clock, mail, verdict.failure)


def _give_up(
    tx: Transaction[Mails], clock: Clock, mail: DueMail, status: MailStatus, reason: FailureReason
) -> None:
    tx.repository.settle(mail.id, status, failure=reason)
    _publish_failure(tx, clock, mail, reason)


def _publish_failure(
    tx: Transaction[Mails], clock: Clock, mail: DueMail | StoredMail, reason: FailureReason
) -> None:
    tx.publish(
        EmailFailedV1(
            occurred_at=clock.now(),
            producer=PRODUCER,
            correlation_id=mail.correlation_id,
            data=EmailFailedData(
                mail_id=mail.id, user_id=mail.user_id, kind=mail.kind, reason=reason
            ),
        )
    )


def recover(unit_of_work: UnitOfWork[Mails]) -> Sequence[UUID]:
    """Find mails that nobody sends; return the ids to announce.

    These are mails whose worker was lost ten minutes ago without any evidence since (each counts
    as a possible duplicate), held mails of users who are verified, and queued mails whose message
    was lost or gave up.
    """
    with unit_of_work.begin() as tx:
        lost = tx.repository.requeue_lost(EVIDENCE_WINDOW)
        released = tx.repository.release_verified()
        unsent = tx.repository.unsent(UNSENT_AFTER)
    for mail_id in lost:
        logger.warning("mail is sent again, maybe twice", extra={"mail_id": mail_id})
    return [*lost, *released, *unsent]


# --- the API --------------------------------------------------------------------------------------


def logs(
    unit_of_work: UnitOfWork[Mails],
    *,
    user_id: UUID | None,
    status: MailStatus | None,
    recipient: str | None,
    after: UUID | None,
    limit: int,
) -> list[EmailLog]:
    """Return mails of one user, or of all, newest first, and one more if there is a next page."""
    with unit_of_work.begin() as tx:
        return tx.repository.logs(
            user_id=user_id, status=status, recipient=recipient, after=after, limit=limit + 1
        )
