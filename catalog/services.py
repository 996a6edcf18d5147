"""The services that are no MCP servers: data in `services.yaml`, its shape here."""

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from catalog.model import Model, Replicas, Resources, Zone, read

TABLE = Path(__file__).with_name("services.yaml")


class Service(Model):
    """One service of the platform."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,40}$")]
    layer: Literal["L1", "L2", "L3", "L4", "L5", "L6", "L7", "L8"]
    zone: Zone
    replicas: Replicas
    resources: Resources
    sidecars: dict[str, Resources] = Field(default_factory=dict[str, Resources])
    """Further containers of each pod: name -> what they get."""


class Table(Model):
    """All services."""

    services: tuple[Service, ...] = Field(min_length=1)

    def service(self, id: str) -> Service:
        """The service of that id.

        Errors:
            KeyError: there is none.
        """
        return {service.id: service for service in self.services}[id]


@cache
def load() -> Table:
    """The table of this repository."""
    return read(Table, TABLE)
