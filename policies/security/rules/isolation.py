"""What keeps a pod from its node."""

from collections.abc import Iterator

from pulumi_policy import PolicyComplianceFramework, Severity

from policies import partial
from policies.reading import Object, Violation, an_object, not_as, objects, texts
from policies.rule import Config, ResourceRule
from policies.security import config as settings
from policies.security.rules import pods
from policies.security.rules.pods import Container, Pod

HOST_NAMESPACES = ("hostNetwork", "hostPID", "hostIPC")


def check(type: str, props: Object, config: Config) -> Iterator[Violation]:
    """The pod shares nothing with the node, and its containers gain no privilege."""
    pod = pods.read(type, props)
    yield from pod.unread
    for name in HOST_NAMESPACES:
        yield from _false_or_absent(pod.spec.get(name), f"{pod.path}.{name}")
    yield from _volumes(pod)
    common = an_object(pod.spec.get("securityContext"), f"{pod.path}.securityContext")
    yield from common.wrong
    yield from _not_root(common.value.get("runAsUser"), f"{pod.path}.securityContext.runAsUser")
    for container in pod.containers:
        yield from _container(container, common.value.get("runAsNonRoot"), config)


def _volumes(pod: Pod) -> Iterator[Violation]:
    volumes = objects(pod.spec.get("volumes"), f"{pod.path}.volumes")
    yield from volumes.wrong
    for path, volume in volumes.value:
        if volume.get("hostPath") is not None:
            yield not_as(f"{path}.hostPath", volume["hostPath"], "absent")


def _container(container: Container, pod_runs_as_non_root: object, config: Config) -> Iterator[Violation]:
    path = f"{container.path}.securityContext"
    context = an_object(container.props.get("securityContext"), path)
    yield from context.wrong
    yield from _false_or_absent(context.value.get("privileged"), f"{path}.privileged")
    escalation = context.value.get("allowPrivilegeEscalation")
    if escalation is not False:  # absent means true
        yield not_as(f"{path}.allowPrivilegeEscalation", escalation, "false")
    own = context.value.get("runAsNonRoot")
    non_root = own if own is not None else pod_runs_as_non_root
    if non_root is not True:
        yield not_as(f"{path}.runAsNonRoot", non_root, "true here or for the pod")
    yield from _not_root(context.value.get("runAsUser"), f"{path}.runAsUser")
    capabilities = an_object(context.value.get("capabilities"), f"{path}.capabilities")
    added = texts(capabilities.value.get("add"), f"{path}.capabilities.add")
    yield from (*capabilities.wrong, *added.wrong)
    for at, name in added.value:
        if name not in config["capabilities"]:
            yield not_as(at, name, f"one of {', '.join(config['capabilities'])}")
    ports = objects(container.props.get("ports"), f"{container.path}.ports")
    yield from ports.wrong
    for at, port in ports.value:
        if port.get("hostPort") is not None:
            yield not_as(f"{at}.hostPort", port["hostPort"], "absent")


def _false_or_absent(value: object, path: str) -> Iterator[Violation]:
    if value is not None and value is not False:
        yield not_as(path, value, "absent or false")


def _not_root(user: object, path: str) -> Iterator[Violation]:
    # An unknown user passes: with runAsNonRoot the node refuses user 0.
    if user == 0:
        yield not_as(path, user, "another user than root")


RULE = ResourceRule(
    name="k8s-pod-isolation",
    description="A pod shares nothing with its node and gains no privilege.",
    severity=Severity.CRITICAL,
    framework=PolicyComplianceFramework(
        name="Kubernetes Pod Security Standards", version="1.36", reference="restricted", specification="privilege"
    ),
    tags=["kubernetes", "privilege", "L3"],
    remediation="Declare pods by the Workload component. What must reach its node is an exception, for its paths only.",
    settings=settings.POD_ISOLATION,
    # What a Release makes, Helm alone knows; a Chart of helm.sh/v4 registers it object by object.
    checks=partial.checks(dict.fromkeys(pods.PATHS, check), opaque=["kubernetes:helm.sh/v3:Release"]),
)
