"""A certificate that nobody trusts but whoever is given it: a browser sends nothing to what listens with it."""

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

HOST = "127.0.0.1"
NAME = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "utxoiq-local")])
# No run lasts longer.
VALID = timedelta(days=3650)


def write_certificate(file: Path) -> None:
    """Write a new key and its certificate for 127.0.0.1, as PEM, for the owner's eyes only."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(NAME)
        .issuer_name(NAME)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + VALID)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + certificate.public_bytes(serialization.Encoding.PEM)
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_bytes(pem)


def trust_only(file: Path) -> ssl.SSLContext:
    """Return a client's context that takes this certificate and no other."""
    return ssl.create_default_context(cafile=file)
