"""The template's functions and the code's handlers are the same, each with its own rights."""

import ast
import importlib
from typing import Any

import pytest

from goldalert.events import catalogue
from goldalert.settings import Environment
from tests.support.services import FUNCTIONS, SERVICES, function_name, handler_files, logical_id
from tests.support.template import ROOT, Rendered, load, render

ALLOWED_TYPES = {
    "AWS::ApiGateway::BasePathMapping",
    "AWS::ApiGateway::DomainName",
    "AWS::CloudWatch::Alarm",
    "AWS::IAM::Role",
    "AWS::Logs::LogGroup",
    "AWS::SES::ConfigurationSet",
    "AWS::SES::ConfigurationSetEventDestination",
    "AWS::SES::EmailIdentity",
    "AWS::SNS::Subscription",
    "AWS::SNS::Topic",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::Queue",
    "AWS::SQS::QueuePolicy",
    "AWS::Serverless::Api",
    "AWS::Serverless::Function",
    "AWS::Serverless::LayerVersion",
}
"""LocalStack takes a misspelt type without a word."""

HANDLERS = handler_files()
PROD = render("prod")

# what is not ours to read: powertools and the Lambda runtime do
FOREIGN_VARIABLES = {"POWERTOOLS_LOG_LEVEL"}
# they keep the value that the code gives them, until somebody has a reason to change it
LEFT_TO_THEIR_DEFAULT = {
    ("alert_service", "max_active_alerts"),
    ("alert_service", "max_alerts"),
}

MAY_END_IN_A_STAR = {
    # streams are named by Lambda
    "logs:PutLogEvents",
    "logs:CreateLogStream",
}


def settings_of(service: str) -> type[Environment]:
    config = importlib.import_module(f"{service}.config")
    (settings,) = (
        value
        for value in vars(config).values()
        if isinstance(value, type)
        and issubclass(value, Environment)
        and value.__module__ == config.__name__
    )
    return settings


def variables_of(settings: type[Environment]) -> dict[str, bool]:
    """The variables that settings read, and whether each is required."""
    return {
        (field.alias or name).upper(): field.is_required()
        for name, field in settings.model_fields.items()
    }


def environment_of(service: str, handler: str, rendered: Rendered = PROD) -> set[str]:
    function = rendered.functions[logical_id(service, handler)]
    return set(function["Environment"]["Variables"])


