"""What is asked of the outside: names, mail server, edge, object store, other clocks."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from functools import partial

from instancectl.core.checks.facts import Facts
from instancectl.core.checks.names import asks_public_authority, is_never_public, needed_names
from instancectl.core.checks.seen import (
    Answer,
    ClientAddress,
    Letter,
    MailTalk,
    NameAnswer,
    NoAnswer,
    Request,
    Skew,
    StoreTrial,
)
from instancectl.core.checks.storage import endpoint_url
from instancectl.core.config import InstanceConfig
from instancectl.core.letter import route
from instancectl.core.monitoring.rules import reached
from instancectl.core.secrets import Secret
from instancectl.core.unknown import Known, Unknown
from instancectl.errors import InstanceError, Unreachable
from instancectl.ports.dns_lookup import DnsLookup
from instancectl.ports.host_facts import HostFacts
from instancectl.ports.http_probe import HttpProbe
from instancectl.ports.mail_server import MailServer
from instancectl.ports.object_store import ObjectStore
from instancectl.ports.time_source import TimeSource
from instancectl.ports.together import Together

INNER_SECONDS = 6
"""Below the deadline of the whole, so that what did answer is not lost with what did not."""

LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"
UPDATE_CHECK = "https://api.joinmastodon.org/"
"""Asked by every Mastodon itself, twice an hour."""

LOOPBACK = "127.0.0.1"


def names(dns: DnsLookup, together: Together, config: InstanceConfig) -> tuple[NameAnswer, ...]:
    """The addresses of every name that can have any."""
    public = tuple(name for name in needed_names(config) if not is_never_public(name))
    found = together.run({name: partial(dns.lookup, name) for name in public}, INNER_SECONDS)
    return tuple(_named(name, found[name]) for name in public)


def _named(name: str, answer: NameAnswer | Unknown) -> NameAnswer:
    return NameAnswer(name, (), answer.reason) if isinstance(answer, Unknown) else answer


def agent(http: HttpProbe, config: InstanceConfig) -> Answer | NoAnswer:
    """The last verdict of this host's agent."""
    return http.ask(Request(f"http://{reached(config.monitoring.listen)}/verdict"))


def mail(
    server: MailServer, config: InstanceConfig, password: Secret, test: Letter | None
) -> Known[MailTalk]:
    """A conversation with the mail server, with a test mail if there is one."""
    if config.mail.mode != "smtp" or not config.mail.server:
        return Unknown("no mail server is configured")
    return server.talk(route(config), password, test)


def edge(http: HttpProbe, facts: Facts) -> Known[Answer | NoAnswer]:
    """The site's own health page through the proxy of this host; no cache answers it."""
    if not facts.deployed:
        return Unknown("nothing is deployed yet")
    return http.ask(_request(facts.config, "/health", LOOPBACK))


def client_addresses(http: HttpProbe, host: HostFacts, facts: Facts) -> Known[tuple[ClientAddress, ...]]:
    """What arrives as the client's address, asked through one IPv4 and one IPv6 address of this host.

    Loopback would prove nothing: Docker translates its addresses.
    """
    if not facts.deployed:
        return Unknown("nothing is deployed yet")
    own = host.addresses()
    four = next((address for address in own if ":" not in address), None)
    six = next((address for address in own if ":" in address), None)
    return tuple(_client_address(http, facts.config, via) for via in (four, six) if via)


def _client_address(http: HttpProbe, config: InstanceConfig, via: str) -> ClientAddress:
    answer = http.ask(_request(config, "/-/client-address", via))
    if isinstance(answer, NoAnswer):
        return ClientAddress(via, error=f"no answer through {via}: {answer.reason}")
    if answer.status != 200:
        return ClientAddress(via, answer.source_address, error=f"answered {answer.status} through {via}")
    return ClientAddress(via, answer.source_address, answer.body.decode(errors="replace").strip())


def _request(config: InstanceConfig, path: str, via: str) -> Request:
    port = "" if config.proxy.https_port == 443 else f":{config.proxy.https_port}"
    return Request(f"https://{config.site}{port}{path}", via, (("Host", config.site),))


def store(bucket: ObjectStore | None, now: Known[float]) -> Known[StoreTrial]:
    """Write, read and delete a small object, and look whether strangers may list the bucket."""
    if bucket is None:
        return Unknown("no object store is configured")
    key = f"instancectl-check/{0 if isinstance(now, Unknown) else int(now * 1000)}"
    content = b"written by `instancectl check`; may be deleted\n"
    try:
        bucket.put(key, content)
    except Unreachable:
        raise
    except InstanceError as error:
        return StoreTrial("put", error.message)
    trial = _read_back(bucket, key, content)
    try:
        bucket.delete(key)
    except InstanceError as error:
        return trial or StoreTrial("delete", error.message)
    return trial or StoreTrial(None, listable=_listable(bucket))


def _read_back(bucket: ObjectStore, key: str, content: bytes) -> StoreTrial | None:
    try:
        got = bucket.get(key)
    except InstanceError as error:
        return StoreTrial("get", error.message)
    return None if got == content else StoreTrial("get", "other content came back than was written")


def _listable(bucket: ObjectStore) -> bool | None:
    try:
        return bucket.anybody_can_list()
    except InstanceError:
        return None


def clock(http: HttpProbe, time: TimeSource, together: Together, config: InstanceConfig) -> Skew:
    """This host's clock against the first of the servers that answers with a `Date`."""
    sources = _sources(config)
    found = together.run({url: partial(_skew, http, time, url) for url in sources}, INNER_SECONDS)
    kept = time.synchronised()
    for url in sources:
        seconds = found[url]
        if isinstance(seconds, float):
            return Skew(kept, seconds, url.split("/")[2])
    return Skew(kept)


def _sources(config: InstanceConfig) -> tuple[str, ...]:
    """Servers the instance depends on anyway; their clocks decide."""
    urls = []
    if config.media.storage == "s3" and config.media.s3_endpoint:
        urls.append(endpoint_url(config.media))
    if config.tls.mode == "acme":
        urls.append(config.tls.acme_directory or LETS_ENCRYPT)
    if asks_public_authority(config):
        urls.append(UPDATE_CHECK)
    return tuple(dict.fromkeys(urls))


def _skew(http: HttpProbe, time: TimeSource, url: str) -> float | None:
    """Seconds this host is ahead; `Date` counts whole seconds, so half of one is taken as the middle."""
    answer = http.ask(Request(url, method="HEAD"))
    if isinstance(answer, NoAnswer):
        return None
    try:
        theirs = parsedate_to_datetime(answer.header("date")).timestamp() + 0.5
    except ValueError:
        return None
    return time.epoch_seconds() - answer.seconds / 2 - theirs
