"""Make a registry's embedders known to a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlembed.errors import RegistrationRefused

if TYPE_CHECKING:
    from collections.abc import Iterable

    import sqlalchemy as sa

    from sqlembed.embedders.base import Embedder

REGISTER = (
    "select sqlembed.register_embedder("
    ":name, :dimensions, :fingerprint, is_asymmetric => :is_asymmetric)"
)
REFUSED = "SE002"


def register(embedders: Iterable[Embedder], engine: sa.Engine) -> None:
    """Store name, dimensions and fingerprint of every embedder, all of them or none; commits.

    Raises:
        RegistrationRefused: the database knows a name with another fingerprint or dimensions.
    """
    import sqlalchemy as sa

    values = [
        {
            "name": embedder.name,
            "dimensions": embedder.dimensions,
            "fingerprint": embedder.fingerprint,
            "is_asymmetric": embedder.asymmetric,
        }
        for embedder in embedders
    ]
    try:
        with engine.begin() as connection:
            for value in values:
                connection.execute(sa.text(REGISTER), value)
    except sa.exc.DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != REFUSED:
            raise
        said = getattr(error.orig, "diag", None)
        parts = [getattr(said, name, None) for name in ("message_primary", "message_detail")]
        raise RegistrationRefused(
            ". ".join(filter(None, parts)) or str(error.orig),
            hint=getattr(said, "message_hint", None),
        ) from error
