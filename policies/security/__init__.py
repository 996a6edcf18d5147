"""The pack `security`: what pods, namespaces and roles may not be."""
