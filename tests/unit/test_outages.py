"""outage_of: what the errors of well-known clients say, without the clients."""

from __future__ import annotations

import errno
import socket
import ssl
import urllib.error
from datetime import UTC, datetime, timedelta
from email.message import Message
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlembed.embedders.outages import (
    LONGEST_WAIT,
    Outage,
    Trouble,
    is_out_of_memory,
    outage_of,
)
from sqlembed.errors import EmbedderError, NotFinite


class Thing:
    """Something with attributes, such as a response."""

    def __init__(self, **attributes: Any) -> None:
        vars(self).update(attributes)


def made(*names: str, message: str = "", **attributes: Any) -> Exception:
    """An error of a class, with its bases, and what it carries."""
    kind: type[Exception] = Exception
    for name in names:
        kind = type(name, (kind,), {"__module__": "client"})
    error = kind(message)
    vars(error).update(attributes)
    return error


def http_error(code: int) -> urllib.error.HTTPError:
    return urllib.error.HTTPError("https://host", code, "said", Message(), None)


def grpc_error(name: str) -> Exception:
    return made("RpcError", "_InactiveRpcError", code=lambda: Thing(name=name))


def aws_error(status: int) -> Exception:
    return made("ClientError", response={"ResponseMetadata": {"HTTPStatusCode": status}})


DOWN = [
    ConnectionRefusedError("refused"),
    ConnectionResetError("reset"),
    BrokenPipeError("pipe"),
    TimeoutError(),
    socket.gaierror(-2, "Name or service not known"),
    ssl.SSLError("handshake"),
    OSError(errno.EHOSTUNREACH, "No route to host"),
    OSError(errno.EMFILE, "Too many open files"),
    urllib.error.URLError("no host"),
    http_error(503),
    # httpx, requests, urllib3, aiohttp, openai, google, grpc, botocore, cohere.
    made("TransportError", "TimeoutException", "ReadTimeout"),
    made("HTTPError", "MaxRetryError"),
    made("RequestException", "ConnectionError"),
    made("ClientError", "ClientConnectionError", "ServerDisconnectedError"),
    made("APIError", "APIConnectionError", "APITimeoutError", code=None),
    made("APIStatusError", "InternalServerError", status_code=500, code="server_error"),
    made("ServerError", "ServiceUnavailable", code=HTTPStatus.SERVICE_UNAVAILABLE),
    grpc_error("UNAVAILABLE"),
    grpc_error("DEADLINE_EXCEEDED"),
    aws_error(500),
    made("ApiError", status_code=504, body="…"),
]
LIMITED = [
    http_error(429),
    made("APIStatusError", "RateLimitError", status_code=429, code="insufficient_quota"),
    made("HTTPStatusError", response=Thing(status_code=429)),
    made("ClientResponseError", status=429),
    made("VoyageError", "RateLimitError", http_status=429),
    made("ClientError", "ResourceExhausted", code=HTTPStatus.TOO_MANY_REQUESTS),
    grpc_error("RESOURCE_EXHAUSTED"),
    aws_error(429),
]
REFUSED = [
    http_error(401),
    made("HTTPError", response=Thing(status_code=403)),
    made("APIStatusError", "AuthenticationError", status_code=401, code="invalid_api_key"),
    grpc_error("UNAUTHENTICATED"),
    made("NoCredentialsError"),
]
MEMORY = [
    MemoryError(),
    RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
    made("OutOfMemoryError"),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
]
OF_A_TEXT = [
    ValueError("no such word"),
    KeyError("token"),
    RuntimeError("shapes cannot be multiplied"),
    FileNotFoundError(errno.ENOENT, "No such file"),
    PermissionError(errno.EACCES, "Permission denied"),
    UnicodeDecodeError("utf-8", b"x", 0, 1, "bad"),
    NotFinite("NaN"),
    http_error(400),
    http_error(404),
    made("HTTPStatusError", response=Thing(status_code=413)),
    made("APIStatusError", "BadRequestError", status_code=400, code="context_length_exceeded"),
    made("Odd", code=42, status=True),
]
CASES: list[tuple[BaseException, Trouble | None]] = [
    *((error, "down") for error in DOWN),
    *((error, "limited") for error in LIMITED),
    *((error, "refused") for error in REFUSED),
    *((error, "memory") for error in MEMORY),
    *((error, None) for error in OF_A_TEXT),
]


