"""Lists sets and shows one; changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from instancectl.core.backup import naming, wal
from instancectl.core.backup.model import BackupSet
from instancectl.core.backup.verdict import judge_presence
from instancectl.core.backup.wal import Window
from instancectl.core.result import Result, Status
from instancectl.core.units import show_bytes, show_seconds
from instancectl.errors import OperationFailed, Unreachable
from instancectl.operations.backup.place import Look, Place, look_everywhere
from instancectl.operations.backup.repository import Contents, KnownSet


def list_sets(place: Place, now: float) -> Result:
    """Every set in every destination, newest first."""
    found = look_everywhere(place)
    lines: list[str] = []
    for look in found:
        lines += _destination(look, now)
    blind = [look for look in found if look.error]
    return Result(
        Status.FAILED if blind else Status.OK,
        {"destinations": [_look_json(look) for look in found]},
        tuple(lines),
        exit_code=Unreachable.exit_code if blind else 0,
    )


def show(place: Place, set_id: str, now: float) -> Result:
    """One set: what is in it, where it is, what is known about it."""
    found = look_everywhere(place)
    holders = [(look, known) for look in found if look.contents for known in _find(look, set_id) if known.set]
    if not holders:
        troubles = [k.trouble for look in found if look.contents for k in _find(look, set_id) if k.trouble]
        raise OperationFailed(
            troubles[0] if troubles else f"there is no set `{set_id}`",
            hint="`instancectl backup list` shows what there is",
            subject=set_id,
        )
    _, first = holders[0]
    set_ = first.set
    if set_ is None:
        raise OperationFailed(f"there is no set `{set_id}`", subject=set_id)
    where = [{"destination": look.name, **_verdict_json(known)} for look, known in holders]
    lines = [*_set_lines(set_, now), *(f"in {look.name}: {known.verdict.word}" for look, known in holders)]
    return Result(Status.OK, {**_set_json(set_), "copies": where}, tuple(lines))


def _find(look: Look, set_id: str) -> list[KnownSet]:
    if look.contents is None:
        return []
    if set_id == "latest":
        return [look.contents.newest] if look.contents.newest else []
    return [one for one in look.contents.sets if one.id == set_id]


def _destination(look: Look, now: float) -> list[str]:
    if look.contents is None:
        reason = look.error.message if look.error else "it was not looked at"
        return [f"{look.name}: unknown: {reason}"]
    sets = look.contents.sets
    if not sets:
        return [f"{look.name}: no backup set yet; `instancectl backup create` makes one"]
    total = sum(one.size for one in look.contents.listed.values())
    lines = [f"{look.name}: {len(sets)} sets, {show_bytes(total)}"]
    return [*lines, *(_row(one, now) for one in sets), *map(_window_line, windows(look.contents))]


def windows(contents: Contents) -> tuple[Window, ...]:
    """Moments that can be reached with the bases and the WAL of one destination."""
    sent = wal.sent_in(contents.listed, naming.SIGNATURE_SUFFIX)
    whole = (one for one in contents.sets if one.set and not judge_presence(one.set, contents.sizes))
    return wal.windows({one.id: one.set.base for one in whole if one.set and one.set.base}, sent)


def _window_line(one: Window) -> str:
    span = f"  any moment from {_time(one.begins)} to {_time(one.ends)} (base of {one.set_id})"
    return f"{span}; then WAL is missing, from `{one.gap}` on" if one.gap else span


def _window_json(one: Window) -> dict[str, Any]:
    return {"set": one.set_id, "from": _time(one.begins), "until": _time(one.ends), "missing": one.gap}


def _row(known: KnownSet, now: float) -> str:
    if known.set is None:
        return f"  {known.id}  unknown: {known.trouble}"
    age = show_seconds(max(0, int(now) - known.set.created))
    doubts = f"; doubted: {known.set.doubts[0]}" if known.set.doubts else ""
    faults = f": {known.verdict.faults[0]}" if known.verdict.faults else ""
    return f"  {known.id}  {age} ago  {show_bytes(known.set.size)}  {known.verdict.word}{faults}{doubts}"


def _look_json(look: Look) -> dict[str, Any]:
    if look.contents is None:
        message = look.error.message if look.error else ""
        return {"destination": look.name, "sets": None, "error": message}
    return {
        "destination": look.name,
        "bytes": sum(one.size for one in look.contents.listed.values()),
        "sets": [_known_json(one) for one in look.contents.sets],
        "moments": [_window_json(one) for one in windows(look.contents)],
        "error": "",
    }


def _known_json(known: KnownSet) -> dict[str, Any]:
    if known.set is None:
        return {"set": known.id, "verdict": None, "error": known.trouble}
    return {
        "set": known.id,
        "created": _time(known.set.created),
        "bytes": known.set.size,
        "doubts": list(known.set.doubts),
        **_verdict_json(known),
    }


def _verdict_json(known: KnownSet) -> dict[str, Any]:
    at = _time(known.verdict.at) if known.verdict.at else None
    return {"verdict": known.verdict.word, "looked_at": at, "faults": list(known.verdict.faults)}


def _set_lines(set_: BackupSet, now: float) -> list[str]:
    media = set_.media
    parts = [
        f"  {part.name}  {show_bytes(part.plain_bytes)}, stored {show_bytes(part.size)}"
        for part in set_.parts
    ]
    age = show_seconds(max(0, int(now) - set_.created))
    lines = [
        f"{set_.id} of {set_.instance} (Mastodon {set_.release}), {age} ago",
        *parts,
        f"  media: {media.files} files, {show_bytes(media.bytes)}, in {len(set_.packs)} packs",
    ]
    if media.left_out_files:
        lines.append(
            f"  left out: {media.left_out_files} files of other servers, {show_bytes(media.left_out_bytes)}"
        )
    lines += [f"  doubted: {doubt}" for doubt in set_.doubts]
    lines.append(f"opens with the private key of {', '.join(set_.recipients)}")
    return lines


def _set_json(set_: BackupSet) -> dict[str, Any]:
    return {
        "set": set_.id,
        "instance": set_.instance,
        "release": set_.release,
        "created": _time(set_.created),
        "bytes": set_.size,
        "parts": [
            {"name": part.name, "bytes": part.size, "plain_bytes": part.plain_bytes} for part in set_.parts
        ],
        "packs": len(set_.packs),
        "media": {
            "storage": set_.media.storage,
            "files": set_.media.files,
            "bytes": set_.media.bytes,
            "left_out_files": set_.media.left_out_files,
            "left_out_bytes": set_.media.left_out_bytes,
        },
        "images": dict(set_.images),
        "recipients": list(set_.recipients),
        "previous": set_.previous.id if set_.previous else None,
        "doubts": list(set_.doubts),
    }


def _time(epoch_seconds: int) -> str:
    return datetime.fromtimestamp(epoch_seconds, UTC).isoformat().replace("+00:00", "Z")
