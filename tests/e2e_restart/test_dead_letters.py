"""What the tests before the restart left in the dead-letter queues, which outlive it."""

from goldalert_local.client import StackClient

POISONED = "goldalert-local-user-service-on-user-registered-dlq"


def test_nothing_but_the_poison_is_in_a_dead_letter_queue(stack: StackClient) -> None:
    """R14."""
    urls = stack.aws.sqs.list_queues(MaxResults=1000)["QueueUrls"]
    names = [url.rsplit("/", 1)[-1] for url in urls]
    dead = {
        name: stack.queue_length(name.removeprefix("goldalert-local-"))
        for name in names
        if name.endswith("-dlq")
    }
    assert len(dead) >= 16
    assert {name: count for name, count in dead.items() if count} == {POISONED: 1}
