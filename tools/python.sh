# shellcheck shell=bash
# Sets $python to an interpreter of at least 3.11 that can make a venv; installs one if it must and may.

fit() {
  "$1" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

search_python() {
  local candidate
  for candidate in python3 /usr/bin/python3 python3.13 python3.12 python3.11; do
    if fit "$candidate"; then
      # shellcheck disable=SC2034 # used by whoever sources this file
      python=$(command -v "$candidate")
      return 0
    fi
  done
  return 1
}

find_python() {
  search_python && return
  if [[ $EUID -eq 0 ]] && command -v apt-get >/dev/null; then
    echo "  … installing Python (python3-venv)" >&2
    local log packages
    log=$(mktemp)
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q >"$log" 2>&1
    # Ubuntu 22.04 calls 3.10 its python3, and has 3.11 beside it.
    for packages in "python3 python3-venv" "python3.11 python3.11-venv"; do
      # shellcheck disable=SC2086 # two words
      if apt-get install -y -q --no-install-recommends $packages >>"$log" 2>&1 && search_python; then
        rm -f "$log"
        return
      fi
    done
    tail -n 20 "$log" >&2
    rm -f "$log"
  fi
  echo "error: no Python 3.11 or newer with the venv module" >&2
  echo >&2
  echo "hint: sudo apt-get install python3-venv (on Ubuntu 22.04: python3.11-venv)" >&2
  exit 1
}
