"""Keys and certificates, made once per sandbox and kept in its state folder."""

import datetime
import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = datetime.timedelta(days=365)
"""A sandbox does not live longer."""

_CLOCK_SKEW = datetime.timedelta(minutes=5)


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key, as PEM files."""

    cert: Path
    key: Path


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only root may read, complete or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    scratch = path.with_name(f".{path.name}.new")
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
    scratch.rename(path)


def authority(folder: Path, name: str, common_name: str) -> Pair:
    """A self-signed certificate authority, `<folder>/<name>.pem` and `<name>-key.pem`."""
    pair = Pair(folder / f"{name}.pem", folder / f"{name}-key.pem")
    if _complete(pair):
        return pair
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    builder = _builder(subject, subject, key.public_key())
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(sign_certificates=True), critical=True)
    _write(pair, key, builder.sign(key, hashes.SHA256()))
    return pair


def issue(
    ca: Pair,
    folder: Path,
    name: str,
    common_name: str,
    *,
    organization: str | None = None,
    hosts: Sequence[str] = (),
) -> Pair:
    """A certificate signed by `ca`: for a server if it has `hosts` (DNS names or addresses), else for a client."""
    pair = Pair(folder / f"{name}.pem", folder / f"{name}-key.pem")
    if _complete(pair):
        return pair
    issuer = x509.load_pem_x509_certificate(ca.cert.read_bytes())
    signer = serialization.load_pem_private_key(ca.key.read_bytes(), None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{ca.key} is not one of ours")
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organization:
        names.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    use = ExtendedKeyUsageOID.SERVER_AUTH if hosts else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = _builder(x509.Name(names), issuer.subject, key.public_key())
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(sign_certificates=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
    )
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName([_alternative(h) for h in hosts]), critical=False)
    _write(pair, key, builder.sign(signer, hashes.SHA256()))
    return pair


def signing_key(folder: Path, name: str) -> Path:
    """An RSA key for signing service-account tokens; its public half is read from the same file."""
    path = folder / f"{name}-key.pem"
    if not path.exists():
        write_private(path, _pem(rsa.generate_private_key(public_exponent=65537, key_size=2048)))
    return path


def _complete(pair: Pair) -> bool:
    # The certificate is written last.
    return pair.cert.exists()


def _builder(subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _write(pair: Pair, key: CertificateIssuerPrivateKeyTypes, certificate: x509.Certificate) -> None:
    write_private(pair.key, _pem(key))
    write_private(pair.cert, certificate.public_bytes(serialization.Encoding.PEM))


def _pem(key: CertificateIssuerPrivateKeyTypes) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
