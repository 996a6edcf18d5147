"""Keys and certificates of the cluster and the edge."""

import ipaddress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import PolicyBuilder, Store

from sandbox.cluster import configuration, pki


@pytest.fixture
def ca(tmp_path: Path) -> pki.Pair:
    return pki.authority(tmp_path, "ca", "test")


def test_a_client_trusts_the_server(ca: pki.Pair, tmp_path: Path) -> None:
    pair = pki.issue(ca, tmp_path, "server", "localhost", hosts=["localhost", "127.0.0.1"])
    certificate = x509.load_pem_x509_certificate(pair.cert.read_bytes())
    store = Store([x509.load_pem_x509_certificate(ca.cert.read_bytes())])
    for name in (x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))):
        PolicyBuilder().store(store).build_server_verifier(name).verify(certificate, [])


def test_a_client_certificate_names_user_and_group(ca: pki.Pair, tmp_path: Path) -> None:
    pair = pki.issue(ca, tmp_path, "admin", "admin", organization="system:masters")
    certificate = x509.load_pem_x509_certificate(pair.cert.read_bytes())
    names = {name.oid: name.value for name in certificate.subject}
    assert names == {NameOID.COMMON_NAME: "admin", NameOID.ORGANIZATION_NAME: "system:masters"}
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]


def test_what_was_made_is_kept(ca: pki.Pair, tmp_path: Path) -> None:
    before = ca.cert.read_bytes(), ca.key.read_bytes()
    assert pki.authority(tmp_path, "ca", "test") == ca
    assert (ca.cert.read_bytes(), ca.key.read_bytes()) == before


def test_an_interrupted_pair_is_made_anew(ca: pki.Pair, tmp_path: Path) -> None:
    pair = pki.issue(ca, tmp_path, "client", "client")
    pair.cert.unlink()
    again = pki.issue(ca, tmp_path, "client", "client")
    key = load_pem_private_key(again.key.read_bytes(), None)
    assert x509.load_pem_x509_certificate(again.cert.read_bytes()).public_key() == key.public_key()


def test_keys_are_for_root_only(ca: pki.Pair) -> None:
    assert ca.key.stat().st_mode & 0o777 == 0o600


def test_a_kubeconfig_carries_its_certificates(ca: pki.Pair, tmp_path: Path) -> None:
    client = pki.issue(ca, tmp_path, "client", "client")
    path = configuration.kubeconfig(tmp_path / "kubeconfig", "https://127.0.0.1:6443", ca.cert, client, "client")
    assert str(tmp_path) not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
