"""`[hosts]`: where the hosts of an instance are, seen from elsewhere."""

from __future__ import annotations

from pydantic import Field, field_validator

from instancectl.core.config_base import Section
from instancectl.core.host import address
from instancectl.errors import Refused


class Hosts(Section):
    """Where the instance is managed, for commands that are typed elsewhere."""

    manager: str = Field(
        "",
        description="Host on which commands run, `USER@ADDRESS`, when they are typed on another machine; "
        "empty: commands run where they are typed.",
    )

    @field_validator("manager")
    @classmethod
    def _address(cls, value: str) -> str:
        if value and value != address.HERE:
            try:
                address.parse(value)
            except Refused as error:
                raise ValueError(f"{error.message}; {error.hint}") from error
        return value
