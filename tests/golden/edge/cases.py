"""The edge renderings that are kept as files; the diff of a golden file is its review.

`python -m tests.golden.edge.cases` writes them anew.
"""

from __future__ import annotations

from pathlib import Path

from instancectl.adapters.assets import assets_directory
from instancectl.adapters.jinja_templates import JinjaTemplates
from instancectl.core.edge import EdgeSettings, edge_files

HERE = Path(__file__).parent

CASES = {
    "plain": EdgeSettings(domain="social.example", acme_email="admin@social.example"),
    "quickstart": EdgeSettings(
        domain="mastodon.localhost",
        tls_mode="internal",
        http_port=8080,
        https_port=8443,
        hsts_seconds=0,
        mail_catcher=True,
    ),
    "split-domain": EdgeSettings(
        domain="example.org",
        web_domain="social.example.org",
        alternate_domains=("toots.example.org",),
        www_redirect=True,
        tls_mode="files",
        media_local=False,
    ),
    "private-acme": EdgeSettings(
        domain="social.example",
        www_redirect=True,
        acme_directory="https://acme.internal:14000/dir",
        acme_ca_root="/etc/caddy/acme-root.pem",
        authorized_fetch=True,
    ),
    "surge": EdgeSettings(domain="social.example", shed_reading=True, half_inbox=True),
    "maintenance": EdgeSettings(
        domain="social.example",
        maintenance=True,
        maintenance_retry_after_seconds=900,
        maintenance_message="Moving to a bigger machine <tonight> & back by nine.",
    ),
}


TEMPLATES = JinjaTemplates(assets_directory("templates"))


def render(settings: EdgeSettings) -> dict[str, str]:
    """File name in the golden directory -> text."""
    return {
        Path(file.target).name: TEMPLATES.render(file.template, {"edge": settings})
        for file in edge_files(settings)
    }


def main() -> None:
    for name, settings in CASES.items():
        directory = HERE / name
        directory.mkdir(exist_ok=True)
        for old in directory.iterdir():
            old.unlink()
        for file, text in render(settings).items():
            (directory / file).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
