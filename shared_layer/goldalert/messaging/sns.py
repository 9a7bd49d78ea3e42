"""Publishing to SNS, ten messages a call."""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from goldalert import aws
from goldalert.messaging.relay import BatchRefusedError, OutboxRow, PublishError

if TYPE_CHECKING:
    from botocore.exceptions import ClientError


class SnsPublisher:
    """A `Publisher` on SNS.

    Args:
        topic_arn_prefix: the topics' ARNs up to the name of the topic.
    """

    def __init__(self, topic_arn_prefix: str) -> None:
        self._topic_arn_prefix = topic_arn_prefix

    def publish(self, topic: str, rows: Sequence[OutboxRow]) -> dict[UUID, str]:
        """Publish up to ten rows; return why each refused one was refused.

        Raises:
            BatchRefusedError: SNS finds fault with the call as a whole.
            PublishError: SNS did not answer, or takes nothing from us now.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer = aws.client("sns").publish_batch(
                TopicArn=f"{self._topic_arn_prefix}{topic}",
                PublishBatchRequestEntries=[
                    {
                        "Id": str(row.id),
                        "Message": row.message,
                        "MessageAttributes": {
                            "event_type": {"DataType": "String", "StringValue": row.event_type}
                        },
                    }
                    for row in rows
                ],
            )
        except ClientError as error:
            if _is_about_the_content(error):
                raise BatchRefusedError(str(error)) from error
            raise PublishError(topic) from error
        except BotoCoreError as error:
            raise PublishError(topic) from error
        return {UUID(f["Id"]): f"{f['Code']}: {f.get('Message', '')}" for f in answer["Failed"]}


def _is_about_the_content(error: "ClientError") -> bool:
    """Say whether other content could have been accepted: 403, 404, 5xx would refuse that, too."""
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    # SNS answers 400 to what comes too fast, too
    return status in (400, 413) and not error.response["Error"]["Code"].startswith("Throttl")
