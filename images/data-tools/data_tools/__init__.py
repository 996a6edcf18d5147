"""Small programs that Jobs of the data layer run: accounts of the stores, and rollouts of their members."""
