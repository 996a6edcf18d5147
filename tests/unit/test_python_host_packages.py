"""Which plugins the installed Pulumi packages ask for."""

import base64

import pytest

from sandbox.plugins.python_host.errors import HostError
from sandbox.plugins.python_host.packages import Distribution, canonical, plugin_version, required_packages


@pytest.mark.parametrize(
    ("python", "plugin"),
    [
        ("1.2.3", "1.2.3"),
        ("1", "1.0.0"),
        ("1.2", "1.2.0"),
        ("1.2.3.4", "1.2.3.4"),
        ("1.2.3a4", "1.2.3-alpha.4"),
        ("1.2.3b4", "1.2.3-beta.4"),
        ("1.2.3rc4", "1.2.3-rc.4"),
        ("1.2.3.post4", "1.2.3+post4"),
        ("1.2.3.dev4", "1.2.3+dev4"),
        ("1.2.3a4.post5.dev6", "1.2.3-alpha.4+post5dev6"),
        ("1!2.3", None),
        ("1.2.3+local", None),
        ("", None),
    ],
)
def test_the_plugin_version_of_a_package_version(python: str, plugin: str | None) -> None:
    assert plugin_version(python) == plugin


@pytest.mark.parametrize("name", ["pulumi-random", "pulumi_random", "Pulumi.Random", "pulumi--_random"])
def test_names_are_compared_as_pep_503_writes_them(name: str) -> None:
    assert canonical(name) == "pulumi-random"


def test_what_a_package_says_of_its_plugin_wins() -> None:
    says = {"resource": True, "name": "thing", "version": "1.2.3", "server": "https://example.invalid"}
    (found,) = required_packages([Distribution("other", "9.9.9", says)])

    assert (found.name, found.kind, found.version, found.server) == (
        "thing",
        "resource",
        "v1.2.3",
        "https://example.invalid",
    )


def test_what_it_leaves_out_comes_from_the_package() -> None:
    found = required_packages([Distribution("pulumi-thing", "1.2.3rc1", {"resource": True})])
    assert [(p.name, p.version) for p in found] == [("thing", "v1.2.3-rc.1")]


def test_a_package_named_like_one_of_pulumis_is_one() -> None:
    assert [p.name for p in required_packages([Distribution("pulumi-thing", "1.0.0", None)])] == ["thing"]


@pytest.mark.parametrize(
    "distribution",
    [
        Distribution("requests", "1.0.0", None),
        Distribution("pulumi", "3.259.0", {"resource": False}),
        Distribution("pulumi-policy", "1.21.0", None),
        Distribution("pulumi-thing", "1.0.0", {"resource": False}),
        Distribution("pulumi-thing", "1.0.0+local", None),
    ],
)
def test_others_need_no_plugin(distribution: Distribution) -> None:
    assert required_packages([distribution]) == []


def test_a_parameterized_package() -> None:
    value = base64.b64encode(b"{}").decode()
    says = {
        "resource": True,
        "name": "terraform-provider",
        "version": "0.1.0",
        "parameterization": {"name": "x", "version": "2.0.0", "value": value},
    }
    (found,) = required_packages([Distribution("pulumi-x", "2.0.0", says)])

    assert (found.parameterization.name, found.parameterization.value) == ("x", b"{}")
    assert not found.HasField("extension")


@pytest.mark.parametrize(
    "says",
    [{"resource": True, "name": 1}, {"resource": True, "parameterization": {"name": "x"}}],
)
def test_an_impossible_plugin_file_is_named(says: dict[str, object]) -> None:
    with pytest.raises(HostError, match=r"pulumi-plugin\.json of pulumi-x is not valid"):
        required_packages([Distribution("pulumi-x", "1.0.0", says)])
