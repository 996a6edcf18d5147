"""Accounts of PostgreSQL: a database with an owner for each client, and a login role for each generation."""
