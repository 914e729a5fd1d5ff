from __future__ import annotations

import itertools
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instancectl.core.config import InstanceConfig
from instancectl.core.edge import CACHE_HEALTH, PROXY_HEALTH, EdgeSettings, edge_files, edge_settings
from instancectl.errors import ConfigError
from tests.golden.edge.cases import CASES, HERE, render

GOLDEN = [(case, file) for case, edge in CASES.items() for file in render(edge)]


def nginx(**values: object) -> str:
    return render(EdgeSettings(domain="social.example", **values))["nginx.conf"]


def caddyfile(**values: object) -> str:
    return render(EdgeSettings(domain="social.example", **values))["Caddyfile"]


def locations(text: str) -> dict[str, str]:
    """Location -> its own lines, nested locations left out."""
    found: dict[str, list[str]] = {}
    open_blocks: list[str] = []
    for line in map(str.strip, text.splitlines()):
        if line.endswith("{"):
            open_blocks.append(line[:-1].strip())
            found.setdefault(open_blocks[-1], [])
        elif line == "}":
            open_blocks.pop()
        elif open_blocks:
            found[open_blocks[-1]].append(line)
    return {name: "\n".join(lines) for name, lines in found.items() if name.startswith("location")}


@pytest.mark.parametrize(("case", "file"), GOLDEN, ids=["/".join(pair) for pair in GOLDEN])
def test_a_rendering_equals_its_golden_file(case, file):
    assert render(CASES[case])[file] == (HERE / case / file).read_text(encoding="utf-8")


def test_no_golden_file_is_left_over():
    kept = {(path.parent.name, path.name) for path in HERE.glob("*/*") if path.parent.name in CASES}
    assert kept == set(GOLDEN)


@pytest.mark.parametrize("case", CASES)
def test_every_location_that_asks_mastodon_sends_all_headers(case):
    needed = ("Host $http_host", "X-Real-IP", "X-Forwarded-For", "X-Forwarded-Proto https", 'Proxy ""')
    for name, body in locations(render(CASES[case])["nginx.conf"]).items():
        if "proxy_pass" in body:
            for header in needed:
                assert f"proxy_set_header {header}" in body, (name, header)


@pytest.mark.parametrize("case", CASES)
def test_every_location_that_shares_answers_spares_those_that_are_personal(case):
    for name, body in locations(render(CASES[case])["nginx.conf"]).items():
        if "proxy_cache shared;" not in body:
            continue
        anonymous = 'proxy_set_header Cookie "";' in body and 'proxy_set_header Authorization "";' in body
        guarded = (
            "proxy_cache_bypass $personal_request" in body and "proxy_no_cache $personal_request" in body
        )
        assert anonymous or guarded, name


@pytest.mark.parametrize("case", CASES)
def test_no_request_that_was_sent_is_repeated(case):
    text = "".join(render(CASES[case]).values())
    assert "non_idempotent" not in text
    assert "lb_retry_match" not in text
    assert "keepalive off" in text
    assert text.count("keepalive_requests 1;") == text.count("zone web") + text.count("zone streaming")


def test_signatures_matter_to_the_cache_only_with_authorized_fetch():
    def personal(text: str) -> str:
        return next(line for line in text.splitlines() if "$personal_request {" in line)

    assert "$http_signature" not in personal(nginx())
    assert "$http_signature$http_signature_input" in personal(nginx(authorized_fetch=True))


def test_media_is_read_from_the_volume_only_when_it_is_local():
    assert "alias /srv/system/;" in nginx()
    assert "/srv/system" not in nginx(media_local=False)


def test_maintenance_leaves_nothing_but_the_edges_own_routes():
    text = nginx(maintenance=True)
    assert "proxy_pass" not in text
    assert "location = /-/health" in text
    assert "location = /-/client-address" in text


def test_both_tiers_refuse_the_same_size():
    assert "client_max_body_size 103809024;" in nginx()
    assert "max_size 103809024" in caddyfile()


def test_redirects_name_the_port_clients_use():
    assert "redir https://{host}{uri} 308" in caddyfile()
    assert "redir https://{host}:8443{uri} 308" in caddyfile(https_port=8443)


def test_http3_is_offered_only_where_clients_would_look_for_it():
    assert "protocols h1 h2 h3" in caddyfile()
    assert "h3" not in caddyfile(https_port=8443)


def test_hsts_of_zero_removes_mastodons_header_too():
    assert "header -Strict-Transport-Security" in caddyfile(hsts_seconds=0)
    assert "header -Strict-Transport-Security" not in caddyfile()


