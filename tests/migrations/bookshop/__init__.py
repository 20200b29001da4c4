"""An application with an Alembic history that was reviewed: books get embeddings, and lose them."""
