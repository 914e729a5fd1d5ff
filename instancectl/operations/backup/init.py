"""Sets backups up: keys, emergency kit, destinations; refuses setups in which a backup would be none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from instancectl.core.backup import keys, kit, naming
from instancectl.core.backup.danger import SLUGS, Danger, kept_days
from instancectl.core.config import InstanceConfig
from instancectl.core.config_keys import Value
from instancectl.core.result import Result, Status
from instancectl.core.secret_set import SecretSet
from instancectl.core.secrets import Secret
from instancectl.errors import OperationFailed, Refused
from instancectl.operations.backup.subject import Tools
from instancectl.ports.destination import Destination
from instancectl.ports.private_file import PrivateFile
from instancectl.ports.secret_store import SecretStore

CHALLENGE = b"what opens this opens every backup set"


@dataclass(frozen=True, slots=True)
class Setup:
    """What is set up.

    Attributes:
        config: as it will be: its destinations are the wanted ones.
        destinations: made from it.
        data_path: where the data is on this host.
        store: of `backup.env`.
        kit: where the kit goes.
        write: puts keys into the instance file: dotted path → value.
        wanted: what was asked for: dotted path → value.
        fingerprints: of the secrets that cannot be made again.
    """

    config: InstanceConfig
    destinations: Sequence[Destination]
    data_path: str
    store: SecretStore
    kit: PrivateFile
    write: Callable[[Mapping[str, Value]], None]
    wanted: Mapping[str, Value]
    fingerprints: Mapping[str, str]


def initialise(
    setup: Setup,
    tools: Tools,
    bucket_keys: SecretSet,
    *,
    accepted: Sequence[str] = (),
    keep_key: bool = False,
) -> Result:
    """Make keys and kit, try every destination, write the section `[backup]` last.

    Raises:
        Refused: backups are set up already, no destination is wanted, or one is dangerous.
        InstanceError: a destination cannot be written to; nothing is set up then.
    """
    _refuse(setup)
    _refuse_dangers(setup, accepted)
    for destination in setup.destinations:
        _probe(destination, tools)
    identity, recipient = tools.sealing.new_identity()
    signing = setup.store.load().get(keys.SIGNING_KEY) or tools.sealing.new_signing_key()[0]
    code = kit.code(tools.sealing.random_hex())
    page = kit.Kit(
        setup.config.instance.domain,
        identity,
        recipient,
        tools.sealing.public_of(signing),
        code,
        tuple(one.name for one in setup.destinations),
        tools.clock.epoch_seconds(),
        setup.fingerprints,
    )
    setup.kit.create(kit.render(page))
    try:
        _try_kit(setup.kit.read(), recipient, signing, tools)
    except BaseException:
        setup.kit.remove()
        raise
    kept = {**bucket_keys.values, keys.SIGNING_KEY: signing, keys.KIT_CODE: Secret(code)}
    if keep_key:
        kept[keys.IDENTITY] = identity
    setup.store.add(SecretSet(kept))
    setup.write({**setup.wanted, "backup.recipients": (recipient,)})
    return _result(setup, recipient, keep_key=keep_key)


def finish(store: SecretStore, page: PrivateFile, code: str) -> Result:
    """Remove the kit from this host, once somebody proves to hold a copy of it.

    Raises:
        Refused: it is not the code of the kit.
    """
    if not page.exists():
        return Result(Status.UNCHANGED, {"kit": None}, ("the kit is not on this host",))
    wanted = store.load().reveal(keys.KIT_CODE)
    if not wanted or code.strip().upper() != wanted:
        raise Refused(
            "cannot remove the kit: that is not the code in it; nothing was changed",
            hint="the code is on the last line of the copy that you keep",
        )
    page.remove()
    return Result(
        Status.CHANGED,
        {"kit": None},
        (f"{page.location} is removed: this host can make backup sets now, and cannot open them",),
    )


def _refuse(setup: Setup) -> None:
    if setup.config.backup.recipients:
        raise Refused(
            "backups are set up already; nothing was changed",
            hint="`instancectl backup create` makes a set; `[backup]` in `instance.toml` holds the rest",
        )
    if not setup.destinations:
        raise Refused(
            "cannot set up backups without a destination; nothing was changed",
            hint="name one: `--directory /mnt/backup` (another disk) or `--bucket NAME --endpoint https://…`",
        )
    if setup.kit.exists():
        raise Refused(
            f"`{setup.kit.location}` exists: an earlier `backup init` did not end; nothing was changed",
            hint=f"if no backup set depends on it: `shred -u {setup.kit.location}`, then try again",
        )


def _refuse_dangers(setup: Setup, accepted: Sequence[str]) -> None:
    backup = setup.config.backup
    days = kept_days(backup.keep_daily, backup.keep_weekly, backup.keep_monthly)
    found: list[Danger] = []
    for destination in setup.destinations:
        found += [one for one in destination.dangers(setup.data_path, days) if one.slug not in accepted]
    if found:
        hint = "choose another place"
        if found[0].slug in SLUGS:
            hint += f"; to go on nevertheless, add `--accept-risk {found[0].slug}`"
        raise Refused(
            "; ".join(f"{one.slug}: {one.seen}" for one in found),
            hint=hint,
            subject=found[0].slug,
        )


def _probe(destination: Destination, tools: Tools) -> None:
    """Write, list, read back and remove one small object: what a run will need at night."""
    key, content = naming.probe_key(tools.sealing.random_hex()), CHALLENGE
    with destination.create(key) as sink:
        sink.write(content)
    listed = [one.key for one in destination.listed(naming.PROBES)]
    read = b"".join(destination.read(key))
    destination.delete(key)
    if key not in listed or read != content:
        raise OperationFailed(
            f"{destination.name} does not keep what is written: "
            + ("it was read back wrong" if key in listed else "it was not listed"),
            hint="see `instancectl backup init --help`; another destination may do",
            subject=destination.name,
        )


def _try_kit(page: str, recipient: str, signing: Secret, tools: Tools) -> None:
    """The page as it was written must open what is sealed for it, and prove what is signed here."""
    identity, public, _ = kit.opens(page)
    sealed, opened = bytearray(), bytearray()
    tools.sealing.seal([CHALLENGE], [recipient], sealed.extend)
    tools.sealing.open([bytes(sealed)], identity, opened.extend)
    if opened != CHALLENGE or not tools.sealing.signed(
        public, CHALLENGE, tools.sealing.sign(signing, CHALLENGE)
    ):
        raise OperationFailed("the emergency kit does not open what it should; nothing was set up")


def _result(setup: Setup, recipient: str, *, keep_key: bool) -> Result:
    kept = "" if not keep_key else " (a copy of it stays in `backup.env`, as you asked)"
    where = " and ".join(one.name for one in setup.destinations)
    lines = [
        f"backups of {setup.config.instance.domain} go to {where}",
        f"the emergency kit is {setup.kit.location}: it holds the only private key{kept}",
        "copy it off this host, print it, then remove it here:",
        "    instancectl backup init --kit-code CODE      (the last line of the kit)",
        "next: `instancectl backup create`",
    ]
    data = {
        "kit": setup.kit.location,
        "recipient": recipient,
        "destinations": [one.name for one in setup.destinations],
        "key_kept": keep_key,
    }
    return Result(Status.CHANGED, data, tuple(lines))
