"""Policy packs, through the engine and the stand-ins."""
