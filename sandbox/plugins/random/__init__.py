"""Stand-in for pulumi-random: what the platform draws at random, from the operating system's generator."""
