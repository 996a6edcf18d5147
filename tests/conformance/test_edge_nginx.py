"""The edge's configuration, read by the NGINX that the edge's image carries (Debian's, as here)."""

import subprocess
from pathlib import Path

import pytest

from components.edge import config
from sandbox import packages
from sandbox.cluster import pki

CONF = config.nginx_conf("127.0.0.1:8080")


@pytest.fixture(scope="module", autouse=True)
def _nginx() -> None:
    packages.install(["nginx-core"])


def nginx_t(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    ca = pki.authority(folder, "ca", "test")
    edge = pki.issue(ca, folder, "edge", "localhost", hosts=["localhost"])
    # The pod's folders, as folders of this test.
    for inside, here in (
        ("/tmp", folder),  # noqa: S108
        (config.RESOLVER, "127.0.0.1"),
        (f"{config.TLS_DIR}/tls.crt", edge.cert),
        (f"{config.TLS_DIR}/tls.key", edge.key),
    ):
        text = text.replace(inside, str(here))
    (folder / "nginx.conf").write_text(text)
    return subprocess.run(
        ["nginx", "-t", "-e", "stderr", "-c", folder / "nginx.conf"], capture_output=True, text=True, check=False
    )


def test_nginx_accepts_it(tmp_path: Path) -> None:
    done = nginx_t(tmp_path, CONF)
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr


def test_nginx_would_refuse_a_wrong_one(tmp_path: Path) -> None:
    done = nginx_t(tmp_path, CONF.replace("proxy_buffering off", "proxy_buffring off"))
    assert done.returncode != 0
    assert 'unknown directive "proxy_buffring"' in done.stderr
