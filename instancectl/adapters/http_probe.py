"""HTTP and HTTPS by the standard library, with a look at the certificate."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import closing
from functools import cache
from urllib.parse import SplitResult, urlsplit

from instancectl.core.certificate import validity
from instancectl.core.checks.seen import Answer, Certificate, NoAnswer, Request

TIMEOUT_SECONDS = 4

Connect = Callable[[tuple[str, int], float], socket.socket]
"""(address, timeout in seconds) to a connected socket, as `socket.create_connection` has it."""


class SocketHttpProbe:
    """See `ports.http_probe.HttpProbe`."""

    def __init__(
        self,
        roots: str = "",
        timeout_seconds: float = TIMEOUT_SECONDS,
        *,
        connect: Connect = socket.create_connection,
        vouch: bool = True,
        insist: bool = False,
    ) -> None:
        """Judge certificates by this host's roots, or those of the PEM file `roots`.

        Args:
            roots: PEM file; empty for this host's.
            timeout_seconds: for each step.
            connect: makes the connections.
            insist: send nothing over a connection whose certificate is not trusted.
            vouch: look whether the certificate is trusted, which takes a second connection.
        """
        self._roots = roots
        self._timeout = timeout_seconds
        self._connect = connect
        self._vouch = vouch and not insist
        self._insist = insist

    def ask(self, request: Request) -> Answer | NoAnswer:
        """One request; every failure to get an answer is a `NoAnswer`."""
        url = urlsplit(request.url)
        started = time.monotonic()
        try:
            return self._ask(request, url, started)
        except TimeoutError:
            return NoAnswer(f"no answer within {time.monotonic() - started:.0f} s", "timeout")
        except ConnectionRefusedError:
            return NoAnswer("connection refused")
        except socket.gaierror as error:
            return NoAnswer(f"`{url.hostname}` does not resolve ({error.strerror})", "dns")
        except ssl.SSLError as error:
            return NoAnswer(f"no TLS: {error.reason or error}", "tls")
        except (OSError, http.client.HTTPException) as error:
            return NoAnswer(str(error).strip() or "the connection closed without an answer")

    def _ask(self, request: Request, url: SplitResult, started: float) -> Answer:
        distrust = self._distrust(request, url) if self._vouch and url.scheme == "https" else ""
        connection = http.client.HTTPConnection(url.netloc, timeout=self._timeout)
        # An own socket: the connection goes to one address, TLS and `Host` keep the name.
        sock = self._connected(request, url)
        source = str(sock.getsockname()[0])
        if url.scheme == "https":
            context = self._trusting() if self._insist else _unverified()
            sock = context.wrap_socket(sock, server_hostname=url.hostname)
        certificate = _certificate(sock, distrust)
        connection.sock = sock
        with closing(connection):
            path = (url.path or "/") + (f"?{url.query}" if url.query else "")
            connection.request(request.method, path, request.body or None, dict(request.headers))
            response = connection.getresponse()
            body = b"" if request.method == "HEAD" else response.read(request.limit_bytes)
        headers = tuple((name.lower(), value) for name, value in response.getheaders())
        return Answer(response.status, headers, body, time.monotonic() - started, source, certificate)

    def _connected(self, request: Request, url: SplitResult) -> socket.socket:
        port = url.port or (443 if url.scheme == "https" else 80)
        return self._connect((request.connect_to or url.hostname or "", port), self._timeout)

    def _trusting(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self._roots or None)

    def _distrust(self, request: Request, url: SplitResult) -> str:
        """Why the certificate is not trusted, from a handshake of its own; empty when it is."""
        context = self._trusting()
        try:
            with (
                self._connected(request, url) as plain,
                context.wrap_socket(plain, server_hostname=url.hostname),
            ):
                return ""
        except ssl.SSLCertVerificationError as error:
            return str(error.verify_message)


@cache
def _unverified() -> ssl.SSLContext:
    """Without any roots: loading those takes longer than all the rest, and nothing is judged by them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _certificate(sock: socket.socket, distrust: str) -> Certificate | None:
    if not isinstance(sock, ssl.SSLSocket):
        return None
    der = sock.getpeercert(binary_form=True)
    if der is None:
        return None
    try:
        not_before, not_after = validity(der)
    except ValueError:
        return None
    return Certificate(not_before, not_after, distrust)
