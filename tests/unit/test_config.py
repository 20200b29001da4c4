from __future__ import annotations

import string
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import create_engine, make_url

from sqlembed.config import (
    LIBPQ_VARIABLES,
    byte_size,
    database_url,
    libpq_url,
    sqlalchemy_url,
)
from sqlembed.errors import ConfigError

TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1)
HOST = st.text(string.ascii_lowercase + string.digits, min_size=1).map("h{}".format)
SOCKET_FOLDER = st.text(st.characters(exclude_characters="\x00,", exclude_categories=["Cs"])).map(
    "/{}".format
)
PORT = st.integers(1, 65535).map(str)
PLACE = st.one_of(
    st.fixed_dictionaries({"host": HOST | SOCKET_FOLDER}, optional={"port": PORT}),
    st.just({"host": "::1", "port": "5432"}),
    st.lists(st.tuples(HOST | SOCKET_FOLDER, PORT), min_size=2, max_size=3).map(
        lambda places: {
            "host": ",".join(host for host, _ in places),
            "port": ",".join(port for _, port in places),
        }
    ),
)
PARAMETERS = st.fixed_dictionaries(
    {},
    optional={
        "user": TEXT,
        "password": TEXT,
        "dbname": TEXT,
        "options": TEXT,
        "application_name": TEXT,
        "sslmode": st.sampled_from(["disable", "require"]),
    },
)


def reached_through_sqlalchemy(url: str) -> dict[str, object]:
    """What psycopg would be called with, as libpq's parameters."""
    engine = create_engine(url)
    arguments, parameters = engine.dialect.create_connect_args(engine.url)
    parameters.pop("context", None)
    return {**conninfo_to_dict(*arguments), **{k: str(v) for k, v in parameters.items()}}


def parameters_of(url: str) -> dict[str, object]:
    return {name: str(value) for name, value in conninfo_to_dict(url).items()}


def libpq_form(parameters: dict[str, str]) -> str:
    return "postgresql://?" + "&".join(f"{k}={quote(v, safe='')}" for k, v in parameters.items())


@given(PLACE, PARAMETERS)
def test_sqlalchemy_and_libpq_reach_the_same(
    place: dict[str, str], parameters: dict[str, str]
) -> None:
    wanted = place | parameters
    url = sqlalchemy_url(libpq_form(wanted))
    assert reached_through_sqlalchemy(url) == wanted
    assert parameters_of(libpq_url(url)) == wanted


@given(PLACE, PARAMETERS)
def test_a_second_translation_changes_nothing(
    place: dict[str, str], parameters: dict[str, str]
) -> None:
    url = sqlalchemy_url(libpq_form(place | parameters))
    assert sqlalchemy_url(url) == url
    assert sqlalchemy_url(libpq_url(url)) == url


