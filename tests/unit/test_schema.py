"""The JSON Schema of the stack files: up to date, and what the loader would accept of a file."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from tests.stack_settings import VALID
from tools import schema

STACKS = sorted(schema.ROOT.glob("Pulumi.*.yaml"))  # Pulumi.yaml, the project, is none of them
VALIDATOR = Draft7Validator(schema.document())
SECRET = {"secure": "v1:8glctwYqwidXa364:Nx7w6iA4mN4HheoX7zUTY34="}


def wrong(document: Any) -> list[str]:  # noqa: ANN401 (any JSON)
    """Path of each value that the schema refuses."""
    return [error.json_path for error in VALIDATOR.iter_errors(document)]  # pyright: ignore[reportUnknownMemberType]


def config(**changed: object) -> dict[str, Any]:
    return {"config": {f"code:{name}": value for name, value in {**VALID, **changed}.items()}}


def test_the_schema_is_one() -> None:
    Draft7Validator.check_schema(schema.document())


def test_the_committed_schema_is_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert schema.main(["--check"]) == 0, capsys.readouterr().err


def test_a_stale_one_is_said_on_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(schema, "ROOT", tmp_path)
    monkeypatch.setattr(schema, "FILE", tmp_path / "schema" / "stack.schema.json")
    said = "schema/stack.schema.json is stale: python -m tools.schema writes it\n"
    assert (schema.main(["--check"]), capsys.readouterr().err) == (1, said)
    assert schema.main([]) == 0
    assert (schema.main(["--check"]), capsys.readouterr().err) == (0, "")
    schema.FILE.write_text(schema.text().replace("6", "7"))
    assert (schema.main(["--check"]), capsys.readouterr().err) == (1, said)


def test_there_are_stack_files() -> None:
    assert "Pulumi.dev.yaml" in [path.name for path in STACKS]


@pytest.mark.parametrize("path", STACKS, ids=lambda path: path.name)
def test_a_stack_file_is_valid_and_names_the_schema(path: Path) -> None:
    first, *_ = path.read_text(encoding="utf-8").splitlines()
    assert first == f"# yaml-language-server: $schema={schema.FILE.relative_to(schema.ROOT)}"
    assert wrong(yaml.safe_load(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"config": {}}, id="no setting"),
        pytest.param(config(), id="the least that a stack needs"),
        pytest.param(config(db_password=SECRET), id="a secret"),
        pytest.param(config(requests_scale="0.5"), id="a number as the CLI writes it"),
        pytest.param({"config": {"kubernetes:anything": [1], "aws:config:region": 1}}, id="a provider's"),
        pytest.param({"encryptionsalt": "v1:x", "secretsprovider": "passphrase", "encryptedkey": "x"}, id="key"),
        pytest.param({"environment": ["prod"]}, id="list of environments"),
        pytest.param({"environment": {"values": {}}}, id="environment"),
    ],
)
def test_what_a_stack_file_may_be(document: object) -> None:
    assert wrong(document) == []


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (config(serverss=["time"]), "$.config['code:serverss']"),
        (config(db_password="in plain text"), "$.config['code:db_password']"),
        (config(db_password={**SECRET, "more": 1}), "$.config['code:db_password']"),
        (config(registry=SECRET), "$.config['code:registry']"),
        (config(registry="https://ghcr.io"), "$.config['code:registry']"),
        (config(servers='["time"]'), "$.config['code:servers']"),
        (config(servers=[]), "$.config['code:servers']"),
        (config(requests_scale="half"), "$.config['code:requests_scale']"),
        (config(requests_scale=2), "$.config['code:requests_scale']"),
        (config(retention={"logs": "30"}), "$.config['code:retention'].logs"),
        (config(retention={"backups": 6}), "$.config['code:retention'].backups"),
        (config(tiers={"dmz": "ten"}), "$.config['code:tiers'].dmz"),
        (config(tiers={"dmzz": "10.0.0.0/24"}), "$.config['code:tiers']"),
        (config(pools={"All": VALID["pools"]["all"]}), "$.config['code:pools']"),
        (config(pools={"all": {**VALID["pools"]["all"], "zoness": []}}), "$.config['code:pools'].all"),
        (config(pools={"all": {**VALID["pools"]["all"], "zones": ["hcp"]}}), "$.config['code:pools'].all.zones[0]"),
        (config(pools={"all": {**VALID["pools"]["all"], "cpu": 2}}), "$.config['code:pools'].all.cpu"),
        (config(cluster={"pods": "10.244.0.0/16"}), "$.config['code:cluster']"),
        ({"config": {"servers": ["time"]}}, "$.config.servers"),
        ({"config": []}, "$.config"),
        ({"encryptionsal": "v1:x"}, "$"),
        ([], "$"),
    ],
)
def test_what_it_may_not_be(document: object, path: str) -> None:
    assert wrong(document) == [path]


def test_editors_are_told_what_a_setting_is() -> None:
    entries = schema.document()["properties"]["config"]["properties"]
    dumb = [name for name, entry in entries.items() if not {"description", "$ref"} & entry.keys()]
    assert dumb == []
    assert all("description" in model for model in schema.document()["$defs"].values())


def test_the_output_is_the_same_each_time() -> None:
    assert schema.text() == schema.text()
    assert json.loads(schema.text()) == schema.document()
