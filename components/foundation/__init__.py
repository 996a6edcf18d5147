"""L1: what everything else stands on."""
