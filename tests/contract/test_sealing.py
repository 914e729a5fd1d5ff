"""Encryption, signatures and compression: the same tests on the fake and on the real thing."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from instancectl.adapters.backup_crypto import BackupCrypto
from instancectl.core.secrets import Secret
from instancectl.errors import OperationFailed
from tests.contract.backup_harness import built, container, docker
from tests.fakes.sealing import FakeSealing


@pytest.fixture(params=[FakeSealing, BackupCrypto])
def sealing(request: pytest.FixtureRequest):
    return request.param()


def sealed(sealing, content: bytes, *recipients: str) -> bytes:
    out = bytearray()
    sealing.seal([content[:7], content[7:]], recipients, out.extend)
    return bytes(out)


def opened(sealing, content: bytes, identity: Secret) -> bytes:
    out = bytearray()
    sealing.open([content[:5], content[5:]], identity, out.extend)
    return bytes(out)


def test_what_was_sealed_opens_with_its_key(sealing) -> None:
    identity, recipient = sealing.new_identity()
    for content in (b"", b"x", b"plain text" * 50_000):
        assert opened(sealing, sealed(sealing, content, recipient), identity) == content


def test_it_opens_for_every_recipient_and_for_nobody_else(sealing) -> None:
    pairs = [sealing.new_identity() for _ in range(3)]
    content = sealed(sealing, b"plain", pairs[0][1], pairs[1][1])
    assert [opened(sealing, content, identity) for identity, _ in pairs[:2]] == [b"plain"] * 2
    with pytest.raises(OperationFailed, match="was sealed for another one"):
        opened(sealing, content, pairs[2][0])


def test_a_stream_that_is_cut_does_not_open(sealing) -> None:
    identity, recipient = sealing.new_identity()
    with pytest.raises(OperationFailed):
        opened(sealing, sealed(sealing, b"plain" * 1000, recipient)[:-3], identity)


def test_what_the_stream_raises_comes_out_as_it_is(sealing) -> None:
    _, recipient = sealing.new_identity()

    def failing():
        yield b"x"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sealing.seal(failing(), [recipient], bytearray().extend)

    def full(_: bytes) -> None:
        raise OperationFailed("no space left")

    with pytest.raises(OperationFailed, match="no space left"):
        sealing.seal([b"x" * 1_000_000], [recipient], full)


def test_keys_know_their_other_half(sealing) -> None:
    identity, recipient = sealing.new_identity()
    assert sealing.recipient_of(identity) == recipient
    assert sealing.is_recipient(recipient)
    assert not sealing.is_recipient("somebody")
    with pytest.raises(OperationFailed, match="no private key"):
        sealing.recipient_of(Secret("hunter2"))
    with pytest.raises(OperationFailed):
        sealing.seal([b"x"], ["somebody"], bytearray().extend)


def test_a_signature_is_of_one_document_by_one_key(sealing) -> None:
    key, public = sealing.new_signing_key()
    other, _ = sealing.new_signing_key()
    signature = sealing.sign(key, b"document")
    assert sealing.signed(public, b"document", signature)
    assert not sealing.signed(public, b"another", signature)
    assert not sealing.signed(public, b"document", sealing.sign(other, b"document"))
    assert not sealing.signed(public, b"document", b"")
    assert sealing.public_of(key) == public
    with pytest.raises(OperationFailed, match="mangled"):
        sealing.public_of(Secret("short"))


def test_compressed_streams_read_back_whole_or_not_at_all(sealing) -> None:
    content = b"some text, " * 20_000
    small = b"".join(sealing.compress([content[:9], content[9:]]))
    assert b"".join(sealing.decompress([small[:3], small[3:]])) == content
    with pytest.raises(OperationFailed, match="cut short"):
        b"".join(sealing.decompress([small[:-1]]))
    with pytest.raises(OperationFailed, match="damaged"):
        b"".join(sealing.decompress([b"no such thing"]))
    assert b"".join(sealing.decompress([b"".join(sealing.compress([]))])) == b""


def test_what_was_compressed_and_sealed_is_unpacked_in_one_go(sealing) -> None:
    identity, recipient = sealing.new_identity()

    def unpacked(content: bytes) -> bytes:
        out = bytearray()
        sealing.unpack([content[:9], content[9:]], identity, out.extend)
        return bytes(out)

    for plain in (b"", b"x", b"plain text" * 50_000):
        packed = b"".join(sealing.compress([plain]))
        assert unpacked(sealed(sealing, packed, recipient)) == plain
        with pytest.raises(OperationFailed):
            unpacked(sealed(sealing, packed[:-1], recipient))
    with pytest.raises(OperationFailed):
        unpacked(sealed(sealing, b"never compressed", recipient))


SPANS = ((0, 1), (0, 200_000), (65_535, 2), (65_536, 65_536), (131_071, 1), (199_999, 1), (70_000, 120_000))


@pytest.mark.parametrize("span", [*SPANS, (5, 0)])
def test_some_bytes_of_a_stream_are_opened_without_the_rest(sealing, span: tuple[int, int]) -> None:
    identity, recipient = sealing.new_identity()
    other, _ = sealing.new_identity()
    plain = b"".join(number.to_bytes(4, "big") for number in range(50_000))
    content = sealed(sealing, plain, recipient)
    fetched: list[int] = []

    def fetch(at: int, size: int) -> bytes:
        fetched.append(size)
        return content[at : at + size]

    assert b"".join(sealing.open_range(fetch, len(content), identity, span)) == plain[span[0] : sum(span)]
    with pytest.raises(OperationFailed):
        list(sealing.open_range(fetch, len(content), other, span))
    if isinstance(sealing, BackupCrypto):
        assert sum(fetched[: len(fetched) // 2 + 1]) <= span[1] + 3 * 65_552 + 2 * 4096


def test_some_bytes_of_a_damaged_stream_are_refused_or_not_touched() -> None:
    crypto = BackupCrypto()
    identity, recipient = crypto.new_identity()
    content = sealed(crypto, b"plain" * 60_000, recipient)
    refused = 0
    for at in range(0, len(content), len(content) // 60):
        flipped = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
        try:
            found = b"".join(
                crypto.open_range(
                    lambda at, size, raw=flipped: raw[at : at + size], len(flipped), identity, (0, 9)
                )
            )
        except OperationFailed:
            refused += 1
        else:
            assert found == b"plainplai"
    assert refused >= 13
    with pytest.raises(OperationFailed, match="does not begin as an age file"):
        list(crypto.open_range(lambda *_: b"nonsense", 8, identity, (0, 1)))


def test_random_is_random(sealing) -> None:
    assert len({sealing.random_hex() for _ in range(100)}) == 100


def test_every_flipped_bit_is_refused() -> None:
    crypto = BackupCrypto()
    identity, recipient = crypto.new_identity()
    content = sealed(crypto, b"plain" * 30_000, recipient)
    for at in range(0, len(content), len(content) // 40):
        flipped = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
        with pytest.raises(OperationFailed):
            opened(crypto, flipped, identity)


@pytest.mark.contract
@pytest.mark.slow
def test_stock_tools_open_check_and_unpack_it(tmp_path: Path) -> None:
    built("by-hand")
    crypto = BackupCrypto(threads=2)
    identity, recipient = crypto.new_identity()
    key, public = crypto.new_signing_key()
    content = os.urandom(500_000) + b"text" * 500_000
    out = bytearray()
    crypto.seal(crypto.compress([content]), [recipient], out.extend)
    hasher = crypto.hasher()
    hasher.update(bytes(out))
    for name, text in {
        "x.zst.age": bytes(out),
        "x": content,
        "key": identity.reveal().encode(),
        "pub": public.encode(),
        "doc.sig": crypto.sign(key, b"doc"),
        "doc": b"doc",
        "sums": f"{hasher.hexdigest()}  x.zst.age\n".encode(),
    }.items():
        (tmp_path / name).write_bytes(text)
    with container("--volume", f"{tmp_path}:/w:ro", "--workdir", "/w", "--entrypoint", "sleep",
                   "testbed/by-hand:18", "300") as name:  # fmt: skip
        docker("exec", name, "bash", "-euo", "pipefail", "-c", "age -d -i key x.zst.age | zstd -d | cmp - x")
        docker("exec", name, "b3sum", "--check", "sums")
        check = [
            "pkeyutl",
            "-verify",
            "-pubin",
            "-inkey",
            "pub",
            "-rawin",
            "-in",
            "doc",
            "-sigfile",
            "doc.sig",
        ]
        docker("exec", name, "openssl", *check)
        # And the other way round: what age wrote opens here.
        made = subprocess.run(
            ["docker", "exec", name, "age", "-r", recipient, "doc"],
            capture_output=True,
            check=True,
            timeout=60,
        ).stdout
    assert opened(crypto, made, identity) == b"doc"
