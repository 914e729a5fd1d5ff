"""Where sets go, and one look at all of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from instancectl.errors import InstanceError
from instancectl.operations.backup.repository import Contents, Repository
from instancectl.ports.backup_figures import BackupFigures
from instancectl.ports.journal import Journal
from instancectl.ports.lock import Lock


@dataclass(frozen=True, slots=True)
class Place:
    """Repositories in the order of preference: the first that answers is written to."""

    repositories: Sequence[Repository]
    lock: Lock
    journal: Journal
    figures: BackupFigures


@dataclass(frozen=True, slots=True)
class Look:
    """What one repository showed; `error` when it could not be looked at."""

    repository: Repository
    contents: Contents | None
    error: InstanceError | None = None

    @property
    def name(self) -> str:
        """Of the destination."""
        return self.repository.destination.name


def looks(place: Place) -> Iterator[tuple[Repository, Contents]]:
    """Every repository with its contents.

    Raises:
        InstanceError: one of them cannot be looked at.
    """
    for repository in place.repositories:
        yield repository, repository.look()


def look_everywhere(place: Place) -> tuple[Look, ...]:
    """The same, with the errors as values.

    Raises:
        InstanceError: none of them can be looked at.
    """
    found = []
    for repository in place.repositories:
        try:
            found.append(Look(repository, repository.look()))
        except InstanceError as error:
            found.append(Look(repository, None, error))
    if found and all(one.error for one in found) and found[0].error:
        raise found[0].error
    return tuple(found)
