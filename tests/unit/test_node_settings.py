"""The node's settings, its binaries' version and the list of cgroup hierarchies."""

from pathlib import Path

import pytest

from sandbox.cluster import binaries, cgroups, settings
from sandbox.errors import SandboxError

MOUNTS = """\
30 23 0:26 / /sys/fs/cgroup rw,relatime shared:9 - tmpfs tmpfs rw,mode=755
31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
32 30 0:28 / /sys/fs/cgroup/systemd rw - cgroup systemd rw,xattr,release_agent=/lib/agent,name=systemd
33 30 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate
"""


def test_defaults() -> None:
    wanted = settings.load()
    assert {forward.name: (forward.host, forward.node) for forward in wanted.forwards} == {
        "https": (443, 443),
        "http": (80, 80),
        "api": (6443, 6443),
    }
    assert str(wanted.network.api_service) == "10.100.0.1"
    assert str(wanted.network.node) == "10.0.2.100"


def test_environment_makes_the_same_settings_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(settings.PORT_OFFSET, "1000")
    monkeypatch.setenv(settings.POD_CIDR, "10.1.0.0/16")
    wanted = settings.load()
    assert wanted.api_url == "https://127.0.0.1:7443"
    for name, value in wanted.environment.items():
        monkeypatch.setenv(name, value)
    assert settings.load() == wanted


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (settings.PORT_OFFSET, "x"),
        (settings.PORT_OFFSET, "-1"),
        (settings.PORT_OFFSET, "60000"),
        (settings.POD_CIDR, "10.1.0.0/33"),
        (settings.POD_CIDR, "10.1.0.1/16"),
        (settings.POD_CIDR, "10.100.4.0/24"),
        (settings.POD_CIDR, "10.0.0.0/8"),
    ],
)
def test_impossible_values_are_one_line(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SandboxError, match=rf"^{name}=.*") as refused:
        settings.load()
    assert len(str(refused.value).splitlines()) == 1


def test_version_is_that_of_the_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_VERSION", raising=False)
    assert binaries.version() == binaries.pinned()


@pytest.mark.parametrize("wanted", ["1.36.3", "v2.0.0", "latest", "v1.36"])
def test_version_must_be_a_release(wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_VERSION", wanted)
    with pytest.raises(SandboxError, match=f"KUBERNETES_VERSION={wanted}: not a release"):
        binaries.version()


def test_another_version_replaces_every_staging_module() -> None:
    text = binaries.other_version((binaries.MODULE / "go.mod").read_text(), "v1.35.4")
    assert "require k8s.io/kubernetes v1.35.4\n" in text
    assert "k8s.io/kubernetes/cmd/kubelet" in text
    replaced = [line.split() for line in text.splitlines() if "=>" in line]
    assert len(replaced) > 25
    assert all(line[:3] == [line[0], "=>", line[0]] and line[3] == "v0.35.4" for line in replaced)
    assert "// indirect" not in text


def test_hierarchies_are_mounted_again_with_their_own_options() -> None:
    found = {str(h.mount_point): (h.fstype, h.options) for h in cgroups.parse(MOUNTS)}
    assert found == {
        "/sys/fs/cgroup/cpu,cpuacct": ("cgroup", "cpu,cpuacct"),
        "/sys/fs/cgroup/systemd": ("cgroup", "none,name=systemd"),
        "/sys/fs/cgroup/unified": ("cgroup2", ""),
    }
    assert cgroups.parse(MOUNTS)[0].group == Path("/sys/fs/cgroup/cpu,cpuacct") / cgroups.NAME
