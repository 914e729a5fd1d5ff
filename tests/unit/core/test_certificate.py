"""The two times of a certificate are read from its bytes as the library that made it wrote them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from instancectl.core.certificate import validity

KEY = ec.generate_private_key(ec.SECP256R1())


def der(start: datetime, end: datetime, name: str = "social.example") -> bytes:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(
        subject, subject, KEY.public_key(), x509.random_serial_number(), start, end
    )
    return builder.sign(KEY, hashes.SHA256()).public_bytes(Encoding.DER)


@given(
    st.datetimes(datetime(1971, 1, 1), datetime(2090, 1, 1)),  # noqa: DTZ001 - the library takes naive UTC
    st.integers(1, 400),
    st.text(min_size=1, max_size=64, alphabet="abcdefghijklmnopqrstuvwxyz.-"),
)
def test_times_come_back_as_they_were_written(start: datetime, days: int, name: str) -> None:
    start = start.replace(microsecond=0)
    end = start + timedelta(days=days)
    found = validity(der(start, end, name))
    assert found == (start.replace(tzinfo=UTC).timestamp(), end.replace(tzinfo=UTC).timestamp())


@given(st.binary(max_size=200))
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        validity(data)


@given(st.integers(0, 400))
def test_a_certificate_cut_short_is_refused(length: int) -> None:
    whole = der(datetime(2026, 1, 1), datetime(2027, 1, 1))  # noqa: DTZ001 - the same
    if length < len(whole):
        with pytest.raises(ValueError):
            validity(whole[:length])
