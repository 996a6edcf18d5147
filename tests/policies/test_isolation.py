"""k8s-pod-isolation."""

import pytest

from policies.plain import UNKNOWN
from policies.security.rules import isolation, pods
from tests.policies import samples
from tests.policies.samples import ABSENT, EMPTY, C, P, Sample, bad, bads, each, good, goods

CONFIG = isolation.RULE.config({})
S: samples.Path = (*C, "securityContext")
POD: samples.Path = (*P, "securityContext")
ADD: samples.Path = (*S, "capabilities", "add")
PORTS: samples.Path = (*C, "ports")
VOLUMES: samples.Path = (*P, "volumes")
NOT_FALSE: tuple[object, ...] = (True, UNKNOWN, 0, "", "false", [], {})
NOT_TRUE: tuple[object, ...] = (False, UNKNOWN, 1, "", "true", [])

HOST_PATHS: tuple[object, ...] = ({}, {"path": "/"}, "", UNKNOWN)


def judged(props: dict[str, object], type: str = pods.DEPLOYMENT) -> list[str]:
    return samples.paths(isolation.RULE.checks[type](type, props, CONFIG))


@pytest.mark.parametrize(
    "sample",
    [
        good(P, samples.pod_spec()),
        *(good((*P, name), value) for name in isolation.HOST_NAMESPACES for value in each(ABSENT, None, False)),
        *(bad((*P, name), value) for name in isolation.HOST_NAMESPACES for value in NOT_FALSE),
        *goods((*S, "privileged"), ABSENT, None, False),
        *bads((*S, "privileged"), *NOT_FALSE),
        *bads((*S, "allowPrivilegeEscalation"), ABSENT, None, *NOT_FALSE),
        *bads((*S, "runAsNonRoot"), *NOT_TRUE),
        *(bad((*POD, "runAsNonRoot"), value, f"{samples.dotted(S)}.runAsNonRoot") for value in (ABSENT, *NOT_TRUE)),
        *(bad((*at, "runAsUser"), 0) for at in (S, POD)),
        *(good((*at, "runAsUser"), value) for at in (S, POD) for value in each(ABSENT, 65532, UNKNOWN)),
        *goods(ADD, ABSENT, None, [], ["NET_BIND_SERVICE"]),
        *bads((*ADD,), UNKNOWN, "", 0, "ALL"),
        *(bad(ADD, [value], f"{samples.dotted(ADD)}[0]") for value in each("SYS_ADMIN", "ALL", "", UNKNOWN, None)),
        bad(ADD, ["NET_BIND_SERVICE", "NET_RAW"], f"{samples.dotted(ADD)}[1]"),
        *goods(VOLUMES, ABSENT, None, []),
        *bads(VOLUMES, UNKNOWN, "", 0, {}),
        *(bad(VOLUMES, [{"hostPath": value}], f"{samples.dotted(VOLUMES)}[0].hostPath") for value in HOST_PATHS),
        bad(VOLUMES, [UNKNOWN], f"{samples.dotted(VOLUMES)}[0]"),
        *goods(PORTS, ABSENT, None, [], [{"containerPort": 80}]),
        *(bad(PORTS, [{"hostPort": value}], f"{samples.dotted(PORTS)}[0].hostPort") for value in each(80, 0, UNKNOWN)),
        bad(PORTS, UNKNOWN),
        *bads((*P, "containers"), *EMPTY),
    ],
    ids=str,
)
def test_isolation(sample: Sample) -> None:
    assert judged(samples.changed(samples.deployment(), sample.path, sample.value)) == sample.wrong


def test_a_container_may_say_for_itself_that_it_is_not_root() -> None:
    props = samples.changed(samples.deployment(), POD, ABSENT)
    assert judged(samples.changed(props, (*S, "runAsNonRoot"), True)) == []


@pytest.mark.parametrize("value", [ABSENT, None, UNKNOWN, "", []])
def test_without_a_security_context(value: object) -> None:
    found = judged(samples.changed(samples.deployment(), S, value))
    assert f"{samples.dotted(S)}.allowPrivilegeEscalation" in found


@pytest.mark.parametrize("kind", ["initContainers", "ephemeralContainers"])
def test_other_containers(kind: str) -> None:
    props = samples.changed(samples.deployment(), (*P, kind), [{"securityContext": {"privileged": True}}])
    at = f"{samples.dotted(P)}.{kind}[0].securityContext"
    assert judged(props) == [f"{at}.privileged", f"{at}.allowPrivilegeEscalation"]


@pytest.mark.parametrize("type", pods.PATHS)
def test_every_kind_with_pods(type: str) -> None:
    path = (*pods.PATHS[type], "hostPID")
    assert judged(samples.with_pod(type), type) == []
    assert judged(samples.changed(samples.with_pod(type), path, True), type) == [samples.dotted(path)]


@pytest.mark.parametrize("type", ["kubernetes:apps/v1:DaemonSetPatch", "kubernetes:helm.sh/v3:Release"])
def test_what_shows_no_whole_pod_is_refused(type: str) -> None:
    assert judged({}, type) == [""]


def test_further_capabilities_can_be_configured() -> None:
    config = isolation.RULE.config({"capabilities": ["SYS_NICE"]})
    props = samples.changed(samples.deployment(), ADD, ["SYS_NICE"])
    assert list(isolation.check(pods.DEPLOYMENT, props, config)) == []
