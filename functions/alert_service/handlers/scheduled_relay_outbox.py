"""Every minute: publish events that their own handler left, and forget what is old."""

from alert_service.bootstrap import services
from goldalert.messaging.schedule import serve_relay

lambda_handler = serve_relay(lambda: services(), "inbox", "idempotency_keys")
