"""What the plugin's CloudFormation resource providers have in common."""

from collections.abc import Callable
from typing import Any

from localstack.services.cloudformation.resource_provider import (
    OperationStatus,
    ProgressEvent,
    ResourceProvider,
)

type Model = dict[str, Any]


def success(model: Model) -> ProgressEvent:
    return ProgressEvent(status=OperationStatus.SUCCESS, resource_model=model)


def schema(type_name: str, identifier: str, *, read_only: bool = False) -> dict[str, object]:
    """What LocalStack reads of a resource type's schema: `Ref` is the one primary identifier."""
    path = f"/properties/{identifier}"
    return {
        "typeName": type_name,
        "primaryIdentifier": [path],
        "createOnlyProperties": [] if read_only else [path],
        "readOnlyProperties": [path] if read_only else [],
        "properties": {identifier: {"type": "string"}},
    }


def loads(provider: type[ResourceProvider]) -> Callable[[Any], None]:
    """The `load` of a resource provider's plugin."""

    def load(plugin: Any) -> None:
        plugin.factory = provider

    return load
