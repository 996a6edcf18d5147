"""How the pods of a StatefulSet with roles are replaced: replicas, then the roles change, then the old primary."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from catalog import services
from components.address import host
from components.data.images import TOOLS
from components.endpoint import ApiRule, Endpoint, kube_api
from components.kinds import Job
from components.tiers import Tier
from components.workload import Workload, WorkloadArgs

DEADLINE_S = 1200
"""Seconds for all members: starting, replaying, catching up."""


@dataclass(frozen=True, kw_only=True)
class RolloutArgs:
    """Whose pods, and how one asks them for their role."""

    tier: Tier
    image: pulumi.Input[str]
    """data-tools, by digest."""
    kind: str
    """What `data_tools rollout` calls it."""
    arguments: Sequence[str]
    """Of that program, beside the StatefulSet's name and domain."""
    members: Workload
    endpoint: Endpoint
    """The members', with the credentials of who may change their roles."""
    replicas: int
    connects: Sequence[Endpoint] = ()


def rollout(name: str, args: RolloutArgs, opts: pulumi.ResourceOptions) -> Workload:
    """The Job that replaces what is outdated and ends when all members are ready; whoever needs them waits for it.

    Args:
        name: the StatefulSet's; the Job is `<name>-rollout`.
        args: whose pods.
        opts: the workload's options.
    """
    row = services.load().service("data-jobs")
    job = Workload(
        f"{name}-rollout",
        WorkloadArgs(
            tier=args.tier,
            component="rollout",
            kind=Job(deadline_s=DEADLINE_S, retries=1),
            image=args.image,
            command=[
                *TOOLS,
                "rollout",
                args.kind,
                f"--statefulset={name}",
                f"--domain={host(args.endpoint)}",
                f"--credentials={args.endpoint.credentials_dir}",
                f"--deadline={DEADLINE_S}",
                *args.arguments,
            ],
            # Another template is another Job.
            annotations={"revision.code/members": args.members.revision},
            connects=[args.endpoint, *args.connects, kube_api(args.tier.cluster, _rights(name, args.replicas))],
            resources=row.resources,
            zone=row.zone,
        ),
        opts=opts,
    )
    args.members.led_by(job)
    return job


def _rights(name: str, replicas: int) -> list[ApiRule]:
    pods = [f"{name}-{ordinal}" for ordinal in range(replicas)]
    return [
        ApiRule(verbs=("get",), resources=("statefulsets",), groups=("apps",), names=(name,)),
        ApiRule(verbs=("list",), resources=("pods",)),
        ApiRule(verbs=("delete",), resources=("pods",), names=pods),
    ]
