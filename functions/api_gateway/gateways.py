"""Asks a service's API function how it is, past API Gateway."""

import json

from goldalert import aws
from goldalert.http.health import HealthView


class FunctionHealth:
    """Invokes the route `GET /<service>/health` of an API function."""

    def health(self, function_name: str, service: str, correlation_id: str) -> HealthView:
        """Return what the service says of itself.

        Raises:
            botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError: no answer.
            ValueError: the function failed.
        """
        path = f"/{service}/health"
        answer = aws.client("lambda").invoke(
            FunctionName=function_name,
            Payload=json.dumps(
                {
                    "resource": path,
                    "path": path,
                    "httpMethod": "GET",
                    "headers": {"X-Correlation-Id": correlation_id},
                    "multiValueHeaders": {},
                    "queryStringParameters": None,
                    "multiValueQueryStringParameters": None,
                    "pathParameters": None,
                    "requestContext": {"requestId": correlation_id, "httpMethod": "GET"},
                    "body": None,
                    "isBase64Encoded": False,
                }
            ),
        )
        if "FunctionError" in answer:
            raise ValueError(f"{function_name}: {answer['FunctionError']}")
        return HealthView.model_validate_json(json.load(answer["Payload"])["body"])
