"""The composition root: the only place that names concrete classes."""

from functools import cache, cached_property

from email_service.config import TEMPLATE_TTL_SECONDS, EmailSettings
from email_service.gateways import MailDueQueue, SesGateway
from email_service.use_cases import Composer, Mails
from goldalert.bootstrap import BaseServices
from goldalert.cache.cache_aside import Cache
from goldalert.db.unit_of_work import UnitOfWork
from goldalert.secrets import read_secret
from goldalert.security.sealed import EventKey, Sealer


class Services(BaseServices[EmailSettings]):
    """What the handlers work with."""

    @cached_property
    def unit_of_work(self) -> UnitOfWork[Mails]:
        from email_service.repository import Repository

        return self.make_unit_of_work(Repository)

    @cached_property
    def cache(self) -> Cache:
        return Cache(self.redis, ttl_seconds=TEMPLATE_TTL_SECONDS)

    @cached_property
    def composer(self) -> Composer:
        from email_service import rendering

        sealer = Sealer(read_secret(self.settings.event_key_secret, EventKey))
        return rendering.Composer(self.settings.api_origin, sealer)

    @cached_property
    def gateway(self) -> SesGateway:
        return SesGateway(self.settings.mail_from, self.settings.configuration_set)

    @cached_property
    def mail_due(self) -> MailDueQueue:
        return MailDueQueue(self.settings.mail_due_queue_url)


@cache
def services() -> Services:
    return Services(EmailSettings.from_environment())