def trouble(error: BaseException) -> Trouble | None:
    outage = outage_of(error)
    return None if outage is None else outage.trouble


@pytest.mark.parametrize(("error", "said"), CASES, ids=lambda value: type(value).__name__)
def test_what_an_error_says(error: BaseException, said: Trouble | None) -> None:
    assert trouble(error) == said
    # As an embedder raises it, and a function that has its own error for everything.
    for wrapper in (EmbedderError("failed"), ValueError("failed")):
        wrapper.__cause__ = error
        assert trouble(wrapper) == said
    assert is_out_of_memory(error) == (said == "memory")


def test_what_was_being_handled_counts_for_a_client_s_error_alone() -> None:
    for error, said in ((made("SdkError"), "down"), (ValueError("bad text"), None)):
        error.__context__ = ConnectionError("no route")
        assert trouble(error) == said
    hidden = made("SdkError")
    hidden.__context__, hidden.__suppress_context__ = ConnectionError(), True
    assert trouble(hidden) is None


def test_a_status_has_the_last_word() -> None:
    refused = made("APIError", status_code=422)
    refused.__cause__ = ConnectionError("an earlier attempt")
    assert trouble(refused) is None


def test_errors_that_go_round_in_a_circle_end() -> None:
    one, two = made("One"), made("Two")
    one.__cause__, two.__cause__ = two, one
    assert outage_of(one) is None


def test_a_client_that_fails_to_answer_is_no_trouble() -> None:
    class Broken(Exception):
        @property
        def response(self) -> Any:
            raise RuntimeError("the request was not set")

        def code(self) -> Any:
            raise RuntimeError

    assert outage_of(Broken()) is None


@pytest.mark.parametrize(
    ("carried", "seconds"),
    [
        ({"response": Thing(status_code=429, headers={"Retry-After": "20"})}, 20),
        ({"status_code": 429, "headers": {"retry-after-ms": "1500", "retry-after": "9"}}, 1.5),
        ({"status": 503, "headers": {"RETRY-AFTER": 7}}, 7),
        ({"status_code": 429, "retry_after": 3.5}, 3.5),
        (
            {
                "response": {
                    "ResponseMetadata": {"HTTPStatusCode": 429, "HTTPHeaders": {"retry-after": "4"}}
                }
            },
            4,
        ),
        ({"status_code": 429, "headers": {"retry-after": "-5"}}, 0),
        ({"status_code": 429, "headers": {"retry-after": "1e300"}}, 3600),
    ],
)
def test_retry_after(carried: dict[str, Any], seconds: float) -> None:
    outage = outage_of(made("Limited", **carried))
    assert outage is not None and outage.retry_after == timedelta(seconds=seconds)


def test_retry_after_may_be_a_date() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    outage = outage_of(made("Limited", status_code=503, headers={"Retry-After": later}))
    assert outage is not None and outage.retry_after is not None
    assert 85 < outage.retry_after.total_seconds() <= 90


@given(
    said=st.text()
    | st.integers()
    | st.floats()
    | st.none()
    | st.binary()
    | st.datetimes(timezones=st.just(UTC)).map(format_datetime)
)
def test_whatever_is_said_is_a_bearable_wait_or_none(said: Any) -> None:
    outage = outage_of(made("Limited", status_code=429, headers={"retry-after": said}))
    assert isinstance(outage, Outage)
    assert outage.retry_after is None or timedelta(0) <= outage.retry_after <= LONGEST_WAIT


@given(status=st.integers())
def test_a_status_is_that_of_http(status: int) -> None:
    said = trouble(made("Http", status_code=status))
    if 500 <= status <= 599:
        assert said == "down"
    elif not 400 <= status <= 499:
        assert said is None
