"""Certificates for servers of a test: an authority, one it vouches for, and one nobody does."""

from __future__ import annotations

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

NOW = datetime.now(UTC).replace(microsecond=0)
VALID_DAYS = 90


class Authority:
    """Makes certificates; `roots` is the PEM file to trust it by."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test authority")])
        own = self._builder(self._name, self._key).add_extension(x509.BasicConstraints(True, None), True)
        own = own.add_extension(_usage(), True)
        self._certificate = own.sign(self._key, hashes.SHA256())
        self.roots = str(directory / "roots.pem")
        Path(self.roots).write_bytes(self._certificate.public_bytes(Encoding.PEM))

    def context(self, *names: str, trusted: bool = True) -> ssl.SSLContext:
        """For a server of these names."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
        builder = self._builder(subject, key).add_extension(
            x509.SubjectAlternativeName([_general(name) for name in names]), False
        )
        certificate = builder.sign(self._key if trusted else key, hashes.SHA256())
        file = self._directory / f"{names[0]}-{trusted}.pem"
        file.write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            + certificate.public_bytes(Encoding.PEM)
        )
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(file)
        return context

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        end = NOW + timedelta(days=VALID_DAYS)
        return x509.CertificateBuilder(
            self._name, subject, key.public_key(), x509.random_serial_number(), NOW - timedelta(days=1), end
        )


def _usage() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
