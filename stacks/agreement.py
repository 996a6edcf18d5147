"""What settings have to agree on: ranges apart, each zone in one pool, pools that have what their pods request."""

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Network
from itertools import combinations
from typing import Literal, NamedTuple

from catalog.model import Amounts, Zone, cpu_m, memory_mib, scaled_cpu
from stacks.wrong import Loc, Wrong, path


def overlaps(ranges: Mapping[Loc, IPv4Network]) -> Iterator[Wrong]:
    """Each range that shares addresses with a later one."""
    for (loc, left), (other, right) in combinations(ranges.items(), 2):
        if left.overlaps(right):
            yield Wrong(loc, left, f"a range of its own; it overlaps {path(other)} {right}")


def within(ranges: Mapping[Loc, IPv4Network], others: Mapping[Loc, IPv4Network], meant: str) -> Iterator[Wrong]:
    """Each range that lies in one of the others, where it cannot be what is meant."""
    for loc, left in ranges.items():
        for other, right in others.items():
            if left.overlaps(right):
                yield Wrong(loc, left, f"{meant}; it lies in {path(other)} {right}")


def misplaced(pools: Mapping[str, Sequence[Zone]]) -> Iterator[Wrong]:
    """Each zone that is not in exactly one pool."""
    for zone in Zone:
        owners = [name for name, zones in pools.items() for taken in zones if taken == zone]
        if len(owners) != 1:
            where = ", ".join(owners) or "none"
            yield Wrong(("pools",), pools, f"pools that take each zone once; zone {zone} is in: {where}")


class Demand(NamedTuple):
    """What one service requests."""

    name: str
    zone: Zone
    replicas: int
    requests: Amounts
    """Of each pod."""


def shortfalls(
    demands: Sequence[Demand], nodes: int, cpu: str, memory: str, scale: float
) -> Iterator[tuple[Literal["cpu", "memory"], str]]:
    """Each of CPU and memory that is not enough, and the whole sum that says so.

    Args:
        demands: what shares the pool.
        nodes: of the pool.
        cpu: quantity that pods may have on each node.
        memory: likewise.
        scale: what CPU requests are multiplied by.
    """
    cpus = [(demand, cpu_m(scaled_cpu(demand.requests.cpu, scale))) for demand in demands]
    memories = [(demand, demand.requests.memory_mib) for demand in demands]
    if line := _shortfall(cpus, nodes, cpu_m(cpu), "m"):
        yield "cpu", f"{line}: add nodes, or lower requests_scale"
    if line := _shortfall(memories, nodes, memory_mib(memory), "Mi"):
        yield "memory", f"{line}: add nodes, or run less"


def _shortfall(amounts: Sequence[tuple[Demand, int]], nodes: int, each: int, unit: str) -> str | None:
    total = sum(demand.replicas * amount for demand, amount in amounts)
    if total <= nodes * each:
        return None
    terms = " + ".join(f"{demand.name} {demand.replicas} x {amount}{unit}" for demand, amount in amounts)
    return f"enough for {terms} = {total}{unit}; it has {nodes} x {each}{unit} = {nodes * each}{unit}"
