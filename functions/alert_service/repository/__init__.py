"""All SQL of the alert service."""

from alert_service.repository.alerts import AlertRows
from alert_service.repository.backtest import BacktestRows
from alert_service.repository.engine import EngineRows
from alert_service.repository.history import HistoryRows


class Repository(AlertRows, HistoryRows, EngineRows, BacktestRows):
    """The tables of alert_db, on one transaction's connection."""
