"""The JSON Schema of a stack file, for editors and checks: `python -m tools.schema` writes it, `--check` compares."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from stacks.settings import Settings

ROOT = Path(__file__).parent.parent
FILE = ROOT / "schema" / "stack.schema.json"
PROJECT = "code"

_SECRET = {
    "description": "A secret, as `pulumi config set --secret` writes it; `code:secrets` refers to it",
    "type": "object",
    "properties": {"secure": {"type": "string"}},
    "required": ["secure"],
    "additionalProperties": False,
}
_TEXT_OF_SCALAR = {
    "description": "As `pulumi config set` writes it",
    "type": "string",
    "pattern": r"^(true|false|-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?)$",
}
_SCALARS = ("boolean", "integer", "number")


def document() -> dict[str, Any]:
    """The schema. It requires no setting: an operator, or the sandbox, may add the rest with `pulumi config set`."""
    model = _closed(Settings.model_json_schema())
    entries = {f"{PROJECT}:{name}": _entry(schema) for name, schema in model["properties"].items()}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",  # the newest that every editor's YAML server knows
        "title": "Stack file of the CODE platform",
        "type": "object",
        "properties": {
            "config": {
                "type": "object",
                "properties": entries,
                "patternProperties": {f"^(?!{PROJECT}:)[^:]+:": {"description": "A setting of a provider"}},
                "additionalProperties": {"$ref": "#/$defs/Secret"},
            },
            "encryptionsalt": {"type": "string"},
            "secretsprovider": {"type": "string"},
            "encryptedkey": {"type": "string"},
            "environment": {"description": "Pulumi ESC", "type": ["array", "object"]},
        },
        "additionalProperties": False,
        "$defs": {**model["$defs"], "Secret": _SECRET},
    }


def _entry(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """A setting as the file may have it: the CLI writes numbers back as text."""
    if schema.get("type") not in _SCALARS:
        return schema
    about = {key: schema[key] for key in ("title", "description", "default") if key in schema}
    return {**about, "anyOf": [{key: value for key, value in schema.items() if key not in about}, _TEXT_OF_SCALAR]}


def _closed(node: Any) -> Any:  # noqa: ANN401 (any JSON)
    """Objects whose names have a pattern take no others, which pydantic does not say."""
    match node:
        case dict():
            closed = {key: _closed(value) for key, value in cast("dict[str, Any]", node).items()}
            return {**closed, "additionalProperties": False} if "patternProperties" in closed else closed
        case list():
            return [_closed(item) for item in cast("list[Any]", node)]
        case _:
            return node


def text() -> str:
    """The file's content."""
    return json.dumps(document(), indent=2) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write the schema, or only say whether it is up to date."""
    if arguments == ["--check"]:
        if not FILE.is_file() or FILE.read_text(encoding="utf-8") != text():
            sys.stderr.write(f"{FILE.relative_to(ROOT)} is stale: python -m tools.schema writes it\n")
            return 1
        return 0
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(text(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
