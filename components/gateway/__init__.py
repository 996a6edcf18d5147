"""L6: the one way from the edge to the servers."""
