"""Every minute: publish events that their own handler left, and forget what is old."""

from goldalert.messaging.schedule import serve_relay
from price_service.bootstrap import services

lambda_handler = serve_relay(lambda: services(), "idempotency_keys")
