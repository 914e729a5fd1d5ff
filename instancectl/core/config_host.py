"""The section `[host]` of `instance.toml`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from instancectl.core.config_base import Section


def _open_port(value: str) -> str:
    number, slash, protocol = value.partition("/")
    if not (slash and protocol in {"tcp", "udp"} and number.isdecimal() and 1 <= int(number) <= 65535):
        raise ValueError(f"`{value}` is no port; write for example `25/tcp`")
    return value


def _no_root(value: str) -> str:
    if value == "root":
        raise ValueError("must not be `root`: root's login is closed once this one works")
    return value


class Host(Section):
    """The machine itself, as `instancectl host provision` makes it; flags of that command win over these."""

    admin_user: Annotated[str, AfterValidator(_no_root)] = Field(
        "admin",
        pattern=r"^[a-z_][a-z0-9_-]{0,31}$",
        description="Login with `sudo` that replaces root's.",
    )
    admin_keys: tuple[str, ...] = Field(
        (),
        description="Public keys that may log in, besides the ones that let the first login in; "
        "whole lines, as in `id_ed25519.pub`.",
    )
    reboot_window: str = Field(
        "03:30",
        pattern=r"^$|^([01]\d|2[0-3]):[0-5]\d$",
        description="When a host may reboot after a security update that needs it, in its own time; "
        "empty: never.",
    )
    swap_mib: int = Field(-1, ge=-1, description="Size of the swap file, MiB; -1 sizes it to the machine.")
    firewall: bool = Field(True, description="Whether the host's firewall is instancectl's.")
    open_ports: tuple[Annotated[str, AfterValidator(_open_port)], ...] = Field(
        (), description="Further ports that may be reached from outside, e.g. `25/tcp`."
    )
    mesh_subnet: str = Field(
        "10.86.0.0/24",
        pattern=r"^\d{1,3}(\.\d{1,3}){3}/(1[6-9]|2[0-8])$",
        description="Private network between the hosts of the instance (WireGuard).",
    )
    timezone: str = Field(
        "", pattern=r"^$|^[A-Za-z0-9_+/-]+$", description="Time zone, e.g. `Europe/Berlin`; empty: as it is."
    )
    docker_from: Literal["distribution", "docker"] = Field(
        "distribution",
        description="Where Docker Engine comes from on a host that has none: the distribution's package, "
        "or Docker's own repository. One that is installed stays.",
    )
    docker_repository: str = Field(
        "https://download.docker.com/linux",
        pattern=r"^https?://[^\s/][^\s]*[^\s/]$",
        description="Docker's repository, or a mirror of it; below it are `debian` and `ubuntu`.",
    )
    mounts: tuple[str, ...] = Field(
        (), description="Directories that must be mount points before anything is changed, e.g. `/srv/media`."
    )
