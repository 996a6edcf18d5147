"""Rights in the cluster's API are named one by one, and given to someone."""

from collections.abc import Iterator

from pulumi_policy import PolicyComplianceFramework, Severity

from policies import partial
from policies.reading import Object, Violation, an_object, not_as, objects, texts
from policies.rule import Config, ResourceRule
from policies.security import config as settings

_GROUP = "kubernetes:rbac.authorization.k8s.io/v1"

LISTS = ("verbs", "apiGroups", "resources", "nonResourceURLs")


def check_role(_type: str, props: Object, config: Config) -> Iterator[Violation]:
    """No wildcard, and no verb by which a right makes more rights."""
    if props.get("aggregationRule") is not None:
        yield Violation("aggregationRule", "gathers rules of other roles, which cannot be seen: must be absent")
    rules = objects(props.get("rules"), "rules")
    yield from rules.wrong
    for path, rule in rules.value:
        for name in LISTS:
            at = f"{path}.{name}"
            values = texts(rule.get(name), at, required=name == "verbs")
            yield from values.wrong
            yield from (Violation(where, f"is {value!r}: no wildcard") for where, value in values.value if "*" in value)
            if name == "verbs":
                for where, verb in values.value:
                    if verb in config["verbs"]:
                        yield Violation(where, f"is {verb!r}, by which a right makes more rights")


def check_binding(_type: str, props: Object, config: Config) -> Iterator[Violation]:
    """Neither to a role that may do everything, nor to everybody."""
    role = an_object(props.get("roleRef"), "roleRef", required=True)
    yield from role.wrong
    name = role.value.get("name")
    if not role.wrong and (not isinstance(name, str) or name in ("", *config["roles"])):
        yield not_as("roleRef.name", name, f"a role other than {', '.join(config['roles'])}")
    subjects = objects(props.get("subjects"), "subjects")
    yield from subjects.wrong
    for path, subject in subjects.value:
        who = subject.get("name")
        if not isinstance(who, str) or who in ("", *config["subjects"]):
            yield not_as(f"{path}.name", who, "someone in particular")


RULE = ResourceRule(
    name="k8s-rbac-no-wildcard",
    description="Rights in the cluster's API are named one by one, and given to someone in particular.",
    severity=Severity.CRITICAL,
    framework=PolicyComplianceFramework(
        name="CIS Kubernetes Benchmark", version="1.10", reference="5.1.1, 5.1.3, 5.1.8", specification="RBAC"
    ),
    tags=["kubernetes", "privilege", "rbac", "L3", "P5"],
    remediation="Name the verbs, groups and resources that are used, in a role of their own, for one account.",
    settings=settings.RBAC_NO_WILDCARD,
    checks=partial.checks(
        {
            f"{_GROUP}:Role": check_role,
            f"{_GROUP}:ClusterRole": check_role,
            f"{_GROUP}:RoleBinding": check_binding,
            f"{_GROUP}:ClusterRoleBinding": check_binding,
        }
    ),
)