def statements_of(service: str, handler: str) -> list[dict[str, Any]]:
    role = PROD.resources[logical_id(service, handler).removesuffix("Function") + "Role"]
    return [
        statement
        for policy in role["Properties"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


TOPIC_OF = {
    contract.__name__: f"{topic.capitalize()}Topic" for contract, topic in catalogue._TOPICS.items()
}


def definitions(service: str) -> dict[str, list[ast.stmt]]:
    """The functions and classes that a service's handlers can come to, by name."""
    files = [
        *(path for path in (FUNCTIONS / service).rglob("*.py") if path.parent.name != "handlers"),
        ROOT / "shared_layer" / "goldalert" / "messaging" / "erasure.py",
    ]
    found: dict[str, list[ast.stmt]] = {}
    for path in files:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            # bootstrap's class names every part; a handler is after a few of them
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name != "Services":
                found.setdefault(node.name, []).append(node)
    return found


def published_by(service: str, handler: str) -> set[str]:
    """The topics that a function's code publishes on: what it names, and what that names.

    Names are all that it goes by, so it takes two functions of one name for both.
    """
    known = definitions(service)
    file = FUNCTIONS / service / "handlers" / f"{handler}.py"
    waiting: list[ast.AST] = [ast.parse(file.read_text(encoding="utf-8"))]
    topics: set[str] = set()
    while waiting:
        nodes = list(ast.walk(waiting.pop()))
        made = {node.func for node in nodes if isinstance(node, ast.Call)}
        publishes = any(
            isinstance(node, ast.Attribute) and node.attr == "publish" for node in nodes
        )
        for node in nodes:
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                name = node.id
            elif isinstance(node, ast.Attribute):
                name = node.attr
            else:
                continue
            # made, or told from others where something is published
            if name in TOPIC_OF and (node in made or publishes):
                topics.add(TOPIC_OF[name])
            waiting += known.pop(name, [])
    return topics


SAID = {handler: published_by(*handler) for handler in HANDLERS}


def test_every_handler_file_is_a_function_and_every_function_a_file() -> None:
    in_code = {f"{service}.handlers.{handler}.lambda_handler" for service, handler in HANDLERS}
    in_template = {function["Handler"] for function in PROD.functions.values()}
    assert in_template == in_code


@pytest.mark.parametrize(("service", "handler"), HANDLERS)
def test_names_follow_the_rule(service: str, handler: str) -> None:
    function = PROD.functions[logical_id(service, handler)]
    assert function["FunctionName"] == f"goldalert-prod-{function_name(service, handler)}"
    assert function["Handler"] == f"{service}.handlers.{handler}.lambda_handler"
    assert function["CodeUri"] == f"../.build/{service}"
    assert function["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"] == service


def test_only_known_types_are_used() -> None:
    assert {resource["Type"] for resource in load()["Resources"].values()} <= ALLOWED_TYPES


@pytest.mark.parametrize(("service", "handler"), HANDLERS)
def test_a_function_has_a_role_and_a_log_of_its_own(service: str, handler: str) -> None:
    """S16."""
    name = logical_id(service, handler).removesuffix("Function")
    assert PROD.functions[f"{name}Function"]["Role"] == {"Fn::GetAtt": [f"{name}Role", "Arn"]}
    log_group = PROD.of_type("AWS::Logs::LogGroup")[f"{name}LogGroup"]
    assert (
        log_group["LogGroupName"] == f"/aws/lambda/goldalert-prod-{function_name(service, handler)}"
    )
    assert log_group["RetentionInDays"] > 0


@pytest.mark.parametrize(("service", "handler"), HANDLERS)
def test_a_role_names_what_it_allows(service: str, handler: str) -> None:
    """S16."""
    for statement in statements_of(service, handler):
        actions = listed(statement["Action"])
        assert not [action for action in actions if "*" in action]
        if set(actions) <= MAY_END_IN_A_STAR:
            name = logical_id(service, handler).removesuffix("Function")
            assert statement["Resource"] == f"${{{name}LogGroup.Arn}}:*"
            continue
        assert not [arn for arn in listed(statement["Resource"]) if "*" in str(arn)]


@pytest.mark.parametrize(("service", "handler"), HANDLERS)
def test_a_function_may_publish_what_its_code_does_and_nothing_else(
    service: str, handler: str
) -> None:
    """S16. LocalStack enforces no rights: AWS would be the first to refuse."""
    if handler == "scheduled_relay_outbox":  # it takes what any of the others left
        said = {
            topic for owner, name in HANDLERS if owner == service for topic in SAID[owner, name]
        }
    else:
        said = SAID[service, handler]
    allowed = {
        arn["Ref"]
        for statement in statements_of(service, handler)
        if statement["Action"] == "sns:Publish"
        for arn in listed(statement["Resource"])
    }
    assert allowed == said


@pytest.mark.parametrize(("service", "handler"), HANDLERS)
def test_a_function_reads_its_own_services_secrets(service: str, handler: str) -> None:
    """S16."""
    secrets = {
        str(arn).rsplit("/", 1)[1].removesuffix("-??????")
        for statement in statements_of(service, handler)
        if statement["Action"] == "secretsmanager:GetSecretValue"
        for arn in listed(statement["Resource"])
    }
    if service == "migrator":
        databases = {name for name in SERVICES if name.endswith("_service")}
        assert secrets == databases | {"postgres_admin"}
    else:
        of_others = {name for name in SERVICES if name != service}
        assert secrets.isdisjoint(of_others | {"postgres_admin"})


@pytest.mark.parametrize(("service", "handler"), HANDLERS)
def test_every_variable_is_a_setting(service: str, handler: str) -> None:
    known = set(variables_of(settings_of(service))) | FOREIGN_VARIABLES
    # the common ones are given to all, also to those that have no use for them
    common = set(load()["Globals"]["Function"]["Environment"]["Variables"])
    local = render("local", PriceSources="live")
    given = environment_of(service, handler) | environment_of(service, handler, local)
    own = given - common - {"POWERTOOLS_SERVICE_NAME"}
    assert own <= known
    assert common - FOREIGN_VARIABLES <= set(variables_of(settings_of("user_service")))


@pytest.mark.parametrize(("service", "handler"), HANDLERS)
def test_every_required_setting_is_given(service: str, handler: str) -> None:
    required = {name for name, needed in variables_of(settings_of(service)).items() if needed}
    assert required <= environment_of(service, handler)


@pytest.mark.parametrize("service", SERVICES)
def test_every_setting_is_given_to_some_function(service: str) -> None:
    local = render("local", PriceSources="live")
    given = {
        variable
        for owner, handler in HANDLERS
        if owner == service
        for variable in environment_of(owner, handler, local)
    }
    left = {name.upper() for owner, name in LEFT_TO_THEIR_DEFAULT if owner == service}
    assert set(variables_of(settings_of(service))) - left <= given


def test_an_event_that_makes_a_tick_does_not_outlast_its_slot() -> None:
    """R1: the use case refuses one from half a slot on; Lambda would keep it for six hours."""
    slot = int(
        PROD.functions["PriceScheduledFetchPriceFunction"]["Environment"]["Variables"][
            "SLOT_SECONDS"
        ]
    )
    config = PROD.functions["PriceScheduledFetchPriceFunction"]["EventInvokeConfig"]

    assert config["MaximumEventAgeInSeconds"] <= slot / 2
