"""What `scale` needs.

Adapters are imported inside the functions, so that a command only pays for what it uses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from instancectl.core.invocation import Globals
from instancectl.wiring.instance import config_if_any

if TYPE_CHECKING:
    from instancectl.core.config import InstanceConfig


def config_or_defaults(options: Globals) -> InstanceConfig:
    """The instance file, or what an instance without any wish of its own would have."""
    from instancectl.core.config import Instance, InstanceConfig

    return config_if_any(options) or InstanceConfig(instance=Instance(domain="social.example"))


def trace_text(trace: str) -> str | None:
    """The content of a trace file; None when `trace` looks like the name of a shipped one.

    Raises:
        ConfigError: it cannot be read.
    """
    from instancectl.adapters import plain_file

    named = "/" in trace or "." in trace or plain_file.exists(trace)
    return plain_file.read(trace, "the trace") if named else None


def picture(path: str) -> Callable[[str], None] | None:
    """Writes an SVG to `path`; None when there is none.

    Raises:
        Refused: the name says it would be something else.
    """
    from instancectl.adapters import plain_file
    from instancectl.errors import Refused

    if not path:
        return None
    if not path.endswith(".svg"):
        raise Refused(
            f"cannot draw into `{path}`: pictures are SVG",
            hint="name a file that ends in `.svg`; every browser shows and prints it",
            subject=path,
        )
    return lambda text: plain_file.write(path, text, "the picture")
