#!/bin/sh
# The official image runs the scripts in /docker-entrypoint.d first.
set -e
for script in /docker-entrypoint.d/*.sh; do
    if [ -x "$script" ]; then "$script"; fi
done
exec "$@"
