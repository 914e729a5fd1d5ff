from __future__ import annotations

import pytest

from instancectl.core.backup.database import TOLD, why


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("", ""),
        (f"{TOLD}rows public.users 3\n", ""),
        ("pg_dump: reading schemas\nno such thing\n", ": no such thing"),
        (
            "pg_restore: error: could not make it: ERROR:  full\nCommand was: X\npg_restore: error: died\n",
            ": pg_restore: error: could not make it: ERROR:  full",
        ),
        ("psql: note\nFATAL:  the database is starting up\nbye\n", ": FATAL:  the database is starting up"),
    ],
)
def test_the_first_error_is_the_cause(said: str, told: str) -> None:
    assert why(said) == told
