"""The add-ons that run as processes of the node, as a cloud runs them outside of its customers' pods."""

from collections.abc import Mapping
from pathlib import Path

from sandbox.cluster.addons.binaries import Binaries
from sandbox.cluster.settings import NODE_NAME, POLICY_QUEUE, Settings
from sandbox.cluster.supervisor import Program
from sandbox.cluster.worker import CONTAINERD

IDENTITIES: Mapping[str, str] = {
    "network-policies": "sandbox:network-policies",
    "load-balancer": "sandbox:load-balancer",
}
"""Program name -> user that its client certificate names. What the users may do is in manifests/node-agents.yaml."""


def programs(wanted: Settings, binaries: Binaries, kubeconfigs: Mapping[str, Path]) -> list[Program]:
    """The programs that belong to the node from its start.

    Args:
        wanted: the node's settings.
        binaries: what `build` returned.
        kubeconfigs: program name -> kubeconfig of its identity.
    """
    flags = {
        "network-policies": {
            "node": NODE_NAME,
            "queue": POLICY_QUEUE,
            "pod-cidr": wanted.network.pods,
            "runtime": f"unix://{CONTAINERD}",
        },
        # The machine's forwarded ports arrive at the node's address; 127.0.0.1 is for programs in the node itself.
        "load-balancer": {"addresses": f"{wanted.network.node},127.0.0.1"},
    }
    executables = {"network-policies": binaries.network_policies, "load-balancer": binaries.load_balancer}
    return [
        Program(
            name=name,
            command=[
                executables[name],
                f"-kubeconfig={kubeconfigs[name]}",
                *(f"-{flag}={value}" for flag, value in flags[name].items()),
            ],
            files=(kubeconfigs[name],),
            order=40,
        )
        for name in IDENTITIES
    ]
