"""What the adapters bring home for the checks, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Memory:
    """Of the host, bytes."""

    total_bytes: int
    available_bytes: int
    swap_bytes: int


@dataclass(frozen=True, slots=True)
class Disk:
    """Of the file system that holds `path`, bytes; `free_bytes` is what is left to ordinary users."""

    path: str
    total_bytes: int
    free_bytes: int


@dataclass(frozen=True, slots=True)
class Listener:
    """Who holds a port of this host.

    Attributes:
        address: it listens on, e.g. `0.0.0.0` or `::`.
        process: name of the program; empty when it may not be seen.
        detail: more of its command line, e.g. the container a `docker-proxy` leads to.
    """

    port: int
    protocol: Literal["tcp", "udp"]
    address: str
    process: str = ""
    pid: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class NameAnswer:
    """What the DNS said about a name: no addresses means that it has none."""

    name: str
    addresses: tuple[str, ...]
    error: str = ""
    """Why nobody could say; empty when somebody did."""


@dataclass(frozen=True, slots=True)
class MailRoute:
    """How mail leaves; the password travels beside it.

    Attributes:
        tls: TLS from the first byte.
        starttls: `always`, `auto` or `never`.
        login: empty for no authentication.
        auth_method: `plain`, `login`, `cram_md5` or `none`.
        verify: whether the certificate must be trusted.
    """

    server: str
    port: int
    tls: bool
    starttls: str
    login: str
    auth_method: str
    verify: bool


@dataclass(frozen=True, slots=True)
class Letter:
    """A test mail."""

    sender: str
    recipient: str
    subject: str
    body: str


MailStage = Literal["connect", "greeting", "tls", "starttls", "auth", "send"]


@dataclass(frozen=True, slots=True)
class MailTalk:
    """How a conversation with a mail server went.

    Attributes:
        failed_at: the stage that failed; None when all went well.
        said: the server's own words, or what went wrong.
        tls: protocol version; empty when the conversation was in the clear.
        offers_starttls: the server's offer, whether or not it was taken.
        auth_offered: methods, in lower case.
        authenticated: a login was accepted.
        sent: the test mail was accepted; `said` then is the server's receipt.
    """

    failed_at: MailStage | None
    said: str = ""
    tls: str = ""
    offers_starttls: bool = False
    auth_offered: tuple[str, ...] = ()
    authenticated: bool = False
    sent: bool = False


@dataclass(frozen=True, slots=True)
class Certificate:
    """A server's certificate.

    Attributes:
        not_before: seconds since 1970.
        not_after: seconds since 1970.
        distrust: why this host's roots do not vouch for it; empty when they do.
    """

    not_before: float
    not_after: float
    distrust: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request.

    Attributes:
        url: `http` or `https`.
        connect_to: address to connect to instead of the one the name resolves to; empty uses the name.
        headers: added to `Host`.
        limit_bytes: of the body that are read.
        body: to send; empty sends none.
    """

    url: str
    connect_to: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    method: str = "GET"
    limit_bytes: int = 65536
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Attributes:
        headers: names in lower case; of repeated ones the last.
        source_address: this end of the connection.
        certificate: None over plain HTTP.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    seconds: float
    source_address: str = ""
    certificate: Certificate | None = None

    def header(self, name: str) -> str:
        """One header, or empty."""
        return dict(self.headers).get(name.lower(), "")


NoAnswerKind = Literal["dns", "connect", "tls", "timeout"]


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Nobody answered; that is something seen, too. `kind` is at which stage of a connection."""

    reason: str
    kind: NoAnswerKind = "connect"


@dataclass(frozen=True, slots=True)
class ClientAddress:
    """The address the application sees for a request that we sent.

    Attributes:
        via: address of the host that was connected to.
        own: address the request was sent from.
        seen: what arrived; empty when the edge did not say.
        error: why there is no answer; empty when there is.
    """

    via: str
    own: str = ""
    seen: str = ""
    error: str = ""


StoreStage = Literal["put", "get", "delete"]


@dataclass(frozen=True, slots=True)
class StoreTrial:
    """A small object written, read back and deleted.

    Attributes:
        failed_at: the stage that failed; None when all went well.
        said: the store's own words.
        listable: anybody may list the bucket; None when nobody could look.
    """

    failed_at: StoreStage | None
    said: str = ""
    listable: bool | None = None


@dataclass(frozen=True, slots=True)
class Skew:
    """This host's clock against another's.

    Attributes:
        synchronised: the kernel's own word; None when it says nothing.
        seconds: ahead (positive) or behind (negative) of `source`; None when nobody answered.
        source: who was asked.
    """

    synchronised: bool | None
    seconds: float | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class ImageSeen:
    """One image the stack needs."""

    role: str
    reference: str
    present: bool


@dataclass(frozen=True, slots=True)
class VersionSeen:
    """Version of PostgreSQL or Redis; `how` says who told."""

    text: str
    how: Literal["running", "image", "tag"]
