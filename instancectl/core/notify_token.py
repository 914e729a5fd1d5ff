"""The token with which Alertmanager tells the agent what fires."""

from __future__ import annotations

import hashlib
import hmac

from instancectl.core.secret_set import SecretSet
from instancectl.core.secrets import Secret

_PURPOSE = b"instancectl notify 1"


def notify_token(secrets: SecretSet) -> Secret:
    """Derived from the database's password, so that there is nothing more to keep."""
    key = secrets.reveal("DB_PASS").encode()
    return Secret(hmac.new(key, _PURPOSE, hashlib.sha256).hexdigest())
