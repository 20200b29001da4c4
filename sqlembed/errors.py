"""Everything sqlembed raises.

SqlembedError
├── ConfigError              a setting is missing or impossible
├── InputError               an argument, a file or a name given by the user is wrong
├── RegistryError
│   ├── DuplicateEmbedder    two functions, one name
│   ├── UnknownEmbedder      a name that nobody registered
│   ├── RegistrationRefused  the database knows the name with another fingerprint or dimensions
│   └── LoadError            "module:object" did not lead to a registry
├── EmbedderError            an embedder failed or broke its contract
│   ├── WrongCount           n texts in, not n vectors out
│   ├── WrongDimensions      vectors of other dimensions than declared
│   ├── NotFinite            a vector with NaN or infinity
│   └── RetryLater           raised by an embedder that is down; carries a delay
├── ServerError              the embedded PostgreSQL could not be started, reached or stopped
└── SchemaError
    ├── NotInstalled         schema sqlembed is not in the database
    └── VersionMismatch      database and code are at different revisions

What PostgreSQL says is left as the driver raises it, with its SQLSTATE and hint.

SQL functions raise SQLSTATEs of the class ``SE``; they are listed in ``SQLSTATES``.
"""

from __future__ import annotations

from datetime import timedelta

#: What each SQLSTATE of sqlembed's own class means.
SQLSTATES = {
    "SE001": "unknown embedder",
    "SE002": "embedder registered otherwise",
    "SE003": "no worker alive",
    "SE004": "no answer in time",
    "SE005": "embedder failed",
    "SE006": "loopback not usable",
    "SE007": "cloned database",
    "SE010": "table not suitable",
    "SE011": "column not suitable",
    "SE012": "invalid source expression",
    "SE013": "not embedded",
    "SE014": "invalid argument",
    "SE015": "invalid filter",
    "SE016": "row left without its vector",
    "SE017": "renamed while a worker was at it",
    "SE018": "generation not ready",
    "SE020": "unknown cluster model",
    "SE021": "cluster model exists",
    "SE022": "nothing to cluster",
    "SE023": "clustering failed",
}


class SqlembedError(Exception):
    """Base of everything sqlembed raises; ``hint`` says what to do next."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(SqlembedError):
    """A setting is missing or impossible."""


class InputError(SqlembedError):
    """An argument, a file or a name given by the user is wrong."""


class RegistryError(SqlembedError):
    """A registry could not be built, found or matched with the database."""


class DuplicateEmbedder(RegistryError):
    """Two embedders of one name in one registry."""


class UnknownEmbedder(RegistryError):
    """A name that nobody registered."""


class RegistrationRefused(RegistryError):
    """The database knows the name with another fingerprint or other dimensions."""


class LoadError(RegistryError):
    """``module:object`` did not lead to a registry."""


class EmbedderError(SqlembedError):
    """An embedder failed or broke its contract."""


class WrongCount(EmbedderError):
    """The embedder was given n texts and did not return n vectors."""


class WrongDimensions(EmbedderError):
    """The embedder returned vectors of other dimensions than it declared."""


class NotFinite(EmbedderError):
    """The embedder returned a vector that holds NaN or infinity."""


class RetryLater(EmbedderError):
    """Raised by an embedder that is down for now: no row is to blame.

    Args:
        delay: how long to leave the embedder alone.
        message: what is wrong, for logs and the ``status`` view.
    """

    def __init__(self, delay: timedelta, message: str = "the embedder is down for now") -> None:
        super().__init__(message)
        self.delay = delay


class ServerError(SqlembedError):
    """The embedded PostgreSQL could not be started, reached or stopped."""


class SchemaError(SqlembedError):
    """The schema in the database does not fit this code."""


class NotInstalled(SchemaError):
    """Schema sqlembed is not in the database."""


class VersionMismatch(SchemaError):
    """Database and code are at different revisions."""
