"""What follows from being handed an endpoint: the way there, its address, its credentials, its edge in the graph."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes import core, meta

from components.address import address
from components.base import CALLERS, DeclarationError, content_name, labels, selector
from components.cluster import DOMAIN
from components.endpoint import Addresses, Admission, Endpoint, Late, Pods, PublicName, SecretRef, Via
from components.graph import Edge, Graph
from components.mounts import Mount, secret_mount
from components.tiers import Rule, Tier, addresses, enter, leave, pods

INTERNET, API_SERVER = CALLERS

Environment = Mapping[str, pulumi.Input[str] | None]
"""Variable -> value; None is the address of the pod's node."""


@dataclass(frozen=True, kw_only=True)
class Consumer:
    """A workload, as far as its connections are concerned."""

    name: str
    tier: Tier
    component: str
    parent: pulumi.Resource


@dataclass(frozen=True)
class Wanted:
    """An endpoint that a workload connects to, and why it does not wait for it, if it does not."""

    endpoint: Endpoint
    late: str


def expanded(connects: Sequence[Endpoint | Late]) -> list[Wanted]:
    """All that a workload connects to, the proxies of public names included; what has no reason is waited for.

    A proxy that is not listed itself is late only if all its names are.
    """
    wanted = [Wanted(e.endpoint, e.reason) if isinstance(e, Late) else Wanted(e, "") for e in connects]
    listed = {known.endpoint.name for known in wanted}
    proxies: dict[str, Wanted] = {}
    for entry in wanted:
        if isinstance(entry.endpoint.at, PublicName) and (proxy := entry.endpoint.at.proxy).name not in listed:
            earlier = proxies.get(proxy.name, entry)
            proxies[proxy.name] = Wanted(proxy, entry.late and earlier.late)
    return [*wanted, *proxies.values()]


def edges(name: str, tier: Tier, offers: Sequence[Endpoint], wanted: Sequence[Wanted]) -> list[Edge]:
    """The edges of a workload in the graph.

    Errors:
        DeclarationError: it was handed an endpoint that its tier may not enter, or one twice.
    """
    found: dict[str, Edge] = {}
    for entry in wanted:
        endpoint = entry.endpoint
        if why := endpoint.refusal(tier):
            raise DeclarationError(f"{name!r} may not connect to {endpoint.name!r}: {why}")
        if endpoint.name in found:
            raise DeclarationError(f"{name!r} connects to {endpoint.name!r} twice")
        reverse = endpoint.reverse_reason(tier)
        found[endpoint.name] = _edge(name, endpoint, reverse=reverse, late=entry.late)
    outside = [_edge(caller, endpoint) for endpoint in offers if (caller := _outside_caller(endpoint))]
    return [*found.values(), *outside]


def open_ways(consumer: Consumer, offers: Sequence[Endpoint], wanted: Sequence[Wanted]) -> list[pulumi.Resource]:
    """Open the way to each endpoint, the leaving and the entering half, and from outside callers to what is offered."""
    name, child = consumer.name, pulumi.ResourceOptions(parent=consumer.parent)
    opened: list[pulumi.Resource] = []
    rules: list[Rule] = []
    for endpoint in (entry.endpoint for entry in wanted):
        match endpoint.at:
            case Pods(selector=chosen, tier=tier):
                namespace = tier.namespace
                rules.append(([pods(namespace, chosen)], _targets(endpoint)))
                way_in = f"{endpoint.name}.from.{name}"
                mine: Rule = ([pods(consumer.tier.namespace, selector(name))], _targets(endpoint))
                opened.append(enter(way_in, way_in, namespace, chosen, mine, child))
            case Addresses(cidrs=cidrs, security_group=group):
                rules.append((addresses(cidrs), _targets(endpoint)))
                if group is not None:
                    opened.append(group.admit(_admission(consumer, endpoint)))
            case PublicName():
                pass  # the way there is the proxy's
    if rules:
        egress = f"{name}.egress"
        opened.append(leave(egress, egress, consumer.tier.namespace, selector(name), rules, child))
    for endpoint in offers:
        if isinstance(endpoint.at, Pods) and (caller := _outside_caller(endpoint)):
            peers = addresses(consumer.tier.cluster.api_cidrs) if caller == API_SERVER else []
            way_in = f"{endpoint.name}.from.{caller}"
            rule: Rule = (peers, _targets(endpoint))
            opened.append(enter(way_in, way_in, consumer.tier.namespace, endpoint.at.selector, rule, child))
    return opened


