"""Stand-in for pulumi-docker: images built and pushed, images pulled, networks, on any Docker Engine."""
