"""PostgreSQL's members and what is around them, as in their pods: names, users, files, networks; no cluster."""
