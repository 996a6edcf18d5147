"""L7: where users come in."""
