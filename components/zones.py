"""Zones: which machines a pod runs on, and how its replicas are spread over them."""

from pulumi_kubernetes import meta
from pulumi_kubernetes.core.v1 import TopologySpreadConstraintArgs

from catalog.model import Zone
from components.base import selector

SPREAD_OVER = ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
"""Replicas go to different data centres first, to different machines then."""


def node_selector(zone: Zone) -> dict[str, str]:
    """The label of the zone's nodes. A node may belong to several zones, so each has a label of its own."""
    return {f"zone.code/{zone}": "true"}


def spread(workload: str) -> list[TopologySpreadConstraintArgs]:
    """Constraints for the pods of a workload.

    They prefer, they do not require: where one machine is left, the platform runs on one machine.
    """
    return [
        TopologySpreadConstraintArgs(
            max_skew=1,
            topology_key=over,
            when_unsatisfiable="ScheduleAnyway",
            label_selector=meta.v1.LabelSelectorArgs(match_labels=selector(workload)),
            # Of one rollout: the pods that it replaces do not count.
            match_label_keys=["pod-template-hash"],
        )
        for over in SPREAD_OVER
    ]
