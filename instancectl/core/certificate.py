"""How long a certificate is valid, read from its DER form.

Python shows the fields of a certificate only when it trusts it; a server's that it does not trust must be
read by hand. Only the two times are taken (RFC 5280, 4.1.2.5).
"""

from __future__ import annotations

from datetime import UTC, datetime

_SEQUENCE, _EXPLICIT_VERSION = 0x30, 0xA0
_UTC_TIME, _GENERALIZED_TIME = 0x17, 0x18


def validity(der: bytes) -> tuple[float, float]:
    """Not before and not after, seconds since 1970.

    Raises:
        ValueError: these bytes are no certificate.
    """
    certificate = _content(der, 0, _SEQUENCE)
    fields = _content(certificate, 0, _SEQUENCE)
    offset = _after(fields, 0) if fields[:1] == bytes([_EXPLICIT_VERSION]) else 0
    for _ in ("serial number", "signature algorithm", "issuer"):
        offset = _after(fields, offset)
    times = _content(fields, offset, _SEQUENCE)
    return _time(times, 0), _time(times, _after(times, 0))


def _header(data: bytes, offset: int) -> tuple[int, int, int]:
    """Tag, offset of the content, offset after it."""
    if offset + 2 > len(data):
        raise ValueError("the certificate ends too early")
    tag, length, start = data[offset], data[offset + 1], offset + 2
    if length & 0x80:
        size = length & 0x7F
        length, start = int.from_bytes(data[start : start + size]), start + size
    if start + length > len(data):
        raise ValueError("the certificate ends too early")
    return tag, start, start + length


def _content(data: bytes, offset: int, wanted: int) -> bytes:
    tag, start, end = _header(data, offset)
    if tag != wanted:
        raise ValueError(f"tag {tag:#x} where {wanted:#x} belongs")
    return data[start:end]


def _after(data: bytes, offset: int) -> int:
    return _header(data, offset)[2]


def _time(data: bytes, offset: int) -> float:
    tag, start, end = _header(data, offset)
    if tag not in {_UTC_TIME, _GENERALIZED_TIME}:
        raise ValueError(f"tag {tag:#x} where a time belongs")
    text = data[start:end].decode("ascii")
    if tag == _UTC_TIME:
        # Years 50 to 99 are of the last century.
        text = ("19" if text[:2] >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()
