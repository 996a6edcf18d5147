"""Secrets are in Secrets, not in what anyone who may look at a pod can read.

A value that Pulumi keeps as a secret cannot be told here: the SDK unwraps it before validation (see `policies.plain`).
So a secret is told by the name it has, or by what it looks like.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Sequence

from pulumi_policy import PolicyComplianceFramework, Severity

from policies import partial
from policies.plain import UNKNOWN
from policies.reading import Violation, an_object, not_as, objects
from policies.rule import Config, Resource, StackRule
from policies.security import config as settings
from policies.security.rules import pods

CONFIG_MAP = "kubernetes:core/v1:ConfigMap"

SHAPES = {
    "a private key": r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----",
    "a GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})",
    "a GitLab token": r"\bglpat-[A-Za-z0-9_-]{20,}",
    "an AWS access key": r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    "a Slack token": r"\bxox[a-z]-[A-Za-z0-9-]{10,}",
    "a Google API key": r"\bAIza[A-Za-z0-9_-]{35}",
    "an AI provider's key": r"\bsk-[A-Za-z0-9_-]{20,}",
    "a JWT": r"\beyJ[A-Za-z0-9_-]{5,}\.eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*",
    "a URL with a password": r"://[^/\s:@]*:[^/\s:@]+@",
}
_SHAPES = {what: re.compile(pattern) for what, pattern in SHAPES.items()}

_PLACE = re.compile(r"(?:^|_)(?:FILE|PATH|DIR)$")
_A_PATH = re.compile(r"\.{0,2}/\S*")


def check_pod(resource: Resource, _stack: Sequence[Resource], config: Config) -> Iterator[Violation]:
    """No environment variable is a secret's literal value."""
    pod = pods.read(resource.type, resource.props)
    yield from pod.unread
    for container in pod.containers:
        variables = objects(container.props.get("env"), f"{container.path}.env")
        yield from variables.wrong
        for path, variable in variables.value:
            name, value = variable.get("name"), variable.get("value")
            if not isinstance(name, str):
                yield not_as(f"{path}.name", name, "a text")
            elif _refers_to_secret(variable.get("valueFrom")) and value in (None, ""):
                continue
            elif value is not None or _is_credential(name, value, config):
                yield from _literal(resource, name, value, f"{path}.value", config)


def check_config_map(resource: Resource, _stack: Sequence[Resource], config: Config) -> Iterator[Violation]:
    """No entry of a ConfigMap is a secret."""
    for kind in ("data", "binaryData"):
        content = resource.props.get(kind)
        if content is UNKNOWN:
            yield from _unknown(resource, kind, config)
            continue
        entries = an_object(content, kind)
        yield from entries.wrong
        for name, value in entries.value.items():
            text = _decoded(value) if kind == "binaryData" else value
            yield from _literal(resource, name, text, f"{kind}.{name}", config)


def _literal(resource: Resource, name: str, value: object, path: str, config: Config) -> Iterator[Violation]:
    # Messages name no value: it may be a secret.
    if _is_credential(name, value, config):
        yield Violation(path, "has the name of a credential: must come from a Secret, by secretKeyRef or as a file")
    elif value is UNKNOWN:
        yield from _unknown(resource, path, config)
    elif not isinstance(value, str):
        yield Violation(path, "is no text")
    else:
        yield from (Violation(path, f"holds {what}") for what, shape in _SHAPES.items() if shape.search(value))


def _unknown(resource: Resource, path: str, config: Config) -> Iterator[Violation]:
    sources = resource.sources_of(path)
    if not sources or any(source.type not in config["sources"] for source in sources):
        of = ", ".join(sorted({source.type for source in sources})) or "nothing in this stack"
        yield Violation(path, f"is unknown in this preview, computed from {of}")


def _is_credential(name: str, value: object, config: Config) -> bool:
    if name in config["not_credentials"]:
        return False
    words = re.sub(r"[^A-Z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper()).strip("_")
    if _PLACE.search(words) is not None and isinstance(value, str) and _A_PATH.fullmatch(value) is not None:
        return False
    wanted = "|".join(word.replace("_", "_?") for word in config["credentials"])
    return re.search(f"(?:{wanted})(?![A-Z])", words) is not None


def _refers_to_secret(source: object) -> bool:
    # The names in a reference may be unknown: it is a reference all the same.
    reference = an_object(an_object(source, "").value.get("secretKeyRef"), "").value
    return all(reference.get(key) not in (None, "") for key in ("name", "key"))


def _decoded(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return base64.b64decode(value, validate=True).decode("latin-1")
    except binascii.Error:
        return value


RULE = StackRule(
    name="k8s-no-secret-in-env",
    description="No secret is the literal value of an environment variable or in a ConfigMap.",
    severity=Severity.CRITICAL,
    framework=PolicyComplianceFramework(
        name="CIS Kubernetes Benchmark", version="1.10", reference="5.4.1", specification="secrets as files"
    ),
    tags=["kubernetes", "secrets", "L3"],
    remediation="Put it into a Secret, and mount that as a file (NAME_FILE=/path) or refer to it by secretKeyRef.",
    settings=settings.NO_SECRET_IN_ENV,
    checks=partial.stack_checks({**dict.fromkeys(pods.PATHS, check_pod), CONFIG_MAP: check_config_map}),
)
