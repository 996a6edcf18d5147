"""The gateway's configuration, read by the HAProxy that its image carries (Debian's, as here)."""

import subprocess
from pathlib import Path

import pytest

from components.gateway.config import Backend, haproxy_cfg
from sandbox import packages

SERVERS = {
    "a": Backend(authority="127.0.0.1:8080", path="/mcp"),
    "b": Backend(authority="127.0.0.2:8080", path="/mcp"),
}


@pytest.fixture(scope="module", autouse=True)
def _haproxy() -> None:
    packages.install(["haproxy"])


def haproxy_c(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    (folder / "haproxy.cfg").write_text(text)
    return subprocess.run(
        ["/usr/sbin/haproxy", "-c", "-f", folder / "haproxy.cfg"], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("servers", [{}, SERVERS], ids=["none", "two"])
def test_haproxy_accepts_it_without_a_warning(tmp_path: Path, servers: dict[str, Backend]) -> None:
    done = haproxy_c(tmp_path, haproxy_cfg(servers))
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr, done.stderr


def test_haproxy_would_refuse_a_wrong_one(tmp_path: Path) -> None:
    done = haproxy_c(tmp_path, haproxy_cfg(SERVERS).replace("default_backend none", "default_backend nobody"))
    assert done.returncode != 0
    assert "unable to find required default_backend: 'nobody'" in done.stderr
