"""The mails that arrived, newest first, and their form in Mailpit's interface."""

from __future__ import annotations

import datetime
import secrets
import threading
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import getaddresses

Json = dict[str, object]


@dataclass(frozen=True)
class Mail:
    """One mail: its envelope, its bytes, and what was read from them."""

    identifier: str
    received: datetime.datetime
    sender: str
    recipients: tuple[str, ...]
    username: str
    raw: bytes
    message: EmailMessage

    def addresses(self, header: str) -> list[Json]:
        values = [str(value) for value in self.message.get_all(header, [])]
        return [{"Name": name, "Address": address} for name, address in getaddresses(values)]

    def bcc(self) -> list[Json]:
        """Recipients of the envelope that no header names."""
        named = {entry["Address"] for entry in self.addresses("To") + self.addresses("Cc")}
        return [{"Name": "", "Address": to} for to in self.recipients if to not in named]

    def body(self, kind: str) -> str:
        """The `plain` or `html` part as text; empty when there is none."""
        part = self.message.get_body(preferencelist=(kind,))
        return str(part.get_content()) if part is not None else ""

    @property
    def subject(self) -> str:
        return str(self.message.get("Subject", ""))

    def summary(self) -> Json:
        sender = self.addresses("From") or [{"Name": "", "Address": self.sender}]
        text = self.body("plain") or self.body("html")
        return {
            "ID": self.identifier,
            "MessageID": str(self.message.get("Message-ID", "")).strip("<>"),
            "Read": False,
            "From": sender[0],
            "To": self.addresses("To"),
            "Cc": self.addresses("Cc"),
            "Bcc": self.bcc(),
            "ReplyTo": self.addresses("Reply-To"),
            "Subject": self.subject,
            "Created": self.received.isoformat().replace("+00:00", "Z"),
            "Username": self.username,
            "Tags": [],
            "Size": len(self.raw),
            "Attachments": len(list(self.message.iter_attachments())),
            "Snippet": " ".join(text.split())[:250],
        }

    def detail(self) -> Json:
        summary = self.summary()
        for key in ("Read", "Created", "Snippet"):
            del summary[key]
        return {
            **summary,
            "ReturnPath": self.sender,
            "Date": str(self.message.get("Date", "")),
            "Text": self.body("plain"),
            "HTML": self.body("html"),
            "Inline": [],
            "Attachments": [
                {"FileName": part.get_filename() or "", "ContentType": part.get_content_type()}
                for part in self.message.iter_attachments()
            ],
        }

    def headers(self) -> Json:
        return {name: [str(v) for v in self.message.get_all(name, [])] for name in self.message}


class Store:
    """Keeps the newest `limit` mails in memory (Mailpit's default: 500)."""

    def __init__(self, limit: int = 500) -> None:
        self._limit = limit
        self._mails: list[Mail] = []
        self._lock = threading.Lock()

    def add(self, sender: str, recipients: list[str], username: str, raw: bytes) -> Mail:
        message = message_from_bytes(raw, policy=policy.default)
        assert isinstance(message, EmailMessage)
        mail = Mail(
            secrets.token_urlsafe(16),
            datetime.datetime.now(datetime.UTC),
            sender,
            tuple(recipients),
            username,
            raw,
            message,
        )
        with self._lock:
            self._mails.insert(0, mail)
            if self._limit:
                del self._mails[self._limit :]
        return mail

    def all(self) -> list[Mail]:
        with self._lock:
            return list(self._mails)

    def get(self, identifier: str) -> Mail | None:
        mails = self.all()
        if identifier == "latest":
            return mails[0] if mails else None
        return next((mail for mail in mails if mail.identifier == identifier), None)

    def search(self, query: str) -> list[Mail]:
        """Mails that match every word; `to:`, `from:` and `subject:` narrow a word."""
        return [mail for mail in self.all() if all(_matches(mail, w) for w in query.split())]

    def remove(self, identifiers: list[str]) -> None:
        """Remove these mails, or all when none is named."""
        with self._lock:
            self._mails = [
                mail for mail in self._mails if identifiers and mail.identifier not in identifiers
            ]


def _matches(mail: Mail, word: str) -> bool:
    field, _, value = word.lower().strip('"').rpartition(":")
    value = value.strip('"')
    fields = {
        "to": " ".join([*mail.recipients, str(mail.message.get("To", ""))]),
        "from": f"{mail.sender} {mail.message.get('From', '')}",
        "subject": mail.subject,
    }
    everything = " ".join([*fields.values(), mail.body("plain"), mail.body("html")])
    return value in fields.get(field, everything).lower()
