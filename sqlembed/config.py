"""What the user said and what the environment says: databases, in two dialects, and sizes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from sqlembed.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

DATABASE_URL = "SQLEMBED_DATABASE_URL"

#: With any of these set, libpq's own settings lead to a server.
LIBPQ_VARIABLES = ("PGHOST", "PGHOSTADDR", "PGSERVICE", "PGDATABASE", "PGPORT", "PGUSER")

SQLALCHEMY_DRIVER = "postgresql+psycopg"

EXAMPLE = "For example postgresql://user:password@host:5432/database."

ENCODE = "In a user name and a password, percent-encode : / @ ? # % and spaces (@ is %40)."


def database_url(explicit: str | None, environ: Mapping[str, str]) -> str | None:
    """Return the libpq URL of the database to use.

    Args:
        explicit: what the user said, before all else; empty means libpq's own settings.
        environ: the process's environment.

    Returns:
        The URL; empty when libpq's own variables (``PGHOST`` and so on) say which; ``None`` when
        nothing does, which means the embedded server.

    Raises:
        ConfigError: the URL is not a PostgreSQL one; the message says where it comes from.
    """
    named = {"the database URL": explicit, DATABASE_URL: environ.get(DATABASE_URL) or None}
    for source, url in named.items():
        if url is not None:
            return _libpq_url(url, source)
    return "" if any(environ.get(name) for name in LIBPQ_VARIABLES) else None


def libpq_url(url: str) -> str:
    """Return the URL as libpq and psycopg understand it.

    Args:
        url: libpq's own form (``postgresql://``, ``postgres://``, ``host=… dbname=…`` or nothing),
            or SQLAlchemy's with any driver (``postgresql+asyncpg://``).

    Raises:
        ConfigError: it is neither; the message does not repeat a password.
    """
    return _libpq_url(url, "the database URL")


def sqlalchemy_url(url: str) -> str:
    """Return the URL as SQLAlchemy understands it, with psycopg as the driver.

    Args:
        url: as for ``libpq_url``.

    Raises:
        ConfigError: it is not a PostgreSQL URL.
    """
    from psycopg.conninfo import conninfo_to_dict

    parts = {name: str(value) for name, value in conninfo_to_dict(libpq_url(url)).items()}
    # libpq takes one port for many hosts, SQLAlchemy wants one each.
    if (port := parts.get("port")) and "," not in port:
        parts["port"] = ",".join([port] * len(parts.get("host", "").split(",")))
    return _render(SQLALCHEMY_DRIVER, parts)


def byte_size(text: str) -> int:
    """Return the number of bytes that a size says, written as PostgreSQL's settings are: 256MB.

    Raises:
        ConfigError: it is no size, or has a unit that PostgreSQL does not know.
    """
    found = re.fullmatch(r"\s*(\d+)\s*(B|kB|MB|GB|TB)?\s*", text, re.ASCII)
    if found is None:
        raise ConfigError(
            f"{text!r} is not a size", hint="A number and B, kB, MB, GB or TB, such as 256MB."
        )
    exponent = ("B", "kB", "MB", "GB", "TB").index(found[2] or "B")
    return int(found[1]) * int(1024**exponent)


def _libpq_url(url: str, source: str) -> str:
    url = url.strip()
    scheme, found, rest = url.partition("://")
    if found and re.fullmatch(r"postgres(ql)?\+\w+", scheme):
        parts = _sqlalchemy_parts(url, source)
        _check("postgresql://?" + _query(parts), source)
        return _render("postgresql", parts)
    if found and re.fullmatch(r"[\w+.-]+", scheme) and scheme not in ("postgresql", "postgres"):
        raise ConfigError(f"{source} begins with {scheme}://, not postgresql://", hint=EXAMPLE)
    if not found and url and "=" not in url:
        raise ConfigError(f"{source} is not a PostgreSQL URL", hint=EXAMPLE)
    if found and "@" in rest:
        # Without the password first, so that what libpq complains of can be repeated.
        _check(f"{scheme}://{rest.rpartition('@')[2]}", source)
    _check(url, source, may_repeat="@" not in url and "password" not in url)
    return url


def _sqlalchemy_parts(url: str, source: str) -> dict[str, str]:
    """Take a SQLAlchemy URL apart into libpq's parameters."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise ConfigError(
            f"{source} is not a SQLAlchemy URL", hint=f"{EXAMPLE} {ENCODE}"
        ) from error
    parts = {
        "user": parsed.username,
        "password": parsed.password,
        "host": parsed.host,
        "port": parsed.port,
        "dbname": parsed.database,
    }
    found = {name: str(value) for name, value in parts.items() if value not in (None, "")}
    for name, value in parsed.query.items():
        if name == "host" and not isinstance(value, str):
            hosts, _, ports = zip(*(host.partition(":") for host in value), strict=True)
            found |= {"host": ",".join(hosts)} | ({"port": ",".join(ports)} if any(ports) else {})
        else:
            found[name] = value if isinstance(value, str) else ",".join(value)
    return found


def _check(url: str, source: str, may_repeat: bool = True) -> None:
    """Let libpq read the URL, and say what is wrong with it."""
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        ports = str(conninfo_to_dict(url).get("port", ""))
    except ProgrammingError as error:
        reason = f": {str(error).strip()}" if may_repeat else ""
        raise ConfigError(
            f"{source} is not a PostgreSQL URL{reason}", hint=f"{EXAMPLE} {ENCODE}"
        ) from (error if may_repeat else None)
    if not all(port == "" or port.isdecimal() for port in ports.split(",")):
        raise ConfigError(f"{source} has a port that is not a number", hint=f"{EXAMPLE} {ENCODE}")


def _render(scheme: str, parts: dict[str, str]) -> str:
    """Write a URL: a single host where one looks for it, a socket or several in the query."""
    rest = dict(parts)
    user, password = rest.pop("user", ""), rest.pop("password", None)
    database = rest.pop("dbname", "")
    place = ""
    if re.fullmatch(r"[\w.-]+", rest.get("host", ""), re.ASCII) and "," not in rest.get("port", ""):
        place = rest.pop("host")
        if port := rest.pop("port", ""):
            place += f":{port}"
    login = quote(user, safe="")
    if password is not None:
        login += f":{quote(password, safe='')}"
    query = _query(rest)
    return (
        f"{scheme}://{login + '@' if login else ''}{place}"
        f"{'/' + quote(database, safe='') if database else ''}{'?' + query if query else ''}"
    )


def _query(parts: dict[str, str]) -> str:
    return "&".join(f"{name}={quote(value, safe='/,')}" for name, value in parts.items())
