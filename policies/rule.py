"""Rules as data and pure functions, and the one place that hands them to the SDK."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyComplianceFramework,
    PolicyConfigSchema,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    Severity,
    StackValidationArgs,
    StackValidationPolicy,
)

from policies.exceptions import Exceptions
from policies.plain import plain
from policies.reading import Object, Violation

Config = Mapping[str, Any]
Settings = Mapping[str, Mapping[str, Any]]
"""What can be configured: name -> JSON Schema, with its default."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """A resource that a property was computed from."""

    type: str
    urn: str


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A resource of the stack, as it is in the end."""

    type: str
    name: str
    urn: str
    props: Object
    sources: Mapping[str, Sequence[Source]]
    """Property (of the first level: the engine knows no deeper) -> what it was computed from in this stack."""

    def sources_of(self, path: str) -> Sequence[Source]:
        """What the value at a path was computed from."""
        return self.sources.get(path.partition(".")[0].partition("[")[0], ())


Check = Callable[[str, Object, Config], Iterable[Violation]]
"""(type, inputs, config) -> what is wrong with them."""

StackCheck = Callable[[Resource, Sequence[Resource], Config], Iterable[Violation]]
"""(resource, all resources that the rule reads, config) -> what is wrong with the resource."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What every rule says of itself."""

    name: str
    """kebab-case."""
    description: str
    severity: Severity
    framework: PolicyComplianceFramework
    tags: Sequence[str]
    remediation: str
    settings: Settings

    def config(self, given: Config) -> Config:
        """The defaults, and over them what is given."""
        return {name: schema["default"] for name, schema in self.settings.items()} | dict(given)


@dataclass(frozen=True, kw_only=True)
class ResourceRule(Rule):
    """Judges the inputs of one resource, before it is made."""

    checks: Mapping[str, Check]
    """By exact type token."""


@dataclass(frozen=True, kw_only=True)
class StackRule(Rule):
    """Judges resources with what they were computed from and beside each other, at the end of a preview or update."""

    checks: Mapping[str, StackCheck]
    """By exact type token."""
    reads: frozenset[str] = frozenset()
    """Further types that the checks look at."""


def policies(rules: Sequence[Rule], exceptions: Exceptions) -> list[Policy]:
    """The policies of a pack: its rules, and two that speak of its exceptions, if it has any."""
    # The one that lists what was used comes last: the SDK runs them in order.
    about = [_expired(exceptions), _used(exceptions)] if exceptions.entries else []
    return [*(_policy(rule, exceptions) for rule in rules), *about]


def _policy(rule: Rule, exceptions: Exceptions) -> Policy:
    common: dict[str, Any] = {
        "name": rule.name,
        "description": rule.description,
        "enforcement_level": EnforcementLevel.MANDATORY,
        "config_schema": PolicyConfigSchema({name: dict(schema) for name, schema in rule.settings.items()}),
        "severity": rule.severity,
        "framework": rule.framework,
        "tags": list(rule.tags),
        "remediation_steps": rule.remediation,
    }
    if isinstance(rule, ResourceRule):
        return ResourceValidationPolicy(validate=_resource_validation(rule, exceptions), **common)
    assert isinstance(rule, StackRule)  # noqa: S101 (there are two kinds)
    return StackValidationPolicy(validate=_stack_validation(rule, exceptions), **common)


def _resource_validation(
    rule: ResourceRule, exceptions: Exceptions
) -> Callable[[ResourceValidationArgs, ReportViolation], None]:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        check = rule.checks.get(args.resource_type)
        if check is None:
            return
        found = check(args.resource_type, plain(args.props), rule.config(args.get_config()))
        for message in _messages(rule, args.name, found, exceptions):
            report(message, None)

    return validate


def _stack_validation(
    rule: StackRule, exceptions: Exceptions
) -> Callable[[StackValidationArgs, ReportViolation], None]:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        config = rule.config(args.get_config())
        read = [_resource(r) for r in args.resources if r.resource_type in rule.checks or r.resource_type in rule.reads]
        for resource in read:
            check = rule.checks.get(resource.type)
            found = check(resource, read, config) if check is not None else ()
            for message in _messages(rule, resource.name, found, exceptions):
                report(message, resource.urn)

    return validate


def _resource(given: PolicyResource) -> Resource:
    return Resource(
        type=given.resource_type,
        name=given.name,
        urn=given.urn,
        props=plain(given.props),
        sources={
            name: [Source(type=source.resource_type, urn=source.urn) for source in sources]
            for name, sources in given.property_dependencies.items()
        },
    )


def _messages(rule: Rule, resource: str, found: Iterable[Violation], exceptions: Exceptions) -> Iterator[str]:
    expired = exceptions.expired()
    for violation in found:
        if exceptions.passes(rule.name, resource, violation.path):
            continue
        ended = [entry for entry in expired if entry.covers(rule.name, resource, violation.path)]
        yield "; ".join((str(violation), *(f"{entry} expired on {entry.expires}" for entry in ended)))


def _expired(exceptions: Exceptions) -> Policy:
    def validate(_args: StackValidationArgs, report: ReportViolation) -> None:
        for entry in exceptions.expired():
            report(f"{entry} expired on {entry.expires}", None)

    return StackValidationPolicy(
        name="exception-expired",
        description="An exception is renewed or removed by the day it expires.",
        validate=validate,
        enforcement_level=EnforcementLevel.MANDATORY,
        severity=Severity.HIGH,
        tags=["exceptions"],
        remediation_steps="Remove the cause and the entry, or agree on a new day with its owner.",
    )


def _used(exceptions: Exceptions) -> Policy:
    def validate(_args: StackValidationArgs, report: ReportViolation) -> None:
        for entry in exceptions.used:
            report(f"{entry} holds until {entry.expires}", None)

    return StackValidationPolicy(
        name="exception-used",
        description="What passed only by an exception is seen by everyone.",
        validate=validate,
        enforcement_level=EnforcementLevel.ADVISORY,
        severity=Severity.LOW,
        tags=["exceptions"],
        remediation_steps="Nothing, until the exception expires.",
    )
