"""What one pod may take from the others, and how a broken one is told."""

import re
from collections.abc import Iterator

from pulumi_policy import PolicyComplianceFramework, Severity

from policies import partial
from policies.plain import UNKNOWN
from policies.reading import Object, Violation, an_object, not_as
from policies.rule import Config, ResourceRule
from policies.security import config as settings
from policies.security.rules import pods
from policies.security.rules.pods import Container

LONG_RUNNING = frozenset(
    {pods.DEPLOYMENT, pods.STATEFUL_SET, pods.DAEMON_SET, pods.REPLICA_SET, pods.REPLICATION_CONTROLLER}
)

_QUANTITY = re.compile(r"\+?(\d+(?:\.\d*)?|\.\d+)(?:[numkMGTPE]|[KMGTPE]i|[eE][+-]?\d+)?")
_HANDLERS = {"httpGet": "port", "tcpSocket": "port", "grpc": "port", "exec": "command"}
"""How a probe asks -> what it cannot do without."""


def check(type: str, props: Object, config: Config) -> Iterator[Violation]:
    """Each container has requests and limits; each one that runs for long has probes."""
    pod = pods.read(type, props)
    yield from pod.unread
    for container in pod.containers:
        if container.kind == pods.EPHEMERAL:
            continue  # it may have neither
        yield from _resources(container, config)
        if type in LONG_RUNNING and _stays(container):
            for name in ("livenessProbe", "readinessProbe"):
                yield from _probe(container.props.get(name), f"{container.path}.{name}")


def _resources(container: Container, config: Config) -> Iterator[Violation]:
    path = f"{container.path}.resources"
    resources = an_object(container.props.get("resources"), path, required=True)
    yield from resources.wrong
    if resources.wrong:
        return
    for kind in ("requests", "limits"):
        amounts = an_object(resources.value.get(kind), f"{path}.{kind}")
        yield from amounts.wrong
        for name in config[kind] if not amounts.wrong else ():
            amount = amounts.value.get(name)
            if not _is_positive(amount):
                yield not_as(f"{path}.{kind}.{name}", amount, "a quantity above 0")


def _is_positive(amount: object) -> bool:
    if isinstance(amount, str):
        quantity = _QUANTITY.fullmatch(amount)
        return quantity is not None and float(quantity[1]) > 0
    return isinstance(amount, int | float) and not isinstance(amount, bool) and amount > 0


def _stays(container: Container) -> bool:
    """Whether a container lives as long as its pod: an init container with restartPolicy Always (a sidecar) does."""
    return container.kind == pods.MAIN or container.props.get("restartPolicy") in ("Always", UNKNOWN)


def _probe(value: object, path: str) -> Iterator[Violation]:
    probe = an_object(value, path, required=True)
    yield from probe.wrong
    if not probe.wrong and not any(_asks(probe.value.get(name), key) for name, key in _HANDLERS.items()):
        yield Violation(path, f"asks nothing: must have one of {', '.join(_HANDLERS)}, known and complete")


def _asks(handler: object, key: str) -> bool:
    return an_object(handler, "").value.get(key) not in (None, UNKNOWN, 0, "", [])


RULE = ResourceRule(
    name="k8s-limits-and-probes",
    description="Each container has requests and limits, and probes if it runs for long.",
    severity=Severity.MEDIUM,
    framework=PolicyComplianceFramework(
        name="NSA/CISA Kubernetes Hardening Guidance",
        version="1.2",
        reference="resource policies",
        specification="denial of service by one pod",
    ),
    tags=["kubernetes", "availability"],
    remediation="Give the container resources.requests and resources.limits, a livenessProbe and a readinessProbe.",
    settings=settings.LIMITS_AND_PROBES,
    checks=partial.checks(dict.fromkeys(pods.PATHS, check)),
)
