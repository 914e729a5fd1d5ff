#!/bin/sh
# Like the official image: options or a `*.conf` alone mean redis-server, which
# then runs as `redis` after taking over /data.
set -e

case "$1" in
    -* | *.conf) set -- redis-server "$@" ;;
esac

if [ "$1" = redis-server ]; then
    # The official build has protected mode compiled out. Debian's has not: it
    # would refuse other containers as long as no password is set.
    case " $* " in
        *" --protected-mode "*) ;;
        *)
            if [ ! -f "$2" ] || ! grep -q '^[[:space:]]*protected-mode' "$2"; then
                set -- "$@" --protected-mode no
            fi
            ;;
    esac
    umask 0077
    if [ "$(id -u)" = 0 ]; then
        find . \! -user redis -exec chown redis '{}' +
        exec setpriv --reuid=redis --regid=redis --clear-groups "$@"
    fi
fi
exec "$@"
