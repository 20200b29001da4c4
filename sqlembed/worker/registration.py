"""Make a registry's embedders known to the database of a libpq URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from sqlembed import config

if TYPE_CHECKING:
    from sqlembed.embedders import Registry


def register_embedders(url: str, registry: Registry) -> None:
    """Connect and store every embedder of a registry, as a worker does when it starts.

    Raises:
        errors.RegistrationRefused: the database knows a name with another fingerprint or other
            dimensions.
    """
    registry.sync(sa.create_engine(config.sqlalchemy_url(url), poolclass=sa.NullPool))
