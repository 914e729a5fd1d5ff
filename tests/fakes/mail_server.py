"""A mail server that behaves as told.

server = FakeMailServer(login=("mastodon", "right"))
server.offers_starttls = False      # an old one
server.trusted = False              # its certificate is nobody's
server.refuses_sender = True        # 550 to MAIL FROM
server.reachable = False            # nobody listens
server.speaks = False               # somebody listens and says nothing
"""

from __future__ import annotations

from instancectl.core.checks.seen import Letter, MailRoute, MailTalk
from instancectl.core.secrets import Secret


class FakeMailServer:
    """See `ports.mail_server.MailServer`."""

    def __init__(self, login: tuple[str, str] | None = None) -> None:
        self.login = login
        self.offers_starttls = True
        self.trusted = True
        self.refuses_sender = False
        self.reachable = True
        self.speaks = True
        self.received: list[Letter] = []

    def talk(self, route: MailRoute, password: Secret, letter: Letter | None) -> MailTalk:
        if not self.reachable:
            return MailTalk("connect", "Connection refused")
        if not self.speaks:
            return MailTalk("greeting", "no answer in time")
        wants_tls = (
            route.tls or route.starttls == "always" or (route.starttls == "auto" and self.offers_starttls)
        )
        if wants_tls and not route.tls and not self.offers_starttls:
            return MailTalk("starttls", "the server does not offer STARTTLS")
        offers = self.offers_starttls and not route.tls
        if wants_tls and route.verify and not self.trusted:
            return MailTalk("tls", "the certificate is not trusted: self-signed certificate", "", offers)
        return self._after_tls("TLSv1.3" if wants_tls else "", route, password, letter, offers=offers)

    def _after_tls(
        self, tls: str, route: MailRoute, password: Secret, letter: Letter | None, *, offers: bool
    ) -> MailTalk:
        methods = ("plain", "login") if self.login else ()
        authenticated = False
        if route.login and route.auth_method != "none":
            if route.auth_method not in methods:
                offered = ", ".join(methods) or "no login at all"
                said = f"the server offers {offered}, not {route.auth_method.upper()}"
                return MailTalk("auth", said, tls, offers, methods)
            if (route.login, password.reveal()) != self.login:
                return MailTalk("auth", "535 5.7.8 Authentication credentials invalid", tls, offers, methods)
            authenticated = True
        if letter is None:
            return MailTalk(None, "", tls, offers, methods, authenticated)
        if self.refuses_sender:
            return MailTalk("send", "550 5.7.1 sender not allowed", tls, offers, methods, authenticated)
        self.received.append(letter)
        return MailTalk(None, "250 OK", tls, offers, methods, authenticated, sent=True)
