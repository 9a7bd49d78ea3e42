"""CloudFormation resources of SES: LocalStack has no provider for the configuration sets, and the
one for identities calls SES v2, which the free edition lacks. All of them work on SES v1 here.
"""

import contextlib
from typing import Any

from localstack.services.cloudformation.resource_provider import (
    CloudFormationResourceProviderPlugin,
    ProgressEvent,
    ResourceProvider,
    ResourceRequest,
)

from goldalert_local.plugin.cloudformation import Model, loads, schema, success


def install() -> None:
    """The other types are found by their entry points; this one LocalStack has already."""
    from localstack.services.ses.resource_providers import aws_ses_emailidentity_plugin as stock

    stock.SESEmailIdentityProviderPlugin.load = loads(EmailIdentity)


class _SesResource(ResourceProvider):  # type: ignore[misc]  # untyped base
    """A resource whose state is what the template says, plus its id."""

    def create(self, request: ResourceRequest) -> ProgressEvent:
        model = dict(request.desired_state)
        self.put(request.aws_client_factory.ses, model)
        return success(model)

    def update(self, request: ResourceRequest) -> ProgressEvent:
        self.delete_if_there(request.aws_client_factory.ses, request.previous_state)
        return self.create(request)

    def delete(self, request: ResourceRequest) -> ProgressEvent:
        self.delete_if_there(request.aws_client_factory.ses, request.desired_state)
        return success({})

    def read(self, request: ResourceRequest) -> ProgressEvent:
        return success(dict(request.desired_state))

    def delete_if_there(self, ses: Any, model: Model) -> None:
        """A stack must be deletable after its resources were removed by hand."""
        with contextlib.suppress(
            ses.exceptions.ConfigurationSetDoesNotExistException,
            ses.exceptions.EventDestinationDoesNotExistException,
        ):
            self.remove(ses, model)

    def put(self, ses: Any, model: Model) -> None:
        raise NotImplementedError

    def remove(self, ses: Any, model: Model) -> None:
        raise NotImplementedError


class EmailIdentity(_SesResource):
    SCHEMA = schema("AWS::SES::EmailIdentity", "EmailIdentity")

    def put(self, ses: Any, model: Model) -> None:
        identity = model["EmailIdentity"]
        if "@" in identity:
            ses.verify_email_identity(EmailAddress=identity)
        else:
            ses.verify_domain_identity(Domain=identity)

    def remove(self, ses: Any, model: Model) -> None:
        ses.delete_identity(Identity=model["EmailIdentity"])


class ConfigurationSet(_SesResource):
    """Its name only: SES v1 knows none of the options."""

    SCHEMA = schema("AWS::SES::ConfigurationSet", "Name")

    def put(self, ses: Any, model: Model) -> None:
        ses.create_configuration_set(ConfigurationSet={"Name": model["Name"]})

    def remove(self, ses: Any, model: Model) -> None:
        ses.delete_configuration_set(ConfigurationSetName=model["Name"])


class ConfigurationSetEventDestination(_SesResource):
    """LocalStack keeps one destination per configuration set, and publishes to SNS only."""

    SCHEMA = schema("AWS::SES::ConfigurationSetEventDestination", "Id", read_only=True)

    def put(self, ses: Any, model: Model) -> None:
        destination = model["EventDestination"]
        model["Id"] = f"{model['ConfigurationSetName']}|{destination['Name']}"
        ses.create_configuration_set_event_destination(
            ConfigurationSetName=model["ConfigurationSetName"],
            EventDestination={
                "Name": destination["Name"],
                "Enabled": destination.get("Enabled", True),
                "MatchingEventTypes": destination["MatchingEventTypes"],
                "SNSDestination": {"TopicARN": destination["SnsDestination"]["TopicARN"]},
            },
        )

    def remove(self, ses: Any, model: Model) -> None:
        ses.delete_configuration_set_event_destination(
            ConfigurationSetName=model["ConfigurationSetName"],
            EventDestinationName=model["EventDestination"]["Name"],
        )


class ConfigurationSetPlugin(CloudFormationResourceProviderPlugin):  # type: ignore[misc]  # untyped
    name = "AWS::SES::ConfigurationSet"
    load = loads(ConfigurationSet)


class EventDestinationPlugin(CloudFormationResourceProviderPlugin):  # type: ignore[misc]  # untyped
    name = "AWS::SES::ConfigurationSetEventDestination"
    load = loads(ConfigurationSetEventDestination)
