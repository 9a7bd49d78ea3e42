"""Deploys infra/template.yaml as it is, with each local folder where LocalStack can read it."""

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import yaml

from goldalert_local.aws import Aws
from goldalert_local.errors import StackError
from goldalert_local.profiles import REGION, ROOT, STACK_NAME

TEMPLATE = ROOT / "infra" / "template.yaml"
ARTIFACT_BUCKET = "goldalert-artifacts"
# LocalStack runs code of this bucket right where the key points: nothing to zip, send and unpack.
FOLDER_BUCKET = "hot-reload"
CODE_PROPERTIES = {
    "AWS::Serverless::Function": "CodeUri",
    "AWS::Serverless::LayerVersion": "ContentUri",
}
SECONDS = 300

type Template = dict[str, Any]


class TemplateLoader(yaml.SafeLoader):
    """Reads CloudFormation's short forms (!Ref, !GetAtt, !Sub ...) as their long ones."""


def long_form(loader: TemplateLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]
    if suffix in {"Ref", "Condition"}:
        return {suffix: value}
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {f"Fn::{suffix}": value}


TemplateLoader.add_multi_constructor("!", long_form)


def load_template(path: Path) -> Template:
    template: Template = yaml.load(path.read_text(), TemplateLoader)  # noqa: S506  # a SafeLoader
    return template


def point_at_folders(template: Template, template_dir: Path, snapshot: Path) -> None:
    """Copy each local code folder into `snapshot` and name the copy in the template.

    A stack that runs keeps the code it was deployed with, whatever is built meanwhile.
    """
    shutil.rmtree(snapshot, ignore_errors=True)
    sections = [template.get("Globals", {}).get("Function", {})]
    properties = [(section, "CodeUri") for section in sections]
    for resource in template["Resources"].values():
        if name := CODE_PROPERTIES.get(resource["Type"]):
            properties.append((resource["Properties"], name))
    for section, name in properties:
        local = section.get(name)
        if isinstance(local, str) and not local.startswith("s3://"):
            copy = copy_folder((template_dir / local).resolve(), snapshot)
            section[name] = {"Bucket": FOLDER_BUCKET, "Key": str(copy)}


def copy_folder(source: Path, snapshot: Path) -> Path:
    if not source.is_dir():
        raise StackError(f"{source} is missing: the template names it, and make build made none")
    copy = snapshot / source.name
    if not copy.exists():
        # Hard links cost nothing, and a build writes new files rather than into old ones.
        shutil.copytree(source, copy, copy_function=os.link, symlinks=True)
    return copy


def deploy(
    aws: Aws, parameters: dict[str, str], snapshot: Path, template_path: Path = TEMPLATE
) -> dict[str, str]:
    """Create the stack, wait until it stands, and return its outputs."""
    template = load_template(template_path)
    point_at_folders(template, template_path.parent, snapshot)
    aws.s3.create_bucket(Bucket=ARTIFACT_BUCKET)
    aws.s3.put_object(
        Bucket=ARTIFACT_BUCKET, Key="template.json", Body=json.dumps(template, default=str).encode()
    )
    known = template.get("Parameters", {})
    aws.cloudformation.create_stack(
        StackName=STACK_NAME,
        TemplateURL=f"https://{ARTIFACT_BUCKET}.s3.{REGION}.amazonaws.com/template.json",
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[
            {"ParameterKey": name, "ParameterValue": value}
            for name, value in parameters.items()
            if name in known
        ],
    )
    deadline = time.monotonic() + SECONDS
    while True:
        stack = aws.cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"][0]
        if stack["StackStatus"] == "CREATE_COMPLETE":
            return {item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", [])}
        if not stack["StackStatus"].endswith("_IN_PROGRESS") or time.monotonic() > deadline:
            raise StackError(f"the deployment failed: {explain_failure(aws, stack['StackStatus'])}")
        time.sleep(0.25)


def explain_failure(aws: Aws, status: str) -> str:
    events = aws.cloudformation.describe_stack_events(StackName=STACK_NAME)["StackEvents"]
    reasons = [
        f"{event.get('LogicalResourceId')}: {event['ResourceStatusReason']}"
        for event in reversed(events)
        if event.get("ResourceStatus", "").endswith("_FAILED") and event.get("ResourceStatusReason")
    ]
    return "; ".join(reasons) or status
