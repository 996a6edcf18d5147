"""The platform's parts, a room per layer. They import no stack, read no configuration and know no stack's name."""
