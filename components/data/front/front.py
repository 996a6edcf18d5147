"""The front of a replicated store: one address that leads to whoever is the primary now."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import pulumi

from catalog.model import Zone
from components.base import Component
from components.configuration import config_files
from components.data.front import config
from components.data.front.config import Check, Member
from components.data.members import metrics
from components.data.options import Size
from components.endpoint import Endpoint
from components.kinds import Deployment
from components.mounts import Mount, config_mount
from components.pod import Health, Http
from components.tiers import Tier
from components.workload import Workload, WorkloadArgs


@dataclass(frozen=True, kw_only=True)
class FrontArgs:
    """What a front needs."""

    tier: Tier
    image: pulumi.Input[str]
    """HAProxy, by digest."""
    endpoint: Endpoint
    """What it offers: one port, that of the members."""
    members: Endpoint
    """Its first port is the one that is handed on; the others are for the check."""
    hosts: Sequence[str]
    """Of all members, as their certificate names them."""
    check: Check
    size: Size
    mounts: Sequence[Mount]
    """The authority's certificate, and what the check needs beside it."""


class Front(Component):
    """`code:data:Front`: HAProxy that hands on bytes to the primary of a store.

    Children: a ConfigMap (haproxy.cfg), a Workload.

    Args:
        name: Resource name and Service name.
        args: Whose primary, and how it is told from the others.
    """

    TYPE: ClassVar[str] = "code:data:Front"

    def __init__(self, name: str, args: FrontArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        store = args.members.ports[0]
        members = [
            Member(name=f"member-{ordinal}", host=host, port=store.target) for ordinal, host in enumerate(args.hosts)
        ]
        text = config.haproxy_cfg(store.target, members, args.check)
        configuration = config_files(name, "front", args.tier, {"haproxy.cfg": text}, self.child)
        Workload(
            name,
            WorkloadArgs(
                tier=args.tier,
                component="front",
                kind=Deployment(replicas=args.size.replicas),
                image=args.image,
                command=config.command(args.check),
                offers=[args.endpoint, metrics(name, args.tier, config.METRICS_PORT)],
                connects=[args.members],
                health=Health(live=Http(port=config.HEALTH_PORT, path="/healthz")),
                resources=args.size.resources,
                zone=Zone.DATA,
                mounts=[config_mount(config.DIR, configuration), *args.mounts],
            ),
            opts=self.child,
        )
        self.register_outputs({})
