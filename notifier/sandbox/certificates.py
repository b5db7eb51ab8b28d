"""A test CA and the data port's certificate, the good one and the bad ones."""

from __future__ import annotations

import ipaddress
import os
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from notifier.sandbox.options import CertificateMode

_HOURS_AROUND = timedelta(hours=1)
_CA_LIFE = timedelta(days=3650)
_SERVER_LIFE = timedelta(days=365)


def server_context(folder: Path, mode: CertificateMode, host: str) -> tuple[ssl.SSLContext, Path]:
    """The data port's TLS context, and the file of the CA a client is to trust.

    The CA stays the same for the life of the folder, so that clients keep trusting restarts.
    """
    ca_file, ca_key, ca = _authority(folder)
    key = ec.generate_private_key(ec.SECP256R1())
    names = ["wrong.example"] if mode is CertificateMode.WRONG_HOST else _names(host)
    if mode is CertificateMode.SELF_SIGNED:
        certificate = _signed(key, key, _name(names[0]), names=names)
    else:
        is_expired = mode is CertificateMode.EXPIRED
        certificate = _signed(key, ca_key, ca.subject, names=names, is_expired=is_expired)
    server_file = folder / "server.pem"
    _write_private(server_file, _pem(key) + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(server_file)
    context.set_alpn_protocols(["http/1.1"])
    return context, ca_file


def _names(host: str) -> list[str]:
    return list(dict.fromkeys([host, "localhost", "127.0.0.1", "::1", "api.weixin.qq.com"]))


def _authority(folder: Path) -> tuple[Path, ec.EllipticCurvePrivateKey, x509.Certificate]:
    ca_file, key_file = folder / "ca.pem", folder / "ca-key.pem"
    if ca_file.exists() and key_file.exists():
        key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
        if isinstance(key, ec.EllipticCurvePrivateKey):
            return ca_file, key, x509.load_pem_x509_certificate(ca_file.read_bytes())
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _self_signed_authority(key)
    _write_private(key_file, _pem(key))
    ca_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return ca_file, key, certificate


def _self_signed_authority(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = _name("notifier sandbox test CA, trust for tests only")
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        _builder(key, name, datetime.now(UTC) + _CA_LIFE)
        .issuer_name(name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )


def _signed(
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
    *,
    names: list[str],
    is_expired: bool = False,
) -> x509.Certificate:
    until = datetime.now(UTC) + (-_HOURS_AROUND if is_expired else _SERVER_LIFE)
    authority_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    return (
        _builder(key, _name(names[0]), until)
        .issuer_name(issuer)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([_alternative(n) for n in names]), False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        .add_extension(authority_key, False)
        .sign(signer, hashes.SHA256())
    )


def _builder(
    key: ec.EllipticCurvePrivateKey, subject: x509.Name, until: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(datetime.now(UTC), until) - _HOURS_AROUND)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write_private(path: Path, content: bytes) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
