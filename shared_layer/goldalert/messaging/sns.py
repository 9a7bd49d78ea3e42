"""Publishing to SNS, ten messages a call."""

from collections.abc import Sequence
from uuid import UUID

from goldalert import aws
from goldalert.messaging.relay import OutboxRow, PublishError


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
            PublishError: SNS did not answer, or refused the call as a whole.
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
        except (BotoCoreError, ClientError) as error:
            raise PublishError(topic) from error
        return {UUID(f["Id"]): f"{f['Code']}: {f.get('Message', '')}" for f in answer["Failed"]}
