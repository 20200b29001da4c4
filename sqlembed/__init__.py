"""Embeddings inside any PostgreSQL with pgvector."""