def handed_over(consumer: Consumer, wanted: Sequence[Wanted]) -> tuple[list[Mount], Environment]:
    """What a consumer's pods find of its endpoints: credentials as files, addresses as environment.

    For an endpoint `orders`: ORDERS_HOST and ORDERS_PORT; with several ports ORDERS_<name>_PORT each; with a scheme
    ORDERS_URL; with credentials ORDERS_CREDENTIALS_DIR, their folder.

    Errors:
        DeclarationError: two endpoints would set one variable.
    """
    mounts: list[Mount] = []
    env: Environment = {}
    endpoints = [entry.endpoint for entry in wanted]
    for endpoint in endpoints:
        env = merged(consumer.name, env, _environment(endpoint))
        credentials = dict(endpoint.credentials)
        if endpoint.accounts:
            credentials |= endpoint.accounts(_admission(consumer, endpoint))
        if credentials:
            env = merged(consumer.name, env, {f"{_variable(endpoint.name)}_CREDENTIALS_DIR": endpoint.credentials_dir})
            secret = _credentials(consumer, endpoint.name, credentials)
            mounts.append(secret_mount(f"credentials-{len(mounts)}", endpoint.credentials_dir, secret))
    return mounts, merged(consumer.name, env, _proxy(consumer.name, endpoints))


def merged(workload: str, one: Environment, other: Environment) -> dict[str, pulumi.Input[str] | None]:
    """Two environments as one.

    Errors:
        DeclarationError: both set a variable.
    """
    if twins := sorted(one.keys() & other.keys()):
        raise DeclarationError(f"{workload!r}: two say what {', '.join(twins)} is: rename an endpoint, or its port")
    return {**one, **other}


def requirements(graph: Graph, wanted: Sequence[Wanted]) -> list[pulumi.Resource]:
    """What a consumer waits for before its pods start."""
    waited_for = [entry.endpoint for entry in wanted if not entry.late]
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
    return env


def _proxy(workload: str, endpoints: Sequence[Endpoint]) -> Environment:
    """What sends a program's requests for public names to their proxy, and no others.

    Errors:
        DeclarationError: they have different proxies.
    """
    proxies = {e.at.proxy.name: e.at.proxy for e in endpoints if isinstance(e.at, PublicName)}
    if not proxies:
        return {}
    if len(proxies) > 1:
        raise DeclarationError(f"{workload!r} goes out by {' and '.join(proxies)}: a program has one proxy")
    (proxy,) = proxies.values()
    url = pulumi.Output.format("http://{0}", address(proxy).authority)
    direct = [e for e in endpoints if not isinstance(e.at, PublicName)]
    by_name = [e.at.host for e in direct if isinstance(e.at, Addresses) and e.at.host is not None]
    at_node = [f"$({_variable(e.name)}_HOST)" for e in direct if isinstance(e.at, Pods) and e.at.via is Via.HOST_PORT]
    own = ["localhost", "127.0.0.1", f".svc.{DOMAIN}", "$(KUBERNETES_SERVICE_HOST)"]
    around = pulumi.Output.all(*own, *by_name, *at_node).apply(_listed)
    # Programs read one case or the other.
    upper: Environment = {"HTTP_PROXY": url, "HTTPS_PROXY": url, "NO_PROXY": around}
    return {**upper, **{name.lower(): value for name, value in upper.items()}}


def _listed(names: Sequence[str]) -> str:
    return ",".join(names)


def _admission(consumer: Consumer, endpoint: Endpoint) -> Admission:
    return Admission(consumer=consumer.name, tier=consumer.tier, endpoint=endpoint, parent=consumer.parent)


def _credentials(consumer: Consumer, endpoint: str, credentials: Mapping[str, SecretRef]) -> pulumi.Output[str]:
    """A Secret in the consumer's own namespace, of another name for each generation."""
    generations = json.dumps({key: ref.generation for key, ref in credentials.items()}, sort_keys=True)
    resource = f"{consumer.name}.{endpoint}"
    secret = core.v1.Secret(
        resource,
        metadata=meta.v1.ObjectMetaArgs(
            name=content_name(resource, generations),
            namespace=consumer.tier.namespace,
            labels=labels(consumer.name, consumer.component),
        ),
        immutable=True,
        string_data={key: pulumi.Output.secret(ref.value) for key, ref in credentials.items()},
        opts=pulumi.ResourceOptions(parent=consumer.parent),
    )
    return secret.metadata.name


def _edge(consumer: str, endpoint: Endpoint, *, reverse: str = "", late: str = "") -> Edge:
    return Edge(
        consumer=consumer,
        endpoint=endpoint.name,
        owner=endpoint.at.workload if isinstance(endpoint.at, Pods) else "",
        ports=tuple(str(port) for port in endpoint.ports),
        terms=endpoint.terms,
        reverse=reverse,
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
