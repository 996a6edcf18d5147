"""The settings of every stack: what an operator may write in a stack file, and the one place that reads it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_origin

import pulumi
from pulumi.runtime import config as runtime_config
from pydantic import BaseModel, ConfigDict, Field, Strict, StringConstraints, ValidationError, field_validator

from catalog import mcp

Certificate = Annotated[str, StringConstraints(pattern=r"^-----BEGIN CERTIFICATE-----\n")]


class SettingsError(Exception):
    """Settings that are wrong: one line per key, with its value and what is allowed."""


class Settings(BaseModel):
    """What a stack file says, secrets apart."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    registry: str = Field(
        pattern=r"^[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)*$",
        description="Where the platform's own images are pushed and pulled, say ghcr.io/you",
    )
    image_lock: str | None = Field(
        None,
        description="JSON file, name:tag -> digest: set where base images have other digests than upstream",
    )
    servers: Annotated[tuple[str, ...], Strict(False)] = Field(
        ("everything", "time"), min_length=1, description="Ids of the catalogue to run"
    )
    edge_replicas: int = Field(2, ge=1, le=4, description="Replicas of NGINX (S4: 2-4; 1 only where it may stop)")
    edge_cert: Certificate = Field(description="PEM of the edge's certificate, for the names its users call")
    edge_ca: Certificate = Field(description="PEM of the authority that signed it, handed to clients")

    @field_validator("servers")
    @classmethod
    def _known(cls, servers: tuple[str, ...]) -> tuple[str, ...]:
        known = [entry.id for entry in mcp.load().servers]
        wrong = sorted({id for id in servers if id not in known or servers.count(id) > 1})
        if wrong:
            raise ValueError(f"unknown or repeated: {', '.join(wrong)}; the catalogue has {', '.join(known)}")
        return servers

    @field_validator("image_lock")
    @classmethod
    def _exists(cls, path: str | None) -> str | None:
        if path is not None and not Path(path).is_file():
            raise ValueError("no such file; unset it to use the upstream digests of catalog/images.yaml")
        return path


@dataclass(frozen=True, kw_only=True)
class Secrets:
    """What a stack file keeps encrypted."""

    edge_key: pulumi.Output[str]
    """PEM of the private key of `edge_cert`."""


def load(project: str) -> tuple[Settings, Secrets]:
    """Settings and secrets of the present stack.

    Errors:
        SettingsError: a key is unknown, missing or has a value that is not allowed.
    """
    prefix = f"{project}:"
    config = {**runtime_config.get_config_env(), **runtime_config.CONFIG.get()}
    given = {key.removeprefix(prefix): value for key, value in config.items() if key.startswith(prefix)}
    wrong: list[str] = []
    if given.pop("edge_key", None) is None:
        wrong.append(_line(project, "edge_key", "not set; give it with: pulumi config set --secret"))
    elif not runtime_config.is_config_secret(f"{prefix}edge_key"):
        wrong.append(_line(project, "edge_key", "is in plain text; give it with: pulumi config set --secret"))
    settings = _parse(project, given, wrong)
    if wrong or settings is None:
        raise SettingsError("\n".join(wrong))
    return settings, Secrets(edge_key=pulumi.Config(project).require_secret("edge_key"))


def _parse(project: str, given: Mapping[str, str], wrong: list[str]) -> Settings | None:
    try:
        return Settings.model_validate({key: _value(key, text) for key, text in given.items()})
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            key = ".".join(str(part) for part in problem["loc"])
            shown = f"{problem['input']!r:.60}: " if problem["type"] != "missing" else ""
            wrong.append(_line(project, key, f"{shown}{problem['msg']}"))
        return None


def _value(key: str, text: str) -> Any:  # noqa: ANN401
    """The CLI hands every value over as text: what is not a text setting is JSON."""
    if key not in _JSON:
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text  # pydantic says what it should have been


_JSON = frozenset(
    name
    for name, field in Settings.model_fields.items()
    if field.annotation is int or get_origin(field.annotation) is tuple
)


def _line(project: str, key: str, problem: str) -> str:
    return f"{project}:{key}: {problem}"
