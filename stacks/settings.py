"""The settings of every stack: what an operator may write in a stack file. `stacks/loading.py` reads it."""

import os
from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path

from pydantic import Field, field_validator, model_validator

from catalog import crds, images, mcp, services
from catalog.model import Amounts, Model, Resources
from components.data.options import Size
from stacks.agreement import Demand, misplaced, overlaps, shortfalls, within
from stacks.data import Data, Memory
from stacks.sections import (
    AddonMode,
    Addons,
    ClusterCidrs,
    Domains,
    KubernetesApi,
    Name,
    Pool,
    Retention,
    SecretSource,
    TierCidrs,
)
from stacks.wrong import Loc, Wrong, WrongValuesError, refuse


class Settings(Model):
    """What a stack file says, secrets apart."""

    registry: str = Field(
        pattern=r"^[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)*$",
        description="host and path, without a scheme, where the platform's own images are kept, say ghcr.io/you",
    )
    image_lock: str | None = Field(
        default=None,
        description="JSON file, name:tag -> digest: set where base images have other digests than upstream",
    )
    servers: tuple[str, ...] = Field(
        default=("everything", "time"), min_length=1, description="ids of the catalogue to run"
    )
    replicas: dict[str, int] = Field(
        default_factory=dict[str, int], description="id of catalog/services.yaml -> pods, within its bounds there"
    )
    tiers: TierCidrs = TierCidrs()
    cluster: ClusterCidrs
    kubernetes_api: KubernetesApi
    pools: dict[Name, Pool] = Field(min_length=1, description="name -> machines that pods share; every zone is in one")
    requests_scale: float = Field(
        default=1, ge=0.01, le=1, description="multiplies CPU requests where machines are smaller than the catalogue's"
    )
    addons: Addons = Field(default=Addons(), validate_default=True)
    data: Data = Data()
    domains: Domains = Domains()
    retention: Retention = Retention()
    secrets: dict[Name, SecretSource] = Field(
        default_factory=dict[str, SecretSource], repr=False, description="name -> where its value is"
    )

    def replicas_of(self, service: str) -> int:
        """How many pods a service of the catalogue has."""
        return self.replicas.get(service, services.load().service(service).replicas.default)

    @property
    def installed_addons(self) -> dict[str, int]:
        """The add-ons that the stack brings, and their replicas."""
        return {name: self.replicas_of(name) for name in self._addons(AddonMode.INSTALL)}

    def demand(self) -> Iterator[Demand]:
        """What runs, and what it requests."""
        not_ours = self._addons(AddonMode.PRESENT)
        for entry in services.load().services:
            if entry.id not in not_ours:
                yield Demand(entry.id, entry.zone, self.replicas_of(entry.id), self._requests(entry))
        for server in map(mcp.load().server, self.servers):
            yield Demand(f"mcp-{server.id}", server.zone, 1, server.resources.requests)

    @field_validator("servers")
    @classmethod
    def _known_servers(cls, servers: tuple[str, ...]) -> tuple[str, ...]:
        known = [entry.id for entry in mcp.load().servers]
        unknown = f"one of {', '.join(known)}"
        refuse(
            Wrong((index,), id, "there once" if id in known else unknown)
            for index, id in enumerate(servers)
            if id not in known or id in servers[:index]
        )
        return servers

    @field_validator("replicas")
    @classmethod
    def _within_bounds(cls, replicas: dict[str, int]) -> dict[str, int]:
        known = {entry.id: entry.replicas for entry in services.load().services}
        unknown = f"for a service of catalog/services.yaml: {', '.join(known)}"
        refuse(
            Wrong((id,), count, f"a whole number from {known[id].min} to {known[id].max}" if id in known else unknown)
            for id, count in replicas.items()
            if id not in known or not known[id].min <= count <= known[id].max
        )
        return replicas

    @field_validator("image_lock")
    @classmethod
    def _complete(cls, path: str | None) -> str | None:
        if path is None:
            return None
        allowed = "a file with a digest for each image of catalog/images.yaml; unset it to use upstream's"
        if not os.path.isfile(path):  # pathlib's raises where a path is too long
            raise WrongValuesError([Wrong((), path, allowed)])
        try:
            for key in images.load().images:
                images.load().reference(key, Path(path))
        except images.ImageError as error:
            raise WrongValuesError([Wrong((), path, f"{allowed} ({error})")]) from error
        return path

    @field_validator("addons")
    @classmethod
    def _vendored(cls, addons: Addons) -> Addons:
        if addons.cert_manager is AddonMode.INSTALL:
            names = crds.differing("cert-manager", crds.read_lock()["cert-manager"])
            allowed = "present, until `make vendor` has brought vendor/crds/cert-manager/"
            refuse(Wrong(("cert_manager",), addons.cert_manager, allowed + name) for name in names)
        return addons

    @field_validator("secrets")
    @classmethod
    def _no_settings(cls, secrets: dict[str, SecretSource]) -> dict[str, SecretSource]:
        refuse(
            Wrong((name, "config"), source.config, "a key of its own: this one is a setting")
            for name, source in secrets.items()
            if source.config in cls.model_fields
        )
        return secrets

    @model_validator(mode="after")
    def _agrees(self) -> "Settings":
        pods, room = sum(demand.replicas for demand in self.demand()), self.cluster.pods.num_addresses
        crowded = f"large enough for {pods} pods; it has {room} addresses"
        refuse(
            (
                *overlaps(self._ranges()),
                *self._databases(),
                *([Wrong(("cluster", "pods"), self.cluster.pods, crowded)] if pods > room else []),
                *within(
                    {("kubernetes_api", "cidrs", i): cidr for i, cidr in enumerate(self.kubernetes_api.cidrs)},
                    {("cluster", "services"): self.cluster.services, ("cluster", "pods"): self.cluster.pods},
                    "the API server itself, behind its Service: kubectl get endpointslices kubernetes",
                ),
                # What a pool has to bear is known once each zone has its own.
                *(tuple(misplaced({name: pool.zones for name, pool in self.pools.items()})) or self._shortfalls()),
            )
        )
        return self

    def resources_of(self, service: str) -> Resources:
        """What the main container of a service gets: as in the catalogue, but for memory that is a setting."""
        listed = services.load().service(service).resources
        if service not in (sized := self._memories()):
            return listed
        memory = sized[service]
        return Resources(
            requests=Amounts(cpu=listed.requests.cpu, memory=memory.request),
            limits=Amounts(cpu=listed.limits.cpu, memory=memory.most),
        )

    def size_of(self, service: str) -> Size:
        """How many pods a service has, and what they get."""
        sidecars = services.load().service(service).sidecars
        return Size(replicas=self.replicas_of(service), resources=self.resources_of(service), sidecars=sidecars)

    def _memories(self) -> dict[str, Memory]:
        data = self.data
        return {
            "postgres-members": data.postgres.memory,
            "htm-members": data.htm.memory,
            "redis-members": data.redis.memory,
        }

    def _requests(self, entry: services.Service) -> Amounts:
        """What each pod of a service requests, with its sidecars."""
        every = [self.resources_of(entry.id).requests, *(own.requests for own in entry.sidecars.values())]
        cpu, memory = sum(own.cpu_m for own in every), sum(own.memory_mib for own in every)
        return every[0] if len(every) == 1 else Amounts(cpu=f"{cpu}m", memory=f"{memory}Mi")

    def _databases(self) -> Iterator[Wrong]:
        """What a PostgreSQL cluster's settings and its replicas do not agree on."""
        for name, sql, poolers in (
            ("postgres", self.data.postgres, ("postgres", "postgres-transactions")),
            ("htm", self.data.htm, ("htm",)),
        ):
            members = self.replicas_of(f"{name}-members")
            if sql.synchronous and members == 1:
                allowed = f"false with replicas.{name}-members 1: no second member could have the write"
                yield Wrong(("data", name, "synchronous"), True, allowed)
            if wrong := sql.too_many(sum(map(self.replicas_of, poolers))):
                yield wrong._replace(loc=("data", name, *wrong.loc))

    def _addons(self, wanted: AddonMode) -> list[str]:
        """Their ids in catalog/services.yaml."""
        return [name.replace("_", "-") for name, mode in self.addons if mode is wanted]

    def _ranges(self) -> dict[Loc, IPv4Network]:
        return {
            **{("tiers", name): cidr for name, cidr in self.tiers},
            ("cluster", "pods"): self.cluster.pods,
            ("cluster", "services"): self.cluster.services,
            **{("cluster", "nodes", index): cidr for index, cidr in enumerate(self.cluster.nodes)},
        }

    def _shortfalls(self) -> Iterator[Wrong]:
        for name, pool in self.pools.items():
            own = [demand for demand in self.demand() if demand.zone in pool.zones]
            for what, line in shortfalls(own, pool.nodes, pool.cpu, pool.memory, self.requests_scale):
                yield Wrong(("pools", name, what), getattr(pool, what), line)
