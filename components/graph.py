"""The declared graph: who runs, who may talk to whom, and what starts after what.

It knows names only. Workloads add themselves as they are made; the map, the start order and the tests read it.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import pulumi

from components.base import DeclarationError


@dataclass(frozen=True, kw_only=True)
class Node:
    """A workload."""

    name: str
    kind: str
    tier: str
    zone: str
    replicas: str
    """A number, a range where a scaler decides, or `each node`."""


@dataclass(frozen=True, kw_only=True)
class Edge:
    """A permission: `consumer` may open connections to the ports of `endpoint`."""

    consumer: str
    """A workload, or who else calls: `internet`, `api-server`."""
    endpoint: str
    owner: str
    """The workload that offers the endpoint, empty where it is outside of the cluster."""
    ports: tuple[str, ...]
    """As `8080/TCP`: what the pods listen on."""
    terms: str = ""
    """What the endpoint opens, as its holder declares it."""
    reverse: str = ""
    """The reason, where the edge runs against the order of the tiers."""
    late: str = ""
    """The reason, where the consumer starts without waiting for the endpoint."""


@dataclass
class Graph:
    """The graph of one stack."""

    _nodes: dict[str, Node] = field(default_factory=dict[str, Node])
    _edges: list[Edge] = field(default_factory=list[Edge])
    _owners: dict[str, str] = field(default_factory=dict[str, str])
    _terms: dict[str, str] = field(default_factory=dict[str, str])
    _early: list[Edge] = field(default_factory=list[Edge])
    """Edges to what was made after their consumer, which could not wait for it."""
    _ready: dict[str, Sequence[pulumi.Resource]] = field(default_factory=dict[str, Sequence[pulumi.Resource]])
    _ended: BaseException | bool = False
    """Whether the program has declared all of it, or what it failed with."""

    def __enter__(self) -> Self:
        """Everything that is declared inside is the whole program: `check` is called at its end."""
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        """Errors: DeclarationError: as `check`."""
        self._ended = error or False
        if error is None:
            self.check()

    def add(self, node: Node, offers: Mapping[str, str], edges: Sequence[Edge]) -> None:
        """Take in a workload with all its edges.

        Args:
            node: the workload.
            offers: the endpoints that it offers: name -> terms.
            edges: what it may reach, and who else than workloads may reach it.

        Errors:
            DeclarationError: a name is taken, or an endpoint is declared in two ways.
        """
        if node.name in self._nodes:
            raise DeclarationError(f"workload {node.name!r} exists already: names are unique in a stack")
        for name in offers:
            if name in self._owners:
                raise DeclarationError(
                    f"endpoint {name!r} of {node.name!r} is offered by {self._owners[name]!r} already: names are unique"
                )
        for name, terms in [*offers.items(), *((edge.endpoint, edge.terms) for edge in edges)]:
            if self._terms.setdefault(name, terms) != terms:
                raise DeclarationError(
                    f"{node.name!r} declares the endpoint {name!r} otherwise than who did it first: hand on one object"
                )
        self._early += [edge for edge in self._edges if edge.endpoint in offers and not edge.late]
        self._nodes[node.name] = node
        self._owners |= dict.fromkeys(offers, node.name)
        self._edges += edges

    def settle(self, workload: str, ready: Sequence[pulumi.Resource]) -> None:
        """Say which resources stand for a workload being ready."""
        self._ready[workload] = ready

    def ready(self, endpoint: str) -> Sequence[pulumi.Resource]:
        """What must be there before the endpoint answers; nothing where nobody offers it yet."""
        return self._ready.get(self._owners.get(endpoint, ""), ())

    def check(self) -> None:
        """To be called when all is declared.

        Errors:
            DeclarationError: somebody was handed an endpoint of a workload that was never made, or of one that was made
                after it and that it waits for: the cycle is named, or what to make first.
        """
        try:
            self._check()
        except DeclarationError as error:
            self._ended = error
            raise
        self._ended = True

    async def complete(self) -> None:
        """For what is made of all declarations: a coroutine of the program runs when the program has ended.

        Errors:
            BaseException: what the program failed with; what has been declared is not all.
        """
        if isinstance(self._ended, BaseException):
            raise self._ended
        if not self._ended:
            raise DeclarationError("the program was never checked: declare all of it in `with graph:`")

    def after_consumers(self, *endpoints: str) -> pulumi.Output[None]:
        """Something to depend on: all that the whole program hands one of these endpoints to is ready."""

        async def consumers() -> set[pulumi.Resource]:
            await self.complete()
            names = {edge.consumer for edge in self._edges if edge.endpoint in endpoints}
            return {resource for name in names for resource in self._ready.get(name, ())}

        nothing, known = asyncio.Future[None](), asyncio.Future[bool]()
        nothing.set_result(None)
        known.set_result(True)
        return pulumi.Output(asyncio.ensure_future(consumers()), nothing, known)

    def rows(self) -> Mapping[str, list[dict[str, str]]]:
        """The whole graph, sorted, as plain data."""
        return {
            "services": [vars(node) for _, node in sorted(self._nodes.items())],
            "edges": sorted(
                (self._row(edge) for edge in self._edges), key=lambda row: (row["from"], row["to"], row["ports"])
            ),
        }

    def _check(self) -> None:
        for edge in self._edges:
            if edge.owner and edge.endpoint not in self._owners:
                raise DeclarationError(
                    f"{edge.consumer!r} connects to {edge.endpoint!r}, which nobody offers: "
                    f"list it in `offers` of the workload {edge.owner!r}"
                )
        for edge in self._early:
            if path := self._path(edge.owner, edge.consumer):
                cycle = " -> ".join([*path, edge.owner])
                raise DeclarationError(
                    f"start order has a cycle: {cycle} (each connects to the next); let one of them start without the "
                    "other by `endpoint.late(reason)`"
                )
        if self._early:
            edge = self._early[0]
            raise DeclarationError(
                f"{edge.consumer!r} connects to {edge.endpoint!r} of {edge.owner!r}, which is made after it: make "
                f"{edge.owner!r} first, or use `endpoint.late(reason)`"
            )

    def _row(self, edge: Edge) -> dict[str, str]:
        return {
            "from": edge.consumer,
            "from_tier": self._nodes[edge.consumer].tier if edge.consumer in self._nodes else "",
            "to": edge.endpoint,
            "owner": edge.owner,
            "to_tier": self._nodes[edge.owner].tier if edge.owner in self._nodes else "",
            "ports": " ".join(edge.ports),
            "reverse": edge.reverse,
            "late": edge.late,
        }

    def _path(self, start: str, goal: str) -> list[str]:
        """Workloads from `start` to `goal`, each waiting for the next; empty where `start` does not wait for `goal`."""
        seen: set[str] = set()

        def search(name: str) -> list[str]:
            if name == goal:
                return [name]
            seen.add(name)
            for further in self._waits_for(name):
                if further not in seen and (path := search(further)):
                    return [name, *path]
            return []

        return search(start)

    def _waits_for(self, name: str) -> Iterator[str]:
        for edge in self._edges:
            if edge.consumer == name and edge.owner not in ("", name) and not edge.late:
                yield edge.owner
