"""HTML, SVG and XML out of values: whatever is text is escaped, and there is no way around that."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Final

_VOID: Final = frozenset({"br", "img", "input", "link", "meta"})


class Markup(str):
    """Text that is markup already; only functions of this module make any."""

    __slots__ = ()


Value = str | float | bool | None
Content = str | Markup | Iterable["str | Markup"] | None


def tag(name: str, /, *content: Content, **attributes: Value) -> Markup:
    """One element.

    Args:
        name: of the element.
        content: text is escaped, markup is not; iterables are joined, None is nothing.
        attributes: `class_` means `class`, `_` becomes `-`; True stands without a value, None and False are
            left out.
    """
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID and not content:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{''.join(map(joined, content))}</{name}>")


def joined(content: Content) -> Markup:
    """Content as one piece of markup."""
    if content is None:
        return Markup("")
    if isinstance(content, Markup):
        return content
    if isinstance(content, str):
        return Markup(html.escape(content, quote=False))
    return Markup("".join(joined(one) for one in content))


def document(root: Markup, prologue: str = "<!doctype html>") -> str:
    """A whole file."""
    return f"{prologue}\n{root}\n"


def _attribute(key: str, value: Value) -> str:
    name = key.rstrip("_").replace("_", "-")
    if value is None or value is False:
        return ""
    if value is True:
        return f" {name}"
    return f' {name}="{html.escape(str(value), quote=True)}"'
