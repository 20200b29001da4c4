"""One embedded PostgreSQL: making its cluster, starting, reaching and stopping it."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from sqlembed.errors import ServerError
from sqlembed.server import folder, postmaster
from sqlembed.server.account import account_for
from sqlembed.server.binaries import programs_for
from sqlembed.server.postmaster import PORT

if TYPE_CHECKING:
    from sqlembed.server.account import Account

#: Crash recovery replays up to ``max_wal_size`` before the server answers.
START_TIMEOUT = timedelta(minutes=5)

#: How long the other processes of a killed postmaster may take to notice that it is gone.
ORPHAN_TIMEOUT = timedelta(seconds=15)

POLL = timedelta(milliseconds=50)

#: A container's /dev/shm has 64 MB, less than what the workers of an index build share.
ROOMY_SHARED_MEMORY = 1 << 30

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "2GB",
    "log_checkpoints": "off",
}

NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

HOSTS = """\
# There is no TCP, and only the server's user and root can enter the socket's folder. The role
# below is the one that other roles can ride on, so it must prove itself.
local all sqlembed_loopback scram-sha-256
local all all trust
"""


class Server:
    """A PostgreSQL with pgvector on a Unix socket, in a data folder of its own.

    The server outlives the process that starts it, and any number of processes may start it.
    As root it runs as the owner of its data folder: the system user ``sqlembed-postgres``, or
    ``nobody`` where that user cannot be created.

    Args:
        data_dir: where the data are kept; made by the first start.
        durable: ``False`` trades the data's safety, should the machine crash, for speed: for
            tests.

    Attributes:
        log: the file with what the server has to say.

    Example:
        >>> server = Server(default_data_dir())
        >>> server.start()
        >>> connection = psycopg.connect(server.url())
    """

    def __init__(self, data_dir: Path | str, *, durable: bool = True) -> None:
        self.data_dir = Path(data_dir).expanduser().resolve()
        self.durable = durable
        self.log = self.data_dir / "log"
        self._cluster = self.data_dir / folder.CLUSTER
        self._name = folder.server_name(self.data_dir)

    def url(self, database: str = "postgres") -> str:
        """Return the libpq URL of a database, whether the server runs or not."""
        found = postmaster.read(self._cluster)
        place = (found and found.socket_folder) or folder.socket_folder(self.data_dir)
        # The port is there because PGPORT would change it.
        return (
            f"postgresql://postgres@/{quote(database, safe='')}"
            f"?host={quote(os.fsencode(place))}&port={PORT}"
        )

    def is_running(self) -> bool:
        """Tell whether the server answers."""
        found = postmaster.read(self._cluster)
        return found is not None and found.answers()

    def start(self) -> None:
        """Start the server and wait until it answers; do nothing when it does already.

        Makes the data folder and the cluster when they are missing. Other processes may do the
        same at the same time.

        Raises:
            ServerError: the folder is not suitable, or the server does not start; the message
                ends with what its log says.
        """
        folder.check(self.data_dir)
        if self.is_running():
            return
        account = folder.prepare(self.data_dir)
        programs = programs_for(account)
        with folder.locked(self.data_dir) as lock:
            folder.check(self.data_dir)
            if not self._cluster.exists():
                self._create_cluster(account, programs, lock)
            self._run_until_it_answers(account, programs)

    def stop(self) -> None:
        """Stop the server and wait until it is gone; do nothing when it does not run.

        Open transactions are rolled back.

        Raises:
            ServerError: the server does not stop.
        """
        if not self._lives():
            return
        account = account_for(self.data_dir)
        pg_ctl = programs_for(account) / "pg_ctl"
        with folder.locked(self.data_dir):
            done = account.run(
                *(pg_ctl, "stop", "-D", folder.CLUSTER, "--mode=fast"), folder=self.data_dir
            )
            if self._lives():
                raise ServerError(f"the server in {self.data_dir} does not stop: {done.stderr}")

    def _lives(self) -> bool:
        found = postmaster.read(self._cluster)
        return found is not None and (found.answers() or found.lives(self._name))

    def _create_cluster(self, account: Account, programs: Path, lock: int) -> None:
        # Under another name until it is complete: a start that is killed half way leaves nothing
        # that looks like a cluster. initdb keeps the lock if this process dies before it.
        fresh = self.data_dir / folder.FRESH
        shutil.rmtree(fresh, ignore_errors=True)
        done = account.run(
            *(programs / "initdb", "-D", fresh, "--username=postgres", "--encoding=UTF8"),
            # PostgreSQL's own rules for letters: not every system has the locale C.UTF-8.
            *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            *("--auth-local=trust", "--auth-host=reject"),
            *(f"--set={name}={value}" for name, value in SETTINGS.items()),
            *(() if self.durable else ("--no-sync",)),
            held=(lock,),
        )
        if done.returncode == 0:
            done = account.run("tee", fresh / "pg_hba.conf", text=HOSTS)
        if done.returncode != 0:
            raise ServerError(f"cannot make a cluster in {self.data_dir}:\n{done.stderr.strip()}")
        fresh.rename(self._cluster)

    def _run_until_it_answers(self, account: Account, programs: Path) -> None:
        began = time.monotonic()
        crashed = False
        place = folder.make_socket_folder(self.data_dir, account)
        while not self.is_running():
            elapsed = timedelta(seconds=time.monotonic() - began)
            if elapsed > START_TIMEOUT:
                raise self._failure("is not ready after five minutes")
            if self._lives():
                # Somebody was killed while starting or stopping it.
                time.sleep(POLL.total_seconds())
                continue
            crashed |= postmaster.disown(self._cluster, place, account)
            log_size = self.log.stat().st_size if self.log.exists() else 0
            started = self._launch(account, programs, place)
            if not started and not self._lives():
                if not crashed or elapsed > ORPHAN_TIMEOUT:
                    raise self._failure("does not start", since=log_size)
                time.sleep(POLL.total_seconds())

    def _launch(self, account: Account, programs: Path, place: Path) -> bool:
        """Start the server detached from this process, in a session of its own."""
        settings = {
            "port": str(PORT),
            "unix_socket_directories": str(place),
            "cluster_name": self._name,
        }
        if not self.durable:
            settings |= NOT_DURABLE
        if not _has_roomy_shared_memory():
            settings["dynamic_shared_memory_type"] = "mmap"
        # Names relative to the folder, because pg_ctl gives them to a shell without escaping.
        done = account.run(
            *(programs / "pg_ctl", "start", "--wait", "-D", folder.CLUSTER, "--log=log"),
            f"--timeout={START_TIMEOUT.seconds}",
            f"--options={shlex.join(f'--{name}={value}' for name, value in settings.items())}",
            folder=self.data_dir,
        )
        return done.returncode == 0

    def _failure(self, what: str, since: int = 0) -> ServerError:
        said = self.log.read_bytes()[since:] if self.log.exists() else b""
        tail = "\n".join(said.decode(errors="replace").splitlines()[-20:])
        return ServerError(
            f"the server in {self.data_dir} {what}. Its log ends:\n{tail}",
            hint=f"The whole log is {self.log}.",
        )


def _has_roomy_shared_memory() -> bool:
    if sys.platform != "linux":
        return True
    try:
        memory = os.statvfs("/dev/shm")
    except OSError:
        return False
    return memory.f_frsize * memory.f_blocks >= ROOMY_SHARED_MEMORY
