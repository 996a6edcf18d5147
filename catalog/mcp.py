"""The catalogue of MCP servers: data in `mcp.yaml`, its shape here."""

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

CATALOGUE = Path(__file__).with_name("mcp.yaml")

Quantity = Annotated[str, StringConstraints(pattern=r"^[0-9]+(m|Mi|Gi)?$")]
ExactVersion = Annotated[str, StringConstraints(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$")]


class Model(BaseModel):
    """Frozen, and refuses what it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Amounts(Model):
    """CPU and memory as Kubernetes quantities."""

    cpu: Quantity
    memory: Quantity


class Resources(Model):
    """What a pod is promised, and what it may take at most."""

    requests: Amounts
    limits: Amounts


class Server(Model):
    """One published MCP server at one exact version."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,40}$")]
    runtime: Literal["node", "python"]
    """Which of `images/mcp-<runtime>` it is built with."""
    package: str
    version: ExactVersion
    serve: list[str] = Field(min_length=1)
    """Command that serves MCP over HTTP on `port`."""
    port: Annotated[int, Field(ge=1024, le=65535)]
    path: Annotated[str, StringConstraints(pattern=r"^/")]
    health: Annotated[str, StringConstraints(pattern=r"^/")] | None = None
    """Path that answers 200 while it works; without one, an open port has to do."""
    env: dict[str, str] = Field(default_factory=dict)
    zone: Literal["hpc", "data", "edge", "general"]
    resources: Resources


class Catalogue(Model):
    """All servers that a stack may name."""

    servers: list[Server]

    def server(self, id: str) -> Server:
        """The server of that id.

        Errors:
            KeyError: there is none.
        """
        return {server.id: server for server in self.servers}[id]


@cache
def load() -> Catalogue:
    """The catalogue of this repository."""
    return Catalogue.model_validate(yaml.safe_load(CATALOGUE.read_text(encoding="utf-8")))
