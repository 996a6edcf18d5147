"""L4: the MCP servers."""
