"""Whether an error speaks of a text or of the embedder: known without importing any client.

The clients of embedding services (httpx, requests, aiohttp, urllib3, openai, cohere, botocore,
google, grpc, …) agree on little, but their errors carry an HTTP status, or descend from classes
whose names say that nothing was reached.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Literal, TypeAlias

#: ``down``: it was not reached, did not answer in time or failed by itself, which a text may have
#: brought about. ``limited``: it said that this was too much. ``refused``: it does not know us, and
#: somebody has to mend that. ``memory``: there is no room for so much at once.
Trouble: TypeAlias = Literal["down", "limited", "refused", "memory"]

#: Nobody is believed who asks for more patience than this.
LONGEST_WAIT = timedelta(hours=1)

STATUSES: dict[int, Trouble] = {
    401: "refused",
    402: "refused",
    403: "refused",
    407: "refused",
    408: "down",
    425: "down",
    429: "limited",
}

#: What other protocols call the same: gRPC, and the services of AWS.
CODES: dict[str, Trouble] = {
    "UNAUTHENTICATED": "refused",
    "PERMISSION_DENIED": "refused",
    "RESOURCE_EXHAUSTED": "limited",
    "UNAVAILABLE": "down",
    "DEADLINE_EXCEEDED": "down",
    "INTERNAL": "down",
    "ABORTED": "down",
}

#: Classes, by name because importing theirs would cost seconds; subclasses are found too.
CLASSES: dict[str, Trouble] = {
    "MemoryError": "memory",
    "OutOfMemoryError": "memory",
    "RateLimitError": "limited",
    "TooManyRequests": "limited",
    "TooManyRequestsError": "limited",
    "ResourceExhausted": "limited",
    "ThrottlingException": "limited",
    "AuthenticationError": "refused",
    "PermissionDeniedError": "refused",
    "PermissionDenied": "refused",
    "Unauthenticated": "refused",
    "Unauthorized": "refused",
    "UnauthorizedError": "refused",
    "Forbidden": "refused",
    "ForbiddenError": "refused",
    "NoCredentialsError": "refused",
    "DefaultCredentialsError": "refused",
    "ConnectionError": "down",
    "TimeoutError": "down",
    "Timeout": "down",
    "gaierror": "down",
    "SSLError": "down",
    "IncompleteRead": "down",
    "RemoteDisconnected": "down",
    "TransportError": "down",
    "ProxyError": "down",
    "ProtocolError": "down",
    "HTTPError": "down",
    "ChunkedEncodingError": "down",
    "ClientConnectionError": "down",
    "ClientPayloadError": "down",
    "ServerDisconnectedError": "down",
    "APIConnectionError": "down",
    "APITimeoutError": "down",
    "InternalServerError": "down",
    "ServiceUnavailable": "down",
    "ServiceUnavailableError": "down",
    "GatewayTimeout": "down",
    "DeadlineExceeded": "down",
    "HTTPClientError": "down",
    "RetryError": "down",
    "URLError": "down",
}

#: Errors of the operating system that no text brings about.
UNREACHABLE = {
    errno.ECONNREFUSED,
    errno.ECONNRESET,
    errno.ECONNABORTED,
    errno.EPIPE,
    errno.ETIMEDOUT,
    errno.ENETDOWN,
    errno.ENETUNREACH,
    errno.EHOSTDOWN,
    errno.EHOSTUNREACH,
    errno.EADDRNOTAVAIL,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOSPC,
    errno.EIO,
    errno.EAGAIN,
}

#: What torch says, and the libraries under it.
NO_MEMORY = re.compile(
    r"out of memory|can't allocate memory|cannot allocate memory|not enough memory"
    r"|CUBLAS_STATUS_ALLOC_FAILED|failed to allocate memory",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Outage:
    """What is wrong with an embedder."""

    trouble: Trouble
    #: How long it asked to be left alone.
    retry_after: timedelta | None = None


def outage_of(error: BaseException) -> Outage | None:
    """Return what an error says of the embedder; ``None`` when it speaks of the text.

    What the error was raised from is asked too, but an HTTP status has the last word: whoever
    answered 400 was reached.
    """
    for link in _chain(error):
        status = _status(link)
        trouble = _of_status(status) if status is not None else _of_kind(link)
        if trouble is not None:
            return Outage(trouble, _retry_after(link))
        if status is not None:
            return None
    return None


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether there was no memory, of the machine or of its GPU."""
    outage = outage_of(error)
    return outage is not None and outage.trouble == "memory"


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        hidden = link.__suppress_context__ or type(link).__module__ == "builtins"
        # Python's own errors, raised while another was handled, speak for themselves.
        link = link.__cause__ or (None if hidden else link.__context__)


def _of_status(status: int) -> Trouble | None:
    return STATUSES.get(status, "down" if status >= 500 else None)


def _of_kind(error: BaseException) -> Trouble | None:
    code = _get(error, "code")
    if callable(code):
        # gRPC has a method, whose answer is an enumeration.
        code = _get(_call(code), "name")
    if isinstance(code, str) and code in CODES:
        return CODES[code]
    if isinstance(error, OSError) and error.errno in UNREACHABLE:
        return "down"
    for kind in type(error).__mro__:
        if kind.__name__ in CLASSES:
            return CLASSES[kind.__name__]
    if isinstance(error, (RuntimeError, OSError)) and NO_MEMORY.search(str(error)):
        return "memory"
    return None


def _status(error: BaseException) -> int | None:
    response = _get(error, "response")
    found = [
        *(_get(error, name) for name in ("status_code", "status", "http_status", "code")),
        *(_get(response, name) for name in ("status_code", "status")),
        _get(_get(response, "ResponseMetadata"), "HTTPStatusCode"),
    ]
    for value in found:
        if isinstance(value, int) and not isinstance(value, bool) and 400 <= value <= 599:
            return int(value)
    return None


def _retry_after(error: BaseException) -> timedelta | None:
    response = _get(error, "response")
    for source in (error, response, _get(response, "ResponseMetadata")):
        headers = _get(source, "headers") or _get(source, "HTTPHeaders")
        for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
            if (wait := _wait(_header(headers, name), unit)) is not None:
                return wait
    return _wait(_get(error, "retry_after"), 1.0)


def _header(headers: Any, name: str) -> Any:
    if not isinstance(headers, Mapping) and not hasattr(headers, "items"):
        return None
    pairs = _call(headers.items)
    return next((value for key, value in pairs or () if str(key).lower() == name), None)


def _wait(said: Any, unit: float) -> timedelta | None:
    """Return how long is meant: a number, or the date of HTTP."""
    try:
        seconds = float(said) * unit
    except (TypeError, ValueError, OverflowError):
        try:
            moment = parsedate_to_datetime(said)
        except (TypeError, ValueError, IndexError, OverflowError, AttributeError):
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        seconds = (moment - datetime.now(UTC)).total_seconds()
    if seconds != seconds:
        return None
    return timedelta(seconds=min(max(seconds, 0.0), LONGEST_WAIT.total_seconds()))


def _get(thing: Any, name: str) -> Any:
    if isinstance(thing, Mapping):
        return thing.get(name)
    try:
        return getattr(thing, name, None)
    except Exception:
        # Some clients raise on what a failed request does not have.
        return None


def _call(function: Any) -> Any:
    try:
        return function()
    except Exception:
        return None
