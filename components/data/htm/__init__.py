"""The HTM store: PostgreSQL with pgvector, and the crawler that fills it."""
