"""The members of a replicated store: pods with names of their own."""

from dataclasses import replace

from components.endpoint import Endpoint, Pods, Port, Via
from components.tiers import Purpose, Tier


def headless(workload: str, tier: Tier, **ports: int) -> Endpoint:
    """All pods of a StatefulSet, by their names: port name -> number."""
    return Endpoint(
        name=workload,
        at=Pods(workload=workload, tier=tier, via=Via.HEADLESS),
        ports=[Port(name=name, port=number, target=number) for name, number in ports.items()],
    )


def service(workload: str, tier: Tier, **ports: int) -> Endpoint:
    """Any pod of a workload, by the Service of its name: port name -> number."""
    return replace(headless(workload, tier, **ports), at=Pods(workload=workload, tier=tier))


def metrics(workload: str, tier: Tier, port: int) -> Endpoint:
    """What Prometheus reads of each pod."""
    return Endpoint(
        name=f"{workload}-metrics",
        at=Pods(workload=workload, tier=tier, via=Via.HEADLESS),
        ports=[Port(name="metrics", port=port, target=port)],
        purpose=Purpose.METRICS,
    )
