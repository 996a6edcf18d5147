"""What the estate is made of, as data: the fleet and the base images. It imports nothing of ours."""
