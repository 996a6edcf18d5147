"""The pack as the SDK sees it: unknown values through its proxies, exceptions, what each policy says of itself."""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, cast

import pytest
from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyCustomTimeouts,
    PolicyResource,
    PolicyResourceOptions,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UNKNOWN_BOOLEAN_VALUE, UNKNOWN_STRING_VALUE, unknown_checking_proxy

from policies.exceptions import Entry, Exceptions
from policies.plain import UNKNOWN, plain
from policies.rule import policies
from policies.security.rules import RULES, pods
from tests.policies import samples
from tests.policies.samples import C, P

TODAY = date(2026, 11, 24)
OPTIONS = PolicyResourceOptions(False, [], None, [], PolicyCustomTimeouts(0, 0, 0), [])
BROKEN = samples.changed(samples.deployment(), (*P, "hostPID"), True)
ENTRY = Entry(policy="k8s-pod-isolation", resource="app", owner="platform", reason="profiles the node", expires=TODAY)


class Pack:
    """The policies of the pack, called as the engine calls them."""

    def __init__(self, *entries: Entry) -> None:
        self.policies = policies(RULES, Exceptions(entries, TODAY))

    def resource(self, props: dict[str, Any], type: str = pods.DEPLOYMENT) -> list[str]:
        """What the rules on single resources report."""
        args = ResourceValidationArgs(
            type, unknown_checking_proxy(props), samples.urn(type, "app"), "app", OPTIONS, provider=None
        )
        found: list[str] = []
        for policy in self.policies:
            if isinstance(policy, ResourceValidationPolicy):
                policy.validate(  # pyright: ignore[reportUnknownMemberType] (partly untyped in the SDK)
                    args, lambda message, _urn, name=policy.name: found.append(f"{name}: {message}")
                )
        return found

    def stack(self, *resources: PolicyResource) -> list[str]:
        """What the rules on the stack report."""
        found: list[str] = []
        for policy in self.policies:
            if isinstance(policy, StackValidationPolicy):
                policy.validate(  # pyright: ignore[reportUnknownMemberType] (partly untyped in the SDK)
                    StackValidationArgs(list(resources)),
                    lambda message, urn, name=policy.name: found.append(f"{name}: {urn}: {message}"),
                )
        return found


def of_stack(type: str, props: dict[str, Any], name: str, **sources: list[PolicyResource]) -> PolicyResource:
    proxy = unknown_checking_proxy(props)
    return PolicyResource(type, proxy, samples.urn(type, name), name, OPTIONS, None, None, [], sources)


def test_plain_data_is_what_the_engine_sent() -> None:
    sent: dict[str, Any] = {
        "unknown": UNKNOWN_STRING_VALUE,
        "list": [1, 1.0, "1", True, False, None, UNKNOWN_BOOLEAN_VALUE, []],
        "object": {"a": {"b": UNKNOWN_STRING_VALUE, "c": 0, "d": ""}, "e": {}},
        "text": f"not only {UNKNOWN_STRING_VALUE}",
    }
    read = plain(unknown_checking_proxy(sent))
    assert read["unknown"] is UNKNOWN
    assert [*map(repr, read["list"])] == ["1", "1.0", "'1'", "True", "False", "None", repr(UNKNOWN), "[]"]
    assert read["object"] == {"a": {"b": UNKNOWN, "c": 0, "d": ""}, "e": {}}
    assert read["text"] == sent["text"]


def test_an_unknown_value_is_not_asked_for_its_truth() -> None:
    with pytest.raises(TypeError, match="neither true nor false"):
        bool(UNKNOWN)


def test_a_good_resource_passes() -> None:
    assert Pack().resource(samples.deployment()) == []
    assert Pack().stack(of_stack(pods.DEPLOYMENT, samples.deployment(), "app")) == []


def test_an_unknown_value_is_a_violation_and_stops_no_rule() -> None:
    props = samples.changed(samples.deployment(), (*C, "resources", "limits", "memory"), UNKNOWN_STRING_VALUE)
    props = samples.changed(props, (*P, "hostNetwork"), UNKNOWN_BOOLEAN_VALUE)
    at = samples.dotted(P)
    assert Pack().resource(props) == [
        f"k8s-pod-isolation: {at}.hostNetwork is unknown in this preview: must be absent or false",
        f"k8s-limits-and-probes: {at}.containers[0].resources.limits.memory is unknown in this preview: "
        "must be a quantity above 0",
    ]


def test_an_unknown_image_needs_a_build_of_this_stack() -> None:
    props = samples.changed(samples.deployment(), (*C, "image"), UNKNOWN_STRING_VALUE)
    build = of_stack("docker:index/image:Image", {}, "build")
    assert Pack().stack(build, of_stack(pods.DEPLOYMENT, props, "app", spec=[build])) == []
    refused = Pack().stack(build, of_stack(pods.DEPLOYMENT, props, "app"))
    urn = samples.urn(pods.DEPLOYMENT, "app")
    assert [line.partition(" is unknown")[0] for line in refused] == [
        f"k8s-container-image-digest: {urn}: {samples.dotted(C)}.image"
    ]


def test_other_types_are_not_read() -> None:
    assert Pack().resource({"spec": UNKNOWN_STRING_VALUE}, "kubernetes:core/v1:Service") == []
    assert Pack().stack(of_stack("kubernetes:core/v1:Service", {"spec": UNKNOWN_STRING_VALUE}, "app")) == []


def test_an_exception_in_force_passes_and_is_shown() -> None:
    pack = Pack(ENTRY)
    assert pack.resource(BROKEN) == []
    assert pack.stack() == [f"exception-used: None: {ENTRY} holds until {TODAY}"]


def test_an_exception_that_nothing_needed_is_not_shown() -> None:
    pack = Pack(ENTRY)
    assert pack.resource(samples.deployment()) == []
    assert pack.stack() == []


def test_an_expired_exception_fails_with_its_name_and_lets_nothing_pass() -> None:
    ended = ENTRY.model_copy(update={"expires": TODAY - timedelta(days=1)})
    pack = Pack(ended)
    assert pack.resource(BROKEN) == [
        f"k8s-pod-isolation: {samples.dotted(P)}.hostPID is True: must be absent or false; "
        f"{ended} expired on 2026-11-23"
    ]
    assert pack.stack() == [f"exception-expired: None: {ended} expired on 2026-11-23"]


@pytest.mark.parametrize("policy", Pack(ENTRY).policies, ids=lambda policy: cast("Policy", policy).name)
def test_what_a_policy_says_of_itself(policy: Policy) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", policy.name)
    assert policy.severity is not None
    assert policy.tags
    assert policy.remediation_steps
    advisory = policy.name == "exception-used"
    assert policy.enforcement_level is (EnforcementLevel.ADVISORY if advisory else EnforcementLevel.MANDATORY)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_what_a_rule_says_of_itself(rule: Any) -> None:  # noqa: ANN401 (parametrized)
    policy = next(policy for policy in Pack().policies if policy.name == rule.name)
    assert policy.framework is not None
    assert policy.framework.name
    schema = policy.config_schema
    assert schema is not None
    defaults: Mapping[str, Any] = {name: part["default"] for name, part in schema.properties.items()}
    assert defaults == rule.config({})
    assert all(part["description"] for part in schema.properties.values())
