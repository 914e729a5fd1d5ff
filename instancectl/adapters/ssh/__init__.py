"""Commands on hosts, by the system's own `ssh`; or on this machine, in the same terms."""

from instancectl.adapters.ssh.host import SshHost
from instancectl.adapters.ssh.keys import OfferedKeys
from instancectl.adapters.ssh.local import LocalShell
from instancectl.adapters.ssh.tunnel import Tunnel
from instancectl.adapters.ssh.words import Ssh

__all__ = ["LocalShell", "OfferedKeys", "Ssh", "SshHost", "Tunnel"]
