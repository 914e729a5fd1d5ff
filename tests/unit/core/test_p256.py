from __future__ import annotations

from instancectl.core.p256 import G, N, pair_matches


def point(x: int, y: int) -> bytes:
    return b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big")


def scalar(value: int) -> bytes:
    return value.to_bytes(32, "big")


# RFC 6979, appendix A.2.5: a key pair on the same curve, published independently.
RFC_PRIVATE = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721
RFC_PUBLIC = point(
    0x60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6,
    0x7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299,
)


def test_a_published_pair_matches() -> None:
    assert pair_matches(scalar(RFC_PRIVATE), RFC_PUBLIC)


def test_the_generator_is_the_public_half_of_one() -> None:
    assert pair_matches(scalar(1), point(*G))


def test_another_private_half_does_not_match() -> None:
    assert not pair_matches(scalar(RFC_PRIVATE + 1), RFC_PUBLIC)
    assert not pair_matches(scalar(2), point(*G))


def test_what_is_no_half_of_a_pair_does_not_match() -> None:
    assert not pair_matches(scalar(0), RFC_PUBLIC)
    assert not pair_matches(scalar(N), RFC_PUBLIC)
    assert not pair_matches(b"short", RFC_PUBLIC)
    assert not pair_matches(scalar(RFC_PRIVATE), RFC_PUBLIC[1:])
    assert not pair_matches(scalar(RFC_PRIVATE), b"\x02" + RFC_PUBLIC[1:])
