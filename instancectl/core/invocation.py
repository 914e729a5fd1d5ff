"""The global options of one invocation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Globals:
    """What the person typed beside the command.

    Attributes:
        config: `--config`: the instance file or its directory; None searches the usual places.
        host: the last `--host`; what is relayed never gets here, so it is for commands that reach hosts.
        hosts: every `--host`, in order.
        host_key: `--host-key`: the fingerprint that its key must have, `SHA256:…`; empty asks the person.
        json: print one JSON document instead of text.
        yes: answer moderate questions with yes.
        quiet: only errors on stderr.
        verbose: how often `-v` was given.
        color: whether colour is wanted at all; a stream that is no terminal gets none anyway.
        words: the whole command line, global options in front; empty when nobody typed one.
    """

    config: str | None = None
    host: str | None = None
    json: bool = False
    yes: bool = False
    quiet: bool = False
    verbose: int = 0
    color: bool = True
    host_key: str = ""
    hosts: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
