"""CrossGuard packs: what no stack may be, said to the engine. They import nothing that they judge."""
