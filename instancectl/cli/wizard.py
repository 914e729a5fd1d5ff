"""The questions of `init` on a terminal; asks only what was not given, on stderr."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import typer

if TYPE_CHECKING:
    from instancectl.core.config_keys import Value

Check = Callable[[str], str]
"""What is wrong with an answer; empty when nothing is."""


class Dialogue(Protocol):
    """Somebody who can be asked."""

    def say(self, text: str = "") -> None:
        """One line for them to read."""

    def ask(
        self, question: str, default: str = "", check: Check | None = None, *, hidden: bool = False
    ) -> str:
        """A line of text; asked again until `check` finds nothing wrong."""

    def choose(self, question: str, choices: Sequence[str], default: str) -> str:
        """One of the choices."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What was answered: dotted key → value, secret name → value."""

    wanted: dict[str, Value] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)


class Terminal:
    """The person at this terminal."""

    def say(self, text: str = "") -> None:
        """One line, on stderr: stdout carries the answer of the command."""
        typer.echo(text, err=True)

    def ask(
        self, question: str, default: str = "", check: Check | None = None, *, hidden: bool = False
    ) -> str:
        """See `Dialogue`."""
        while True:
            answer = str(
                typer.prompt(
                    question, default=default, show_default=bool(default), hide_input=hidden, err=True
                )
            ).strip()
            fault = check(answer) if check else ""
            if not fault:
                return answer
            self.say(f"  {fault}")

    def choose(self, question: str, choices: Sequence[str], default: str) -> str:
        """See `Dialogue`."""
        allowed = " or ".join(f"`{choice}`" for choice in choices)
        listed = "/".join(choices)
        return self.ask(
            f"{question} ({listed})", default, lambda answer: "" if answer in choices else f"answer {allowed}"
        )


def interview(known: Answers, dialogue: Dialogue) -> Answers:
    """`known` with the answers to everything that is still open."""
    answers = Answers(dict(known.wanted), dict(known.secrets))
    _identity(answers, dialogue)
    _owner(answers, dialogue)
    _mail(answers, dialogue)
    _tls(answers, dialogue)
    _media(answers, dialogue)
    return answers


def key_check(path: str) -> Check:
    """A check by the model's own rule for one key of `instance.toml`."""
    from instancectl.core.config_errors import nested, understood
    from instancectl.errors import ConfigError

    def check(answer: str) -> str:
        values: dict[str, Value] = {"instance.domain": "placeholder.example", path: answer}
        try:
            understood(nested(values), where="the answer")
        except ConfigError as error:
            return error.message.partition(": ")[2]
        return ""

    return check


def _identity(answers: Answers, dialogue: Dialogue) -> None:
    if "instance.domain" in answers.wanted:
        return
    dialogue.say(
        "The domain is the second half of every account's address, for ever: it can never be changed."
    )
    answers.wanted["instance.domain"] = dialogue.ask("Domain", check=_filled(key_check("instance.domain")))


def _owner(answers: Answers, dialogue: Dialogue) -> None:
    if "owner.username" not in answers.wanted:
        answers.wanted["owner.username"] = dialogue.ask(
            "Your account name, without @", "admin", _filled(key_check("owner.username"))
        )
    if "owner.email" not in answers.wanted:
        dialogue.say("Your own address at an existing mail domain; leave it empty to create no account.")
        answers.wanted["owner.email"] = dialogue.ask("Your mail address", check=key_check("owner.email"))


def _mail(answers: Answers, dialogue: Dialogue) -> None:
    wanted = answers.wanted
    if "mail.mode" not in wanted and "mail.server" not in wanted:
        dialogue.say()
        dialogue.say("Mastodon must send mail: every new account confirms its address.")
        dialogue.say("`smtp` uses a provider, `catch` keeps all mail on this host, `none` sends nothing.")
        wanted["mail.mode"] = dialogue.choose("Mail", ("smtp", "catch", "none"), "smtp")
    if wanted.get("mail.mode", "smtp") != "smtp":
        return
    if "mail.server" not in wanted:
        _provider(answers, dialogue)
    if "mail.login" not in wanted:
        login = dialogue.ask("Login at the mail server (empty: none)")
        wanted["mail.login"] = login
        if not login:
            wanted["mail.auth_method"] = "none"
    if wanted["mail.login"] and "SMTP_PASSWORD" not in answers.secrets:
        answers.secrets["SMTP_PASSWORD"] = dialogue.ask("Password (not shown)", check=_filled(), hidden=True)


def _provider(answers: Answers, dialogue: Dialogue) -> None:
    from instancectl.core.mail_providers import PROVIDERS

    for number, provider in enumerate(PROVIDERS, start=1):
        dialogue.say(f"  {number:2}  {provider.name} ({provider.server})")
    dialogue.say("  or the host name of another server")
    answer = dialogue.ask("Mail server", check=_filled())
    wanted = answers.wanted
    if answer.isdigit() and 1 <= int(answer) <= len(PROVIDERS):
        provider = PROVIDERS[int(answer) - 1]
        wanted["mail.server"] = provider.server
        wanted.setdefault("mail.port", provider.port)
        if provider.login:
            wanted.setdefault("mail.login", provider.login)
        return
    wanted["mail.server"] = answer
    if "mail.port" not in wanted:
        port = int(dialogue.ask("Port (587: STARTTLS, 465: TLS)", "587", _is_port))
        wanted["mail.port"] = port
        if port == 465:
            wanted |= {"mail.tls": True, "mail.starttls": "never"}


def _tls(answers: Answers, dialogue: Dialogue) -> None:
    if "tls.mode" in answers.wanted:
        return
    dialogue.say()
    dialogue.say("`acme` gets a certificate from Let's Encrypt; the domain must point to this host.")
    dialogue.say("`internal` uses a CA of its own that browsers do not know, `files` takes yours.")
    mode = dialogue.choose("Certificate", ("acme", "internal", "files"), "acme")
    answers.wanted["tls.mode"] = mode
    if mode == "files":
        answers.wanted["tls.certificate"] = dialogue.ask("PEM file with the chain", check=_filled())
        answers.wanted["tls.key"] = dialogue.ask("PEM file with the private key", check=_filled())


def _media(answers: Answers, dialogue: Dialogue) -> None:
    if "media.storage" in answers.wanted:
        return
    dialogue.say()
    dialogue.say("Uploads live on this host's disk, or in an S3 bucket (needed from two hosts on).")
    storage = dialogue.choose("Media", ("local", "s3"), "local")
    answers.wanted["media.storage"] = storage
    if storage == "s3":
        answers.wanted["media.s3_bucket"] = dialogue.ask("Bucket", check=_filled())
        answers.wanted["media.s3_endpoint"] = dialogue.ask("Endpoint, https://… (empty: AWS)")
        answers.wanted["media.s3_region"] = dialogue.ask("Region", "us-east-1")
        answers.wanted["media.s3_alias_host"] = dialogue.ask(
            "Public host name of the media (empty: the store's)"
        )
        answers.secrets["AWS_ACCESS_KEY_ID"] = dialogue.ask("Access key id", check=_filled())
        answers.secrets["AWS_SECRET_ACCESS_KEY"] = dialogue.ask(
            "Secret key (not shown)", check=_filled(), hidden=True
        )


def _filled(further: Check | None = None) -> Check:
    def check(answer: str) -> str:
        if not answer:
            return "an answer is needed"
        return further(answer) if further else ""

    return check


def _is_port(answer: str) -> str:
    return "" if answer.isdigit() and 1 <= int(answer) <= 65535 else "a port is a number from 1 to 65535"
