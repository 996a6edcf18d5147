"""HTM: a repository's text as embeddings in PostgreSQL, kept up to date by a crawler."""
