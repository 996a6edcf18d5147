"""The catalogue of MCP servers: data in `mcp.yaml`, its shape here."""

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from catalog.model import Model, Resources, Zone, read

CATALOGUE = Path(__file__).with_name("mcp.yaml")

ExactVersion = Annotated[str, StringConstraints(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$")]


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
    zone: Zone
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
    return read(Catalogue, CATALOGUE)
