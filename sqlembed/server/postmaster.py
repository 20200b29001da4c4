"""What can be known of a server from outside: its process, its socket, and what a crash left."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sqlembed.errors import ServerError

if TYPE_CHECKING:
    from sqlembed.server.account import Account

PORT = 5432

SOCKET = f".s.PGSQL.{PORT}"

PROC = Path("/proc")

#: No process has it: Linux ends at 2²², macOS far below.
IMPOSSIBLE_PROCESS_ID = (1 << 22) + 1


class Postmaster(NamedTuple):
    """What a server says of itself in ``postmaster.pid``, line by line while it starts."""

    process_id: int
    #: ``None`` as long as it has not opened its socket.
    socket_folder: Path | None
    status: str

    def answers(self) -> bool:
        """Tell whether the server is ready and somebody listens on its socket."""
        if self.socket_folder is None or self.status != "ready":
            return False
        # Not the process id: that may be another's by now, or of a process nobody collected.
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(os.fsencode(self.socket_folder / SOCKET)) == 0

    def lives(self, name: str) -> bool:
        """Tell whether the process is there and is the server of this name."""
        return f"cluster_name={name}" in _command_line(self.process_id)


def read(cluster: Path) -> Postmaster | None:
    """Read ``postmaster.pid``; ``None`` when it is missing or has no process id.

    Raises:
        ServerError: the folder is somebody else's.
    """
    try:
        lines = os.fsdecode(_process_id_file(cluster).read_bytes()).splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ServerError(f"cannot read {cluster}: {error.strerror}") from error
    if not lines or not lines[0].isdecimal():
        return None
    return Postmaster(
        int(lines[0]),
        Path(lines[4]) if len(lines) > 4 and lines[4] else None,
        lines[7].strip() if len(lines) > 7 else "",
    )


def disown(cluster: Path, socket_folder: Path, account: Account) -> bool:
    """Make a cluster whose server is gone startable; tell whether the server crashed.

    PostgreSQL refuses to start when a process id that the last server left behind exists, and
    after a reboot it may be anybody's. The rest of ``postmaster.pid`` must stay: from it
    PostgreSQL knows whether processes of the crashed server still use the data.
    """
    (socket_folder / f"{SOCKET}.lock").unlink(missing_ok=True)
    path = _process_id_file(cluster)
    try:
        text = path.read_text(errors="replace")
    except FileNotFoundError:
        return False
    process_id, _, rest = text.partition("\n")
    if not process_id.isdecimal():
        path.unlink()
    elif _exists(int(process_id)):
        account.run("tee", path, text=f"{IMPOSSIBLE_PROCESS_ID}\n{rest}")
    return True


def _process_id_file(cluster: Path) -> Path:
    return cluster / "postmaster.pid"


def _exists(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _command_line(process_id: int) -> str:
    """Return a process's command line; empty when it is gone or waits to be collected."""
    if (PROC / "self").exists():
        try:
            return (PROC / str(process_id) / "cmdline").read_text(errors="replace")
        except OSError:
            return ""
    command = ["ps", "-ww", "-o", "command=", "-p", str(process_id)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout
