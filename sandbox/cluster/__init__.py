"""One real Kubernetes node, made of Linux namespaces on this machine."""
