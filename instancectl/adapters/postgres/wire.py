"""PostgreSQL's protocol 3 as far as reading a few values needs it: start, log in, simple queries as text.

A driver would bring libpq or its own tens of megabytes, and its timeouts are for single steps. Here one
deadline covers the whole answer. See "Frontend/Backend Protocol" in PostgreSQL's documentation.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import socket
import struct
import time
from dataclasses import dataclass

from instancectl.core.secrets import Secret
from instancectl.ports.database_line import Row

PROTOCOL = 196608
LIMIT_BYTES = 16 * 1024 * 1024


class ServerError(Exception):
    """PostgreSQL refused; `state` is its SQLSTATE, `message` its primary message."""

    def __init__(self, state: str, message: str) -> None:
        """Keep both apart."""
        super().__init__(message)
        self.state, self.message = state, message


@dataclass(frozen=True, slots=True)
class Login:
    """Who comes in, and where to."""

    user: str
    database: str
    password: Secret
    application: str = "instancectl"


class Session:
    """One connection that has logged in; every method raises OSError, ValueError or ServerError."""

    def __init__(self, connected: socket.socket, login: Login, deadline: float) -> None:
        """Start and log in, until PostgreSQL is ready for a query."""
        self._socket, self._buffer = connected, bytearray()
        words = ("user", login.user, "database", login.database, "application_name", login.application)
        payload = b"".join(word.encode() + b"\0" for word in words) + b"\0"
        self._send(b"", struct.pack("!I", PROTOCOL) + payload, deadline)
        self._log_in(login, deadline)
        self._until_ready(deadline)

    def close(self) -> None:
        """Say goodbye, so that the connection is free at once."""
        try:
            self._socket.settimeout(0.2)
            self._socket.sendall(b"X\0\0\0\4")
        except OSError:
            pass
        finally:
            self._socket.close()

    def query(self, text: str, deadline: float) -> list[Row]:
        """Rows of one statement."""
        self._send(b"Q", text.encode() + b"\0", deadline)
        return self._until_ready(deadline)

    def _until_ready(self, deadline: float) -> list[Row]:
        rows: list[Row] = []
        failure: ServerError | None = None
        while True:
            kind, payload = self._message(deadline)
            if kind == b"Z":
                break
            if kind == b"D":
                rows.append(_row(payload))
            elif kind == b"E":
                failure = _error(payload)
                if failure.state.startswith(("28", "3D", "53", "57")):
                    raise failure  # a refusal to let us in or on: nothing follows
        if failure is not None:
            raise failure
        return rows

    def _log_in(self, login: Login, deadline: float) -> None:
        while True:
            kind, payload = self._message(deadline)
            if kind == b"E":
                raise _error(payload)
            if kind != b"R":
                raise ValueError("this is not PostgreSQL")
            (wanted,) = struct.unpack_from("!I", payload)
            if wanted == 0:
                return
            if wanted == 10:
                self._scram(login.password, payload[4:], deadline)
            elif wanted == 5:
                self._password(_md5(login, payload[4:8]), deadline)
            elif wanted == 3:
                self._password(login.password.reveal().encode(), deadline)
            else:
                raise ValueError(f"PostgreSQL wants a kind of login ({wanted}) that is not supported")

    def _password(self, value: bytes, deadline: float) -> None:
        self._send(b"p", value + b"\0", deadline)

    def _scram(self, password: Secret, mechanisms: bytes, deadline: float) -> None:
        """RFC 7677 without channel binding."""
        if b"SCRAM-SHA-256" not in mechanisms.split(b"\0"):
            raise ValueError("PostgreSQL offers no SCRAM-SHA-256")
        bare = b"n=,r=" + base64.b64encode(secrets.token_bytes(18))
        first = b"n,," + bare
        self._send(b"p", b"SCRAM-SHA-256\0" + struct.pack("!I", len(first)) + first, deadline)
        challenge = self._challenge(11, deadline)
        final, signature = _proof(password, bare, challenge)
        self._send(b"p", final, deadline)
        if self._challenge(12, deadline) != b"v=" + signature:
            raise ValueError("PostgreSQL does not know our password, though it let us in")

    def _challenge(self, wanted: int, deadline: float) -> bytes:
        kind, payload = self._message(deadline)
        if kind == b"E":
            raise _error(payload)
        if kind != b"R" or struct.unpack_from("!I", payload)[0] != wanted:
            raise ValueError("PostgreSQL broke off the login")
        return payload[4:]

    def _send(self, kind: bytes, payload: bytes, deadline: float) -> None:
        self._socket.settimeout(_left(deadline))
        self._socket.sendall(kind + struct.pack("!I", len(payload) + 4) + payload)

    def _message(self, deadline: float) -> tuple[bytes, bytes]:
        self._fill(5, deadline)
        (length,) = struct.unpack_from("!I", self._buffer, 1)
        if not 4 <= length <= LIMIT_BYTES:
            raise ValueError("this is not PostgreSQL")
        self._fill(length + 1, deadline)
        kind, payload = bytes(self._buffer[:1]), bytes(self._buffer[5 : length + 1])
        del self._buffer[: length + 1]
        return kind, payload

    def _fill(self, size: int, deadline: float) -> None:
        while len(self._buffer) < size:
            self._socket.settimeout(_left(deadline))
            chunk = self._socket.recv(65536)
            if not chunk:
                raise ConnectionResetError("the connection closed")
            self._buffer += chunk


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _row(payload: bytes) -> Row:
    (count,) = struct.unpack_from("!H", payload)
    at, values = 2, []
    for _ in range(count):
        (length,) = struct.unpack_from("!i", payload, at)
        at += 4
        values.append(None if length < 0 else payload[at : at + length].decode())
        at += max(0, length)
    return tuple(values)


def _error(payload: bytes) -> ServerError:
    fields = {field[:1]: field[1:].decode(errors="replace") for field in payload.split(b"\0") if field}
    return ServerError(fields.get(b"C", ""), fields.get(b"M", "PostgreSQL refused"))


def _md5(login: Login, salt: bytes) -> bytes:
    inner = hashlib.md5(login.password.reveal().encode() + login.user.encode()).hexdigest()  # noqa: S324 - protocol
    return b"md5" + hashlib.md5(inner.encode() + salt).hexdigest().encode()  # noqa: S324 - protocol


def _proof(password: Secret, bare: bytes, challenge: bytes) -> tuple[bytes, bytes]:
    """The client's final message and the signature the server must answer with."""
    fields = dict(part.split(b"=", 1) for part in challenge.split(b","))
    nonce, salt = fields[b"r"], base64.b64decode(fields[b"s"])
    if not nonce.startswith(bare.partition(b"r=")[2]):
        raise ValueError("PostgreSQL answered another login's question")
    salted = hashlib.pbkdf2_hmac("sha256", password.reveal().encode(), salt, int(fields[b"i"]))
    client = hmac.digest(salted, b"Client Key", "sha256")
    without = b"c=biws,r=" + nonce
    text = b",".join((bare, challenge, without))
    signature = hmac.digest(hashlib.sha256(client).digest(), text, "sha256")
    proof = bytes(one ^ two for one, two in zip(client, signature, strict=True))
    server = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), text, "sha256")
    return without + b",p=" + base64.b64encode(proof), base64.b64encode(server)