def test_the_message_of_a_maintenance_page_is_text_not_markup():
    page = render(CASES["maintenance"])["maintenance.html"]
    assert "&lt;tonight&gt; &amp; back by nine." in page
    assert "about 15 minutes" in page


@pytest.mark.parametrize("file", ["unavailable.html", "maintenance.html"])
def test_pages_are_whole_and_fetch_nothing(file):
    page = render(CASES["maintenance"])[file]
    seen = _Page()
    seen.feed(page)
    assert seen.language == "en"
    assert seen.count["main"] == seen.count["h1"] == seen.count["title"] == 1
    assert seen.fetched == []
    assert not seen.open, "every element is closed"


class _Page(HTMLParser):
    """Counts elements, notes what would be fetched and what stays open."""

    def __init__(self) -> None:
        super().__init__()
        self.language: str | None = None
        self.count: dict[str, int] = {}
        self.fetched: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.count[tag] = self.count.get(tag, 0) + 1
        if tag == "html":
            self.language = values.get("lang")
        if tag in {"script", "link", "img", "iframe"} or "src" in values:
            self.fetched.append(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("domain", "social.example {"),
        ("acme_email", "a@b.c\nadmin off"),
        ("media_root", "/srv; proxy_pass http://elsewhere"),
        ("alternate_domains", ("fine.example", "$host")),
    ],
)
def test_text_that_could_be_read_as_configuration_is_refused(field, value):
    with pytest.raises(ConfigError, match=f"`{field}` has"):
        EdgeSettings(**{"domain": "social.example", field: value})


NAMES = st.sampled_from(("a.example", "b.example", "www.a.example", "c.example"))


@settings(deadline=None)  # the first one compiles the templates
@given(
    domain=NAMES,
    web_domain=st.one_of(st.just(""), NAMES),
    alternate_domains=st.lists(NAMES, max_size=3).map(tuple),
    www_redirect=st.booleans(),
    mail_catcher=st.booleans(),
)
def test_no_name_is_served_twice_and_none_is_forgotten(**values):
    edge = EdgeSettings(**values)
    names = edge.all_names
    assert len(names) == len(set(names))
    assert {edge.domain, edge.site, *edge.alternate_domains} <= set(names)
    text = render(edge)["Caddyfile"]
    sites = [
        name.strip(" ,{")
        for line in text.splitlines()
        if line.startswith("https://") and line.endswith("{")
        for name in line.split()
        if name.startswith("https://")
    ]
    assert sorted(sites) == sorted(f"https://{name}" for name in names)


def test_settings_follow_the_instance_file():
    config = InstanceConfig.model_validate(
        {
            "instance": {"domain": "example.org", "web_domain": "social.example.org"},
            "owner": {"email": "me@example.org"},
            "mail": {"mode": "catch"},
            "tls": {"acme_ca_root": "/root/ca.pem"},
            "proxy": {"http_port": 8080, "https_port": 8443, "hsts_seconds": 0, "cache_mib": 64},
            "media": {"storage": "s3", "s3_bucket": "media"},
            "mastodon": {"authorized_fetch": True},
        }
    )
    assert edge_settings(config, maintenance=True, message="soon", retry_after_seconds=60) == EdgeSettings(
        domain="example.org",
        web_domain="social.example.org",
        acme_email="me@example.org",
        acme_ca_root="/etc/caddy/acme-root.pem",
        http_port=8080,
        https_port=8443,
        hsts_seconds=0,
        cache_mebibytes=64,
        media_local=False,
        authorized_fetch=True,
        mail_catcher=True,
        maintenance=True,
        maintenance_message="soon",
        maintenance_retry_after_seconds=60,
    )


def test_the_maintenance_page_is_a_file_only_while_it_is_shown():
    without = {file.template for file in edge_files(EdgeSettings(domain="social.example"))}
    during = {file.template for file in edge_files(EdgeSettings(domain="social.example", maintenance=True))}
    assert during - without == {"maintenance.html"}


def test_health_checks_are_commands_with_a_time_limit():
    for command, tool, limit in ((PROXY_HEALTH, "wget", "-T"), (CACHE_HEALTH, "curl", "--max-time")):
        assert command[:2] == ("CMD", tool)
        assert limit in command


def test_volatile_headers_are_declared_for_every_location_that_shares():
    text = nginx()
    sharing = [body for body in locations(text).values() if "proxy_cache shared;" in body]
    volatile = ("X-RateLimit-Remaining", "X-Request-Id", "X-Runtime")
    for body, header in itertools.product(sharing, volatile):
        assert f"proxy_hide_header {header};" in body
        assert f"add_header {header} $fresh_" in body
