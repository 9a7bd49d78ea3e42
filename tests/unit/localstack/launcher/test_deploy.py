"""The template is deployed as it is; only its code folders are replaced by copies."""

from pathlib import Path

import pytest

from goldalert_local.deploy import load_template, point_at_folders
from goldalert_local.errors import StackError

TEMPLATE = """
Resources:
  Layer:
    Type: AWS::Serverless::LayerVersion
    Properties: {ContentUri: ../.build/layer}
  Function:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: ../.build/alert_service
      Role: !GetAtt Role.Arn
      Environment: {Variables: {A: !Ref Stage, B: !Sub "x-${Stage}", C: !If [IsLocal, 1, 2]}}
  Queue:
    Type: AWS::SQS::Queue
    Condition: IsLocal
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for folder in ("layer", "alert_service"):
        (tmp_path / ".build" / folder).mkdir(parents=True)
        (tmp_path / ".build" / folder / "code.py").write_text("before")
    (tmp_path / "infra").mkdir()
    (tmp_path / "infra" / "template.yaml").write_text(TEMPLATE)
    return tmp_path


def test_short_forms_become_long_forms(project: Path) -> None:
    function = load_template(project / "infra" / "template.yaml")["Resources"]["Function"]
    assert function["Properties"]["Role"] == {"Fn::GetAtt": ["Role", "Arn"]}
    assert function["Properties"]["Environment"]["Variables"] == {
        "A": {"Ref": "Stage"},
        "B": {"Fn::Sub": "x-${Stage}"},
        "C": {"Fn::If": ["IsLocal", 1, 2]},
    }


def test_a_running_stack_keeps_its_code_when_a_build_replaces_it(project: Path) -> None:
    template = load_template(project / "infra" / "template.yaml")
    point_at_folders(template, project / "infra", project / "snapshot")
    code = project / ".build" / "alert_service" / "code.py"
    code.unlink()  # as a build does: it writes new files
    code.write_text("after")
    place = template["Resources"]["Function"]["Properties"]["CodeUri"]
    assert place["Bucket"] == "hot-reload"
    assert (Path(place["Key"]) / "code.py").read_text() == "before"


def test_resources_without_code_stay_as_they_are(project: Path) -> None:
    template = load_template(project / "infra" / "template.yaml")
    point_at_folders(template, project / "infra", project / "snapshot")
    assert template["Resources"]["Queue"] == {"Type": "AWS::SQS::Queue", "Condition": "IsLocal"}


def test_a_folder_that_was_not_built_is_named(project: Path) -> None:
    template = load_template(project / "infra" / "template.yaml")
    (project / ".build" / "layer" / "code.py").unlink()
    (project / ".build" / "layer").rmdir()
    with pytest.raises(StackError, match=r"\.build/layer is missing"):
        point_at_folders(template, project / "infra", project / "snapshot")
