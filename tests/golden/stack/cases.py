"""The stack files that are kept; the diff of a golden file is its review.

`python -m tests.golden.stack.cases` writes them anew.
"""

from __future__ import annotations

from pathlib import Path

from instancectl.adapters import yaml_writer
from instancectl.core import stack_file
from tests.fakes import instance

HERE = Path(__file__).parent

CASES = {
    "catch": instance.config(),
    "bucket": instance.config(
        mail={"mode": "smtp", "server": "smtp.example", "login": "me"},
        media={"storage": "s3", "s3_bucket": "media"},
        tls={"mode": "files", "certificate": "chain.pem", "key": "key.pem"},
        database={"pgbouncer": "on"},
    ),
}


def render(case: str) -> str:
    """The stack file of a case."""
    desired = instance.desired(CASES[case])
    return yaml_writer.dump(stack_file.compose(desired), stack_file.HEADER.format(stack=desired.stack))


def main() -> None:
    for case in CASES:
        (HERE / f"{case}.yml").write_text(render(case), encoding="utf-8")


if __name__ == "__main__":
    main()
