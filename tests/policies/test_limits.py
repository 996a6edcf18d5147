"""k8s-limits-and-probes."""

import pytest

from policies.plain import UNKNOWN
from policies.security.rules import limits, pods
from tests.policies import samples
from tests.policies.samples import ABSENT, EMPTY, C, P, Sample, bad, bads, each, good

CONFIG = limits.RULE.config({})
R: samples.Path = (*C, "resources")
AMOUNTS = [(*R, kind, name) for kind in ("requests", "limits") for name in ("cpu", "memory")]
PROBES = [(*C, name) for name in ("livenessProbe", "readinessProbe")]
NO_AMOUNT: tuple[object, ...] = (*EMPTY, "0", "0m", "0Mi", "0.0", -1, "-1", 0.0, True, "much", "1 Gi", "Mi")
NO_PROBE: tuple[object, ...] = (
    *EMPTY,
    {"periodSeconds": 5},
    {"httpGet": None},
    {"httpGet": {}},
    {"httpGet": UNKNOWN},
    {"httpGet": {"path": "/"}},
    {"httpGet": {"port": 0}},
    {"tcpSocket": {"port": UNKNOWN}},
    {"exec": {"command": []}},
    {"grpc": {"port": ""}},
)


def judged(props: dict[str, object], type: str = pods.DEPLOYMENT) -> list[str]:
    return samples.paths(limits.RULE.checks[type](type, props, CONFIG))


@pytest.mark.parametrize(
    "sample",
    [
        *(bad(path, value) for path in AMOUNTS for value in NO_AMOUNT),
        *(good(path, value) for path in AMOUNTS for value in (1, 0.5, "1", "100m", "64Mi", ".5", "1e9", "0.1")),
        *bads(R, ABSENT, None, UNKNOWN, "", 0, []),
        *(bad((*R, kind), value) for kind in ("requests", "limits") for value in each(UNKNOWN, "", 0, [])),
        *(bad(path, value) for path in PROBES for value in NO_PROBE),
        *(good(path, {"exec": {"command": ["true"]}}) for path in PROBES),
        *(good(path, {"grpc": {"port": 1}}) for path in PROBES),
        *bads((*P, "containers"), *EMPTY),
    ],
    ids=str,
)
def test_limits(sample: Sample) -> None:
    assert judged(samples.changed(samples.deployment(), sample.path, sample.value)) == sample.wrong


@pytest.mark.parametrize("kind", ["requests", "limits"])
@pytest.mark.parametrize("value", [ABSENT, None, {}])
def test_without_requests_or_limits(kind: str, value: object) -> None:
    at = samples.dotted((*R, kind))
    assert judged(samples.changed(samples.deployment(), (*R, kind), value)) == [f"{at}.cpu", f"{at}.memory"]


@pytest.mark.parametrize("type", pods.PATHS)
def test_who_runs_for_long_has_probes(type: str) -> None:
    path = (*pods.PATHS[type], "containers", 0, "livenessProbe")
    assert judged(samples.with_pod(type), type) == []
    expected = [samples.dotted(path)] if type in limits.LONG_RUNNING else []
    assert judged(samples.changed(samples.with_pod(type), path, ABSENT), type) == expected


def test_the_long_running_kinds() -> None:
    named = {"kubernetes:apps/v1:Deployment", "kubernetes:apps/v1:StatefulSet", "kubernetes:apps/v1:DaemonSet"}
    assert named <= limits.LONG_RUNNING


@pytest.mark.parametrize("restart", ["Always", UNKNOWN])
def test_a_sidecar_has_probes(restart: object) -> None:
    sidecar = samples.container() | {"restartPolicy": restart, "readinessProbe": None}
    props = samples.changed(samples.deployment(), (*P, "initContainers"), [sidecar])
    assert judged(props) == [f"{samples.dotted(P)}.initContainers[0].readinessProbe"]


def test_an_init_container_has_limits_and_no_probes() -> None:
    props = samples.changed(samples.deployment(), (*P, "initContainers"), [{"name": "init"}])
    assert judged(props) == [f"{samples.dotted(P)}.initContainers[0].resources"]


def test_an_ephemeral_container_has_neither() -> None:
    assert judged(samples.changed(samples.deployment(), (*P, "ephemeralContainers"), [{"name": "debug"}])) == []


def test_what_is_limited_can_be_configured() -> None:
    props = samples.changed(samples.deployment(), (*R, "limits", "cpu"), ABSENT)
    assert list(limits.check(pods.DEPLOYMENT, props, limits.RULE.config({"limits": ["memory"]}))) == []
