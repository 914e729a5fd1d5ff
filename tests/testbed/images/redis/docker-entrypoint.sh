#!/bin/sh
# Like the official image (8.0.2 and newer): options or a `*.conf` alone mean
# redis-server, which then runs as `redis` after taking over /data. It takes
# over nothing once something lies there that is neither a dump nor the log.
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
        strange="$(find . -mindepth 1 -maxdepth 1 \! -name '*.rdb' \! -name appendonlydir -print -quit)"
        if [ -n "$strange" ]; then
            echo "$0: leaves /data to whom it belongs: it holds $strange"
        else
            find . \! -user redis -exec chown redis '{}' +
        fi
        exec setpriv --reuid=redis --regid=redis --clear-groups "$@"
    fi
fi
exec "$@"
