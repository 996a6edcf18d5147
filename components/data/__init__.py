"""L2: where data is kept: PostgreSQL, Redis, an object store, the HTM store, and their backups."""
