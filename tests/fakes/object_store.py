"""A bucket in memory.

store = FakeStore()
store.refuses["put"] = "AccessDenied: Access Denied"
store.listable = True
store.reachable = False
"""

from __future__ import annotations

from instancectl.errors import OperationFailed, Unreachable


class FakeStore:
    """See `ports.object_store.ObjectStore`."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.kinds: dict[str, str] = {}
        self.refuses: dict[str, str] = {}
        self.listable = False
        self.reachable = True

    def put(self, key: str, content: bytes, *, kind: str = "") -> None:
        self._may("put")
        self.objects[key] = content
        self.kinds[key] = kind

    def get(self, key: str) -> bytes:
        self._may("get")
        if key not in self.objects:
            raise OperationFailed("NoSuchKey: The specified key does not exist.")
        return self.objects[key]

    def delete(self, key: str) -> None:
        self._may("delete")
        self.objects.pop(key, None)

    def anybody_can_list(self) -> bool:
        self._may("list")
        return self.listable

    def _may(self, action: str) -> None:
        if not self.reachable:
            raise Unreachable(
                "cannot reach bucket `media`: connection refused", hint="see `media.s3_endpoint`"
            )
        if action in self.refuses:
            raise OperationFailed(self.refuses[action])
