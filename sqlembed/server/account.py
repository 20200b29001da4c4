"""Who runs the embedded PostgreSQL: the user, or for root somebody without privileges."""

from __future__ import annotations

import os
import pwd
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlembed.errors import ServerError

if TYPE_CHECKING:
    from pathlib import Path

SYSTEM_USER = "sqlembed-postgres"

#: Where Linux keeps the user without any rights, if the name ``nobody`` is not known.
NOBODY_ID = 65534

#: What of the environment reaches the server: libpq's variables would change its port and folder,
#: and it has no business with the secrets of whoever starts it.
KEPT = ("PATH", "TZ", "LD_LIBRARY_PATH")


@dataclass(frozen=True)
class Account:
    """A user of the operating system that runs PostgreSQL's programs."""

    uid: int
    gid: int

    @property
    def name(self) -> str:
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return f"user id {self.uid}"

    def run(
        self,
        *command: str | Path,
        folder: str | Path = "/",
        text: str | None = None,
        held: tuple[int, ...] = (),
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as this account and wait for it.

        Args:
            command: the program and its arguments.
            folder: the working folder; the caller's own may be out of the account's reach.
            text: what the program reads from its input.
            held: file descriptors that the program keeps open.

        Raises:
            ServerError: the program could not be run at all.
        """
        identity: dict[str, Any] = {}
        if os.geteuid() != self.uid:
            identity = {"user": self.uid, "group": self.gid, "extra_groups": []}
        kept = {
            name: os.environ[name]
            for name in ("PATH", "TZ", "LD_LIBRARY_PATH")
            if name in os.environ
        }
        try:
            return subprocess.run(
                command,
                cwd=folder,
                env=kept | {"LC_ALL": "C"},
                input=text if text is not None else "",
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                pass_fds=held,
                umask=0o077,
                check=False,
                **identity,
            )
        except OSError as error:
            raise ServerError(
                f"cannot run {command[0]} as {self.name}: {error.strerror}",
                hint="Run sqlembed as an ordinary user." if identity else None,
            ) from error

    def may(self, permission: str, path: Path) -> bool:
        """Ask the kernel whether this account has ``r``, ``w`` or ``x`` on the path."""
        return self.run("test", f"-{permission}", path).returncode == 0

    def blocked_at(self, folder: Path) -> Path | None:
        """Return the first folder on the way, this one included, that the account may not enter."""
        way = [step for step in (*reversed(folder.parents), folder) if step.exists()]
        return next((step for step in way if not self.may("x", step)), None)


def account_for(data_dir: Path) -> Account:
    """Return who runs the server of this folder.

    For root, whom PostgreSQL refuses, that is the folder's owner, and for a folder that is new or
    root's own the system user ``sqlembed-postgres``, which is created when it is missing.
    """
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    if data_dir.is_dir() and (owner := data_dir.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    return _system_account()


def nobody() -> Account:
    """Return the account that stands for anybody without privileges."""
    return _known("nobody") or Account(NOBODY_ID, NOBODY_ID)


def _system_account() -> Account:
    # Two at once: the loser is told that the list of users is locked, or that the name exists.
    for _ in range(5):
        if found := _known(SYSTEM_USER):
            return found
        try:
            made = subprocess.run(
                ["useradd", "--system", "--user-group", "--no-create-home", SYSTEM_USER],
                capture_output=True,
                check=False,
            )
        except OSError:
            break
        if made.returncode != 0:
            time.sleep(0.2)
    return _known(SYSTEM_USER) or nobody()


def _known(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(entry.pw_uid, entry.pw_gid)
