"""k8s-container-image-digest."""

from collections.abc import Sequence

import pytest

from policies.plain import UNKNOWN
from policies.security.rules import images, pods
from tests.policies import samples
from tests.policies.samples import ABSENT, DIGEST, EMPTY, IMAGE, NOTHING, C, P, Sample, bad, bads, good

CONFIG = images.RULE.config({})
IMAGE_BUILD = "docker:index/image:Image"
REPOSITORY = "aws:ecr/repository:Repository"
AT: samples.Path = (*C, "image")
VOLUMES: samples.Path = (*P, "volumes")


def judged(props: dict[str, object], type: str = pods.DEPLOYMENT, sources: Sequence[str] = ()) -> list[str]:
    resource = samples.resource(type, props, spec=sources)
    return samples.paths(images.RULE.checks[type](resource, [resource], CONFIG))


@pytest.mark.parametrize(
    "sample",
    [
        good(AT, IMAGE),
        good(AT, f"127.0.0.1:5000/edge:1.0@{DIGEST}"),
        *bads(AT, *EMPTY),
        bad(AT, "nginx"),
        bad(AT, "nginx:1.29"),
        bad(AT, "nginx@sha256:"),
        bad(AT, f"nginx@{DIGEST[:-1]}"),
        bad(AT, f"nginx@{DIGEST}0"),
        bad(AT, f"nginx@{DIGEST.upper()}"),
        bad(AT, f"@{DIGEST}"),
        bad(AT, f"nginx@{DIGEST}\n"),
        bad((*P, "initContainers"), [samples.container("busybox")], f"{samples.dotted(P)}.initContainers[0].image"),
        bad((*P, "ephemeralContainers"), [NOTHING], f"{samples.dotted(P)}.ephemeralContainers[0].image"),
        bad((*P, "initContainers"), UNKNOWN),
        good((*P, "initContainers"), []),
        *bads((*P, "containers"), *EMPTY),
        bad((*P, "containers"), [UNKNOWN], f"{samples.dotted(P)}.containers[0]"),
        *bads(("spec", "template"), ABSENT, None, UNKNOWN, "", 0, []),
        bad(VOLUMES, UNKNOWN),
        bad(VOLUMES, [{"image": {"reference": "data:1"}}], f"{samples.dotted(VOLUMES)}[0].image.reference"),
        bad(VOLUMES, [{"image": NOTHING}], f"{samples.dotted(VOLUMES)}[0].image.reference"),
        bad(VOLUMES, [{"image": UNKNOWN}], f"{samples.dotted(VOLUMES)}[0].image"),
        good(VOLUMES, [{"image": {"reference": IMAGE}}]),
    ],
    ids=str,
)
def test_images(sample: Sample) -> None:
    assert judged(samples.changed(samples.deployment(), sample.path, sample.value)) == sample.wrong


@pytest.mark.parametrize("sources", [[IMAGE_BUILD], ["docker-build:index:Image"], [REPOSITORY, "x:y:Z"]])
def test_an_unknown_image_of_this_stack_passes(sources: list[str]) -> None:
    assert judged(samples.changed(samples.deployment(), AT, UNKNOWN), sources=sources) == []


@pytest.mark.parametrize("sources", [[], ["random:index/randomId:RandomId"], ["docker:index/remoteImage:RemoteImage"]])
def test_an_unknown_image_of_something_else_is_refused(sources: list[str]) -> None:
    assert judged(samples.changed(samples.deployment(), AT, UNKNOWN), sources=sources) == [samples.dotted(AT)]


def test_another_property_vouches_for_no_image() -> None:
    props = samples.changed(samples.deployment(), AT, UNKNOWN)
    resource = samples.resource(pods.DEPLOYMENT, props, metadata=[IMAGE_BUILD])
    assert samples.paths(images.check(resource, [resource], CONFIG)) == [samples.dotted(AT)]


def test_a_build_vouches_for_no_tag() -> None:
    props = samples.changed(samples.deployment(), AT, "nginx:1")
    assert judged(props, sources=[IMAGE_BUILD]) == [samples.dotted(AT)]


def test_containers_that_are_unknown_are_refused_whatever_they_come_from() -> None:
    props = samples.changed(samples.deployment(), (*P, "containers"), UNKNOWN)
    assert judged(props, sources=[IMAGE_BUILD]) == [f"{samples.dotted(P)}.containers"]


@pytest.mark.parametrize("type", pods.PATHS)
def test_every_kind_with_pods(type: str) -> None:
    path = (*pods.PATHS[type], "containers", 0, "image")
    assert judged(samples.with_pod(type), type) == []
    assert judged(samples.changed(samples.with_pod(type), path, "nginx"), type) == [samples.dotted(path)]


@pytest.mark.parametrize("suffix", ["Patch", "List"])
def test_what_shows_no_whole_pod_is_refused(suffix: str) -> None:
    assert judged(samples.deployment(), pods.DEPLOYMENT + suffix) == [""]
