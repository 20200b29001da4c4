"""What a failure says on stderr, and the exit code it ends with."""

from __future__ import annotations

import errno
import sys
from typing import NamedTuple

import click

from sqlembed import errors

#: The input is wrong: an option, a file, a name, SQL of the user's, the database's address.
BAD_INPUT = 2
FAILED = 1
INTERRUPTED = 130

INPUT_ERRORS = (
    errors.ConfigError,
    errors.InputError,
    errors.RegistryError,
    errors.SchemaError,
)

# Data, syntax and names, schema names; then sqlembed's own for names and arguments.
INPUT_SQLSTATES = ("22", "42", "3F", "SE001", "SE002", "SE01", "SE02")
NO_PRIVILEGE = "42501"


class Failure(NamedTuple):
    """A message for the user."""

    message: str
    hint: str | None
    exit_code: int


def failure_of(error: BaseException) -> Failure | None:
    """Say an error in words; ``None`` for one that only a programmer understands."""
    if isinstance(error, errors.SqlembedError):
        bad_input = isinstance(error, INPUT_ERRORS)
        return Failure(error.message, error.hint, BAD_INPUT if bad_input else FAILED)
    if "psycopg" in sys.modules and (failure := _failure_of_database(error)):
        return failure
    if isinstance(error, OSError) and error.errno != errno.EPIPE:
        place = f"{error.filename}: " if error.filename else ""
        return Failure(f"{place}{error.strerror or error}", None, FAILED)
    return None


def exit_code_of(sqlstate: str | None) -> int:
    """Return the exit code for what PostgreSQL said."""
    bad_input = (sqlstate or "").startswith(INPUT_SQLSTATES) and sqlstate != NO_PRIVILEGE
    return BAD_INPUT if bad_input else FAILED


def show(failure: Failure) -> None:
    """Print a failure on stderr."""
    click.secho("Error: ", fg="red", bold=True, nl=False, err=True)
    click.echo(failure.message, err=True)
    if failure.hint:
        click.secho("Hint: ", bold=True, nl=False, err=True)
        click.echo(failure.hint, err=True)


def reason(error: BaseException) -> str:
    """Return what PostgreSQL or libpq said, without where in the statement."""
    import psycopg

    if isinstance(error, psycopg.Error) and error.diag.message_primary:
        parts = [error.diag.message_primary.removeprefix("sqlembed: "), error.diag.message_detail]
        return "\n".join(part for part in parts if part)
    # libpq breaks its lines with tabs, and psycopg says first that it failed.
    text = " ".join(str(error).split())
    return text.removeprefix("connection failed: ").removeprefix("connection is bad: ")


def _failure_of_database(error: BaseException) -> Failure | None:
    import psycopg

    # SQLAlchemy's errors carry the driver's.
    cause = getattr(error, "orig", None) or error
    if not isinstance(cause, psycopg.Error):
        return None
    return Failure(reason(cause), cause.diag.message_hint, exit_code_of(cause.sqlstate))
