"""What runs is named by its content."""

import re
from collections.abc import Iterator, Sequence

from pulumi_policy import PolicyComplianceFramework, Severity

from policies import partial
from policies.plain import UNKNOWN
from policies.reading import Violation, an_object, not_as, objects
from policies.rule import Config, Resource, StackRule
from policies.security import config as settings
from policies.security.rules import pods

_DIGEST = re.compile(r"[^@\s]+@sha256:[0-9a-f]{64}")


def check(resource: Resource, _stack: Sequence[Resource], config: Config) -> Iterator[Violation]:
    """Every image is pinned by digest; one that is unknown yet comes from a build or repository of this stack."""
    pod = pods.read(resource.type, resource.props)
    yield from pod.unread
    images = [(f"{container.path}.image", container.props.get("image")) for container in pod.containers]
    volumes = objects(pod.spec.get("volumes"), f"{pod.path}.volumes")
    yield from volumes.wrong
    for at, volume in volumes.value:
        if volume.get("image") is not None:
            source = an_object(volume["image"], f"{at}.image")
            yield from source.wrong
            images += [] if source.wrong else [(f"{at}.image.reference", source.value.get("reference"))]
    for path, image in images:
        if image is UNKNOWN:
            # The engine knows what `spec` was computed from, not which of its images: one build vouches for all.
            if not any(source.type in config["sources"] for source in resource.sources_of(path)):
                yield Violation(path, "is unknown in this preview, and comes from no image or repository of this stack")
        elif not isinstance(image, str) or _DIGEST.fullmatch(image) is None:
            yield not_as(path, image, "a reference that ends in @sha256:<64 hex digits>")


RULE = StackRule(
    name="k8s-container-image-digest",
    description="Every image of a pod is pinned by digest.",
    severity=Severity.HIGH,
    framework=PolicyComplianceFramework(
        name="CIS Kubernetes Benchmark", version="1.10", reference="5.5.1", specification="image provenance"
    ),
    tags=["kubernetes", "supply-chain", "L3"],
    remediation="Use the digest: `repo_digest` of a docker.Image, or name@sha256:... of an image that others publish.",
    settings=settings.IMAGE_DIGEST,
    checks=partial.stack_checks(dict.fromkeys(pods.PATHS, check)),
)
