"""The text that lies beside the sets: how to restore everything by hand, with tools of any distribution.

A test runs its commands as they stand.
"""

from __future__ import annotations

from instancectl.core.backup.model import FORMAT

_TEXT = r"""
# instancectl-backup {format}

This directory (or bucket) holds backup sets of a Mastodon instance.
Everything in it can be read without instancectl.
You need bash, the packages `age zstd jq tar openssl b3sum postgresql-client`, the emergency kit,
and for a bucket any S3 client.

## What lies here

| Name | What it is |
|---|---|
| `sets/ID.json` | what belongs to a set; it exists only when the set is complete |
| `sets/ID.json.sig` | its Ed25519 signature |
| `parts/ID/NAME.001`, `.002` … | a part of the set, cut into segments; put together it is an age file |
| `media/packs/….tar.age` | media; a pack serves many sets |
| `proofs/ID/….json` | when the set was looked at, and what was found |
| `trash/….json` | what no set needs any more and may go soon |
| `wal/CLUSTER/FIRST-LAST-UNTIL-….tar.zst.age` | WAL of PostgreSQL between sets, where that is sent |
| `wal/….tar.zst.age.sig` | the signature of the line that `b3sum` prints for it |
| `handovers/ID.json`, `.json.sig`, `.end` | a host handed the instance over; its signature; how it ended |
| `followers/…` | how far a host is that follows; goes by itself |

Parts: `database.dump` (pg_dump -Fc), `globals.sql` (roles), `configuration.tar` (`instance.toml`,
`secrets.env` and more), `redis.rdb`, `media.tsv` (index of the media), `about.json` (rows of every table),
`base.tar` (the files of PostgreSQL, where WAL is sent).

The columns of `media.tsv`: path, kind (`f` file, `l` link), size, mtime in nanoseconds,
BLAKE3 of the content, pack, and offset of the content in the decrypted pack.
In a path, `\xNN` stands for a byte that is no printable ASCII, and for a backslash.

## Restore by hand

Copy the bucket, or just what a set names, to a disk, and go there.
For example `aws s3 sync s3://BUCKET/INSTANCE .`, or `rclone copy`.
If the bucket has object lock and somebody put something on top, fetch the oldest version of each name.
Put the line `AGE-SECRET-KEY-1…` of the emergency kit into `$KEY`, and its public signing key into `$PUB`.
Choose where everything goes: `$OUT`.

1. Choose a set, the newest for example, and see that it is genuine.

```sh
ID=$(ls sets | sed -n 's/\.json$//p' | sort | tail -n 1)
openssl pkeyutl -verify -pubin -inkey "$PUB" -rawin -in "sets/$ID.json" -sigfile "sets/$ID.json.sig"
jq -r '(.parts[].objects[], .packs[]) | "\(.blake3)  \(.key)"' "sets/$ID.json" | b3sum --check --quiet
```

2. Open its parts.

```sh
mkdir -p "$OUT/media" "$OUT/configuration"
open_part() {{ cat "parts/$ID/$1.zst.age".* | age -d -i "$KEY" | zstd -dcq; }}
open_part database.dump > "$OUT/database.dump"
open_part globals.sql > "$OUT/globals.sql"
open_part redis.rdb > "$OUT/redis.rdb"
open_part about.json > "$OUT/about.json"
open_part configuration.tar | tar -x -C "$OUT/configuration"
```

3. Unpack the media, oldest pack first, so that the newest content of a name wins.
   Then remove what was deleted since.
   Skip this when media are kept in a bucket of their own: the set has no `media.tsv` then.

```sh
open_part media.tsv > "$OUT/media.tsv"
cut -f6 "$OUT/media.tsv" | LC_ALL=C sort -u | while read -r pack; do
  age -d -i "$KEY" "$pack" | tar -x --delay-directory-restore -C "$OUT/media"
done
cut -f1 "$OUT/media.tsv" | while IFS= read -r path; do printf "%b\\0" "$path"; done |
  LC_ALL=C sort -z > "$OUT/wanted"
( cd "$OUT/media" && find . -mindepth 1 ! -type d -printf '%P\0' ) | LC_ALL=C sort -z > "$OUT/present"
LC_ALL=C comm -z -13 "$OUT/wanted" "$OUT/present" | ( cd "$OUT/media" && xargs -0r rm -f -- )
```

4. Fill an empty database of the same or a newer PostgreSQL, which `$PGHOST`, `$PGUSER` and so on name.
   Other roles than `mastodon` come first: the dump grants to them.
   One that exists is complained about, and gets the rights and the password of the set.

```sh
sed -nE -e '/^[A-Z]+ ROLE "?(mastodon|postgres)"?[; ]/d' -e '/^(CREATE ROLE|ALTER ROLE|GRANT) /p' \
  "$OUT/globals.sql" | psql -Xq -d postgres
createdb -T template0 mastodon_production
pg_restore --no-owner --exit-on-error -j 4 -d mastodon_production "$OUT/database.dump"
```

5. `configuration/secrets.env` must go with this database: without its `ACTIVE_RECORD_ENCRYPTION_…` lines,
   encrypted columns cannot be read. Give the media to user and group 991.
   Leave `redis.rdb` away after a disaster, or old jobs are delivered again.
   Feeds are rebuilt by `tootctl feeds build`.

## A moment between two sets

Where `sets/ID.json` has a `base`, the database of any later moment can be made, as far as WAL is there.
Take the newest set whose `base.reached` is not later than the moment. `UNTIL` in a name is the last moment
that WAL reaches. Both are seconds since 1970.
You need the same major version of PostgreSQL as `base.version`, with its programs in `$PATH`,
and the same kind of machine.

1. Open the base, and all WAL since then. Each archive is seen to be genuine first.

```bash
open_part base.tar > "$OUT/base.tar"
first=$(jq -r .base.first "sets/$ID.json")
mkdir -p "$OUT/wal"
for archive in wal/"$(jq -r .base.system "sets/$ID.json")"/*.age; do
  last=${{archive##*/}} && last=${{last#*-}} && last=${{last%%-*}}
  if [[ "$last" < "$first" ]]; then continue; fi
  b3sum "$archive" > "$OUT/line"
  openssl pkeyutl -verify -pubin -inkey "$PUB" -rawin -in "$OUT/line" -sigfile "$archive.sig"
  age -d -i "$KEY" "$archive" | zstd -dcq | tar -x -C "$OUT/wal"
done
```

2. Let PostgreSQL recover to the moment `$AT`, for example `2026-11-21 14:05:00+00`.
   When WAL ends before that, leave `recovery_target_time` out.

```bash
mkdir -m 700 "$OUT/cluster"
tar -x -C "$OUT/cluster" -f "$OUT/base.tar"
mkdir -p "$OUT/cluster/pg_wal"
touch "$OUT/cluster/recovery.signal"
cat >> "$OUT/cluster/postgresql.auto.conf" <<END
restore_command = 'cp $OUT/wal/%f %p'
recovery_target_time = '$AT'
recovery_target_action = 'promote'
hot_standby = off
END
chown -R postgres: "$OUT/cluster" "$OUT/wal"
setpriv --reuid=postgres --regid=postgres --clear-groups postgres -D "$OUT/cluster" -p 5433 &
until pg_isready -q -h 127.0.0.1 -p 5433; do sleep 1; kill -0 $!; done
```

3. Dump it, and go on with step 4 above.

```bash
pg_dump -h 127.0.0.1 -p 5433 -U mastodon -Fc mastodon_production > "$OUT/database.dump"
```
"""


def format_text() -> str:
    """The text, whole."""
    return _TEXT.strip().format(format=FORMAT) + "\n"
