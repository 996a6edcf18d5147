"""The machine's registry settings: what the base images get of them, and what they do not."""

import os
from pathlib import Path

import pytest

from sandbox.errors import SandboxError
from sandbox.images import debian, host


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with a CA bundle and nothing else set."""
    for variable in os.environ:
        if variable.lower().startswith(("npm_config_", "pip_")) or variable.lower().endswith("_proxy"):
            monkeypatch.delenv(variable)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "ca.crt").write_text("certificates")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.crt"))
    return tmp_path


def test_a_plain_machine_gives_its_ca_bundle_only() -> None:
    read = host.read()
    assert read.ca_bundle == b"certificates"
    assert read.pip == f"[global]\ncert = {host.CA_BUNDLE}\n"
    assert read.npm == f"cafile={host.CA_BUNDLE}\n"
    assert f'Acquire::https::CaInfo "{host.CA_BUNDLE}";' in read.apt


def test_pip_settings_of_the_environment_are_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://pip.test/simple")
    monkeypatch.setenv("PIP_FIND_LINKS", "/somewhere")
    assert host.read().pip == f"[global]\ncert = {host.CA_BUNDLE}\nindex-url = https://pip.test/simple\n"


def test_npm_settings_of_file_and_environment_are_taken_over_but_no_credentials(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (machine / ".npmrc").write_text(
        "registry=https://file.test/\n//file.test/:_authToken=secret\nproxy = http://p.test:1\n"
    )
    assert host.read().npm == f"cafile={host.CA_BUNDLE}\nproxy=http://p.test:1\nregistry=https://file.test/\n"
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", "https://environment.test/")
    assert "registry=https://environment.test/\n" in host.read().npm


def test_a_proxy_reaches_all_three_package_managers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.test:3128")
    read = host.read()
    assert 'Acquire::https::Proxy "http://proxy.test:3128";' in read.apt
    assert "proxy = http://proxy.test:3128\n" in read.pip
    assert "https-proxy=http://proxy.test:3128\n" in read.npm


def test_a_machine_without_ca_bundle_is_told_what_to_install(machine: Path) -> None:
    (machine / "ca.crt").unlink()
    with pytest.raises(SandboxError, match=r"no CA bundle at .*: install ca-certificates"):
        host.read()


def test_the_debian_archive_is_the_machines_own(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apt = machine / "apt-get"
    apt.write_text(
        "#!/bin/sh\ncat <<.\n"
        "Debian bookworm http://deb.test/debian/ stable main\n"
        "Debian bookworm-security http://deb.test/security/ bookworm-security main\n"
        "Debian trixie http://deb.test/debian/ trixie main\n"
        "Node http://node.test/ nodistro main\n"
        "Other bookworm http://other.test/ bookworm main\n"
        "Debian bookworm http://deb.test/debian/ stable main\n"
        ".\n"
    )
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", str(machine), prepend=os.pathsep)
    assert debian.archive() == [
        "deb http://deb.test/debian/ stable main",
        "deb http://deb.test/security/ bookworm-security main",
    ]


def test_a_machine_without_debian_archive_is_told_so(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (machine / "apt-get").write_text("#!/bin/sh\n")
    (machine / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", str(machine), prepend=os.pathsep)
    with pytest.raises(SandboxError, match="apt knows no Debian bookworm archive here"):
        debian.archive()
