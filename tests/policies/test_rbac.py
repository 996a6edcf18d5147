"""k8s-rbac-no-wildcard."""

from typing import Any

import pytest

from policies.plain import UNKNOWN
from policies.security.rules import rbac
from tests.policies import samples
from tests.policies.samples import ABSENT, EMPTY, Path, Sample, bad, bads, each, good, goods

CONFIG = rbac.RULE.config({})
GROUP = "kubernetes:rbac.authorization.k8s.io/v1"
ROLE: dict[str, Any] = {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]}
BINDING: dict[str, Any] = {
    "roleRef": {"kind": "ClusterRole", "name": "view"},
    "subjects": [{"kind": "ServiceAccount", "name": "app", "namespace": "data"}],
}
R: Path = ("rules", 0)
WHO: Path = ("subjects", 0, "name")


def judged(kind: str, props: dict[str, Any]) -> list[str]:
    return samples.paths(rbac.RULE.checks[f"{GROUP}:{kind}"](f"{GROUP}:{kind}", props, CONFIG))


@pytest.mark.parametrize("kind", ["Role", "ClusterRole"])
@pytest.mark.parametrize(
    "sample",
    [
        *goods((*R, "apiGroups"), [""], ["", "apps"], [], None, ABSENT),
        *(good((*R, name), value) for name in ("resources", "nonResourceURLs") for value in each(ABSENT, None, [])),
        *goods(["rules"], ABSENT, None, []),
        good((*R, "nonResourceURLs"), ["/metrics"]),
        *(bad((*R, name), ["*"], f"rules[0].{name}[0]") for name in rbac.LISTS),
        *(bad((*R, name), ["a", "*"], f"rules[0].{name}[1]") for name in rbac.LISTS),
        *(
            bad((*R, name), ["a", value], f"rules[0].{name}[1]")
            for name in rbac.LISTS
            for value in each(UNKNOWN, None, 0)
        ),
        *(bad((*R, name), value) for name in rbac.LISTS for value in each(UNKNOWN, "", "*", 0, {})),
        bad((*R, "resources"), ["*/status"], "rules[0].resources[0]"),
        bad((*R, "nonResourceURLs"), ["/apis/*"], "rules[0].nonResourceURLs[0]"),
        *bads((*R, "verbs"), ABSENT, None, []),
        *(bad((*R, "verbs"), ["get", verb], "rules[0].verbs[1]") for verb in ("escalate", "bind", "impersonate")),
        *bads(["rules"], UNKNOWN, "", 0, {}),
        *bads(R, UNKNOWN, None, "", 0, []),
        *bads(["aggregationRule"], {}, UNKNOWN, {"clusterRoleSelectors": []}),
    ],
    ids=str,
)
def test_roles(kind: str, sample: Sample) -> None:
    assert judged(kind, samples.changed(ROLE, sample.path, sample.value)) == sample.wrong


@pytest.mark.parametrize("kind", ["RoleBinding", "ClusterRoleBinding"])
@pytest.mark.parametrize(
    "sample",
    [
        good(["roleRef", "name"], "view"),
        *bads(["roleRef", "name"], "cluster-admin", *EMPTY),
        *bads(["roleRef"], ABSENT, None, UNKNOWN, "", 0, []),
        bad(["roleRef"], {}, "roleRef.name"),
        *goods(["subjects"], ABSENT, None, []),
        *bads(["subjects"], UNKNOWN, "", 0, {}),
        *bads(["subjects", 0], UNKNOWN, None, "", 0, []),
        bad(["subjects", 0], {}, "subjects[0].name"),
        *bads(WHO, ABSENT, None, UNKNOWN, "", 0),
        *bads(WHO, "system:anonymous", "system:unauthenticated", "system:authenticated"),
        bad(WHO, "system:serviceaccounts"),
    ],
    ids=str,
)
def test_bindings(kind: str, sample: Sample) -> None:
    assert judged(kind, samples.changed(BINDING, sample.path, sample.value)) == sample.wrong


@pytest.mark.parametrize("kind", ["RolePatch", "ClusterRoleBindingPatch", "ClusterRoleList"])
def test_what_shows_no_whole_role_is_refused(kind: str) -> None:
    assert judged(kind, {}) == [""]


def test_refused_roles_can_be_configured() -> None:
    config = rbac.RULE.config({"roles": ["cluster-admin", "admin"]})
    props = samples.changed(BINDING, ["roleRef", "name"], "admin")
    assert samples.paths(rbac.check_binding("", props, config)) == ["roleRef.name"]
