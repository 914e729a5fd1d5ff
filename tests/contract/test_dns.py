"""Names and addresses: the fake, and the resolver against a name server of this test."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from instancectl.adapters.dns_resolver import DnsResolver
from instancectl.core.checks.seen import NameAnswer
from instancectl.ports.dns_lookup import DnsLookup
from tests.fakes.names import FakeDns

RECORDS = {
    "social.example": {"A": ["198.51.100.7"], "AAAA": ["2001:db8::7"]},
    "four.example": {"A": ["198.51.100.9", "198.51.100.8"]},
    "alias.example": {"CNAME": ["four.example."]},
    "mail.example": {"MX": ["10 mx.mail.example."]},
    "nomail.example": {"MX": ["0 ."]},
}


class NameServer:
    """Answers from RECORDS; `broken` gives SERVFAIL, `silent` nothing."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = int(self.socket.getsockname()[1])
        self.broken = self.silent = False
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                data, peer = self.socket.recvfrom(4096)
            except OSError:
                return
            if not self.silent:
                self.socket.sendto(self._reply(dns.message.from_wire(data)).to_wire(), peer)

    def _reply(self, query: dns.message.Message) -> dns.message.Message:
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA
        question = query.question[0]
        name, kind = question.name.to_text().rstrip("."), dns.rdatatype.to_text(question.rdtype)
        if self.broken:
            reply.set_rcode(dns.rcode.SERVFAIL)
        elif name not in RECORDS:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        else:
            self._fill(reply, name, kind)
        return reply

    def _fill(self, reply: dns.message.Message, name: str, kind: str) -> None:
        for alias in RECORDS[name].get("CNAME", ()):
            reply.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", "CNAME", alias))
            self._fill(reply, alias.rstrip("."), kind)
        if values := RECORDS[name].get(kind):
            reply.answer.append(dns.rrset.from_text_list(f"{name}.", 60, "IN", kind, values))


@pytest.fixture
def server() -> Iterator[NameServer]:
    found = NameServer()
    yield found
    found.socket.close()


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.contract)])
def names(request: pytest.FixtureRequest, server: NameServer) -> DnsLookup:
    if request.param == "real":
        return DnsResolver((("127.0.0.1", server.port),))
    fake = FakeDns(
        {
            "social.example": ("198.51.100.7", "2001:db8::7"),
            "four.example": ("198.51.100.8", "198.51.100.9"),
            "alias.example": ("198.51.100.8", "198.51.100.9"),
        }
    )
    fake.mx = {"mail.example": ("mx.mail.example",), "nomail.example": (".",)}
    return fake


def test_both_kinds_of_addresses_ipv4_first(names: DnsLookup) -> None:
    assert names.lookup("social.example") == NameAnswer("social.example", ("198.51.100.7", "2001:db8::7"))


def test_several_addresses_are_sorted(names: DnsLookup) -> None:
    assert names.lookup("four.example").addresses == ("198.51.100.8", "198.51.100.9")


def test_an_alias_is_followed(names: DnsLookup) -> None:
    assert names.lookup("alias.example").addresses == ("198.51.100.8", "198.51.100.9")


def test_a_name_that_does_not_exist_has_no_address_and_that_is_no_error(names: DnsLookup) -> None:
    assert names.lookup("nobody.example") == NameAnswer("nobody.example", ())


def test_a_name_with_other_records_only_has_no_address(names: DnsLookup) -> None:
    assert names.lookup("mail.example") == NameAnswer("mail.example", ())


def test_mail_exchangers_are_names(names: DnsLookup) -> None:
    assert names.exchangers("mail.example").addresses == ("mx.mail.example",)
    assert names.exchangers("social.example").addresses == ()


def test_a_domain_that_takes_no_mail_says_so(names: DnsLookup) -> None:
    assert names.exchangers("nomail.example").addresses == (".",)


@pytest.mark.contract
class TestRealTrouble:
    def test_a_silent_server_is_an_error_in_time(self, server: NameServer) -> None:
        server.silent = True
        started = time.monotonic()
        found = DnsResolver((("127.0.0.1", server.port),)).lookup("social.example")
        assert "no name server answered" in found.error
        assert time.monotonic() - started < 5

    def test_a_broken_server_is_an_error(self, server: NameServer) -> None:
        server.broken = True
        found = DnsResolver((("127.0.0.1", server.port),)).lookup("social.example")
        assert found.addresses == ()
        assert found.error

    def test_the_hosts_file_is_passed_over(self, server: NameServer) -> None:
        assert DnsResolver((("127.0.0.1", server.port),)).lookup("localhost").addresses == ()

    def test_a_name_that_is_none_is_an_error(self, server: NameServer) -> None:
        assert DnsResolver((("127.0.0.1", server.port),)).lookup("a..b").error
