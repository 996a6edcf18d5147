"""A minimal egress proxy for the fourth example: Squid that lets callers have some names, and nothing else."""

from collections.abc import Sequence

import pulumi

from catalog.model import Amounts, Resources, Zone
from components.configuration import config_files
from components.endpoint import Addresses, Endpoint, Pods, Port, Reverse
from components.mounts import config_mount
from components.pod import Health, Tcp
from components.tiers import Tier
from components.workload import Workload, WorkloadArgs

PORT = 3128
OUTSIDE_PORT = 18080
ENOUGH = Resources(requests=Amounts(cpu="5m", memory="64Mi"), limits=Amounts(cpu="500m", memory="256Mi"))


def minimal_squid(name: str, tier: Tier, *, allow: Sequence[str], image: pulumi.Input[str], outside: str) -> Endpoint:
    """An egress proxy.

    Args:
        name: of the workload and its endpoint.
        tier: where it runs.
        allow: the names that callers may have.
        image: with squid in it.
        outside: the address behind those names, which no name service knows.
    """
    proxy = Endpoint(
        name=name,
        at=Pods(workload=name, tier=tier),
        ports=[Port(name="proxy", port=PORT, target=PORT)],
        reverse=(Reverse.EGRESS_PROXY, "the only way out, by name"),
    )
    files = {"squid.conf": _configuration(allow), "hosts": f"{outside} {' '.join(allow)}\n"}
    configuration = config_files(name, "egress", tier, files, pulumi.ResourceOptions())
    Workload(
        name,
        WorkloadArgs(
            tier=tier,
            component="egress",
            image=image,
            command=["squid", "-N", "-f", "/etc/egress/squid.conf"],
            offers=[proxy],
            connects=[
                Endpoint(
                    name="outside",
                    at=Addresses(host=None, cidrs=[f"{outside}/32"]),
                    ports=[Port(name="http", port=OUTSIDE_PORT, target=OUTSIDE_PORT)],
                )
            ],
            health=Health(live=Tcp(port=PORT)),
            resources=ENOUGH,
            zone=Zone.EDGE,
            mounts=[config_mount("/etc/egress", configuration)],
        ),
    )
    return proxy


def _configuration(allow: Sequence[str]) -> str:
    return f"""\
http_port {PORT}
hosts_file /etc/egress/hosts
acl wanted dstdomain {" ".join(allow)}
http_access allow wanted
http_access deny all
access_log stdio:/dev/stdout
cache_log /dev/stderr
cache deny all
pid_filename none
coredump_dir /tmp
shutdown_lifetime 1 seconds
"""
