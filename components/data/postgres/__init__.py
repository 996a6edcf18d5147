"""PostgreSQL 15 that survives its primary: Patroni's members, PgBouncer before them, pgBackRest behind them."""
