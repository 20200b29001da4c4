"""Where the revisions of the schema are, known without Alembic, which takes long to import."""

from __future__ import annotations

from pathlib import Path


def migrations_folder() -> Path:
    """Return the folder of the revisions: inside a wheel, or beside an editable install."""
    package = Path(__file__).resolve().parent.parent
    shipped = package / "_migrations"
    return shipped if shipped.is_dir() else package.parent / "migrations"


def newest_revision() -> str | None:
    """Return the newest revision by the names of the files, ``None`` if they do not tell."""
    names = [path.name for path in migrations_folder().glob("versions/????_*.py")]
    return max(names)[:4] if names else None


#: What needs more rights than those of the schema's owner, and comes first.
PREREQUISITES = migrations_folder() / "prerequisites.sql"
