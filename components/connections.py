"""What follows from being handed an endpoint: the way there, its address, its credentials, its edge in the graph."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes import core, meta

from components.base import DeclarationError, content_name, labels, selector
from components.cluster import DOMAIN
from components.endpoint import Addresses, Admission, Endpoint, Late, Pods, PublicName, Via, address
from components.graph import Edge, Graph
from components.pod import Mount, secret_mount
from components.tiers import Rule, Tier, addresses, enter, leave, pods

INTERNET = "internet"
API_SERVER = "api-server"


@dataclass(frozen=True, kw_only=True)
class Consumer:
    """A workload, as far as its connections are concerned."""

    name: str
    tier: Tier
    component: str
    parent: pulumi.Resource


def expanded(connects: Sequence[Endpoint | Late]) -> list[Late]:
    """All that a workload connects to, the proxies of public names included; what has no reason is waited for."""
    wanted = [entry if isinstance(entry, Late) else Late(endpoint=entry, reason="") for entry in connects]
    for late in list(wanted):
        at = late.endpoint.at
        if isinstance(at, PublicName) and not any(at.proxy is known.endpoint for known in wanted):
            wanted.append(Late(endpoint=at.proxy, reason=late.reason))
    return wanted


def edges(name: str, tier: Tier, offers: Sequence[Endpoint], wanted: Sequence[Late]) -> list[Edge]:
    """The edges of a workload in the graph.

    Errors:
        DeclarationError: it was handed an endpoint that its tier may not enter, or one twice.
    """
    found: dict[str, Edge] = {}
    for late in wanted:
        endpoint = late.endpoint
        if why := endpoint.refusal(tier):
            raise DeclarationError(f"{name!r} may not connect to {endpoint.name!r}: {why}")
        if endpoint.name in found:
            raise DeclarationError(f"{name!r} connects to {endpoint.name!r} twice")
        found[endpoint.name] = _edge(name, endpoint, late.reason)
    outside = [_edge(caller, endpoint, "") for endpoint in offers if (caller := _outside_caller(endpoint))]
    return [*found.values(), *outside]


def open_ways(consumer: Consumer, offers: Sequence[Endpoint], wanted: Sequence[Late]) -> list[pulumi.Resource]:
    """Open the way to each endpoint, the leaving and the entering half, and from outside callers to what is offered."""
    name, child = consumer.name, pulumi.ResourceOptions(parent=consumer.parent)
    opened: list[pulumi.Resource] = []
    rules: list[Rule] = []
    for endpoint in (late.endpoint for late in wanted):
        match endpoint.at:
            case Pods(selector=chosen, tier=tier):
                namespace = tier.namespace
                rules.append(([pods(namespace, chosen)], _targets(endpoint)))
                way_in = f"{endpoint.name}-from-{name}"
                mine: Rule = ([pods(consumer.tier.namespace, selector(name))], _targets(endpoint))
                opened.append(enter(way_in, way_in, namespace, chosen, mine, child))
            case Addresses(cidrs=cidrs, security_group=group):
                rules.append((addresses(cidrs), _targets(endpoint)))
                if group is not None:
                    admission = Admission(consumer=name, tier=consumer.tier, endpoint=endpoint, parent=consumer.parent)
                    opened.append(group.admit(admission))
            case PublicName():
                pass  # the way there is the proxy's
    if rules:
        egress = f"{name}-egress"
        opened.append(leave(egress, egress, consumer.tier.namespace, selector(name), rules, child))
    for endpoint in offers:
        if isinstance(endpoint.at, Pods) and (caller := _outside_caller(endpoint)):
            peers = addresses(consumer.tier.cluster.api_cidrs) if caller == API_SERVER else []
            way_in = f"{endpoint.name}-from-{caller}"
            rule: Rule = (peers, _targets(endpoint))
            opened.append(enter(way_in, way_in, consumer.tier.namespace, endpoint.at.selector, rule, child))
    return opened


def handed_over(consumer: Consumer, wanted: Sequence[Late]) -> tuple[list[Mount], dict[str, pulumi.Input[str] | None]]:
    """What a consumer's pods find of its endpoints: credentials as files, addresses as environment.

    For an endpoint `orders`: ORDERS_HOST and ORDERS_PORT; with several ports ORDERS_<name>_PORT each; with a scheme
    ORDERS_URL; with credentials ORDERS_CREDENTIALS_DIR, their folder. A variable without a value is the node's address.
    """
    mounts: list[Mount] = []
    env: dict[str, pulumi.Input[str] | None] = {}
    for endpoint in (late.endpoint for late in wanted):
        env |= _environment(endpoint)
        if endpoint.credentials:
            env[f"{_variable(endpoint.name)}_CREDENTIALS_DIR"] = endpoint.credentials_dir
            mounts.append(secret_mount(endpoint.name, endpoint.credentials_dir, _credentials(consumer, endpoint)))
    return mounts, env


def requirements(graph: Graph, wanted: Sequence[Late]) -> list[pulumi.Resource]:
    """What a consumer waits for before its pods start."""
    waited_for = [late.endpoint for late in wanted if not late.reason]
    return [ready for endpoint in waited_for for ready in (*endpoint.requires, *graph.ready(endpoint.name))]


def _environment(endpoint: Endpoint) -> dict[str, pulumi.Input[str] | None]:
    prefix = _variable(endpoint.name)
    first = address(endpoint)
    if first.host is None and isinstance(endpoint.at, Addresses):
        return {}
    env: dict[str, pulumi.Input[str] | None] = {f"{prefix}_HOST": first.host}
    if len(endpoint.ports) == 1:
        env[f"{prefix}_PORT"] = str(first.port)
    else:
        env |= {f"{prefix}_{_variable(p.name)}_PORT": str(address(endpoint, p).port) for p in endpoint.ports}
    if endpoint.scheme and first.host is not None:
        env[f"{prefix}_URL"] = pulumi.Output.format(
            "{0}://{1}:{2}{3}", endpoint.scheme, first.host, first.port, endpoint.path
        )
    if isinstance(endpoint.at, PublicName):
        proxy = address(endpoint.at.proxy)
        env["HTTP_PROXY"] = env["HTTPS_PROXY"] = pulumi.Output.format("http://{0}:{1}", proxy.host, proxy.port)
        env["NO_PROXY"] = f".svc.{DOMAIN}"
    return env


def _credentials(consumer: Consumer, endpoint: Endpoint) -> pulumi.Output[str]:
    """A Secret in the consumer's own namespace, of another name for each generation."""
    generations = json.dumps({key: ref.generation for key, ref in endpoint.credentials.items()}, sort_keys=True)
    resource = f"{consumer.name}-{endpoint.name}-credentials"
    secret = core.v1.Secret(
        resource,
        metadata=meta.v1.ObjectMetaArgs(
            name=content_name(f"{consumer.name}-{endpoint.name}", generations),
            namespace=consumer.tier.namespace,
            labels=labels(consumer.name, consumer.component),
        ),
        immutable=True,
        string_data={key: pulumi.Output.secret(ref.value) for key, ref in endpoint.credentials.items()},
        opts=pulumi.ResourceOptions(parent=consumer.parent),
    )
    return secret.metadata.name


def _edge(consumer: str, endpoint: Endpoint, late: str) -> Edge:
    return Edge(
        consumer=consumer,
        endpoint=endpoint.name,
        owner=endpoint.at.workload if isinstance(endpoint.at, Pods) else "",
        ports=tuple(str(port) for port in endpoint.ports),
        reverse=endpoint.reverse[1] if endpoint.reverse else "",
        late=late,
    )


def _outside_caller(endpoint: Endpoint) -> str:
    """Who calls an endpoint that is no workload, empty where nobody does."""
    via = endpoint.at.via if isinstance(endpoint.at, Pods) else None
    return {Via.LOAD_BALANCER: INTERNET, Via.API_SERVER: API_SERVER}.get(via, "") if via else ""


def _targets(endpoint: Endpoint) -> list[tuple[int, str]]:
    return [(port.target, port.protocol) for port in endpoint.ports]


def _variable(name: str) -> str:
    return name.upper().replace("-", "_")
