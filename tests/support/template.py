"""Reads `infra/template.yaml`, and renders it for a stage as CloudFormation would."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "infra" / "template.yaml"

_NO_VALUE = {"Ref": "AWS::NoValue"}
_PSEUDO_PARAMETERS = {
    "AWS::Partition": "aws",
    "AWS::Region": "eu-central-1",
    "AWS::AccountId": "123456789012",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": "goldalert",
}


class _Loader(yaml.SafeLoader):
    """Turns `!Sub x` into `{"Fn::Sub": x}` and so on."""


def _tagged(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _tagged)


@cache
def load() -> dict[str, Any]:
    return yaml.load(TEMPLATE.read_text(encoding="utf-8"), _Loader)  # noqa: S506 - a safe loader


@dataclass(frozen=True)
class Rendered:
    """The resources of one stage, with every parameter and condition resolved."""

    resources: dict[str, Any]

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        return {
            name: resource["Properties"]
            for name, resource in self.resources.items()
            if resource["Type"] == kind
        }

    @property
    def functions(self) -> dict[str, dict[str, Any]]:
        return self.of_type("AWS::Serverless::Function")


@cache
def render(stage: str, **parameters: str) -> Rendered:
    template = load()
    given = {"Stage": stage, "ApiOrigin": "https://api.goldalert.example", **parameters}
    values = {
        name: str(given.get(name, declared.get("Default", "")))
        for name, declared in template["Parameters"].items()
    }
    renderer = _Renderer(values | _PSEUDO_PARAMETERS, template["Conditions"])
    resources = {
        name: renderer.resolve({k: v for k, v in resource.items() if k != "Condition"})
        for name, resource in template["Resources"].items()
        if "Condition" not in resource or renderer.holds(resource["Condition"])
    }
    defaults = renderer.resolve(template["Globals"]["Function"])
    shared_environment = defaults.pop("Environment")["Variables"]
    for resource in resources.values():
        if resource["Type"] == "AWS::Serverless::Function":
            properties = {**defaults, **resource["Properties"]}
            own = resource["Properties"].get("Environment", {}).get("Variables", {})
            properties["Environment"] = {"Variables": {**shared_environment, **own}}
            resource["Properties"] = properties
    return Rendered(resources)


class _Renderer:
    """Resolves what is known before a deployment; references to resources stay as they are."""

    def __init__(self, values: dict[str, str], conditions: dict[str, Any]) -> None:
        self._values = values
        self._conditions = conditions

    def holds(self, condition: str) -> bool:
        return self._is_true(self._conditions[condition])

    def _is_true(self, expression: dict[str, Any]) -> bool:
        ((function, arguments),) = expression.items()
        match function:
            case "Fn::Equals":
                left, right = map(self.resolve, arguments)
                return bool(left == right)
            case "Fn::Not":
                return not self._is_true(arguments[0])
            case "Fn::And":
                return all(self._is_true(argument) for argument in arguments)
            case "Fn::Or":
                return any(self._is_true(argument) for argument in arguments)
            case "Condition":
                return self.holds(arguments)
        raise NotImplementedError(function)

    def resolve(self, value: Any) -> Any:
        match value:
            case {"Ref": name} if name in self._values:
                return self._values[name]
            case {"Fn::Sub": str() as pattern}:
                return re.sub(r"\$\{([^}]+)\}", lambda m: self._values.get(m[1], m[0]), pattern)
            case {"Fn::Sub": _}:
                raise NotImplementedError("Fn::Sub with a map")
            case {"Fn::If": [condition, then, otherwise]}:
                return self.resolve(then if self.holds(condition) else otherwise)
            case dict():
                resolved = {key: self.resolve(item) for key, item in value.items()}
                return {key: item for key, item in resolved.items() if item != _NO_VALUE}
            case list():
                return [item for item in map(self.resolve, value) if item != _NO_VALUE]
        return value


def rank(resource: str, path: str) -> tuple[int, ...] | None:
    """How closely a resource fits a path: API Gateway takes the closest one. None: not at all."""
    pattern, segments = resource.split("/")[1:], path.split("/")[1:]
    ranks = []
    for position, part in enumerate(pattern):
        if part.endswith("+}"):
            return (*ranks, 2) if len(segments) > position else None
        if position >= len(segments):
            return None
        if part.startswith("{"):
            ranks.append(1)
        elif part == segments[position]:
            ranks.append(0)
        else:
            return None
    return tuple(ranks) if len(pattern) == len(segments) else None
