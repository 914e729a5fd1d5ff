#!/bin/sh
# Proves on the host itself that USER can log in with a key and become root, so that passwords may be closed.
# Nobody can prove from here that a person holds a key. So the log of sshd has to name one that was used.
set -eu
user=$1

keys="$(getent passwd "$user" | cut -d: -f6)/.ssh/authorized_keys"
used="$({ journalctl --quiet --output=cat -t sshd -t sshd-session; cat /var/log/auth.log; } 2>/dev/null |
  sed -n 's/.*Accepted publickey for .* \(SHA256:[^ ]*\).*/\1/p' | sort -u)"
held=
for known in $(ssh-keygen -lf "$keys" | cut -d' ' -f2); do
  case "
$used
" in *"
$known
"*) held=yes ;; esac
done
if [ -z "$held" ]; then
  echo "nobody has logged in with one of its keys yet: log in here over SSH with a key, then run this again" >&2
  exit 1
fi

directory="$(mktemp -d)"
finish() {
  sed -i '/ instancectl-proof$/d' "$keys"
  rm -rf "$directory"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM
ssh-keygen -q -t ed25519 -N '' -C instancectl-proof -f "$directory/key"
# Were this script killed, the key would still be worth nothing in three minutes, or from anywhere else.
printf 'from="127.0.0.1",expiry-time="%s" %s\n' \
  "$(date -d '+3 minutes' +%Y%m%d%H%M)" "$(cat "$directory/key.pub")" >> "$keys"
port="$(sshd -T 2>/dev/null | sed -n 's/^port //p' | head -n 1)"
# Its own key need not be known: this connection does not leave the machine.
ssh -F none -T -i "$directory/key" -p "${port:-22}" \
  -o BatchMode=yes -o ConnectTimeout=10 -o IdentitiesOnly=yes -o LogLevel=ERROR \
  -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
  "$user@127.0.0.1" 'sudo -n true'
