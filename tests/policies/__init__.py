"""Policy packs: rules on samples, no engine."""
