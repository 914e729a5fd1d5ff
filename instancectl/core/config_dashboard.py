"""`[dashboard]` and `[status_page]` of `instance.toml`: what people look at."""

from __future__ import annotations

import ipaddress

from pydantic import Field, field_validator, model_validator

from instancectl.core.config_base import Section


class Dashboard(Section):
    """The dashboard that the agent serves. It asks nobody for a password, so it listens on loopback only."""

    enabled: bool = Field(True, description="Whether the agent serves it.")
    listen: str = Field(
        "127.0.0.1:9390",
        pattern=r"^(\[[0-9a-fA-F:]+\]|[0-9.]+):\d{1,5}$",
        description="Address and port; loopback. `instancectl dashboard` opens a way to it.",
    )

    @field_validator("listen")
    @classmethod
    def _loopback(cls, value: str) -> str:
        address = value.rpartition(":")[0].strip("[]")
        if not ipaddress.ip_address(address).is_loopback:
            raise ValueError(
                f"`{address}` can be reached from elsewhere, and the dashboard asks for no password; "
                "use `127.0.0.1`, and `instancectl dashboard --host` to get there"
            )
        return value


class StatusPage(Section):
    """The public status page: static files, written anew every minute by the agent where one is named."""

    directory: str = Field(
        "",
        pattern=r"^$|^/",
        description="Directory to write it to. The agent's unit may write below `/var/lib/instancectl` only.",
    )
    bucket: str = Field("", description="Bucket to publish it to; its keys are in `status-page.env`.")
    prefix: str = Field("", description="What stands before the file names in the bucket, e.g. `status/`.")
    region: str = Field("us-east-1", description="Region of the bucket.")
    endpoint: str = Field(
        "", pattern=r"^$|^https?://", description="Address of the store; empty for AWS itself."
    )
    path_style: bool = Field(
        True, description="With `endpoint`: the bucket stands in the path, as most stores want."
    )
    permission: str = Field(
        "",
        pattern=r"^[a-z-]*$",
        description="ACL of each file, such as `public-read`; empty where the bucket lets everybody read.",
    )
    url: str = Field(
        "", pattern=r"^$|^https?://", description="Where people find the page; its feed names it."
    )
    every_seconds: int = Field(60, ge=15, le=3600, description="How often the agent writes it.")

    @model_validator(mode="after")
    def _elsewhere(self) -> StatusPage:
        if self.prefix.startswith("/"):
            raise ValueError("`prefix` does not begin with `/`")
        return self

    @property
    def published(self) -> bool:
        """Whether the agent writes one."""
        return bool(self.directory or self.bucket)
