"""Redis 7.0: a primary and its replicas, watched by sentinels, behind a TCP front that follows the primary."""
