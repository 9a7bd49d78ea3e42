"""What was not yet delivered before the restart is delivered after it."""

from pathlib import Path

from goldalert_local.client import StackClient, wait_for


def test_the_event_of_before_is_logged(stack: StackClient) -> None:
    state = Path(stack.description["state_dir"])
    correlation_id = (state / "undelivered_correlation_id").read_text()
    admin = stack.admin.http
    wait_for(
        lambda: admin.get(f"/logging/logs?correlation_id={correlation_id}").body["items"],
        "the log entry of an event that was in its queue when the stack stopped",
    )
