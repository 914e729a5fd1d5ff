"""What a person sees: the list of mails and one mail."""

from __future__ import annotations

from html import escape

from store import Mail

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:1rem;
background:#fff;color:#1b1b1f}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.5rem;border-bottom:1px solid #ccc;vertical-align:top}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#f4f4f6;padding:1rem}
iframe{width:100%;height:36rem;border:1px solid #ccc}
a{color:#3b3fc4}
@media(prefers-color-scheme:dark){body{background:#17171c;color:#ececf1}
pre{background:#24242b}a{color:#a5a8ff}iframe{background:#fff}}
"""


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}'
        '</title><meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<style>{_STYLE}</style></head><body>{body}</body></html>"
    )


def inbox(mails: list[Mail]) -> str:
    rows = "".join(
        f"<tr><td>{mail.received:%H:%M:%S}</td><td>{escape(', '.join(mail.recipients))}</td>"
        f'<td><a href="/view/{mail.identifier}">{escape(mail.subject or "(no subject)")}</a>'
        "</td></tr>"
        for mail in mails
    )
    table = (
        "<table><thead><tr><th>Time (UTC)</th><th>To</th><th>Subject</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>"
        if rows
        else "<p>No mail has arrived yet.</p>"
    )
    return _page("Caught mail", f"<h1>Caught mail</h1><p>Nothing leaves this machine.</p>{table}")


def mail_page(mail: Mail) -> str:
    html = mail.body("html")
    # The mail's own markup stays inside a sandbox: it is a stranger's.
    frame = (
        '<h2>As shown by a mail program</h2><iframe sandbox="allow-popups" title="Mail" '
        f'srcdoc="{escape(html)}"></iframe>'
        if html
        else ""
    )
    text = f"<h2>Text</h2><pre>{_linked(mail.body('plain'))}</pre>" if mail.body("plain") else ""
    return _page(
        mail.subject,
        f'<p><a href="/">All mail</a></p><h1>{escape(mail.subject)}</h1>'
        f"<p>From {escape(str(mail.message.get('From', mail.sender)))}<br>"
        f"To {escape(', '.join(mail.recipients))}<br>"
        f"Received {mail.received:%Y-%m-%d %H:%M:%S} UTC</p>{text}{frame}",
    )


def _linked(text: str) -> str:
    words = []
    for line in escape(text).splitlines():
        words.append(
            " ".join(
                f'<a href="{word}">{word}</a>' if word.startswith(("http://", "https://")) else word
                for word in line.split(" ")
            )
        )
    return "\n".join(words)
