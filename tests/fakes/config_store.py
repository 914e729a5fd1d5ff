"""An instance file in memory.

store = FakeConfigStore('[instance]\ndomain = "social.example"\n')
assert store.load().instance.domain == "social.example"
"""

from __future__ import annotations

from instancectl.adapters.config_file import parse
from instancectl.core.config import InstanceConfig
from instancectl.errors import ConfigError


class FakeConfigStore:
    """See `ports.config_store`; `text` is the file, empty when there is none."""

    location = "instance.toml"

    def __init__(self, text: str = "") -> None:
        self.text = text

    def load(self) -> InstanceConfig | None:
        return parse(self.text) if self.text else None

    def create(self, text: str) -> None:
        if self.text:
            raise ConfigError("`instance.toml` exists; it is never overwritten")
        self.text = text
