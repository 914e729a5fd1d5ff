"""Where certificates come from: an ACME server, Caddy's own authority, or files."""

from __future__ import annotations

import functools
import ssl
import subprocess

import pytest

from instancectl.core.edge import ACME_CA_ROOT_FILE, TLS_CERTIFICATE_FILE, TLS_KEY_FILE, EdgeSettings
from tests.contract.edge_harness import Edge, built_images, docker, eventually, fetch, insecure

pytestmark = pytest.mark.contract


@pytest.fixture
def edge(tmp_path):
    images = built_images("caddy", "nginx", "mail", "pebble")
    with Edge(tmp_path, images, EdgeSettings(domain="social.example")) as edge:
        edge.upstream()
        edge.cache()
        yield edge


def status_of(port: int, name: str, context: ssl.SSLContext) -> int:
    return fetch(port, "/", host=name, tls=context).status


def authority_of(port: int) -> str:
    """The root that this ACME server issues from (PEM)."""
    return fetch(port, "/roots/0", tls=insecure()).body.decode()


def trusting(authority: str) -> ssl.SSLContext:
    """Accept only what this authority (PEM) has signed, for the right name."""
    context = ssl.create_default_context(cadata=authority)
    context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
    return context


def test_a_certificate_is_obtained_by_acme_and_challenges_are_answered(edge):
    names = ("social.example", "www.social.example")
    pebble = edge.run(
        "pebble", "pebble", aliases=("acme",), ports=(15000,),
        options=("--env", "PEBBLE_VA_NOSLEEP=1", "--env", "PEBBLE_VA_ALWAYS_VALID=0"),
    )  # fmt: skip
    root = edge.write("acme-root.pem", docker("exec", pebble, "cat", "/test/certs/pebble.minica.pem") + "\n")
    settings = EdgeSettings(
        domain="social.example",
        www_redirect=True,
        acme_email="admin@social.example",
        acme_directory="https://acme:14000/dir",
        acme_ca_root=ACME_CA_ROOT_FILE,
    )
    # The ACME server looks the names up as the world would, and finds the proxy.
    http, https = edge.proxy(settings=settings, aliases=names, files={ACME_CA_ROOT_FILE: root})
    issuer = eventually(functools.partial(authority_of, edge.port(pebble, 15000)))
    verified = trusting(issuer)
    for name in names:
        status = eventually(functools.partial(status_of, https, name, verified), seconds=60)
        assert status == (301 if name.startswith("www.") else 200)
    assert fetch(http, "/", host="social.example").status == 308
    assert docker("logs", pebble, check=False).count("set VALID by completed challenge") == len(names)
    with pytest.raises(ssl.SSLCertVerificationError):
        fetch(https, "/", host="social.example", tls=ssl.create_default_context())


def test_without_acme_the_proxy_is_its_own_authority(edge):
    _, https = edge.proxy(settings=EdgeSettings(domain="mastodon.localhost", tls_mode="internal"))
    proxy = edge.containers[-1]
    root = "/data/caddy/pki/authorities/local/root.crt"
    authority = eventually(functools.partial(docker, "exec", proxy, "cat", root))
    answer = eventually(lambda: fetch(https, "/", host="mastodon.localhost", tls=trusting(authority)))
    assert answer.status == 200


def test_certificates_of_the_admins_own_are_used(edge, tmp_path):
    certificate, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=own", "-days", "2",
         "-addext", "subjectAltName=DNS:example.org,DNS:*.example.org", "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )  # fmt: skip
    settings = EdgeSettings(
        domain="example.org", web_domain="social.example.org", www_redirect=True, tls_mode="files"
    )
    http, https = edge.proxy(settings=settings, files={TLS_CERTIFICATE_FILE: certificate, TLS_KEY_FILE: key})
    own = trusting(certificate.read_text())
    statuses = {
        name: eventually(functools.partial(status_of, https, name, own)) for name in settings.all_names
    }
    assert statuses == {"social.example.org": 200, "example.org": 302, "www.example.org": 301}
    assert fetch(http, "/", host="social.example.org").status == 308
