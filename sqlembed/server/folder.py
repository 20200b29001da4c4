"""The data folder: what it may hold, whose it is, and where its socket goes."""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from sqlembed.errors import ServerError
from sqlembed.server.account import Account, account_for, nobody
from sqlembed.server.binaries import SYSTEM_FOLDER, make_folder, version
from sqlembed.server.postmaster import SOCKET

if TYPE_CHECKING:
    from collections.abc import Iterator

#: A socket's name has 104 bytes on BSD and macOS and 108 on Linux, the closing zero among them.
MAX_SOCKET_NAME = 103

CLUSTER = "cluster"

#: A cluster that is being made.
FRESH = "cluster.new"

#: What may lie in a data folder whose cluster was never finished.
OURS = {FRESH, "log", SOCKET, f"{SOCKET}.lock", "lost+found"}

ELSEWHERE = "Choose another folder with --data-dir."


def default_data_dir() -> Path:
    """Return the user's data folder for the server; makes nothing.

    For root, whose server runs as somebody else, it is below ``/var/lib`` if others may not
    enter root's home.
    """
    home = platformdirs.user_data_path("sqlembed", appauthor=False) / "postgres"
    if os.geteuid() == 0 and nobody().blocked_at(home):
        return SYSTEM_FOLDER / "postgres"
    return home


def server_name(data_dir: Path) -> str:
    """Return the name that tells this folder's server from all others."""
    return f"sqlembed-{hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]}"


def check(data_dir: Path) -> None:
    """Refuse a folder that holds something else; touches nothing.

    Raises:
        ServerError: it is no folder, not this user's, holds other files, or its cluster was made
            by another version of PostgreSQL.
    """
    try:
        if not data_dir.exists():
            return
        if not data_dir.is_dir():
            raise ServerError(f"{data_dir} is not a folder", hint=ELSEWHERE)
        if os.geteuid() not in (0, owner := data_dir.stat().st_uid):
            raise ServerError(
                f"{data_dir} belongs to {Account(owner, owner).name}",
                hint=f"Run sqlembed as that user or as root. {ELSEWHERE}",
            )
        found = {entry.name for entry in data_dir.iterdir()}
        if CLUSTER not in found:
            _refuse_strangers(data_dir, found)
            return
        made_by = (data_dir / CLUSTER / "PG_VERSION").read_text().strip()
    except OSError as error:
        raise ServerError(
            f"cannot read {error.filename}: {error.strerror}", hint=ELSEWHERE
        ) from error
    ours = version().partition(".")[0]
    if made_by != ours:
        raise ServerError(
            f"the cluster in {data_dir} was made by PostgreSQL {made_by}, and this is {ours}",
            hint="Dump it with the version that made it (pg_dumpall) and restore the dump in a new"
            f" folder. {ELSEWHERE}",
        )


def _refuse_strangers(data_dir: Path, found: set[str]) -> None:
    if "PG_VERSION" in found:
        raise ServerError(
            f"{data_dir} is the data folder of another PostgreSQL server",
            hint=f"Start that server and name it with --database-url. {ELSEWHERE}",
        )
    if strange := sorted(found - OURS):
        more = " and more" if strange[3:] else ""
        raise ServerError(
            f"{data_dir} holds no cluster but other files: {', '.join(strange[:3])}{more}",
            hint=ELSEWHERE,
        )


def prepare(data_dir: Path) -> Account:
    """Make the data folder and return the account that runs its server.

    A new or empty folder becomes that account's, and nobody else may enter it.

    Raises:
        ServerError: it cannot be made, or the account cannot get there.
    """
    account = account_for(data_dir)
    if os.geteuid() == 0 and (blocked := account.blocked_at(data_dir.parent)):
        raise ServerError(
            f"PostgreSQL refuses to run as root, and {account.name}, as whom it would run, may not"
            f" enter {blocked} on the way to {data_dir}",
            hint=f"{ELSEWHERE} {SYSTEM_FOLDER / 'postgres'} would do.",
        )
    try:
        if os.geteuid() == 0:
            make_folder(data_dir.parent)
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (data_dir / CLUSTER).exists():
            data_dir.chmod(0o700)
            if data_dir.stat().st_uid != account.uid:
                os.chown(data_dir, account.uid, account.gid)
    except OSError as error:
        raise ServerError(f"cannot make {data_dir}: {error.strerror}", hint=ELSEWHERE) from error
    return account


@contextmanager
def locked(data_dir: Path) -> Iterator[int]:
    """Keep other processes from starting or stopping this folder's server.

    Yields:
        the lock's file descriptor.
    """
    try:
        lock = os.open(data_dir, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise ServerError(f"cannot open {data_dir}: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock
    finally:
        os.close(lock)


def socket_folder(data_dir: Path) -> Path:
    """Return where the socket goes: the data folder, or if its name is too long a private one."""
    name = os.fsencode(data_dir / SOCKET)
    # A comma would make it two folders, for libpq and for the server.
    if len(name) <= MAX_SOCKET_NAME and b"," not in name:
        return data_dir
    # Not TMPDIR's: that differs from process to process, and may itself be too long.
    return Path("/tmp") / server_name(data_dir)


def make_socket_folder(data_dir: Path, account: Account) -> Path:
    """Return the socket's folder, made if it is not the data folder.

    Raises:
        ServerError: somebody else has taken its name.
    """
    folder = socket_folder(data_dir)
    if folder == data_dir:
        return folder
    try:
        folder.mkdir(mode=0o700)
        os.chown(folder, account.uid, account.gid)
    except FileExistsError:
        # Anybody can make a folder of this name, and would be the one to give out the socket.
        found = folder.lstat()
        private = stat.S_ISDIR(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o700
        if not private or found.st_uid != account.uid:
            raise ServerError(
                f"{folder}, the place for the server's socket, is not {account.name}'s alone",
                hint="Remove it, or choose a folder with a shorter name with --data-dir.",
            ) from None
    return folder
