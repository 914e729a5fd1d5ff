from __future__ import annotations

from typing import Any

import pytest

from instancectl.core.host import progress

# What hosts really said, shortened.
SAID: list[tuple[dict[str, Any], str]] = [
    ({"msg": "Failed to update apt cache: W:Failed to fetch http://deb.debian.org/debian/dists/InRelease  "
             "Temporary failure resolving 'deb.debian.org'"}, "mirror cannot be reached"),
    ({"msg": "Failed to lock apt for exclusive operation: Failed to lock directory /var/lib/apt/lists/: "
             "E:Could not get lock /var/lib/apt/lists/lock. It is held by process 312 (apt-get)"}, "lock"),
    ({"msg": "'/usr/bin/apt-get install' failed: E: You don't have enough free space in "
             "/var/cache/apt/archives/."}, "disk is full"),
    ({"msg": "Task failed", "module_stderr": "OSError: [Errno 28] No space left on device"}, "disk is full"),
    ({"msg": "E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem."},
     "half installed"),
    ({"msg": "non-zero return code", "stderr": "WARNING: Retrying after connection broken by "
             "'NewConnectionError'\nERROR: No matching distribution found for typer==0.29"}, "package index"),
    ({"msg": "No package matching 'wireguard-tools' is available"}, "does not have a package"),
    ({"msg": "Unable to restart service docker.service: Job for docker.service failed"}, "does not start"),
    ({"msg": "not mounted: /srv/media"}, "not mounted"),
]  # fmt: skip


@pytest.mark.parametrize(("result", "reason"), SAID, ids=[reason for _, reason in SAID])
def test_a_known_cause_is_named_with_what_to_do(result: dict[str, Any], reason: str) -> None:
    found = progress.failure("first", "packages", "Install packages", result, unreachable=False)
    assert reason in found.reason
    assert found.hint


def test_an_unknown_cause_is_quoted() -> None:
    result = {"msg": "non-zero return code", "stderr": "starting\nerror: the moon is full.\n", "rc": 3}
    found = progress.failure("first", "docker", "Do it", result, unreachable=False)
    assert found.reason == "error: the moon is full"
    assert found.where == "Docker Engine: do it"


def test_a_lost_connection_is_told_from_a_failed_task() -> None:
    found = progress.failure("first", "docker", "Do it", {"msg": "Connection timed out"}, unreachable=True)
    assert found.unreachable
    assert "connection was lost" in found.reason


def test_the_item_of_a_loop_that_failed_is_looked_at() -> None:
    items = [{"msg": "fine"}, {"failed": True, "msg": "No space left on device"}]
    found = progress.failure(
        "first", "units", "Place", {"msg": "One or more items failed", "results": items}, unreachable=False
    )
    assert found.reason == "the disk is full"


def test_a_proof_that_worked_has_no_reason() -> None:
    assert progress.proof_failed({"rc": 0}) is None
    assert progress.proof_failed({"msg": "no such program: ssh"}) == "no such program: ssh"
    assert progress.proof_failed({"rc": 1})
    assert progress.proof_failed({"rc": 255, "stderr": "admin@x: Permission denied (publickey).\n"}) == (
        "admin@x: Permission denied (publickey)"
    )


def test_a_difference_reads_like_a_diff() -> None:
    diff = [{"before": "a\nb\n", "after": "a\nc\n", "before_header": "/etc/x", "after_header": "/etc/x"}]
    assert progress.unified(diff) == ("--- /etc/x", "+++ /etc/x", "@@ -1,2 +1,2 @@", " a", "-b", "+c")


def test_a_new_file_is_all_additions() -> None:
    lines = progress.unified({"before": "", "after": "a\n", "after_header": "/etc/x"})
    assert lines[-1] == "+a"


def test_every_role_has_words_for_people() -> None:
    from pathlib import Path

    folders = {path.name for path in (Path(__file__).resolve().parents[4] / "playbooks" / "roles").iterdir()}
    assert folders == set(progress.TITLES)


def test_the_task_that_proves_a_login_is_the_one_that_is_looked_for() -> None:
    from pathlib import Path

    tasks = Path(__file__).resolve().parents[4] / "playbooks" / "roles" / "ssh" / "tasks" / "main.yml"
    assert f"- name: {progress.PROOF}\n" in tasks.read_text()
