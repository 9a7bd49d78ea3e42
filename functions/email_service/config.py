"""The settings of the e-mail service, and how patient it is."""

from datetime import timedelta

from goldalert.settings import Settings

SEND_LEASE = timedelta(seconds=60)
"""How long a worker may hold a mail: longer than `send_mail` can run (30 s), and shorter than the
80 s after which the queue gives up on a message that finds the mail held."""

EVIDENCE_WINDOW = timedelta(minutes=10)
"""How long SES is given to tell of a mail whose worker was lost, before it is sent again."""

UNSENT_AFTER = timedelta(minutes=2)
"""Age from which a queued mail is announced again: its message to the queue was lost or gave up."""

TEMPLATE_TTL_SECONDS = 24 * 60 * 60


class EmailSettings(Settings):
    """What the mail functions are told. What a function does not use is unset for it.

    Attributes:
        api_origin: the public base URL of the API, for links in mails.
        mail_from: the sender's address.
        configuration_set: the SES configuration set, whose events are the evidence.
        mail_due_queue_url: the queue of mails to send.
        event_key_secret: name of the secret that opens sealed tokens.
    """

    api_origin: str = ""
    mail_from: str = ""
    configuration_set: str = ""
    mail_due_queue_url: str = ""
    event_key_secret: str = ""