@given(st.text())
def test_anything_is_a_url_or_refused_in_words(text: str) -> None:
    try:
        url = sqlalchemy_url(text)
    except ConfigError as error:
        assert str(error).startswith("the database URL ")
    else:
        assert make_url(url).drivername == "postgresql+psycopg"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", "postgresql+psycopg://"),
        ("postgresql://", "postgresql+psycopg://"),
        ("postgres://me@example.org/db", "postgresql+psycopg://me@example.org/db"),
        (
            "postgresql://me:p%40ss@example.org:5433/db?sslmode=require",
            "postgresql+psycopg://me:p%40ss@example.org:5433/db?sslmode=require",
        ),
        (
            "postgresql://postgres@/db?host=/run/a%20b&port=5432",
            "postgresql+psycopg://postgres@/db?host=/run/a%20b&port=5432",
        ),
        (
            "postgresql://%2Frun%2Fpostgresql/db",
            "postgresql+psycopg:///db?host=/run/postgresql",
        ),
        (
            "postgresql://one:1,two:2/db?target_session_attrs=primary",
            "postgresql+psycopg:///db?host=one,two&port=1,2&target_session_attrs=primary",
        ),
        (
            "postgresql://one,two/db?port=7",
            "postgresql+psycopg:///db?host=one,two&port=7,7",
        ),
        ("host=example.org dbname=db user=me", "postgresql+psycopg://me@example.org/db"),
        ("postgresql+asyncpg://me:pw@example.org/db", "postgresql+psycopg://me:pw@example.org/db"),
        (
            "postgresql+psycopg2:///db?host=one:1&host=two:2",
            "postgresql+psycopg:///db?host=one,two&port=1,2",
        ),
    ],
)
def test_sqlalchemy_url(url: str, expected: str) -> None:
    assert sqlalchemy_url(url) == expected
    create_engine(expected).dialect.create_connect_args(make_url(expected))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", ""),
        ("postgres://me@example.org/db", "postgres://me@example.org/db"),
        (" postgresql://example.org\n", "postgresql://example.org"),
        ("postgresql+psycopg://me:p%40ss@h:5433/db", "postgresql://me:p%40ss@h:5433/db"),
        ("postgresql+asyncpg:///db?host=/run/x", "postgresql:///db?host=/run/x"),
        ("postgresql+psycopg://", "postgresql://"),
    ],
)
def test_libpq_url(url: str, expected: str) -> None:
    assert libpq_url(url) == expected


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://me@example.org/db", "begins with mysql://"),
        ("sqlite:///file.db", "begins with sqlite://"),
        ("postgresql+psycopg//example.org", "is not a PostgreSQL URL"),
        ("nonsense", "is not a PostgreSQL URL"),
        ("postgresql://example.org/db?colour=red", 'invalid URI query parameter: "colour"'),
        ("postgresql+asyncpg://example.org/db?ssl=require", 'invalid URI query parameter: "ssl"'),
        ("postgresql://example.org:port/db", "a port that is not a number"),
        ("colour=red", "is not a PostgreSQL URL"),
    ],
)
def test_nonsense_is_refused_in_words(url: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        libpq_url(url)
    assert words in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:secr%zzet@example.org/db",
        "postgresql://me:secr et@example.org/db",
        "postgresql://me:secr/et@example.org/db",
        "postgresql://me:secret@example.org/db?colour=red",
        "postgresql://example.org/db?password=secr%zzet",
        "password=secret colour=red",
    ],
)
def test_a_complaint_does_not_repeat_the_password(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        libpq_url(url)
    error: BaseException | None = caught.value
    while error is not None:
        assert "secr" not in str(error)
        error = error.__cause__


def test_what_the_user_says_comes_first() -> None:
    environ = {"SQLEMBED_DATABASE_URL": "postgresql://environment", "PGHOST": "libpq"}
    assert database_url("postgresql+psycopg://said", environ) == "postgresql://said"
    assert database_url("", environ) == ""
    assert database_url(None, environ) == "postgresql://environment"


@pytest.mark.parametrize("name", LIBPQ_VARIABLES)
def test_libpq_finds_its_server_itself(name: str) -> None:
    assert database_url(None, {name: "x", "SQLEMBED_DATABASE_URL": ""}) == ""


def test_nothing_said_means_the_embedded_server() -> None:
    assert database_url(None, {}) is None
    assert database_url(None, {"PGPASSWORD": "x", "PGHOST": ""}) is None


def test_a_complaint_says_where_the_url_comes_from() -> None:
    with pytest.raises(ConfigError, match=r"^SQLEMBED_DATABASE_URL begins with mysql://"):
        database_url(None, {"SQLEMBED_DATABASE_URL": "mysql://x"})


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("8192", 8192), ("3B", 3), ("64kB", 65536), (" 256 MB ", 2**28), ("2TB", 2**41)],
)
def test_sizes_are_written_as_in_postgresql(text: str, size: int) -> None:
    assert byte_size(text) == size


@pytest.mark.parametrize("text", ["", "MB", "-1MB", "1.5GB", "1 mb", "1 GiB", "٣MB"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ConfigError, match="is not a size"):
        byte_size(text)
