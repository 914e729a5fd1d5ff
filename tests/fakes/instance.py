"""A small instance whose secrets are easy to find wherever they must not be.

desired = instance.desired()                 # the stack of `instance.config()`
assert not instance.leaks(text)              # names of secrets whose value stands in `text`
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from instancectl.adapters.assets import assets_directory
from instancectl.adapters.jinja_templates import JinjaTemplates
from instancectl.core import rendering, topology
from instancectl.core.applied import Applied
from instancectl.core.config import InstanceConfig
from instancectl.core.desired import Desired
from instancectl.core.layout import Layout, Machine, derive
from instancectl.core.observed import Engine, Observed
from instancectl.core.plan import FirstRun
from instancectl.core.rendering import TlsFiles
from instancectl.core.secret_set import NAMES, SecretSet
from instancectl.core.secrets import Secret
from instancectl.core.steps import CreateOwner, FirstRunSettings, World
from instancectl.core.topology import Rendered

GIB = 1024**3
MACHINE = Machine(8 * GIB, 2)
TEMPLATES = JinjaTemplates(assets_directory("templates"))
MARK = "made-up-secret-of"
"""Every secret's value begins with it."""


def config(**sections: Mapping[str, Any]) -> InstanceConfig:
    """Mail is caught, the owner is `admin`; `sections` replace or add whole sections."""
    base: dict[str, Any] = {
        "instance": {"domain": "social.example", "layout": "small"},
        "owner": {"email": "admin@social.example"},
        "mail": {"mode": "catch"},
        "tls": {"mode": "internal"},
        "images": {
            "web": "web:1", "streaming": "streaming:1", "db": "db:1", "redis": "redis:1",
            "proxy": "proxy:1", "cache": "cache:1", "mail": "mail:1", "pgbouncer": "pgbouncer:1",
        },
    }  # fmt: skip
    for name, values in sections.items():
        base[name] = {**base.get(name, {}), **values}
    return InstanceConfig.model_validate(base)


def secrets() -> SecretSet:
    """One marked value for every secret there is."""
    return SecretSet({name: Secret(f"{MARK}-{name}-{name[::-1].lower()}") for name in sorted(NAMES)})


def leaks(text: str) -> list[str]:
    """What of the secrets stands in `text`."""
    found = [name for name in sorted(NAMES) if secrets().reveal(name) in text]
    return found or ([MARK] if MARK in text else [])


def layout(of: InstanceConfig | None = None) -> Layout:
    """Sizes on a machine of 8 GiB and two cores."""
    return derive(of or config(), MACHINE)


def rendered(
    of: InstanceConfig | None = None,
    sizes: Layout | None = None,
    maintenance: str | None = None,
    given_up: tuple[str, ...] = (),
) -> Rendered:
    """All files, with the product's own templates."""
    of = of or config()
    tls = TlsFiles()
    if of.tls.mode == "files":
        tls = TlsFiles("-----BEGIN CERTIFICATE-----\n", Secret(f"{MARK}-tls-key"), "")
    sizes = sizes or layout(of)
    return rendering.render(
        of, secrets(), sizes, TEMPLATES.render, tls=tls, maintenance=maintenance, given_up=given_up
    )


def desired(of: InstanceConfig | None = None, images: Mapping[str, str] | None = None) -> Desired:
    """Everything of the stack; images as configured unless `images` says otherwise."""
    of = of or config()
    sizes = layout(of)
    known = {reference: reference for reference in topology.image_references(of, sizes)}
    return topology.desired(of, sizes, rendered(of, sizes), {**known, **(images or {})})


def first_run(of: InstanceConfig | None = None) -> FirstRun:
    """What the first deploy sets."""
    of = of or config()
    settings = FirstRunSettings(of.registrations.mode, of.registrations.require_reason, 14, 0)
    return FirstRun(settings, CreateOwner(of.owner.username, of.owner.email))


def engine(swarm: str = "active", **labels: str) -> Engine:
    """The Engine of a host, with node labels (dots written as `__`)."""
    named = {name.replace("__", "."): value for name, value in labels.items()}
    return Engine("20.10.24", "1.41", swarm, swarm == "active", "node1", named, 2, 8 * GIB)


def nothing() -> World:
    """Before the first deploy."""
    return World(Observed(engine("inactive")), Applied())
