"""For the tests of applications: an embedder without a model, and a worker that ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlembed.embedders import HashEmbedder, Registry

if TYPE_CHECKING:
    import sqlalchemy as sa

__all__ = ["HashEmbedder", "drain"]


def drain(engine: sa.Engine, registry: Registry | None = None) -> None:
    """Embed everything that waits in a database, then return.

    Args:
        engine: leads to the database.
        registry: the embedders to serve; by default one ``HashEmbedder`` named ``hash``.

    Example::

        session.add(Article(title="food", body="…"))
        session.commit()
        drain(engine, registry)
        assert session.scalars(select(Article.embedding)).one() is not None
    """
    from sqlembed import config
    from sqlembed.worker import Worker

    if registry is None:
        registry = Registry()
        registry.add(HashEmbedder())
    url = config.libpq_url(engine.url.render_as_string(hide_password=False))
    Worker(url, registry).run(burst=True)
