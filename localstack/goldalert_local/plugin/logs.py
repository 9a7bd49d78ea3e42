"""CloudWatch Logs: log groups keep their retention, and a subscribed group accepts new streams."""

from typing import Any

from localstack.services.cloudformation.resource_provider import ProgressEvent, ResourceRequest
from localstack.services.logs.resource_providers.aws_logs_loggroup import LogsLogGroupProvider

from goldalert_local.plugin.cloudformation import loads, success


def install() -> None:
    # imported first, for it patches the method that is put right below
    from localstack.services.logs.resource_providers import aws_logs_loggroup_plugin as stock
    from moto.logs.models import LogGroup

    LogGroup.create_log_stream = create_log_stream  # type: ignore[assignment,method-assign]
    stock.LogsLogGroupProviderPlugin.load = loads(RetainingLogGroup)


def create_log_stream(group: Any, name: str) -> None:
    """As moto has it. LocalStack's own fails once the group has a subscription filter, and with it
    goes the log of the first invocation of every function process."""
    from moto.logs.exceptions import ResourceAlreadyExistsException
    from moto.logs.models import LogStream

    if name in group.streams:
        raise ResourceAlreadyExistsException
    group.streams[name] = LogStream(log_group=group, name=name)


class RetainingLogGroup(LogsLogGroupProvider):  # type: ignore[misc]  # untyped base
    """LocalStack's, which drops RetentionInDays and cannot update."""

    def create(self, request: ResourceRequest) -> ProgressEvent:
        created = super().create(request)
        _keep_retention(request.aws_client_factory.logs, created.resource_model)
        return created

    def update(self, request: ResourceRequest) -> ProgressEvent:
        model = {**request.previous_state, **request.desired_state}
        _keep_retention(request.aws_client_factory.logs, model)
        return success(model)


def _keep_retention(logs: Any, model: dict[str, Any]) -> None:
    name = model["LogGroupName"]
    if days := model.get("RetentionInDays"):
        logs.put_retention_policy(logGroupName=name, retentionInDays=int(days))
    else:
        logs.delete_retention_policy(logGroupName=name)
